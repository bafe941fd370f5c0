package storage

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/gatehouse-id/gatehouse/core/courier"
	"github.com/gatehouse-id/gatehouse/core/flow"
	"github.com/gatehouse-id/gatehouse/core/identity"
	"github.com/gatehouse-id/gatehouse/core/onetime"
	"github.com/gatehouse-id/gatehouse/storage/kv"
)

var _ onetime.Store = (*Store)(nil)

// Pass reads the pass of a flow.
func (s *Store) Pass(ctx context.Context, flowID string) (*onetime.Pass, error) {
	_, pass, err := s.storedPass(ctx, flowID)
	return pass, err
}

// CountAttempt raises the number of attempts, which no two answers can do at once.
func (s *Store) CountAttempt(ctx context.Context, flowID string, max int) (*onetime.Pass, error) {
	var counted *onetime.Pass
	err := s.commit(ctx, func(p *plan) error {
		e, pass, err := s.storedPass(ctx, flowID)
		if err != nil {
			return err
		}
		if pass.Attempts >= max {
			return onetime.ErrExhausted
		}
		pass.Attempts++
		counted = pass
		p.when(kv.Unchanged(e.Key, e.ModRevision))
		return p.put(e.Key, pass, e.Value, s.ttl(pass.ExpiresAt))
	})
	if err != nil {
		return nil, err
	}
	return counted, nil
}

func (s *Store) storedPass(ctx context.Context, flowID string) (kv.Entry, *onetime.Pass, error) {
	e, err := s.get(ctx, s.keys.pass(flowID))
	if err != nil {
		return e, nil, err
	}
	if !e.Exists() {
		return e, nil, onetime.ErrNotFound
	}
	pass := &onetime.Pass{}
	if err := decode(e.Key, e.Value, pass); err != nil {
		return e, nil, err
	}
	if pass.FlowID != flowID {
		return e, nil, fmt.Errorf("decoding %q: it holds the pass of another flow: %w", e.Key, ErrDamaged)
	}
	return e, pass, nil
}

// planOnetime plans what has to do with links and codes.
func (s *Store) planOnetime(ctx context.Context, p *plan, c *flow.Changes) error {
	for _, r := range c.StartFlows {
		p.when(kv.Missing(s.keys.flow(r.ID)))
		if err := p.put(s.keys.flow(r.ID), r, nil, s.ttl(r.ExpiresAt)); err != nil {
			return err
		}
	}
	for _, pass := range c.IssuePasses {
		if err := p.put(s.keys.pass(pass.FlowID), pass, nil, s.ttl(pass.ExpiresAt)); err != nil {
			return err
		}
	}
	if c.SpendPass != nil {
		if err := s.planSpend(ctx, p, c.SpendPass); err != nil {
			return err
		}
	}
	for _, m := range c.Mailings {
		if err := s.planMailing(ctx, p, m); err != nil {
			return err
		}
	}
	return s.planDecoys(p, c.Decoys)
}

// planSpend deletes a pass if it is still the one that was answered. Its number of
// attempts may have grown: that somebody guesses must not keep its owner out.
func (s *Store) planSpend(ctx context.Context, p *plan, pass *onetime.Pass) error {
	e, now, err := s.storedPass(ctx, pass.FlowID)
	if errors.Is(err, onetime.ErrNotFound) || err == nil && !bytes.Equal(now.Hash, pass.Hash) {
		return onetime.ErrSpent
	}
	if err != nil {
		return err
	}
	p.when(kv.Unchanged(e.Key, e.ModRevision))
	p.do(kv.Delete(e.Key))
	return nil
}

// mailingRecord remembers the latest messages to one address.
type mailingRecord struct {
	At []time.Time `json:"at"`
}

func (s *Store) planMailing(ctx context.Context, p *plan, m onetime.Mailing) error {
	e, err := s.get(ctx, s.keys.mailing(m.Via, m.Address))
	if err != nil {
		return err
	}
	var r mailingRecord
	if e.Exists() {
		if err := decode(e.Key, e.Value, &r); err != nil {
			return err
		}
	}
	begin := m.At.Add(-onetime.MailingWindow)
	r.At = slices.DeleteFunc(r.At, func(t time.Time) bool { return !t.After(begin) })
	if len(r.At) >= onetime.MaxMailings {
		return onetime.ErrTooMany
	}
	r.At = append(r.At, m.At.UTC())
	p.when(kv.Unchanged(e.Key, e.ModRevision))
	return p.put(e.Key, r, e.Value, s.ttl(m.At.Add(onetime.MailingWindow)))
}

// decoyTTL is as short as leases are worth having.
const decoyTTL = time.Minute

// planDecoys does the work of planMessages for nobody.
func (s *Store) planDecoys(p *plan, all []*courier.Message) error {
	for _, m := range all {
		p.when(kv.Missing(s.keys.decoy(m.ID)))
		if err := p.put(s.keys.decoyPlace(m.ID), waitingRecord{m.ID}, nil, decoyTTL); err != nil {
			return err
		}
		if err := p.put(s.keys.decoy(m.ID), m, nil, decoyTTL); err != nil {
			return err
		}
	}
	return nil
}

// ByRecoveryAddress finds the identity that can be regained by an address.
func (s *Store) ByRecoveryAddress(ctx context.Context, via, value string) (*identity.Identity, error) {
	return s.byAddress(ctx, s.keys.recovery(via, value))
}

// ByVerifiableAddress finds the identity that has an address.
func (s *Store) ByVerifiableAddress(ctx context.Context, via, value string) (*identity.Identity, error) {
	return s.byAddress(ctx, s.keys.verifiable(via, value))
}

// ByCodeIdentifier finds the identity that a code can be sent to for signing in.
func (s *Store) ByCodeIdentifier(ctx context.Context, value string) (*identity.Identity, error) {
	return s.byAddress(ctx, s.keys.identifier(identity.Code, value))
}

// byAddress reads twice in any case: who asks must not learn from the time it takes
// whether somebody has the address.
func (s *Store) byAddress(ctx context.Context, index string) (*identity.Identity, error) {
	e, err := s.get(ctx, index)
	if err != nil {
		return nil, err
	}
	id := "nobody"
	if e.Exists() {
		if id, err = owner(e); err != nil {
			return nil, err
		}
	}
	return s.Identity(ctx, id)
}
