package caddymodule

import (
	"mime"
	"net/http"
	"strings"
	"testing"

	"github.com/gatehouse-id/gatehouse/core/session"
)

func TestHeaderValue(t *testing.T) {
	tests := []struct {
		text, want string
		ok         bool
	}{
		{"ann@example.org", "ann@example.org", true},
		{"a, b; \"c\"", "a, b; \"c\"", true},
		{"Änn", "=?utf-8?b?w4Rubg==?=", true},
		{" ann", "=?utf-8?b?IGFubg==?=", true},
		{"=?utf-8?b?YWRtaW4=?=", "=?utf-8?b?PT91dGYtOD9iP1lXUnRhVzQ9Pz0=?=", true},
		{strings.Repeat("x", maxHeaderValue), strings.Repeat("x", maxHeaderValue), true},
		{strings.Repeat("x", maxHeaderValue+1), "", false},
		{strings.Repeat("ä", maxHeaderValue/2), "", false},
		{"", "", false},
		{"a\r\nX-Admin: 1", "", false},
		{"a\x00b", "", false},
		{"a\tb", "", false},
		{"a\x7f", "", false},
		{"a\u0085b", "", false},
	}
	for _, test := range tests {
		got, ok := headerValue(test.text)
		if ok != test.ok || ok && got != test.want {
			t.Errorf("%.40q: got %.60q %v, want %.60q %v", test.text, got, ok, test.want, test.ok)
		}
	}
}

// FuzzHeaderValue checks that a value is one line of printable ASCII that decodes to
// what the person wrote.
func FuzzHeaderValue(f *testing.F) {
	for _, seed := range []string{"ann", "Änn", "=?utf-8?q?x?=", " a", "a\nb", "\xff"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		value, ok := headerValue(text)
		if !ok {
			return
		}
		if strings.ContainsFunc(value, func(r rune) bool { return r < ' ' || r > '~' }) || strings.TrimSpace(value) != value || len(value) > maxHeaderValue {
			t.Fatalf("%q: got %q", text, value)
		}
		back, err := new(mime.WordDecoder).DecodeHeader(value)
		if err != nil || back != text && strings.ToValidUTF8(text, "\ufffd") == text {
			t.Errorf("%q: %q decodes to %q, %v", text, value, back, err)
		}
	})
}

func TestPrincipalsFollowTheFacts(t *testing.T) {
	app := newStubApp()
	wanted, err := parseHeaders(map[string]string{"X-Email": "identity.traits.email"})
	if err != nil {
		t.Fatal(err)
	}
	p := &principals{wanted: wanted}
	app.book.signIn("a")
	h := session.HashToken("a")
	facts := app.book.facts[h]
	first := p.of(&h, &facts)
	if p.of(&h, &facts) != first {
		t.Error("the same facts were prepared twice")
	}
	changed := facts
	identity := *facts.Identity
	identity.Traits = []byte(`{"email":"new@example.org"}`)
	changed.Identity = &identity
	header := http.Header{}
	p.of(&h, &changed).setHeaders(header)
	if got := header.Get("X-Email"); got != "new@example.org" {
		t.Errorf("after a change: got %q", got)
	}
}

// Handlers behind the guard may add values, and change them in place.
func TestHeadersAreApart(t *testing.T) {
	app := newStubApp()
	app.book.signIn("a")
	facts := app.book.facts[session.HashToken("a")]
	wanted, err := parseHeaders(map[string]string{"X-Email": "identity.traits.email"})
	if err != nil {
		t.Fatal(err)
	}
	p := newPrincipal(&facts, wanted)
	one, two := http.Header{}, http.Header{}
	p.setHeaders(one)
	p.setHeaders(two)
	one[identityHeader][0] = "changed"
	one.Add(identityHeader, "added")
	if got := one.Get("X-Email"); got != "ann@example.org" {
		t.Errorf("X-Email: got %q", got)
	}
	if got := two.Get(identityHeader); got != "ann-id" {
		t.Errorf("got %q", got)
	}
}
