package storage

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/gatehouse-id/gatehouse/core/courier"
	"github.com/gatehouse-id/gatehouse/storage/kv"
)

var _ courier.Store = (*Store)(nil)

// waitingRecord is the value of a place in the outbox, for people: the key says it all.
type waitingRecord struct {
	MessageID string `json:"message_id"`
}

// planMessages queues new messages.
func (s *Store) planMessages(p *plan, all []*courier.Message) error {
	for _, m := range all {
		if _, err := uuid.Parse(m.ID); err != nil || m.Channel == "" {
			return errors.New("queueing a message: it has no id or no channel")
		}
		p.when(kv.Missing(s.keys.message(m.ID)))
		if err := s.putMessage(p, m, nil); err != nil {
			return err
		}
	}
	return nil
}

// putMessage stores a message and, while there is something left to do, its
// place in the outbox. old is the record it replaces.
func (s *Store) putMessage(p *plan, m *courier.Message, old []byte) error {
	ttl := courier.Retention + slack
	if m.Waits() {
		if err := p.put(s.keys.waiting(m.Channel, m.DueAt, m.ID), waitingRecord{m.ID}, nil, ttl); err != nil {
			return err
		}
	}
	return p.put(s.keys.message(m.ID), m, old, ttl)
}

// moveMessage stores a message whose record was read as before, and moves its
// place in the outbox.
func (s *Store) moveMessage(p *plan, e kv.Entry, before, m *courier.Message) error {
	p.when(kv.Unchanged(e.Key, e.ModRevision))
	from := s.keys.waiting(before.Channel, before.DueAt, before.ID)
	if !m.Waits() || from != s.keys.waiting(m.Channel, m.DueAt, m.ID) {
		p.do(kv.Delete(from))
	}
	return s.putMessage(p, m, e.Value)
}

func (s *Store) storedMessage(ctx context.Context, id string) (kv.Entry, *courier.Message, error) {
	e, err := s.get(ctx, s.keys.message(id))
	if err != nil {
		return e, nil, err
	}
	m, err := decodeMessage(e)
	return e, m, err
}

func decodeMessage(e kv.Entry) (*courier.Message, error) {
	if !e.Exists() {
		return nil, courier.ErrNotFound
	}
	m := &courier.Message{}
	if err := decode(e.Key, e.Value, m); err != nil {
		return nil, err
	}
	if !strings.HasSuffix(e.Key, "/"+part(m.ID)) {
		return nil, fmt.Errorf("decoding %q: it holds another message: %w", e.Key, ErrDamaged)
	}
	return m, nil
}

// Message reads one message.
func (s *Store) Message(ctx context.Context, id string) (*courier.Message, error) {
	_, m, err := s.storedMessage(ctx, id)
	return m, err
}

// messagePage is how many records a listing reads at once while it looks for
// those that the filter wants. A record is large, so they are few.
const messagePage = 100

// Messages lists newest first. A filter reads past what it doesn't want.
func (s *Store) Messages(ctx context.Context, f courier.Filter) ([]*courier.Message, error) {
	limit := max(f.Limit, 1)
	o := kv.ListOptions{Limit: min(limit, messagePage), Reverse: true}
	if f.Before != "" {
		o.After = s.keys.message(f.Before)
	}
	out := []*courier.Message{}
	for {
		snap, err := s.KV.List(ctx, s.keys.messages(), o)
		if err != nil {
			return nil, fmt.Errorf("listing messages: %w", err)
		}
		for _, e := range snap.Entries {
			m, err := decodeMessage(e)
			if err != nil {
				return nil, err
			}
			if f.Wants(m) {
				out = append(out, m)
			}
			if len(out) == limit {
				return out, nil
			}
			o.After = e.Key
		}
		if !snap.More || len(snap.Entries) == 0 {
			return out, nil
		}
		o.Revision = snap.Revision
	}
}

// Outbox tells what waits in a channel, first due first. All of it is in the
// keys, and one that can't be read doesn't hold up the others.
func (s *Store) Outbox(ctx context.Context, channel string, limit int) ([]courier.Waiting, error) {
	prefix := s.keys.outbox(channel)
	snap, err := s.KV.List(ctx, prefix, kv.ListOptions{Limit: min(max(limit, 1), 1000), KeysOnly: true})
	if err != nil {
		return nil, fmt.Errorf("listing the outbox: %w", err)
	}
	out := make([]courier.Waiting, 0, len(snap.Entries))
	for _, e := range snap.Entries {
		if w, ok := waitingAt(e.Key, prefix); ok {
			out = append(out, w)
		}
	}
	return out, nil
}

// HasMail tells whether anything waits in any channel.
func (s *Store) HasMail(ctx context.Context) (bool, error) {
	snap, err := s.KV.List(ctx, s.keys.prefix+familyOutbox, kv.ListOptions{Limit: 1, KeysOnly: true})
	return len(snap.Entries) > 0, err
}

// waitingAt reads a place in the outbox.
func waitingAt(key, prefix string) (courier.Waiting, bool) {
	digits, id, ok := strings.Cut(strings.TrimPrefix(key, prefix), "/")
	ms, err := strconv.ParseInt(digits, 10, 64)
	if !ok || err != nil || len(digits) != dueDigits || !plain(id) {
		return courier.Waiting{}, false
	}
	return courier.Waiting{MessageID: id, DueAt: time.UnixMilli(ms).UTC()}, true
}

// Claim takes a due message for an attempt that ends at a time.
func (s *Store) Claim(ctx context.Context, w courier.Waiting, claim string, until time.Time) (*courier.Message, error) {
	var claimed *courier.Message
	err := s.commit(ctx, func(p *plan) error {
		e, before, err := s.storedMessage(ctx, w.MessageID)
		if err != nil {
			return err
		}
		// The place names the time, so whoever moved the message in between has won.
		if !before.Waits() || before.DueAt.UnixMilli() != w.DueAt.UnixMilli() {
			return courier.ErrNotDue
		}
		m := *before
		m.Status, m.Claim, m.DueAt, m.UpdatedAt = courier.Processing, claim, until, s.Now().UTC()
		m.SendCount++
		claimed = &m
		return s.moveMessage(p, e, before, &m)
	})
	if err != nil {
		return nil, err
	}
	return claimed, nil
}

// Settle notes the outcome of a claimed attempt.
func (s *Store) Settle(ctx context.Context, m *courier.Message) error {
	claim := m.Claim
	return s.commit(ctx, func(p *plan) error {
		e, before, err := s.storedMessage(ctx, m.ID)
		if err != nil {
			return err
		}
		if before.Status != courier.Processing || before.Claim != claim {
			return courier.ErrClaimLost
		}
		settled := *m
		settled.Claim, settled.UpdatedAt = "", s.Now().UTC()
		return s.moveMessage(p, e, before, &settled)
	})
}

// Drop removes a place in the outbox whose message is gone.
func (s *Store) Drop(ctx context.Context, channel string, w courier.Waiting) error {
	return s.commit(ctx, func(p *plan) error {
		record := s.keys.message(w.MessageID)
		p.when(kv.Missing(record))
		p.do(kv.Delete(s.keys.waiting(channel, w.DueAt, w.MessageID)))
		return nil
	})
}
