package project_test

import (
	"strings"
	"testing"

	"github.com/gatehouse-id/gatehouse/core/project"
)

func TestSlugsAreLabelsOfHosts(t *testing.T) {
	for range 1000 {
		if slug := project.NewSlug(); project.CheckSlug(slug) != nil {
			t.Fatalf("a slug that was made up isn't good: %v", project.CheckSlug(slug))
		}
	}
	for _, good := range []string{"abc", "shop-2", "a1b", strings.Repeat("a", 40)} {
		if err := project.CheckSlug(good); err != nil {
			t.Errorf("%q: %v", good, err)
		}
	}
	for _, bad := range []string{"", "a", "ab", "-abc", "abc-", "a--b", "xn--abc", "Shop", "shöp", "sh.op", "sh/op", "shop\n", "a b c", "admin", "console", strings.Repeat("a", 41)} {
		refused(t, bad, project.CheckSlug(bad), "slug: ")
	}
}

func TestHostsAreComparedInOneForm(t *testing.T) {
	for raw, want := range map[string]string{
		"Login.Shop.Example": "login.shop.example", "login.shop.example.": "login.shop.example", " a.b ": "a.b",
		"müller.example": "xn--mller-kva.example", "MÜLLER.example": "xn--mller-kva.example", "shop.localhost": "shop.localhost",
	} {
		if got, err := project.NormalizeHost(raw); got != want || err != nil {
			t.Errorf("%q: got %q, %v, want %q", raw, got, err, want)
		}
	}
	for _, bad := range []string{
		"", ".", "localhost", "*.shop.example", "shop.*", "https://shop.example", "shop.example:8080", "shop.example/x", "a@shop.example",
		"192.0.2.1", "[2001:db8::1]", "2001:db8::1", "1.2.3.0x7f", "shop.1", "127.1", "shop..example", "-.example", "a_b.example",
		"sh op.example", "shop.example\n.evil.example", strings.Repeat("a", 64) + ".example", strings.Repeat("a.", 200) + "example", "xn--a.example",
	} {
		if got, err := project.NormalizeHost(bad); err == nil {
			t.Errorf("%q was taken as %q", bad, got)
		}
	}
}

func FuzzNormalizeHost(f *testing.F) {
	for _, seed := range []string{"Shop.Example", "müller.example", "a.b.", "xn--mller-kva.example", "1.2.3.4", "*.x.y"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		host, err := project.NormalizeHost(raw)
		if err != nil {
			return
		}
		if again, err := project.NormalizeHost(host); again != host || err != nil {
			t.Errorf("%q became %q, which becomes %q, %v", raw, host, again, err)
		}
		if strings.ContainsAny(host, "*/:@ ") || host != strings.ToLower(host) || len(host) > 253 {
			t.Errorf("%q became %q", raw, host)
		}
	})
}
