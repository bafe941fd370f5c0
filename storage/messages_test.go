package storage

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/gatehouse-id/gatehouse/core/courier"
	"github.com/gatehouse-id/gatehouse/core/flow"
	"github.com/gatehouse-id/gatehouse/core/identity"
	"github.com/gatehouse-id/gatehouse/storage/kv"
)

func newMessage(tb testing.TB, to string) *courier.Message {
	tb.Helper()
	id, err := uuid.NewV7()
	if err != nil {
		tb.Fatal(err)
	}
	return &courier.Message{
		ID: id.String(), Type: courier.Email, Channel: courier.ChannelEmail, Status: courier.Queued, Recipient: to,
		Subject: "s", Body: "b", TemplateType: courier.Stub, CreatedAt: time.Now(), DueAt: time.Now(),
	}
}

func queued(tb testing.TB, s *Store, to string) *courier.Message {
	tb.Helper()
	m := newMessage(tb, to)
	if err := s.Commit(tb.Context(), &flow.Changes{Messages: []*courier.Message{m}}); err != nil {
		tb.Fatalf("queueing: %v", err)
	}
	return m
}

func outbox(tb testing.TB, s *Store) []courier.Waiting {
	tb.Helper()
	list, err := s.Outbox(tb.Context(), courier.ChannelEmail, 100)
	if err != nil {
		tb.Fatalf("listing the outbox: %v", err)
	}
	return list
}

// TestMessageComesWithItsCause: no mail about what didn't happen.
func TestMessageComesWithItsCause(t *testing.T) {
	everywhere(t, func(t *testing.T, s *Store) {
		created(t, s, "ann@example.org")
		m := newMessage(t, "ann@example.org")
		err := s.Commit(t.Context(), &flow.Changes{CreateIdentity: newIdentity("ann@example.org"), Messages: []*courier.Message{m}})
		refused(t, "taking Ann's address", err, identity.ErrDuplicate)
		_, err = s.Message(t.Context(), m.ID)
		refused(t, "reading its message", err, courier.ErrNotFound)
		if list := outbox(t, s); len(list) > 0 {
			t.Errorf("the outbox has %v", list)
		}
	})
}

func TestMessageMovesThroughItsLife(t *testing.T) {
	everywhere(t, func(t *testing.T, s *Store) {
		m := queued(t, s, "ann@example.org")
		place := outbox(t, s)[0]
		until := time.Now().Add(time.Minute)
		claimed, err := s.Claim(t.Context(), place, "first", until)
		if err != nil || claimed.Status != courier.Processing || claimed.SendCount != 1 {
			t.Fatalf("claiming: %+v, %v", claimed, err)
		}
		_, err = s.Claim(t.Context(), place, "second", until)
		refused(t, "claiming it again", err, courier.ErrNotDue)
		if list := outbox(t, s); len(list) != 1 || list[0].DueAt.UnixMilli() != until.UnixMilli() {
			t.Errorf("while it is claimed the outbox has %v, want it at %v", list, until)
		}
		claimed.Status, claimed.DueAt = courier.Queued, time.Now().Add(time.Hour)
		if err := s.Settle(t.Context(), claimed); err != nil {
			t.Fatalf("putting it back: %v", err)
		}
		refused(t, "settling twice", s.Settle(t.Context(), claimed), courier.ErrClaimLost)
		claimed, err = s.Claim(t.Context(), outbox(t, s)[0], "third", until)
		if err != nil || claimed.SendCount != 2 {
			t.Fatalf("claiming again: %+v, %v", claimed, err)
		}
		claimed.Status = courier.Sent
		if err := s.Settle(t.Context(), claimed); err != nil {
			t.Fatalf("settling: %v", err)
		}
		if got, err := s.Message(t.Context(), m.ID); err != nil || got.Status != courier.Sent || got.Claim != "" || len(outbox(t, s)) > 0 {
			t.Errorf("got %+v, %v, outbox %v", got, err, outbox(t, s))
		}
		_, err = s.Claim(t.Context(), place, "late", until)
		refused(t, "claiming a sent message", err, courier.ErrNotDue)
	})
}

