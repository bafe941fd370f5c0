package selfservice_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/gatehouse-id/gatehouse/core/config"
	"github.com/gatehouse-id/gatehouse/core/selfservice"
)

// FuzzReturnTo reads what was allowed the way browsers do, which is not the way
// net/url does: it must still be on the allowed host.
func FuzzReturnTo(f *testing.F) {
	c := config.Default()
	c.SelfService.AllowedReturnURLs = []string{"https://app.example/in", "https://*.wild.example.org"}
	e := &selfservice.Engine{Config: func() *config.Config { return &c }}
	for _, s := range []string{
		"https://app.example/in", "/in", "//evil.example", `/\evil.example`, "https://app.example@evil.example/in", "https:evil.example",
		"https://a.wild.example.org/x", "https://evil.example%2f.wild.example.org", "https://app.example/in/%2e%2e/x", "/self-service/x", "HTTPS://APP.example/in#x",
		"https://evil.example／.wild.example.org/", "ht\ttps://app.example/in", "https://[::1%25.wild.example.org]/",
	} {
		f.Add(s)
	}
	const base = "http://here.example"
	f.Fuzz(func(t *testing.T, raw string) {
		got, err := e.ReturnTo(raw, base)
		if err != nil || raw == "" {
			if got != "" {
				t.Errorf("%q: got %q with an error", raw, got)
			}
			return
		}
		for _, spelled := range []string{got, raw} {
			scheme, host, ok := asBrowsersRead(spelled)
			if !ok && spelled == raw && strings.HasPrefix(raw, "/") {
				continue // a path of the default place
			}
			allowed := scheme == "https" && (host == "app.example" || strings.HasSuffix(host, ".wild.example.org")) || scheme == "http" && host == "here.example"
			if !ok || !allowed {
				t.Errorf("%q was allowed as %q and leads to %q at %q", raw, got, scheme, host)
			}
		}
		if u, err := url.Parse(got); err != nil || u.User != nil || strings.Contains(u.Path, "..") && strings.Contains(u.Path, "/../") {
			t.Errorf("%q was allowed as %q", raw, got)
		}
		if again, err := e.ReturnTo(got, base); err != nil || again != got {
			t.Errorf("%q was allowed as %q, and that as %q: %v", raw, got, again, err)
		}
	})
}

// asBrowsersRead splits a URL by the rules of the WHATWG: tabs and newlines
// vanish, a backslash is a slash, and any number of slashes follows the scheme.
func asBrowsersRead(raw string) (scheme, host string, ok bool) {
	raw = strings.NewReplacer("\t", "", "\n", "", "\r", "", `\`, "/").Replace(strings.TrimFunc(raw, func(r rune) bool { return r <= ' ' }))
	scheme, rest, ok := strings.Cut(raw, ":")
	if !ok || strings.ContainsAny(scheme, "/?#") {
		return "", "", false
	}
	rest = strings.TrimLeft(rest, "/")
	if end := strings.IndexAny(rest, "/?#"); end >= 0 {
		rest = rest[:end]
	}
	return strings.ToLower(scheme), strings.ToLower(rest[strings.LastIndex(rest, "@")+1:]), true
}
