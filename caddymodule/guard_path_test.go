package caddymodule

import (
	"net/url"
	"path"
	"strings"
	"testing"
)

func TestPathDoubt(t *testing.T) {
	tests := []struct {
		path            string
		strict, lenient bool // refused
	}{
		// What normal applications use.
		{"", false, false},
		{"/", false, false},
		{"*", false, false},
		{"/a/b.c/d-e_f~g", false, false},
		{"//a//b/", false, false},
		{"/wiki/Washington,_D.C.", false, false},
		{"/.well-known/x", false, false},
		{"/a/..b/...c", false, false},
		{"/search/a%20b%3Fc%23d", false, false},
		{"/100%25", false, false},
		{"/100%25%20wool", false, false},
		{"/a%3Bb", false, false},
		{"/caf%C3%A9/%F0%9F%98%80", false, false},
		{"/latin1/%E9t%E9", false, false},
		{"/@scope/a:b@c=d&e+f$g!h'(i)", false, false},
		// What some applications use.
		{"/admin;a=b/x", true, false},
		{"/page;jsessionid=1", true, false},
		{"/a%2Fb", true, false},
		{"/%2561dmin/x", true, false},
		{"/admin./x", true, false},
		{"/admin%20/x", true, false},
		{"/admin.;v=1/x", true, false},
		// What nobody uses for good.
		{"/public/../admin", true, true},
		{"/public/./admin", true, true},
		{"/public/%2e%2E/admin", true, true},
		{"/public/..%2fadmin", true, true},
		{"/public/x%2f..%2fadmin", true, true},
		{"/public/..;/admin", true, true},
		{"/public/..;x=y/admin", true, true},
		{"/public/..%20/admin", true, true},
		{"/public/..", true, true},
		{"/a%5cb", true, true},
		{`/a\b`, true, true},
		{"/admin%00/x", true, true},
		{"/a%0d%0ab", true, true},
		{"/a%7f", true, true},
		{"/a%c0%afb", true, true},
		{"/a%e0%80%af", true, true},
		{"/a%f0%80%80%af", true, true},
		{"/a%zz", true, true},
		{"/a%", true, true},
	}
	for _, test := range tests {
		if got := pathDoubt(test.path, false); (got != "") != test.strict {
			t.Errorf("strict %q: got %q, want refused = %v", test.path, got, test.strict)
		}
		if got := pathDoubt(test.path, true); (got != "") != test.lenient {
			t.Errorf("lenient %q: got %q, want refused = %v", test.path, got, test.lenient)
		}
	}
}

// FuzzPathDoubt checks that a path which passes is where it seems to be, for an upstream
// that decodes once or twice, takes backslashes for slashes, cuts parameters, and cleans.
func FuzzPathDoubt(f *testing.F) {
	for _, seed := range []string{"/a/../b", "/a/%2e%2e/b", "/a/..;/b", "/a%2f..%2fb", "/a/%252e%252e/b", "/a/..%5cb", "/a/b"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, p string) {
		u, err := url.ParseRequestURI(p)
		if err != nil || !strings.HasPrefix(p, "/") {
			return
		}
		if pathDoubt(u.EscapedPath(), true) == "" {
			samePlace(t, p, u.Path)
		}
		if pathDoubt(u.EscapedPath(), false) != "" {
			return
		}
		samePlace(t, p, u.Path)
		if twice, err := url.PathUnescape(u.Path); err == nil {
			samePlace(t, p, twice)
		}
	})
}

// samePlace insists that cleaning does not lead out of any directory.
func samePlace(t *testing.T, sent, decoded string) {
	t.Helper()
	read := strings.ReplaceAll(decoded, `\`, "/")
	var plain []string
	for segment := range strings.SplitSeq(read, "/") {
		name, _, _ := strings.Cut(segment, ";")
		plain = append(plain, name)
	}
	joined := strings.Join(plain, "/")
	var kept []string
	for _, segment := range plain {
		if segment != "" {
			kept = append(kept, segment)
		}
	}
	if want := "/" + strings.Join(kept, "/"); path.Clean(joined) != want {
		t.Errorf("%q passes: it can be read as %q and as %q", sent, want, path.Clean(joined))
	}
}
