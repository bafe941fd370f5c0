package storage

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gatehouse-id/gatehouse/core/flow"
	"github.com/gatehouse-id/gatehouse/core/identity"
	"github.com/gatehouse-id/gatehouse/core/secret"
	"github.com/gatehouse-id/gatehouse/core/session"
	"github.com/gatehouse-id/gatehouse/storage/etcd"
	"github.com/gatehouse-id/gatehouse/storage/kv"
)

func TestRegistrationStoresIdentityAndSessionAtOnce(t *testing.T) {
	everywhere(t, func(t *testing.T, s *Store) {
		i := newIdentity("ann@example.org")
		n := newSession(i.ID, "token")
		if err := s.Commit(t.Context(), &flow.Changes{CreateIdentity: i, CreateSession: n}); err != nil {
			t.Fatal(err)
		}
		if i.Revision == 0 || i.Revision != n.Revision {
			t.Errorf("got revisions %d and %d, want those of one commit", i.Revision, n.Revision)
		}
		f, err := s.ByToken(t.Context(), n.TokenHash)
		if err != nil {
			t.Fatal(err)
		}
		if f.Session.ID != n.ID || f.Identity.ID != i.ID || !f.Valid(time.Now()) || f.Revision < i.Revision {
			t.Errorf("got %+v, want the session, its identity and a revision from %d on", f, i.Revision)
		}
	})
}

func TestRefusedRegistrationStoresNoSession(t *testing.T) {
	everywhere(t, func(t *testing.T, s *Store) {
		created(t, s, "ann@example.org")
		before := keysOf(t, s)
		i := newIdentity("ann@example.org")
		err := s.Commit(t.Context(), &flow.Changes{CreateIdentity: i, CreateSession: newSession(i.ID, "token")})
		refused(t, "registering twice", err, identity.ErrDuplicate)
		if after := keysOf(t, s); !slices.Equal(after, before) {
			t.Errorf("got keys %q, want %q", after, before)
		}
	})
}

func TestUnknownToken(t *testing.T) {
	everywhere(t, func(t *testing.T, s *Store) {
		created(t, s, "ann@example.org")
		f, err := s.ByToken(t.Context(), session.HashToken("invented"))
		refused(t, "an invented token", err, session.ErrNotFound)
		if f.Revision == 0 {
			t.Error("got no revision of the read")
		}
	})
}

func TestRevokedSession(t *testing.T) {
	everywhere(t, func(t *testing.T, s *Store) {
		i := created(t, s, "ann@example.org")
		phone, laptop := signedIn(t, s, i.ID, "phone"), signedIn(t, s, i.ID, "laptop")
		for range 2 { // the second time is no error
			if err := s.Revoke(t.Context(), phone.ID); err != nil {
				t.Fatal(err)
			}
		}
		if authenticates(t, s, "phone") || !authenticates(t, s, "laptop") {
			t.Error("want the phone refused and the laptop let in")
		}
		if f, err := s.ByToken(t.Context(), phone.TokenHash); err != nil || f.Session.Granted {
			t.Errorf("the revoked session: got %+v, %v, want it known and not granted", f.Session, err)
		}
		refused(t, "extending a revoked session", s.Commit(t.Context(), &flow.Changes{UpdateSession: phone}), session.ErrChanged)
		all, err := s.Sessions(t.Context(), i.ID)
		if err != nil || len(all) != 2 || all[0].ID != laptop.ID || all[1].Granted {
			t.Errorf("got sessions %+v, %v, want the laptop, then the revoked phone", all, err)
		}
	})
}

func TestRevokeAllEndsEverySessionOfAnIdentity(t *testing.T) {
	everywhere(t, func(t *testing.T, s *Store) {
		ann, bob := created(t, s, "ann@example.org"), created(t, s, "bob@example.org")
		for n := range 5 {
			signedIn(t, s, ann.ID, fmt.Sprint("ann", n))
		}
		signedIn(t, s, bob.ID, "bob")
		if err := s.RevokeAll(t.Context(), ann.ID); err != nil {
			t.Fatal(err)
		}
		for n := range 5 {
			if authenticates(t, s, fmt.Sprint("ann", n)) {
				t.Errorf("session %d still authenticates", n)
			}
		}
		if !authenticates(t, s, "bob") {
			t.Error("somebody else's session was ended")
		}
		signedIn(t, s, ann.ID, "anew")
		if !authenticates(t, s, "anew") || authenticates(t, s, "ann0") {
			t.Error("the new epoch must hold the new session only")
		}
	})
}