func TestOneOfManyClaims(t *testing.T) {
	everywhere(t, func(t *testing.T, s *Store) {
		queued(t, s, "ann@example.org")
		place := outbox(t, s)[0]
		won := make(chan string, 16)
		var racers sync.WaitGroup
		for n := range cap(won) {
			racers.Go(func() {
				m, err := s.Claim(t.Context(), place, fmt.Sprint(n), time.Now().Add(time.Minute))
				switch {
				case err == nil:
					won <- m.Claim
				case !errors.Is(err, courier.ErrNotDue):
					t.Errorf("losing: got %v", err)
				}
			})
		}
		racers.Wait()
		if len(won) != 1 {
			t.Errorf("%d have claimed it, want one", len(won))
		}
	})
}

func TestMessagesAreListedNewestFirst(t *testing.T) {
	everywhere(t, func(t *testing.T, s *Store) {
		var want []string
		for n := range 250 {
			m := queued(t, s, fmt.Sprintf("p%d@example.org", n%2))
			want = append([]string{m.ID}, want...)
		}
		var got []string
		f := courier.Filter{Limit: 7}
		for {
			page, err := s.Messages(t.Context(), f)
			if err != nil {
				t.Fatalf("listing: %v", err)
			}
			for _, m := range page {
				got = append(got, m.ID)
			}
			if len(page) < f.Limit {
				break
			}
			f.Before = page[len(page)-1].ID
		}
		if !slices.Equal(got, want) {
			t.Errorf("got %d messages, want %d, in order", len(got), len(want))
		}
		for name, c := range map[string]struct {
			filter courier.Filter
			want   int
		}{
			"of one":      {courier.Filter{Recipient: "p1@example.org", Limit: 1000}, 125},
			"of nobody":   {courier.Filter{Recipient: "x", Limit: 1000}, 0},
			"waiting":     {courier.Filter{Status: courier.Queued, Limit: 1000}, 250},
			"sent":        {courier.Filter{Status: courier.Sent, Limit: 1000}, 0},
			"some of one": {courier.Filter{Recipient: "p0@example.org", Limit: 60}, 60},
		} {
			if page, err := s.Messages(t.Context(), c.filter); err != nil || len(page) != c.want {
				t.Errorf("%s: got %d, %v, want %d", name, len(page), err, c.want)
			}
		}
	})
}

func TestArrivalsAreTold(t *testing.T) {
	everywhere(t, func(t *testing.T, s *Store) {
		arrivals, err := s.Arrivals(t.Context(), courier.ChannelEmail)
		if err != nil {
			t.Fatal(err)
		}
		m := queued(t, s, "ann@example.org")
		select {
		case due := <-arrivals:
			if due.UnixMilli() != m.DueAt.UnixMilli() {
				t.Errorf("got %v, want %v", due, m.DueAt)
			}
		case <-time.After(patience):
			t.Error("nothing was told")
		}
	})
}

// TestStrayKeysHoldUpNobody: what can't be read in the outbox is passed over.
func TestStrayKeysHoldUpNobody(t *testing.T) {
	s := New(newMemory(t), "")
	prefix := s.keys.outbox(courier.ChannelEmail)
	for _, stray := range []string{"x", "000000000000001", "000000000000001/", "1/m", "00000000000000x/m", "000000000000001/b.x", "000000000000001/a/b"} {
		if _, err := s.KV.Commit(t.Context(), nil, []kv.Op{kv.Put(prefix+stray, []byte("{"))}); err != nil {
			t.Fatal(err)
		}
	}
	m := queued(t, s, "ann@example.org")
	if list := outbox(t, s); len(list) != 1 || list[0].MessageID != m.ID {
		t.Errorf("got %v, want Ann's message alone", list)
	}
}

func TestMessageWithoutNameIsRefused(t *testing.T) {
	s := New(newMemory(t), "")
	for _, spoil := range []func(m *courier.Message){
		func(m *courier.Message) { m.ID = "" }, func(m *courier.Message) { m.ID = "../x" }, func(m *courier.Message) { m.Channel = "" },
		func(m *courier.Message) { m.Body = strings.Repeat("x", maxRecord) },
	} {
		m := newMessage(t, "ann@example.org")
		spoil(m)
		if err := s.Commit(t.Context(), &flow.Changes{Messages: []*courier.Message{m}}); err == nil {
			t.Errorf("queueing %.40s: it was taken", m.ID)
		}
	}
}
