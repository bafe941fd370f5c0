package caddymodule

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
)

// cgiName is the variable that an upstream makes of a header, by the rule of RFC 3875
// as widely as servers apply it.
func cgiName(name string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' {
			return r - 'a' + 'A'
		}
		if r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
			return r
		}
		return '_'
	}, name)
}

func TestForgedIdentityHeadersNeverPass(t *testing.T) {
	g := behind(t, &Guard{Headers: map[string]string{"X-User": "identity.traits.email", "X-Missing": "identity.traits.missing"}})
	for _, forged := range []string{
		"X-Kratos-Authenticated-Identity-Id", "x-kratos-authenticated-identity-id", "X_Kratos_Authenticated_Identity_Id",
		"X.Kratos.Authenticated.Identity.Id", "X-Kratos_Authenticated.Identity~Id", "X-User", "x_user", "X.USER", "X!User", "X-Missing", "x_missing",
	} {
		r := request("GET", "/", "Cookie", goodCookie)
		r.Header[forged] = []string{"mallory", "eve"}
		g.serve(r)
		for name, values := range g.seen.Header {
			if slices.Contains(values, "mallory") || slices.Contains(values, "eve") {
				t.Errorf("%s: the upstream got %s: %q", forged, name, values)
			}
		}
		if got := g.seen.Header.Values(identityHeader); len(got) != 1 || got[0] != "ann-id" {
			t.Errorf("%s: the identity is %q", forged, got)
		}
	}
}

// A proxy deletes the headers that Connection names, ours too if it may.
func TestConnectionCantDeleteIdentityHeaders(t *testing.T) {
	tests := []struct {
		sent, want []string
	}{
		{[]string{"close, X-User"}, []string{"close"}},
		{[]string{"x-user,Upgrade"}, []string{"Upgrade"}},
		{[]string{"X-Kratos-Authenticated-Identity-Id\t, keep-alive", "X_User"}, []string{" keep-alive", ""}},
		{[]string{"keep-alive, X-Other"}, []string{"keep-alive, X-Other"}},
	}
	for _, test := range tests {
		g := behind(t, &Guard{Headers: map[string]string{"X-User": "identity.traits.email"}})
		r := request("GET", "/", "Cookie", goodCookie)
		r.Header["Connection"] = test.sent
		sent := slices.Clone(test.sent)
		g.serve(r)
		if got := g.seen.Header["Connection"]; !slices.Equal(got, test.want) {
			t.Errorf("sent %q: got %q, want %q", sent, got, test.want)
		}
	}
}

// The headers of one guard are stripped from the requests of all others: the same
// upstream may be behind both.
func TestGuardStripsTheHeadersOfOthers(t *testing.T) {
	g := behind(t, &Guard{})
	g.provision(t, &Guard{Headers: map[string]string{"X-Role": "identity.traits.role"}})
	g.get("/", "Cookie", goodCookie, "X-Role", "admin")
	if got, ok := g.seen.Header["X-Role"]; ok {
		t.Errorf("got %q", got)
	}
}

// Trailers come after the guard has decided, announced or not.
func TestForgedTrailersNeverPass(t *testing.T) {
	var managed managedHeaders
	got := make(chan http.Header, 1)
	front := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		managed.strip(r)
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			t.Error(err)
		}
		got <- r.Trailer
	}))
	defer front.Close()
	for _, announced := range []string{"X-Sum", "X-Sum, " + identityHeader} {
		conn, err := net.Dial("tcp", front.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(conn, "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nTrailer: %s\r\nConnection: close\r\n\r\n"+
			"2\r\nhi\r\n0\r\nX-Sum: 1\r\n%s: mallory\r\nX_Kratos_Authenticated_Identity_Id: mallory\r\n\r\n", announced, identityHeader)
		trailer := <-got
		if err := conn.Close(); err != nil {
			t.Fatal(err)
		}
		if trailer.Get("X-Sum") != "1" || len(trailer) != 1 {
			t.Errorf("announced %q: got the trailers %v, want X-Sum alone", announced, trailer)
		}
	}
}

func TestManagedHeadersHammer(t *testing.T) {
	var managed managedHeaders
	var all sync.WaitGroup
	for n := range 8 {
		all.Go(func() {
			for m := range 20 {
				name := fmt.Sprintf("X-User-%d", (n+m)%20)
				managed.add(name)
				if !managed.has(name) {
					t.Errorf("%s is not managed after add", name)
				}
			}
		})
	}
	all.Wait()
	if got := len(*managed.more.Load()); got != 20 {
		t.Errorf("got %d names, want 20", got)
	}
}

// FuzzFold checks the fold against the rule that upstreams follow: what becomes the
// same variable has to be the same header to us.
func FuzzFold(f *testing.F) {
	for _, seed := range []string{"X-User", "x_user", "X.User", "X User", "Xé", ""} {
		f.Add(seed, "X-User")
	}
	f.Fuzz(func(t *testing.T, name, ours string) {
		folded := foldHeader(ours)
		if got := foldsTo(name, folded); got != (foldHeader(name) == folded) {
			t.Errorf("foldsTo(%q, %q) is %v", name, folded, got)
		}
		if isASCII(name) && isASCII(ours) && cgiName(name) == cgiName(ours) && !foldsTo(name, folded) {
			t.Errorf("%q and %q are one variable", name, ours)
		}
	})
}

func isASCII(s string) bool { return !strings.ContainsFunc(s, func(r rune) bool { return r > 0x7f }) }

// FuzzWithoutCookies checks that no server finds a cookie of ours in what is left.
func FuzzWithoutCookies(f *testing.F) {
	for _, seed := range []string{"a=1; s=2; b=3", "s=1", " s =1;;s", "a=\"x; s=1\"", "s", "=s", ";"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, line string) {
		left := withoutCookies(line, []string{"s"})
		r := &http.Request{Header: http.Header{"Cookie": {left}}}
		if got := r.CookiesNamed("s"); len(got) != 0 {
			t.Errorf("%q: %q still has %v", line, left, got)
		}
		if again := withoutCookies(left, []string{"s"}); again != left {
			t.Errorf("%q: got %q, then %q", line, left, again)
		}
		before := (&http.Request{Header: http.Header{"Cookie": {line}}}).CookiesNamed("a")
		if after := r.CookiesNamed("a"); len(after) != len(before) {
			t.Errorf("%q: other cookies were %v, are %v", line, before, after)
		}
	})
}
