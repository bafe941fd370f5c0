package storage

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/gatehouse-id/gatehouse/core/flow"
	"github.com/gatehouse-id/gatehouse/core/identity"
	"github.com/gatehouse-id/gatehouse/storage/kv"
)

func TestIdentityIsFoundAsItWasStored(t *testing.T) {
	everywhere(t, func(t *testing.T, s *Store) {
		i := created(t, s, "ann@example.org")
		byID, err := s.Identity(t.Context(), i.ID)
		if err != nil {
			t.Fatal(err)
		}
		byName, err := s.ByIdentifier(t.Context(), identity.Password, "ann@example.org")
		if err != nil {
			t.Fatal(err)
		}
		want, _ := json.Marshal(i)
		for how, found := range map[string]*identity.Identity{"by id": byID, "by identifier": byName} {
			if got, _ := json.Marshal(found); string(got) != string(want) {
				t.Errorf("%s: got %s, want %s", how, got, want)
			}
			if found.Revision != i.Revision || i.Revision == 0 {
				t.Errorf("%s: got revision %d, want %d", how, found.Revision, i.Revision)
			}
		}
	})
}

func TestUnknownIdentity(t *testing.T) {
	everywhere(t, func(t *testing.T, s *Store) {
		_, err := s.Identity(t.Context(), "nobody")
		refused(t, "reading", err, identity.ErrNotFound)
		_, err = s.ByIdentifier(t.Context(), identity.Password, "nobody@example.org")
		refused(t, "finding", err, identity.ErrNotFound)
		refused(t, "updating", s.Update(t.Context(), newIdentity("nobody@example.org")), identity.ErrNotFound)
		refused(t, "deleting", s.Delete(t.Context(), "nobody"), identity.ErrNotFound)
		if got := keysOf(t, s); len(got) != 0 {
			t.Errorf("got keys %q, want none", got)
		}
	})
}

// What an identity holds exclusively, by what another one must differ in.
func TestDuplicatesAreRefused(t *testing.T) {
	everywhere(t, func(t *testing.T, s *Store) {
		first := created(t, s, "ann@example.org")
		first.ExternalID = "crm-1"
		if err := s.Update(t.Context(), first); err != nil {
			t.Fatal(err)
		}
		for what, claim := range map[string]func(i *identity.Identity){
			"identifier": func(i *identity.Identity) {
				i.Credentials[identity.Password] = identity.Credential{Identifiers: []string{"ann@example.org"}}
			},
			"verifiable address": func(i *identity.Identity) {
				i.Verifiable = []identity.VerifiableAddress{{Via: identity.ViaEmail, Value: "ann@example.org"}}
			},
			"recovery address": func(i *identity.Identity) {
				i.Recovery = []identity.RecoveryAddress{{Via: identity.ViaEmail, Value: "ann@example.org"}}
			},
			"external id": func(i *identity.Identity) { i.ExternalID = "crm-1" },
			"id":          func(i *identity.Identity) { i.ID = first.ID },
		} {
			before := entries(t, s)
			other := newIdentity("bob@example.org")
			claim(other)
			refused(t, "creating with the same "+what, s.Create(t.Context(), other), identity.ErrDuplicate)
			if after := entries(t, s); !reflect.DeepEqual(after, before) {
				t.Errorf("%s: a refused creation left something behind", what)
			}
		}
		second := created(t, s, "bob@example.org")
		second.ExternalID = "crm-1"
		refused(t, "updating to the same external id", s.Update(t.Context(), second), identity.ErrDuplicate)
	})
}

// The same text as another kind of thing is somebody else's to have.
func TestIndexesOfDifferentKindsDoNotCollide(t *testing.T) {
	everywhere(t, func(t *testing.T, s *Store) {
		for _, c := range []identity.Identity{
			{Credentials: map[identity.CredentialType]identity.Credential{identity.Password: {Identifiers: []string{"x"}}}},
			{Credentials: map[identity.CredentialType]identity.Credential{identity.OIDC: {Identifiers: []string{"x"}}}},
			{Credentials: map[identity.CredentialType]identity.Credential{identity.Password: {Identifiers: []string{"X", "x/", "x%2F", "b.eA"}}}},
			{Verifiable: []identity.VerifiableAddress{{Via: identity.ViaEmail, Value: "x"}}},
			{Verifiable: []identity.VerifiableAddress{{Via: identity.ViaSMS, Value: "x"}}},
			{Recovery: []identity.RecoveryAddress{{Via: identity.ViaEmail, Value: "x"}}},
			{ExternalID: "x"},
		} {
			c.ID, c.State = uuid.NewString(), identity.Active
			if err := s.Create(t.Context(), &c); err != nil {
				t.Errorf("creating %+v: %v", c, err)
			}
		}
	})
}

