package storage

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/gatehouse-id/gatehouse/core/identity"
	"github.com/gatehouse-id/gatehouse/storage/kv"
)

// named stores an identity that is found by a name.
func named(t testing.TB, s *Store, name string) *identity.Identity {
	t.Helper()
	i := identity.New("default", time.Now())
	i.Apply([]byte(`{}`), identity.Derived{Search: []identity.Term{{Trait: "name", Value: name}}}, time.Now())
	if err := s.Create(t.Context(), i); err != nil {
		t.Fatal(err)
	}
	return i
}

func idsOf(all []*identity.Identity) []string {
	ids := []string{}
	for _, i := range all {
		ids = append(ids, i.ID)
	}
	return ids
}

// TestPagesShowEveryIdentityOnce walks a store whose identities are more than one listing's worth, by position and by id.
func TestPagesShowEveryIdentityOnce(t *testing.T) {
	s := New(newMemory(t), "")
	var want []string
	for range 2*listed + 345 {
		want = append(want, named(t, s, "x").ID)
	}
	slices.Sort(want)
	for _, size := range []int{100, 333, listed} {
		var byID, byPosition []string
		for after := ""; ; after = byID[len(byID)-1] {
			page, err := s.Identities(t.Context(), identity.Page{After: after, Limit: size})
			if err != nil {
				t.Fatal(err)
			}
			if byID = append(byID, idsOf(page)...); len(page) < size {
				break
			}
		}
		for len(byPosition) < len(want) {
			page, total, err := s.IdentitiesFrom(t.Context(), len(byPosition), size)
			if err != nil || total != len(want) || len(page) == 0 {
				t.Fatalf("from %d: got %d of %d, %v, want some of %d", len(byPosition), len(page), total, err, len(want))
			}
			byPosition = append(byPosition, idsOf(page)...)
		}
		if !slices.Equal(byID, want) {
			t.Errorf("pages of %d by id: got %d identities, want %d", size, len(byID), len(want))
		}
		if !slices.Equal(byPosition, want) {
			t.Errorf("pages of %d by position: got %d identities, want %d", size, len(byPosition), len(want))
		}
	}
	if page, total, err := s.IdentitiesFrom(t.Context(), len(want)+5, 10); len(page) != 0 || total != len(want) || err != nil {
		t.Errorf("behind the last page: got %d of %d, %v", len(page), total, err)
	}
}

func TestCountFollowsCreationAndDeletion(t *testing.T) {
	everywhere(t, func(t *testing.T, s *Store) {
		var all []*identity.Identity
		for n := range 5 {
			all = append(all, named(t, s, fmt.Sprint("n", n)))
		}
		for left := len(all); left > 0; left-- {
			if page, total, err := s.IdentitiesFrom(t.Context(), 0, 10); err != nil || total != left || len(page) != left {
				t.Errorf("got %d of %d, %v, want %d", len(page), total, err, left)
			}
			if err := s.Delete(t.Context(), all[left-1].ID); err != nil {
				t.Fatal(err)
			}
		}
		refused(t, "deleting again", s.Delete(t.Context(), all[0].ID), identity.ErrNotFound)
		if _, total, err := s.IdentitiesFrom(t.Context(), 0, 10); total != 0 || err != nil {
			t.Errorf("got %d, %v, want none", total, err)
		}
	})
}

// TestManyCountTogether: identities of one shard are made and deleted at the same time, and none is counted wrong.
func TestManyCountTogether(t *testing.T) {
	everywhere(t, func(t *testing.T, s *Store) {
		const many = 24
		var all sync.WaitGroup
		for n := range many {
			all.Go(func() {
				i := identity.New("default", time.Now())
				i.ID = "ab" + i.ID[2:]
				create := func() error { return s.Create(t.Context(), i) }
				if err := insist(create); err != nil {
					t.Errorf("creating: %v", err)
				}
				if n%3 == 0 {
					if err := insist(func() error { return s.Delete(t.Context(), i.ID) }); err != nil {
						t.Errorf("deleting: %v", err)
					}
				}
			})
		}
		all.Wait()
		page, total, err := s.IdentitiesFrom(t.Context(), 0, 100)
		if want := many - many/3; err != nil || total != want || len(page) != want {
			t.Errorf("got %d of %d, %v, want %d", len(page), total, err, want)
		}
	})
}

// insist repeats what has lost too many races.
func insist(do func() error) error {
	for {
		if err := do(); !errors.Is(err, kv.ErrConflict) {
			return err
		}
	}
}