// A sign-in that races with a revoke-all may come before or after it; either
// way, a revoke-all that began after the sign-in was acknowledged ends it.
func TestRevokeAllRacesWithSignIns(t *testing.T) {
	everywhere(t, func(t *testing.T, s *Store) {
		i := created(t, s, "ann@example.org")
		var all sync.WaitGroup
		for n := range 4 {
			all.Go(func() {
				for m := range 10 {
					token := fmt.Sprint(n, "/", m)
					err := s.Commit(t.Context(), &flow.Changes{CreateSession: newSession(i.ID, token)})
					if errors.Is(err, kv.ErrConflict) {
						continue // the bound on lost races
					}
					if err != nil {
						t.Errorf("signing in: %v", err)
					}
					if err := s.RevokeAll(t.Context(), i.ID); err != nil {
						t.Errorf("revoking: %v", err)
					}
					if authenticates(t, s, token) {
						t.Errorf("%s authenticates after its revocation", token)
					}
				}
			})
		}
		all.Wait()
	})
}

func TestInactiveIdentityCannotSignIn(t *testing.T) {
	everywhere(t, func(t *testing.T, s *Store) {
		i := created(t, s, "ann@example.org")
		signedIn(t, s, i.ID, "before")
		i.State = identity.Inactive
		if err := s.Update(t.Context(), i); err != nil {
			t.Fatal(err)
		}
		if authenticates(t, s, "before") {
			t.Error("a session of an inactive identity authenticates")
		}
		err := s.Commit(t.Context(), &flow.Changes{CreateSession: newSession(i.ID, "after")})
		refused(t, "signing in", err, identity.ErrChanged)
	})
}

// TestSignInWithAnOvertakenCredential: who was looked at before a change of the
// identity does not get the session of that look.
func TestSignInWithAnOvertakenCredential(t *testing.T) {
	everywhere(t, func(t *testing.T, s *Store) {
		seen := *created(t, s, "ann@example.org")
		i := seen.Clone()
		i.SetPassword("$argon2id$other", time.Now())
		if err := s.Update(t.Context(), i); err != nil {
			t.Fatal(err)
		}
		sign := func(proven *identity.Identity, token string) error {
			return s.Commit(t.Context(), &flow.Changes{ProvenIdentity: proven, CreateSession: newSession(i.ID, token)})
		}
		refused(t, "the old look", sign(&seen, "old"), identity.ErrChanged)
		refused(t, "the new look", sign(i, "new"), nil)
		if authenticates(t, s, "old") || !authenticates(t, s, "new") {
			t.Error("want the session of the new look and no other")
		}
	})
}

func TestReplacedTokenIsUnknown(t *testing.T) {
	everywhere(t, func(t *testing.T, s *Store) {
		i := created(t, s, "ann@example.org")
		n := signedIn(t, s, i.ID, "old")
		stale := *n
		old := n.TokenHash
		n.TokenHash = session.HashToken("new")
		refused(t, "replacing without naming the old token",
			s.Commit(t.Context(), &flow.Changes{UpdateSession: n}), session.ErrChanged)
		if err := s.Commit(t.Context(), &flow.Changes{UpdateSession: n, ReplacesToken: &old}); err != nil {
			t.Fatal(err)
		}
		if authenticates(t, s, "old") || !authenticates(t, s, "new") {
			t.Error("want the old token refused and the new one let in")
		}
		refused(t, "changing a stale copy", s.Commit(t.Context(), &flow.Changes{UpdateSession: &stale}), session.ErrChanged)
	})
}

func TestExtendedSession(t *testing.T) {
	everywhere(t, func(t *testing.T, s *Store) {
		i := created(t, s, "ann@example.org")
		n := signedIn(t, s, i.ID, "token")
		later := n.ExpiresAt.Add(time.Hour)
		n.ExpiresAt = later
		if err := s.Commit(t.Context(), &flow.Changes{UpdateSession: n}); err != nil {
			t.Fatal(err)
		}
		found, err := s.Session(t.Context(), n.ID)
		if err != nil || !found.ExpiresAt.Equal(later) || !found.Granted || found.Revision != n.Revision {
			t.Errorf("got %+v, %v, want it granted until %v", found, err, later)
		}
		_, err = s.Session(t.Context(), "nobody")
		refused(t, "reading an unknown session", err, session.ErrNotFound)
	})
}

func TestSessionsOfManyPages(t *testing.T) {
	everywhere(t, func(t *testing.T, s *Store) {
		i := created(t, s, "ann@example.org")
		const sessions = 120
		for n := range sessions {
			signedIn(t, s, i.ID, fmt.Sprint(n))
		}
		all, err := s.Sessions(t.Context(), i.ID)
		if err != nil || len(all) != sessions {
			t.Fatalf("got %d sessions, %v, want %d", len(all), err, sessions)
		}
		if !slices.IsSortedFunc(all, func(a, b *session.Session) int { return b.IssuedAt.Compare(a.IssuedAt) }) {
			t.Error("want the newest first")
		}
	})
}