func TestConcurrentCreationHasOneWinner(t *testing.T) {
	everywhere(t, func(t *testing.T, s *Store) {
		const claimants, names = 8, 5
		for n := range names {
			email := fmt.Sprintf("name%d@example.org", n)
			errs := make([]error, claimants)
			var all sync.WaitGroup
			for c := range claimants {
				all.Go(func() { errs[c] = s.Create(t.Context(), newIdentity(email)) })
			}
			all.Wait()
			won := 0
			for _, err := range errs {
				if err == nil {
					won++
				} else {
					refused(t, "losing", err, identity.ErrDuplicate)
				}
			}
			if won != 1 {
				t.Errorf("%d of %d got %s, want 1", won, claimants, email)
			}
		}
		all, err := s.Identities(t.Context(), identity.Page{Limit: 500})
		if err != nil || len(all) != names {
			t.Errorf("got %d identities, %v, want %d", len(all), err, names)
		}
	})
}

func TestChangedIdentifierMoves(t *testing.T) {
	everywhere(t, func(t *testing.T, s *Store) {
		i := created(t, s, "ann@example.org")
		renamed := newIdentity("anna@example.org")
		i.Credentials, i.Verifiable, i.Recovery = renamed.Credentials, renamed.Verifiable, renamed.Recovery
		if err := s.Update(t.Context(), i); err != nil {
			t.Fatal(err)
		}
		_, err := s.ByIdentifier(t.Context(), identity.Password, "ann@example.org")
		refused(t, "finding by the old identifier", err, identity.ErrNotFound)
		found, err := s.ByIdentifier(t.Context(), identity.Password, "anna@example.org")
		if err != nil || found.ID != i.ID {
			t.Errorf("finding by the new identifier: got %v, %v", found, err)
		}
		created(t, s, "ann@example.org") // free again
	})
}

func TestStaleUpdateIsRefused(t *testing.T) {
	everywhere(t, func(t *testing.T, s *Store) {
		mine := created(t, s, "ann@example.org")
		theirs, err := s.Identity(t.Context(), mine.ID)
		if err != nil {
			t.Fatal(err)
		}
		theirs.State = identity.Inactive
		if err := s.Update(t.Context(), theirs); err != nil {
			t.Fatal(err)
		}
		refused(t, "updating a stale copy", s.Update(t.Context(), mine), identity.ErrChanged)
		theirs.State = identity.Active
		if err := s.Update(t.Context(), theirs); err != nil {
			t.Errorf("updating again with the new revision: %v", err)
		}
	})
}

func TestDeletedIdentityLeavesNothingThatCounts(t *testing.T) {
	everywhere(t, func(t *testing.T, s *Store) {
		i := created(t, s, "ann@example.org")
		signedIn(t, s, i.ID, "token")
		if err := s.Delete(t.Context(), i.ID); err != nil {
			t.Fatal(err)
		}
		if authenticates(t, s, "token") {
			t.Error("a session of a deleted identity authenticates")
		}
		for _, key := range keysOf(t, s) {
			family, _, _ := strings.Cut(key, "/")
			if slices.Contains([]string{"identities", "identifiers", "verifiable", "recovery", "external", "epochs"}, family) {
				t.Errorf("%s is still there", key)
			}
		}
		err := s.Commit(t.Context(), &flow.Changes{CreateSession: newSession(i.ID, "another")})
		refused(t, "signing in", err, identity.ErrNotFound)
		created(t, s, "ann@example.org") // the identifiers are free
	})
}

