package storage

import (
	"errors"
	"fmt"
	"testing"

	"github.com/gatehouse-id/gatehouse/core/flow"
	"github.com/gatehouse-id/gatehouse/core/session"
)

func TestAllSessionsAreListedPageByPage(t *testing.T) {
	everywhere(t, func(t *testing.T, s *Store) {
		ann, bob := created(t, s, "ann@example.org"), created(t, s, "bob@example.org")
		for n := range 40 { // more than one read of grants and epochs
			signedIn(t, s, ann.ID, fmt.Sprint("ann", n))
		}
		signedIn(t, s, bob.ID, "bob")
		if err := s.RevokeAll(t.Context(), bob.ID); err != nil {
			t.Fatal(err)
		}
		seen, live := map[string]bool{}, 0
		for page := (session.Page{Limit: 37}); ; {
			all, more, err := s.AllSessions(t.Context(), page)
			if err != nil {
				t.Fatal(err)
			}
			for _, x := range all {
				seen[x.ID] = true
				if x.Granted {
					live++
				}
			}
			if !more {
				break
			}
			page.After = all[len(all)-1].ID
		}
		if len(seen) != 41 || live != 40 {
			t.Errorf("got %d sessions, %d of them live; want 41 and 40", len(seen), live)
		}
	})
}

func TestErasedSessionsAreForgotten(t *testing.T) {
	everywhere(t, func(t *testing.T, s *Store) {
		ann, bob := created(t, s, "ann@example.org"), created(t, s, "bob@example.org")
		for n := range 30 { // more than one commit
			signedIn(t, s, ann.ID, fmt.Sprint("ann", n))
		}
		signedIn(t, s, bob.ID, "bob")
		if n, err := s.Erase(t.Context(), ann.ID); n != 30 || err != nil {
			t.Fatalf("got %d, %v, want 30 erased", n, err)
		}
		if _, err := s.ByToken(t.Context(), session.HashToken("ann0")); !errors.Is(err, session.ErrNotFound) {
			t.Errorf("the token is still known: %v", err)
		}
		if left, err := s.Sessions(t.Context(), ann.ID); len(left) != 0 || err != nil {
			t.Errorf("%d sessions are left, %v", len(left), err)
		}
		if n, err := s.Erase(t.Context(), ann.ID); n != 0 || err != nil {
			t.Errorf("erasing nothing: got %d, %v", n, err)
		}
		if !authenticates(t, s, "bob") {
			t.Error("somebody else's session was ended")
		}
		signedIn(t, s, ann.ID, "anew")
		if !authenticates(t, s, "anew") {
			t.Error("nobody can sign in any more")
		}
	})
}

func TestACommitEndsTheSessionsItNames(t *testing.T) {
	everywhere(t, func(t *testing.T, s *Store) {
		ann := created(t, s, "ann@example.org")
		here, there := signedIn(t, s, ann.ID, "here"), signedIn(t, s, ann.ID, "there")
		stale := *ann
		stale.Revision--
		err := s.Commit(t.Context(), &flow.Changes{UpdateIdentity: &stale, RevokeSessions: []string{there.ID}})
		if err == nil || !authenticates(t, s, "there") {
			t.Fatalf("a commit that failed (%v) ended a session", err)
		}
		if err := s.Commit(t.Context(), &flow.Changes{UpdateIdentity: ann, RevokeSessions: []string{there.ID}}); err != nil {
			t.Fatal(err)
		}
		if authenticates(t, s, "there") || !authenticates(t, s, "here") {
			t.Errorf("after ending %s, %s: the wrong one is alive", there.ID, here.ID)
		}
		if err := s.Commit(t.Context(), &flow.Changes{RevokeSessions: make([]string, flow.MaxRevoked+1)}); err == nil {
			t.Error("too many sessions were accepted")
		}
	})
}