// TestCountIsCorrectedAfterDeletionFromAFullStore: the counter can't be moved there, and the next listing finds out.
func TestCountIsCorrectedAfterDeletionFromAFullStore(t *testing.T) {
	s := New(newMemory(t), "")
	i, other := named(t, s, "ann"), named(t, s, "bob")
	full := New(fullStore{s.KV}, "")
	if err := full.Delete(t.Context(), i.ID); err != nil {
		t.Fatalf("deleting from a full store: %v", err)
	}
	for _, want := range []int{2, 1} {
		page, total, err := s.IdentitiesFrom(t.Context(), 0, 10)
		if err != nil || total != want || !slices.Equal(idsOf(page), []string{other.ID}) {
			t.Errorf("got %q of %d, %v, want the one that is left, of %d", idsOf(page), total, err, want)
		}
	}
}

// fullStore takes no Put.
type fullStore struct{ kv.Store }

func (f fullStore) Commit(ctx context.Context, conds []kv.Cond, ops []kv.Op) (int64, error) {
	if slices.ContainsFunc(ops, func(o kv.Op) bool { return !o.Delete }) {
		return 0, kv.ErrNoSpace
	}
	return f.Store.Commit(ctx, conds, ops)
}

func TestLookups(t *testing.T) {
	everywhere(t, func(t *testing.T, s *Store) {
		ann, bob := created(t, s, "ann@example.org"), created(t, s, "bob@example.org")
		bob.ExternalID = "crm/1"
		if err := s.Update(t.Context(), bob); err != nil {
			t.Fatal(err)
		}
		all, err := s.Among(t.Context(), []string{bob.ID, uuid.NewString(), ann.ID, bob.ID})
		if want := slices.Sorted(slices.Values([]string{ann.ID, bob.ID})); err != nil || !slices.Equal(idsOf(all), want) {
			t.Errorf("Among: got %q, %v, want %q", idsOf(all), err, want)
		}
		types := []identity.CredentialType{identity.OIDC, identity.Password}
		if all, err = s.Identified(t.Context(), types, "ann@example.org"); err != nil || !slices.Equal(idsOf(all), []string{ann.ID}) {
			t.Errorf("Identified: got %q, %v", idsOf(all), err)
		}
		if all, err = s.Identified(t.Context(), types, "eve@example.org"); err != nil || len(all) != 0 {
			t.Errorf("Identified of nobody: got %q, %v", idsOf(all), err)
		}
		if i, err := s.ByExternalID(t.Context(), "crm/1"); err != nil || i.ID != bob.ID {
			t.Errorf("ByExternalID: got %v, %v", i, err)
		}
		_, err = s.ByExternalID(t.Context(), "crm")
		refused(t, "an external id of nobody", err, identity.ErrNotFound)
	})
}

// found walks all pages of a search.
func found(t *testing.T, s *Store, value string, prefix bool) []string {
	t.Helper()
	var ids []string
	q := identity.Query{Term: identity.Term{Trait: "name", Value: value}, Prefix: prefix, Limit: 2}
	for {
		page, next, err := s.Search(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, idsOf(page)...)
		if next == "" {
			return ids
		}
		q.After = next
	}
}

func TestSearchFindsByValueAndByItsBeginning(t *testing.T) {
	everywhere(t, func(t *testing.T, s *Store) {
		long := strings.Repeat("x", maxOrdered)
		ids := map[string]string{}
		for _, name := range []string{"smith", "smithers", "smi/th", "o'neil", "ärger", long + "1", long + "2", long} {
			ids[name] = named(t, s, name).ID
		}
		twin := named(t, s, "smith").ID
		for _, tt := range []struct {
			value  string
			prefix bool
			want   []string
		}{
			{"smith", false, []string{ids["smith"], twin}},
			{"smith", true, []string{ids["smith"], ids["smithers"], twin}},
			{"smi", true, []string{ids["smith"], ids["smithers"], twin, ids["smi/th"]}},
			{"smi", false, nil},
			{"smi/th", false, []string{ids["smi/th"]}},
			{"o'", true, []string{ids["o'neil"]}},
			{"ä", true, []string{ids["ärger"]}},
			{long + "1", false, []string{ids[long+"1"]}},
			{long, false, []string{ids[long]}},
			{long, true, []string{ids[long], ids[long+"1"], ids[long+"2"]}},
			{"~", true, nil},
		} {
			got := found(t, s, tt.value, tt.prefix)
			slices.Sort(got)
			slices.Sort(tt.want)
			if !slices.Equal(got, tt.want) {
				t.Errorf("%.20q, prefix %v: got %q, want %q", tt.value, tt.prefix, got, tt.want)
			}
		}
	})
}

