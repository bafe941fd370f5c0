package httpapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/gatehouse-id/gatehouse/core/apierror"
	"github.com/gatehouse-id/gatehouse/core/config"
	"github.com/gatehouse-id/gatehouse/core/flow"
	"github.com/gatehouse-id/gatehouse/core/secret"
)

// fuzzCall is a call whose body can be decoded, on either mount.
func fuzzCall(contentType string, body []byte, d *dialect) *call {
	r := httptest.NewRequest(http.MethodPost, "/self-service/login", bytes.NewReader(body))
	r.Header.Set("Content-Type", contentType)
	return &call{m: &mount{dialect: d}, w: httptest.NewRecorder(), r: r}
}

// checkSubmission states what holds for every submission that was decoded.
func checkSubmission(t *testing.T, sub flow.Submission, err error) {
	t.Helper()
	if err != nil {
		var ae *apierror.Error
		if !errors.As(err, &ae) || ae.Status() >= 500 {
			t.Errorf("the client is told of %v", err)
		}
		return
	}
	raw, err := json.Marshal(sub.Fields)
	if err != nil {
		t.Errorf("the fields can't be written as JSON: %v", err)
	}
	if !utf8.Valid(raw) || !utf8.ValidString(sub.Method) || !utf8.ValidString(sub.CSRFToken) {
		t.Errorf("bad UTF-8 in %q", raw)
	}
	if _, err := StrictJSON(raw); err != nil {
		t.Errorf("what was decoded breaks the limits: %v", err)
	}
}

