package lookup

import (
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-id/gatehouse/core/flow"
	"github.com/gatehouse-id/gatehouse/core/identity"
	"github.com/gatehouse-id/gatehouse/core/secret"
)

func TestCodesAreMadeOfAllCharactersAlike(t *testing.T) {
	seen, rounds := map[rune]int{}, 300
	codes := map[string]bool{}
	for range rounds {
		for _, code := range newCodes() {
			codes[code] = true
			for _, r := range code {
				seen[r]++
			}
		}
	}
	if len(codes) != rounds*count {
		t.Errorf("%d of %d codes differ", len(codes), rounds*count)
	}
	mean := rounds * count * length / len(alphabet)
	for _, r := range alphabet {
		if n := seen[r]; n < mean*8/10 || n > mean*12/10 {
			t.Errorf("%q is there %d times, %d are to be expected", r, n, mean)
		}
		delete(seen, r)
	}
	if len(seen) > 0 {
		t.Errorf("characters of no code: %v", seen)
	}
}

func newMethod() *Method {
	return &Method{On: func() bool { return true }, Cipher: secret.RandomKeys(), Now: time.Now}
}

// holder is an identity with confirmed codes.
func holder(t testing.TB, m *Method, codes ...string) *identity.Identity {
	t.Helper()
	i := identity.New("default", m.Now())
	f := &flow.Flow{Identity: i}
	if err := keep(f, note{New: codes}); err != nil {
		t.Fatal(err)
	}
	if out, err := m.confirm(f, i); err != nil || out.Rejected {
		t.Fatalf("confirming: %v %v", out, err)
	}
	return i
}

func answer(code string) flow.Submission {
	return flow.Submission{Fields: map[string]any{"lookup_secret": code}}
}

func TestCodesAreReadAsPeopleTypeThem(t *testing.T) {
	m := newMethod()
	i := holder(t, m, "abcd2345")
	for typed, want := range map[string]bool{
		"abcd2345": true, "ABCD-2345": true, " abcd 2345 ": true,
		"abcd234": false, "abcd23456": false, "abcd\u00002345": false, "": false, "ab": false,
	} {
		out, err := m.Login(t.Context(), &flow.Flow{}, i, answer(typed))
		if err != nil || out.Rejected == want {
			t.Errorf("%q: got %v %v, want success %v", typed, out, err, want)
		}
	}
}

// TestCodeBelongsToItsIdentity: hashes that are copied to another account open nothing there.
func TestCodeBelongsToItsIdentity(t *testing.T) {
	m := newMethod()
	eve, ada := holder(t, m, "abcd2345"), identity.New("default", m.Now())
	ada.Credentials = eve.Credentials
	if out, err := m.Login(t.Context(), &flow.Flow{}, ada, answer("abcd2345")); err != nil || !out.Rejected {
		t.Errorf("got %v %v, want a rejection", out, err)
	}
}

func TestLoginLeavesTheIdentityItWasGiven(t *testing.T) {
	m := newMethod()
	i := holder(t, m, "abcd2345", "efgh6789")
	before := string(i.Credentials[identity.LookupSecret].Config)
	if out, err := m.Login(t.Context(), &flow.Flow{}, i, answer("abcd2345")); err != nil || out.Rejected {
		t.Fatalf("got %v %v", out, err)
	}
	if after := string(i.Credentials[identity.LookupSecret].Config); after != before {
		t.Errorf("got %s, want %s", after, before)
	}
}

// FuzzLogin: whatever is typed, only the code itself signs in.
func FuzzLogin(f *testing.F) {
	m := newMethod()
	i := holder(f, m, "abcd2345", "efgh6789")
	for _, seed := range []string{"abcd2345", "ABCD-2345", "efgh6789 ", "\xff", strings.Repeat("a", 1000), "abcd2345\x00"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, typed string) {
		out, err := m.Login(t.Context(), &flow.Flow{}, i, answer(typed))
		if err != nil {
			t.Fatal(err)
		}
		if code := normalize(typed); !out.Rejected && code != "abcd2345" && code != "efgh6789" {
			t.Fatalf("%q signs in", typed)
		}
	})
}
