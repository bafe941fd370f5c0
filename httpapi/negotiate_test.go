package httpapi

import (
	"net/http"
	"testing"
)

// TestNegotiation is the table of behaviours.md 2.1, and what browsers and clients
// really send.
func TestNegotiation(t *testing.T) {
	const chrome = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"
	for _, c := range []struct {
		accept, contentType string
		wants, accepts      bool
	}{
		{"", "", false, false},
		{"*/*", "", false, false},
		{chrome, "", false, false},
		{chrome, "application/x-www-form-urlencoded", false, false},
		{"application/json", "", true, true},
		{"application/json, text/plain, */*", "", true, true},
		{"", "application/json", true, false},
		{"", "application/json; charset=utf-8", true, false},
		{"text/html", "application/json", true, false},
		{"application/*", "", true, true},
		{"application/json;q=0", "", false, false},
		{"application/json;q=0.1, text/html;q=0.2", "", false, false},
		{"APPLICATION/JSON", "", true, true},
		{"application/json;q=2, text/html", "", false, false},
		{"application/json;q=NaN", "", false, false},
		{"application/jsonp", "", false, false},
		{",;,", "", false, false},
	} {
		r := &http.Request{Header: http.Header{}}
		if c.accept != "" {
			r.Header.Set("Accept", c.accept)
		}
		if c.contentType != "" {
			r.Header.Set("Content-Type", c.contentType)
		}
		if got := wantsJSON(r); got != c.wants {
			t.Errorf("Accept %q, Content-Type %q: wantsJSON is %v, want %v", c.accept, c.contentType, got, c.wants)
		}
		if got := acceptsJSON(r); got != c.accepts {
			t.Errorf("Accept %q: acceptsJSON is %v, want %v", c.accept, got, c.accepts)
		}
	}
}

func TestSeveralAcceptHeadersAreOneList(t *testing.T) {
	r := &http.Request{Header: http.Header{"Accept": {"text/html;q=0.5", "application/json"}}}
	if !acceptsJSON(r) {
		t.Error("the second Accept header was not read")
	}
}
