package storage

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/gatehouse-id/gatehouse/core/flow"
	"github.com/gatehouse-id/gatehouse/core/identity"
	"github.com/gatehouse-id/gatehouse/core/session"
)

// following starts a feed at the present revision.
func following(t *testing.T, s *Store) session.Invalidations {
	t.Helper()
	from, err := s.Revision(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	f, err := s.Invalidations(t.Context(), from)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.Close)
	return f
}

// until collects what a feed tells up to a revision.
func until(t *testing.T, f session.Invalidations, revision int64) (sessions, identities []string) {
	t.Helper()
	for deadline := time.After(patience); ; {
		if err := f.RequestProgress(t.Context()); err != nil {
			t.Fatalf("asking for progress: %v", err)
		}
		select {
		case v, open := <-f.C():
			if !open {
				t.Fatal("the feed broke")
			}
			sessions, identities = append(sessions, v.Sessions...), append(identities, v.Identities...)
			if v.Revision >= revision {
				return sessions, identities
			}
		case <-time.After(100 * time.Millisecond): // a request may be lost
		case <-deadline:
			t.Fatalf("the feed did not reach revision %d", revision)
		}
	}
}

func TestFeedTellsWhatChanged(t *testing.T) {
	everywhere(t, func(t *testing.T, s *Store) {
		i := created(t, s, "ann@example.org")
		n := signedIn(t, s, i.ID, "token")
		for _, change := range []struct {
			what     string
			do       func() error
			session  string
			identity string
		}{
			{"revoking a session", func() error { return s.Revoke(t.Context(), n.ID) }, n.ID, ""},
			{"revoking all", func() error { return s.RevokeAll(t.Context(), i.ID) }, "", i.ID},
			{"changing the identity", func() error { i.State = identity.Inactive; return s.Update(t.Context(), i) }, "", i.ID},
			{"deleting the identity", func() error { return s.Delete(t.Context(), i.ID) }, "", i.ID},
		} {
			f := following(t, s)
			if err := change.do(); err != nil {
				t.Fatalf("%s: %v", change.what, err)
			}
			revision, err := s.Revision(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			sessions, identities := until(t, f, revision)
			if change.session != "" && !slices.Contains(sessions, change.session) {
				t.Errorf("%s: got sessions %q, want %s", change.what, sessions, change.session)
			}
			if change.identity != "" && !slices.Contains(identities, change.identity) {
				t.Errorf("%s: got identities %q, want %s", change.what, identities, change.identity)
			}
			f.Close()
		}
	})
}

func TestFeedTellsOfAReplacedToken(t *testing.T) {
	everywhere(t, func(t *testing.T, s *Store) {
		i := created(t, s, "ann@example.org")
		n := signedIn(t, s, i.ID, "old")
		f := following(t, s)
		old := n.TokenHash
		n.TokenHash = session.HashToken("new")
		if err := s.Commit(t.Context(), &flow.Changes{UpdateSession: n, ReplacesToken: &old}); err != nil {
			t.Fatal(err)
		}
		if sessions, _ := until(t, f, n.Revision); !slices.Contains(sessions, n.ID) {
			t.Errorf("got sessions %q, want %s", sessions, n.ID)
		}
	})
}

func TestFeedKeepsToItsProject(t *testing.T) {
	everywhere(t, func(t *testing.T, s *Store) {
		f := following(t, s)
		other := New(s.KV, nextProject())
		i := created(t, other, "ann@example.org")
		if err := s.Commit(t.Context(), &flow.Changes{Flow: newFlow("f1")}); err != nil { // concerns no session
			t.Fatal(err)
		}
		revision, err := s.Revision(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if sessions, identities := until(t, f, revision); len(sessions)+len(identities) != 0 {
			t.Errorf("got %q and %q after creating %s elsewhere, want nothing", sessions, identities, i.ID)
		}
	})
}

func TestFeedEnds(t *testing.T) {
	everywhere(t, func(t *testing.T, s *Store) {
		ctx, cancel := context.WithCancel(t.Context())
		byContext, err := s.Invalidations(ctx, 0)
		if err != nil {
			t.Fatal(err)
		}
		byClose := following(t, s)
		cancel()
		byClose.Close()
		for how, f := range map[string]session.Invalidations{"context": byContext, "Close": byClose} {
			for deadline, open := time.After(patience), true; open; {
				select {
				case _, open = <-f.C():
				case <-deadline:
					t.Fatalf("the feed did not end with %s", how)
				}
			}
		}
	})
}