func FuzzDecodeJSON(f *testing.F) {
	for _, s := range []string{`{"method":"password","traits":{"email":"a@b.c"}}`, `{"traits.email":"a@b.c","traits":1}`, `{"a":{"a":1,"a":2}}`, `[[]]`, `{"transient_payload":[1e999]}`, `{"\u0000.\\.":null}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		for _, d := range []*dialect{today, seed} {
			sub, err := fuzzCall("application/json", body, d).decode(nil)
			checkSubmission(t, sub, err)
			again, err2 := fuzzCall("application/json", body, d).decode(nil)
			if (err == nil) != (err2 == nil) || !reflect.DeepEqual(sub, again) {
				t.Errorf("two readings: %v %v and %v %v", sub, err, again, err2)
			}
			if err == nil && !json.Valid(body) {
				t.Errorf("%q was taken for JSON", body)
			}
		}
	})
}

func FuzzDecodeForm(f *testing.F) {
	for _, s := range []string{"method=password&traits.email=a%40b.c", "a=1&a.b=2", "a\\.b=1&a..=2", "%ff=1&a=%00", "traits.=1&.=2"} {
		f.Add([]byte(s), "application/x-www-form-urlencoded")
	}
	f.Add([]byte("--b\r\nContent-Disposition: form-data; name=\"a.b\"\r\n\r\n1\r\n--b--\r\n"), "multipart/form-data; boundary=b")
	f.Fuzz(func(t *testing.T, body []byte, contentType string) {
		sub, err := fuzzCall(contentType, body, today).decode(nil)
		checkSubmission(t, sub, err)
		again, err2 := fuzzCall(contentType, body, today).decode(nil)
		if (err == nil) != (err2 == nil) || !reflect.DeepEqual(sub, again) {
			t.Errorf("two readings: %v %v and %v %v", sub, err, again, err2)
		}
	})
}

// FuzzSessionToken: whatever the headers are, a token comes from one of them, and
// two different cookies give none.
func FuzzSessionToken(f *testing.F) {
	f.Add("", "", "ory_kratos_session=a; ory_kratos_session=b", "Bearer x")
	f.Add("t", "c", "ory_kratos_session=\"a\"", "bearer  x ")
	f.Add("", "", "ory_kratos_session=\"", "0") // no cookie to net/http
	f.Fuzz(func(t *testing.T, header, cookieHeader, cookies, authorization string) {
		r := &http.Request{Header: http.Header{
			"X-Session-Token": {header}, "X-Session-Cookie": {cookieHeader}, "Cookie": {cookies}, "Authorization": {authorization},
		}}
		token := SessionToken(r, "ory_kratos_session")
		values := map[string]bool{}
		for _, k := range r.CookiesNamed("ory_kratos_session") {
			if k.Value != "" {
				values[k.Value] = true
			}
		}
		switch {
		case header != "":
			if token != header {
				t.Errorf("got %q, want the header's %q", token, header)
			}
		case cookieHeader != "":
			if token != cookieHeader {
				t.Errorf("got %q, want the header's %q", token, cookieHeader)
			}
		case len(values) > 1:
			if token != "" {
				t.Errorf("got %q out of several cookies %v", token, values)
			}
		case len(values) == 1:
			if !values[token] {
				t.Errorf("got %q, want the cookie's %v", token, values)
			}
		default:
			if token != "" && !strings.Contains(authorization, token) {
				t.Errorf("got %q out of %q", token, authorization)
			}
		}
	})
}

// FuzzFlowCookie: nothing but what was sealed is ever opened.
func FuzzFlowCookie(f *testing.F) {
	s := &Server{Options: Options{Keys: secret.RandomKeys(), Config: fixedConfig()}}
	f.Add("")
	f.Add(s.Keys.SealString("another purpose", []byte(`[{"i":"x"}]`), nil))
	f.Add(secret.RandomKeys().SealString("flow cookie", []byte(`[{"i":"x"}]`), nil))
	f.Fuzz(func(t *testing.T, value string) {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Header.Set("Cookie", flowCookie+"="+value+"; "+s.csrfCookie()+"="+value)
		c := &call{s: s, r: r}
		if b := c.bindings(); b != nil {
			t.Errorf("%q was opened: %v", value, b)
		}
		for _, b := range c.csrfSecrets() {
			if len(b) != 32 {
				t.Errorf("a CSRF secret of %d bytes", len(b))
			}
		}
	})
}

func FuzzAccept(f *testing.F) {
	for _, s := range []string{"", "*/*", "application/json", "text/html,application/json;q=0.9,*/*;q=0.8", "application/json;q=0", "a/b;q=NaN", "text/*;q=1;q=2", `a/b;x=","`, "application/json;q=+Inf"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, header string) {
		got := best(header, "text/html", "application/json")
		if got != "text/html" && got != "application/json" {
			t.Fatalf("%q: best is %q", header, got)
		}
		if got == "application/json" && !strings.Contains(strings.ToLower(header), "application/") {
			t.Errorf("%q: JSON that nobody asked for", header)
		}
	})
}

// FuzzErrorID: only ids that this server made name an error.
func FuzzErrorID(f *testing.F) {
	s := &Server{Options: Options{Keys: secret.RandomKeys()}}
	f.Add("", uint8(0), int64(0))
	f.Add(uuid.NewString(), uint8(3), int64(1)<<31)
	f.Fuzz(func(t *testing.T, id string, entry uint8, unix int64) {
		if n, _, ok := s.parseErrorID(id); ok {
			t.Errorf("%q names the error %d", id, n)
		}
		entry %= uint8(len(catalogue))
		unix = unix & 0xffffffff
		made := s.errorID(entry, time.Unix(unix, 0))
		n, at, ok := s.parseErrorID(made)
		if !ok || n != entry || at.Unix() != unix {
			t.Errorf("%q: got %d %v %v, want %d and %d", made, n, at, ok, entry, unix)
		}
		if u := uuid.MustParse(made); u.Version() != 4 || u.Variant() != uuid.RFC4122 {
			t.Errorf("%q is no UUID of version 4", made)
		}
	})
}

// FuzzRouting: whatever the path and method, a request is either not ours, and
// untouched, or answered without a server error.
func FuzzRouting(f *testing.F) {
	s := routingServer(f)
	for _, p := range []string{"/version", "/health/alive", "//version", "/schemas/", "/schemas/a/b", "/schemas/..", "/.well-known/ory/webauthn.js", "/api/kratos/public//version", "/api/kratos/public", "", "*", "/self-service/%2e%2e", "/a\x00b", "/schemas/{id}"} {
		f.Add("GET", p)
		f.Add("POST", p)
	}
	f.Fuzz(func(t *testing.T, method, path string) {
		w := httptest.NewRecorder()
		r := &http.Request{Method: method, URL: &url.URL{Path: path}, Header: http.Header{}, Body: http.NoBody, Host: "x", RequestURI: path}
		m, below := s.find(s.public, r)
		if m == nil {
			return
		}
		if !strings.HasPrefix(below, "/") || strings.Contains(below, "//") {
			t.Fatalf("%q: routed as %q", path, below)
		}
		if strings.Contains(below, "/self-service/") || strings.HasPrefix(below, "/sessions") || strings.HasPrefix(below, "/schemas") || strings.HasSuffix(below, "/ready") {
			return // needs parts that this server has not
		}
		s.dispatch(m, below, w, r)
		if w.Code >= 500 || w.Code/100 == 3 {
			t.Errorf("%s %q: got %d", method, path, w.Code)
		}
	})
}

// routingServer has routes and no parts behind them.
func routingServer(f *testing.F) *Server {
	f.Helper()
	s := &Server{Options: Options{
		Config: fixedConfig(), Keys: secret.RandomKeys(), Logger: slog.New(slog.NewTextHandler(io.Discard, nil)), Now: time.Now, BaseURL: "http://x",
	}}
	s.public = []mount{newMount("/api/kratos/public", seed, publicRoutes, false), newMount("", today, publicRoutes, false)}
	return s
}

func fixedConfig() func() *config.Config {
	c := config.Default()
	return func() *config.Config { return &c }
}