func TestSearchFollowsTheTraits(t *testing.T) {
	everywhere(t, func(t *testing.T, s *Store) {
		i := named(t, s, "ann")
		i.Search = []identity.Term{{Trait: "name", Value: "anna"}}
		if err := s.Update(t.Context(), i); err != nil {
			t.Fatal(err)
		}
		if got := found(t, s, "ann", false); len(got) != 0 {
			t.Errorf("the old value finds %q", got)
		}
		if got := found(t, s, "anna", false); !slices.Equal(got, []string{i.ID}) {
			t.Errorf("the new value finds %q", got)
		}
		if err := s.Delete(t.Context(), i.ID); err != nil {
			t.Fatal(err)
		}
		for _, key := range keysOf(t, s) {
			if strings.HasPrefix(key, familySearch) {
				t.Errorf("%s is left of a deleted identity", key)
			}
		}
	})
}

func TestSearchRefusesTokensOfOtherQueries(t *testing.T) {
	s := New(newMemory(t), "")
	named(t, s, "ann")
	for _, token := range []string{"bob/x", "ann", "..", "\x00", "ann/\n", "ann/\xff"} {
		_, _, err := s.Search(t.Context(), identity.Query{Term: identity.Term{Trait: "name", Value: "ann"}, After: token, Limit: 1})
		refused(t, fmt.Sprintf("%q", token), err, identity.ErrToken)
	}
}

func TestReceiptLetsOneOfManyCreate(t *testing.T) {
	everywhere(t, func(t *testing.T, s *Store) {
		receipt := func(i *identity.Identity) *identity.Receipt {
			return &identity.Receipt{Key: "k1", IdentityID: i.ID, ExpiresAt: s.Now().Add(time.Hour)}
		}
		const many = 8
		errs := make([]error, many)
		var all sync.WaitGroup
		for n := range many {
			all.Go(func() {
				i := newIdentity(fmt.Sprintf("n%d@example.org", n))
				errs[n] = s.CreateOnce(t.Context(), i, receipt(i))
			})
		}
		all.Wait()
		made := 0
		for _, err := range errs {
			if err == nil {
				made++
				continue
			}
			refused(t, "repeating", err, identity.ErrRepeated)
		}
		r, err := s.Receipt(t.Context(), "k1")
		if err != nil || made != 1 {
			t.Fatalf("%d were made, %v, want 1", made, err)
		}
		if _, err := s.Identity(t.Context(), r.IdentityID); err != nil {
			t.Errorf("the receipt leads to %v", err)
		}
		now := s.Now()
		s.Now = func() time.Time { return now.Add(2 * time.Hour) }
		_, err = s.Receipt(t.Context(), "k1")
		refused(t, "an expired receipt", err, identity.ErrNotFound)
		again := newIdentity("late@example.org")
		if err := s.CreateOnce(t.Context(), again, receipt(again)); err != nil {
			t.Errorf("creating after the receipt has expired: %v", err)
		}
	})
}

func TestDeleteUnchanged(t *testing.T) {
	everywhere(t, func(t *testing.T, s *Store) {
		i := created(t, s, "ann@example.org")
		old := i.Clone()
		i.ExternalID = "crm-1"
		if err := s.Update(t.Context(), i); err != nil {
			t.Fatal(err)
		}
		refused(t, "deleting what has changed", s.DeleteUnchanged(t.Context(), old), identity.ErrChanged)
		if err := s.DeleteUnchanged(t.Context(), i); err != nil {
			t.Errorf("deleting what has not: %v", err)
		}
	})
}

// FuzzOrdered: values keep their beginning, and never leave their component.
func FuzzOrdered(f *testing.F) {
	f.Add("smith", "smithers")
	f.Add("a/b", "a~2fb")
	f.Fuzz(func(t *testing.T, a, b string) {
		x, y := ordered(a), ordered(b)
		if !printable(x) || strings.Contains(x, "/") {
			t.Errorf("%q is encoded as %q", a, x)
		}
		if len(a) <= maxOrdered && len(b) <= maxOrdered && strings.HasPrefix(b, a) != strings.HasPrefix(y, x) {
			t.Errorf("%q begins with %q: %v; %q with %q: %v", b, a, strings.HasPrefix(b, a), y, x, strings.HasPrefix(y, x))
		}
	})
}

// FuzzSearchToken: a token that somebody made up is refused, or leads to a page of the query.
func FuzzSearchToken(f *testing.F) {
	s := New(newMemory(f), "")
	i := named(f, s, "ann")
	f.Add("ann/" + i.ID)
	f.Add("ann/../x")
	f.Add("\x00/~")
	f.Fuzz(func(t *testing.T, token string) {
		q := identity.Query{Term: identity.Term{Trait: "name", Value: "a"}, Prefix: true, After: token, Limit: 1}
		found, _, err := s.Search(t.Context(), q)
		if err != nil && !errors.Is(err, identity.ErrToken) {
			t.Errorf("%q: got %v, want ErrToken", token, err)
		}
		if len(found) > 1 || len(found) == 1 && found[0].ID != i.ID {
			t.Errorf("%q: got %q", token, idsOf(found))
		}
	})
}