func TestIdentitiesAreListedInPages(t *testing.T) {
	everywhere(t, func(t *testing.T, s *Store) {
		var want []string
		for n := range 7 {
			want = append(want, created(t, s, fmt.Sprintf("n%d@example.org", n)).ID)
		}
		slices.Sort(want)
		var got []string
		page := identity.Page{Limit: 3}
		for {
			list, err := s.Identities(t.Context(), page)
			if err != nil {
				t.Fatal(err)
			}
			if len(list) == 0 {
				break
			}
			for _, i := range list {
				got = append(got, i.ID)
			}
			page.After = got[len(got)-1]
		}
		if !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}

func TestSizeOfRecordsIsBounded(t *testing.T) {
	everywhere(t, func(t *testing.T, s *Store) {
		large := newIdentity("large@example.org")
		large.MetadataAdmin = []byte(`"` + strings.Repeat("x", maxRecord) + `"`)
		refused(t, "an identity beyond the limit", s.Create(t.Context(), large), kv.ErrTooLarge)

		many := newIdentity("many@example.org")
		for n := range maxIndexes {
			many.Recovery = append(many.Recovery, identity.RecoveryAddress{Via: identity.ViaEmail, Value: fmt.Sprint(n)})
		}
		refused(t, "too many addresses", s.Create(t.Context(), many), kv.ErrTooLarge)
		if got := keysOf(t, s); len(got) != 0 {
			t.Errorf("got keys %q, want none", got)
		}
	})
}

// The largest commit there is: all indexes replaced, with flow, new session and token.
func TestLargestChangeFitsIntoOneCommit(t *testing.T) {
	everywhere(t, func(t *testing.T, s *Store) {
		full := func(name string) []identity.RecoveryAddress {
			var out []identity.RecoveryAddress
			for n := range maxIndexes {
				long := fmt.Sprintf("%s%d@%s.example", name, n, strings.Repeat("long", 50))
				out = append(out, identity.RecoveryAddress{Via: identity.ViaEmail, Value: long})
			}
			return out
		}
		i := identity.New("default", time.Now())
		i.Recovery = full("old")
		n := newSession(i.ID, "token")
		if err := s.Commit(t.Context(), &flow.Changes{CreateIdentity: i, CreateSession: n}); err != nil {
			t.Fatal(err)
		}
		i.Recovery = full("new")
		old := n.TokenHash
		n.TokenHash[0]++
		f := &flow.Record{ID: "f1", ExpiresAt: time.Now().Add(time.Hour)}
		err := s.Commit(t.Context(), &flow.Changes{Flow: f, UpdateIdentity: i, UpdateSession: n, ReplacesToken: &old})
		if err != nil {
			t.Errorf("replacing everything: %v", err)
		}
	})
}

func TestProjectsDoNotSeeEachOther(t *testing.T) {
	for name, store := range map[string]kv.Store{"memory": newMemory(t), "etcd": sharedEtcd(t)} {
		t.Run(name, func(t *testing.T) {
			name := nextProject()
			one, two := New(store, name), New(store, name+"/sub") // hostile: looks like a key below the first
			i := created(t, one, "ann@example.org")
			signedIn(t, one, i.ID, "token")
			if _, err := two.Identity(t.Context(), i.ID); !errors.Is(err, identity.ErrNotFound) {
				t.Errorf("the other project's identity: got %v, want ErrNotFound", err)
			}
			if authenticates(t, two, "token") {
				t.Error("a token authenticates in another project")
			}
			created(t, two, "ann@example.org")
			list, err := one.Identities(t.Context(), identity.Page{Limit: 10})
			if err != nil || len(list) != 1 {
				t.Errorf("listing: got %d, %v, want the own identity only", len(list), err)
			}
			if err := two.RevokeAll(t.Context(), i.ID); err != nil {
				t.Fatal(err)
			}
			if !authenticates(t, one, "token") {
				t.Error("a session was revoked from another project")
			}
		})
	}
}

func TestDamagedIdentityIsAnErrorAndNotNobody(t *testing.T) {
	s := New(newMemory(t), "")
	i := created(t, s, "ann@example.org")
	signedIn(t, s, i.ID, "token")
	for _, damaged := range []string{`{`, `{"v":1,"id":"somebody else"}`, `{"v":9}`} {
		if _, err := s.KV.Commit(t.Context(), nil, []kv.Op{kv.Put(s.keys.identity(i.ID), []byte(damaged))}); err != nil {
			t.Fatal(err)
		}
		_, err := s.ByIdentifier(t.Context(), identity.Password, "ann@example.org")
		refused(t, damaged, err, ErrDamaged)
		_, err = s.ByToken(t.Context(), newSession(i.ID, "token").TokenHash)
		refused(t, damaged+" behind a token", err, ErrDamaged)
		refused(t, "updating over "+damaged, s.Update(t.Context(), i), ErrDamaged)
	}
}