func TestExpiredSessionIsForgottenLater(t *testing.T) {
	now := time.Now()
	clock := func() time.Time { return now }
	memory := newMemory(t)
	memory.Now = clock
	s := New(memory, "")
	s.Now = clock
	i := created(t, s, "ann@example.org")
	n := signedIn(t, s, i.ID, "token") // for an hour
	bare := keysOf(t, s)

	now = n.ExpiresAt
	if authenticates(t, s, "token") {
		t.Error("an expired session authenticates")
	}
	if _, err := s.ByToken(t.Context(), n.TokenHash); err != nil {
		t.Errorf("a late sign-out finds no session: %v", err)
	}
	now = n.ExpiresAt.Add(slack + time.Second)
	_, err := s.ByToken(t.Context(), n.TokenHash)
	refused(t, "after the slack", err, session.ErrNotFound)
	if got := keysOf(t, s); len(got) != len(bare)-4 {
		t.Errorf("got keys %q, want none of the session", got)
	}
	if all, err := s.Sessions(t.Context(), i.ID); err != nil || len(all) != 0 {
		t.Errorf("got sessions %v, %v, want none", all, err)
	}
	signedIn(t, s, i.ID, "again") // identity and epoch are there for ever
}

func TestOnlyHashesOfTokensAreStored(t *testing.T) {
	everywhere(t, func(t *testing.T, s *Store) {
		token, next := secret.NewToken(secret.SessionPrefix), secret.NewToken(secret.SessionPrefix)
		i := newIdentity("ann@example.org")
		n := newSession(i.ID, token)
		if err := s.Commit(t.Context(), &flow.Changes{CreateIdentity: i, CreateSession: n}); err != nil {
			t.Fatal(err)
		}
		old := n.TokenHash
		n.TokenHash = session.HashToken(next)
		if err := s.Commit(t.Context(), &flow.Changes{UpdateSession: n, ReplacesToken: &old}); err != nil {
			t.Fatal(err)
		}
		for _, e := range entries(t, s) {
			for _, raw := range []string{token, next} {
				if strings.Contains(e.Key, raw) || strings.Contains(string(e.Value), raw) {
					t.Errorf("%s holds a session token", e.Key)
				}
			}
		}
	})
}

func TestEveryRecordCarriesItsVersion(t *testing.T) {
	everywhere(t, func(t *testing.T, s *Store) {
		i := newIdentity("ann@example.org")
		i.ExternalID, i.Search = "crm-1", []identity.Term{{Trait: "name", Value: "ann"}}
		f := &flow.Record{ID: "f1", ExpiresAt: time.Now().Add(time.Hour)}
		if err := s.Commit(t.Context(), &flow.Changes{Flow: f, CreateIdentity: i, CreateSession: newSession(i.ID, "token")}); err != nil {
			t.Fatal(err)
		}
		if err := s.SaveError(t.Context(), &flow.StoredError{ID: "e1", Error: []byte(`{}`), ExpiresAt: time.Now().Add(time.Hour)}); err != nil {
			t.Fatal(err)
		}
		all := entries(t, s)
		if len(all) != 14 {
			t.Errorf("got %d records, want 14", len(all))
		}
		for _, e := range all {
			if got := at(t, e.Value, "v"); got != "1" {
				t.Errorf("%s: got version %q, want 1", e.Key, got)
			}
		}
	})
}

// Promise 2: a full disk must not keep a session alive.
func TestFullStoreStillRevokes(t *testing.T) {
	full, err := etcd.OpenEmbedded(t.Context(), etcd.EmbeddedConfig{Dir: t.TempDir(), QuotaBytes: 4 << 20, Heartbeat: 10 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	defer full.Close()
	s := New(full, "")
	ann, bob, eve := created(t, s, "ann@example.org"), created(t, s, "bob@example.org"), created(t, s, "eve@example.org")
	one := signedIn(t, s, ann.ID, "one")
	signedIn(t, s, bob.ID, "two")
	signedIn(t, s, eve.ID, "three")
	for n := 0; err == nil; n++ {
		_, err = full.Commit(t.Context(), nil, []kv.Op{kv.Put(fmt.Sprint("fill/", n), make([]byte, 512<<10))})
	}
	refused(t, "filling", err, kv.ErrNoSpace)
	refused(t, "registering", s.Create(t.Context(), newIdentity("late@example.org")), kv.ErrNoSpace)
	refused(t, "signing in", s.Commit(t.Context(), &flow.Changes{CreateSession: newSession(ann.ID, "late")}), kv.ErrNoSpace)
	for what, err := range map[string]error{
		"revoking one": s.Revoke(t.Context(), one.ID), "revoking all": s.RevokeAll(t.Context(), bob.ID),
		"deleting": s.Delete(t.Context(), eve.ID),
	} {
		if err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
	for _, token := range []string{"one", "two", "three"} {
		if authenticates(t, s, token) {
			t.Errorf("%s still authenticates", token)
		}
	}
}
