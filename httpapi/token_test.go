package httpapi

import (
	"net/http"
	"testing"
)

func TestSessionToken(t *testing.T) {
	tests := []struct {
		name   string
		header http.Header
		want   string
	}{
		{"cookie", http.Header{"Cookie": {"a=1; s=tok; b=2"}}, "tok"},
		{"quoted cookie", http.Header{"Cookie": {`s="tok"`}}, "tok"},
		{"the same cookie twice", http.Header{"Cookie": {"s=tok", "s=tok"}}, "tok"},
		{"two cookies that differ", http.Header{"Cookie": {"s=tok; s=planted"}}, ""},
		{"two cookies and a bearer token", http.Header{"Cookie": {"s=tok", "s=planted"}, "Authorization": {"Bearer b"}}, ""},
		{"empty cookie and a bearer token", http.Header{"Cookie": {"s="}, "Authorization": {"bearer b"}}, "b"},
		{"cookie of another name", http.Header{"Cookie": {"ss=tok; S=tok; as=tok"}}, ""},
		{"the header goes before the cookie", http.Header{"Cookie": {"s=tok"}, "X-Session-Token": {"h"}}, "h"},
		{"cookie in a header", http.Header{"X-Session-Cookie": {"h"}}, "h"},
		{"other scheme", http.Header{"Authorization": {"Basic b"}}, ""},
		{"nothing", http.Header{}, ""},
	}
	for _, test := range tests {
		if got := SessionToken(&http.Request{Header: test.header}, "s"); got != test.want {
			t.Errorf("%s: got %q, want %q", test.name, got, test.want)
		}
	}
}

func TestSessionTokenAllocatesNothing(t *testing.T) {
	r := &http.Request{Header: http.Header{"Cookie": {"a=1; s=tok; b=2"}}}
	if got := testing.AllocsPerRun(100, func() { SessionToken(r, "s") }); got != 0 {
		t.Errorf("got %v allocations", got)
	}
}

// FuzzOnlyCookie compares with net/http: we find no other value, and miss none. What
// net/http drops as malformed may make us refuse.
func FuzzOnlyCookie(f *testing.F) {
	for _, seed := range []string{"s=1", "a=1;s=2 ; s=2", `s="x"`, "s", "s=;s=1", " s = 1", `s="`, "s=a=b"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, line string) {
		got, found := onlyCookie([]string{line}, "s")
		cookies := (&http.Request{Header: http.Header{"Cookie": {line}}}).CookiesNamed("s")
		for _, k := range cookies {
			if k.Value != "" && got != "" && got != k.Value {
				t.Errorf("%q: got %q, net/http reads %q", line, got, k.Value)
			}
		}
		if len(cookies) == 1 && cookies[0].Value != "" && !found {
			t.Errorf("%q: got nothing, net/http reads %q", line, cookies[0].Value)
		}
	})
}
