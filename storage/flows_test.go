package storage

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/gatehouse-id/gatehouse/core/flow"
	"github.com/gatehouse-id/gatehouse/core/identity"
	"github.com/gatehouse-id/gatehouse/storage/kv"
)

func newFlow(id string) *flow.Record {
	return &flow.Record{
		ID: id, RequestURL: "https://example.org/self-service/registration/browser", Active: identity.Password,
		Values: map[string]any{"traits.email": "ann@example.org"}, ExpiresAt: time.Now().Add(time.Hour).UTC().Truncate(time.Second),
	}
}

func TestFirstSubmissionCreatesTheRecord(t *testing.T) {
	everywhere(t, func(t *testing.T, s *Store) {
		_, err := s.Flow(t.Context(), "f1")
		refused(t, "an anonymous flow", err, flow.ErrNotFound)
		r := newFlow("f1")
		if err := s.Commit(t.Context(), &flow.Changes{Flow: r}); err != nil {
			t.Fatal(err)
		}
		found, err := s.Flow(t.Context(), "f1")
		if err != nil {
			t.Fatal(err)
		}
		if found.Revision != r.Revision || found.Values["traits.email"] != "ann@example.org" || !found.ExpiresAt.Equal(r.ExpiresAt) {
			t.Errorf("got %+v, want %+v", found, r)
		}
		found.Values["traits.email"] = "anna@example.org"
		if err := s.Commit(t.Context(), &flow.Changes{Flow: found}); err != nil {
			t.Errorf("the second submission: %v", err)
		}
	})
}

func TestCompletedFlowCannotBeCompletedAgain(t *testing.T) {
	everywhere(t, func(t *testing.T, s *Store) {
		complete := func(email string) error {
			f, i := newFlow("f1"), newIdentity(email)
			f.Completed = true
			return s.Commit(t.Context(), &flow.Changes{Flow: f, CreateIdentity: i, CreateSession: newSession(i.ID, email)})
		}
		if err := complete("ann@example.org"); err != nil {
			t.Fatal(err)
		}
		refused(t, "completing again", complete("bob@example.org"), flow.ErrChanged)
		if authenticates(t, s, "bob@example.org") {
			t.Error("the refused submission left a session")
		}
		if found, err := s.Flow(t.Context(), "f1"); err != nil || !found.Completed {
			t.Errorf("got %+v, %v, want it completed", found, err)
		}
	})
}

func TestConcurrentSubmissionsOfOneFlowHaveOneWinner(t *testing.T) {
	everywhere(t, func(t *testing.T, s *Store) {
		i := created(t, s, "ann@example.org")
		const submissions = 8
		errs := make([]error, submissions)
		var all sync.WaitGroup
		for n := range submissions {
			all.Go(func() {
				f := newFlow("f1")
				f.Completed = true
				errs[n] = s.Commit(t.Context(), &flow.Changes{Flow: f, CreateSession: newSession(i.ID, string(rune('a'+n)))})
			})
		}
		all.Wait()
		won := 0
		for _, err := range errs {
			if err == nil {
				won++
			} else {
				refused(t, "losing", err, flow.ErrChanged)
			}
		}
		if sessions, err := s.Sessions(t.Context(), i.ID); err != nil || won != 1 || len(sessions) != 1 {
			t.Errorf("%d submissions won and made %d sessions (%v), want one", won, len(sessions), err)
		}
	})
}

func TestFlowsAndErrorsAreForgotten(t *testing.T) {
	now := time.Now()
	clock := func() time.Time { return now }
	memory := newMemory(t)
	memory.Now = clock
	s := New(memory, "")
	s.Now = clock
	f := newFlow("f1")
	if err := s.Commit(t.Context(), &flow.Changes{Flow: f}); err != nil {
		t.Fatal(err)
	}
	e := &flow.StoredError{ID: "e1", Error: []byte(`{"code":500}`), CreatedAt: now, ExpiresAt: now.Add(time.Hour)}
	if err := s.SaveError(t.Context(), e); err != nil {
		t.Fatal(err)
	}
	if found, err := s.LoadError(t.Context(), "e1"); err != nil || string(found.Error) != `{"code":500}` {
		t.Errorf("got %+v, %v, want the error", found, err)
	}
	_, err := s.LoadError(t.Context(), "e2")
	refused(t, "an unknown error", err, flow.ErrNotFound)

	now = e.ExpiresAt
	_, err = s.LoadError(t.Context(), "e1")
	refused(t, "an expired error", err, flow.ErrNotFound)
	if _, err := s.Flow(t.Context(), "f1"); err != nil {
		t.Errorf("an expired flow must be known, to say so: %v", err)
	}
	now = now.Add(slack + time.Second)
	_, err = s.Flow(t.Context(), "f1")
	refused(t, "a forgotten flow", err, flow.ErrNotFound)
	if got := keysOf(t, s); len(got) != 0 {
		t.Errorf("got keys %q, want none", got)
	}
}

// Expiry is etcd's own work: nobody sweeps.
func TestEtcdForgetsByItself(t *testing.T) {
	s := New(sharedEtcd(t), nextProject())
	f := newFlow("f1")
	f.ExpiresAt = time.Now().Add(time.Second)
	err := s.commit(t.Context(), func(p *plan) error {
		return p.put(s.keys.flow(f.ID), f, nil, time.Second)
	})
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "the record is gone", func() bool { return len(keysOf(t, s)) == 0 })
}

// lossy is a store whose commits happen, or do not, while the caller is told
// that the outcome is unknown: as when a connection breaks.
type lossy struct {
	kv.Store
	apply bool
}

var errLost = errors.New("the connection was lost")

func (l *lossy) Commit(ctx context.Context, conds []kv.Cond, ops []kv.Op) (int64, error) {
	if l.apply {
		if _, err := l.Store.Commit(ctx, conds, ops); err != nil {
			return 0, err
		}
	}
	return 0, errLost
}

func TestUnclearCommitRecognisesItsOwnWork(t *testing.T) {
	everywhere(t, func(t *testing.T, s *Store) {
		lost := &lossy{Store: s.KV, apply: true}
		s.KV = lost
		i := newIdentity("ann@example.org")
		if err := s.Create(t.Context(), i); err != nil {
			t.Errorf("a commit that happened: got %v, want success", err)
		}
		if found, err := s.Identity(t.Context(), i.ID); err != nil || found.Revision != i.Revision {
			t.Errorf("got %+v, %v, want revision %d", found, err, i.Revision)
		}
		lost.apply = false
		j := newIdentity("bob@example.org")
		refused(t, "a commit that did not happen", s.Create(t.Context(), j), errLost)
		refused(t, "a revocation nobody can vouch for", s.Revoke(t.Context(), "s1"), errLost)
	})
}

func TestUnclearCommitIsRecognisedAfterTheDeadline(t *testing.T) {
	s := New(&lossy{Store: newMemory(t), apply: true}, "")
	ctx, cancel := context.WithCancel(t.Context())
	s.KV = cancelling{s.KV, cancel}
	if err := s.Create(ctx, newIdentity("ann@example.org")); err != nil {
		t.Errorf("got %v, want success", err)
	}
}

// cancelling ends the caller's context with its first commit.
type cancelling struct {
	kv.Store
	cancel context.CancelFunc
}

func (c cancelling) Commit(ctx context.Context, conds []kv.Cond, ops []kv.Op) (int64, error) {
	defer c.cancel()
	return c.Store.Commit(ctx, conds, ops)
}
