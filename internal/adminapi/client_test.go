package adminapi_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/gatehouse-id/gatehouse/internal/adminapi"
)

func TestNextIsTheQueryOfTheNextPage(t *testing.T) {
	for header, want := range map[string]string{
		`<http://inside/admin/identities?page_token=a>; rel="first",<http://inside/admin/identities?page_size=2&page_token=b>; rel="next"`: "page_size=2&page_token=b",
		`</identities?page=1&per_page=5>; rel=next`:    "page=1&per_page=5",
		`<http://inside/admin/identities>; rel="last"`: "",
		``:                                    "",
		`<http://[broken?page=1>; rel="next"`: "",
		`rel="next"`:                          "",
		`<?page=2>; rel="next", <?page=9>; rel="last"`:   "page=2",
		`<?page=9>; rel="last",   <?page=2>; rel="next"`: "page=2",
	} {
		if got := adminapi.Next(http.Header{"Link": {header}}); got != want {
			t.Errorf("%s: got %q, want %q", header, got, want)
		}
	}
}

// server answers at one path and remembers the token it was sent.
func server(t *testing.T, path string, status int, body string) (*httptest.Server, *string) {
	t.Helper()
	token := new(string)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		*token = r.Header.Get("Authorization")
		if r.URL.Path != path {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}))
	t.Cleanup(s.Close)
	return s, token
}

func TestFindKnowsOldServersToo(t *testing.T) {
	for _, path := range []string{"/admin/identities", "/identities"} {
		s, token := server(t, path, 200, `[]`)
		c, err := adminapi.Find(t.Context(), s.URL, "secret")
		if err != nil || c.Base+"/identities" != s.URL+path {
			t.Errorf("%s: got %v %v", path, c, err)
		}
		if *token != "Bearer secret" {
			t.Errorf("%s: got the token %q", path, *token)
		}
	}
	c, err := adminapi.Find(t.Context(), "http://127.0.0.1:1/api/kratos/admin/", "")
	if err != nil || c.Base != "http://127.0.0.1:1/api/kratos/admin" {
		t.Errorf("a URL with a path: got %v %v", c, err)
	}
	for _, bad := range []string{"", "kratos:4434", "ftp://kratos", "http://127.0.0.1:1"} {
		if _, err := adminapi.Find(t.Context(), bad, ""); err == nil {
			t.Errorf("%q: no error", bad)
		}
	}
}

func TestRefusalsSayWhy(t *testing.T) {
	for body, want := range map[string]string{
		`{"error":{"code":401,"message":"No.","reason":"Send a token."}}`: "No. Send a token",
		`{"error":"no such path"}`:                                        "no such path",
		`<html>`:                                                          "it is no Kratos that answers",
		`{}`:                                                              "401",
	} {
		s, _ := server(t, "/admin/x", http.StatusUnauthorized, body)
		_, err := adminapi.New(s.URL+"/admin", "").Call(t.Context(), http.MethodGet, "/x", nil, nil)
		if adminapi.StatusOf(err) != http.StatusUnauthorized || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v", body, err)
		}
	}
}

// TestTokensStayWithTheirServer: a redirect is an answer, not a place to take the token to.
func TestTokensStayWithTheirServer(t *testing.T) {
	thief, token := server(t, "/", 200, `{}`)
	s := httptest.NewServer(http.RedirectHandler(thief.URL+"/", http.StatusTemporaryRedirect))
	defer s.Close()
	_, err := adminapi.New(s.URL, "secret").Call(t.Context(), http.MethodGet, "/identities", nil, new(json.RawMessage))
	if adminapi.StatusOf(err) != http.StatusTemporaryRedirect || *token != "" {
		t.Errorf("got %v, and somebody else the token %q", err, *token)
	}
}

// FuzzNext: a header of any server leads to a query or nowhere.
func FuzzNext(f *testing.F) {
	f.Add(`<http://a/b?c=d>; rel="next", <x`)
	f.Fuzz(func(t *testing.T, header string) {
		if q := adminapi.Next(http.Header{"Link": {header}}); strings.ContainsAny(q, "<>") {
			t.Errorf("%q: got %q", header, q)
		}
	})
}
