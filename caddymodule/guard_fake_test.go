package caddymodule

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/caddyauth"
	"go.uber.org/zap"

	"github.com/gatehouse-id/gatehouse/core/apierror"
	"github.com/gatehouse-id/gatehouse/core/identity"
	"github.com/gatehouse-id/gatehouse/core/session"
)

// sessionBook is a session.Store that a test writes into. The rest of the interface is
// not for guards.
type sessionBook struct {
	session.Store
	mu    sync.Mutex
	facts map[session.TokenHash]session.Facts
	err   error
}

func (b *sessionBook) ByToken(_ context.Context, h session.TokenHash) (session.Facts, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.err != nil {
		return session.Facts{}, b.err
	}
	f, ok := b.facts[h]
	if !ok {
		return session.Facts{}, session.ErrNotFound
	}
	return f, nil
}

func (b *sessionBook) fail(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.err = err
}

func (b *sessionBook) revoke(token string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.facts, session.HashToken(token))
}

// signIn makes a session of ann, who has some traits.
func (b *sessionBook) signIn(token string, change ...func(*session.Facts)) {
	now := time.Now()
	f := session.Facts{
		Session: session.New("ann-id", token, session.AuthenticationMethod{Method: "password", AAL: session.AAL1}, now, time.Hour),
		Identity: &identity.Identity{
			ID: "ann-id", State: identity.Active,
			Traits:         json.RawMessage(`{"email":"ann@example.org","age":41,"vip":true,"none":null,"name":{"first":"Änn"},"roles":["a","b"],"aal":"aal9"}`),
			MetadataPublic: json.RawMessage(`{"plan":"trial"}`),
		},
	}
	f.Session.ID = "session-of-" + token
	for _, c := range change {
		c(&f)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.facts[session.HashToken(token)] = f
}

// stubApp protects with a real checker on a sessionBook.
type stubApp struct {
	managed managedHeaders
	book    *sessionBook
	now     *protection
	down    error
}

func (s *stubApp) Protection(*http.Request) (*protection, error) { return s.now, s.down }
func (s *stubApp) IdentityHeaders() *managedHeaders              { return &s.managed }

var errNotAllowed = errors.New("not on the list")

// allowOrigins is a return_to check.
func allowOrigins(origins ...string) func(string) (string, error) {
	return func(raw string) (string, error) {
		u, err := url.Parse(raw)
		if err != nil || !slices.Contains(origins, u.Scheme+"://"+u.Host) {
			return "", errNotAllowed
		}
		return raw, nil
	}
}

func newStubApp() *stubApp {
	book := &sessionBook{facts: map[session.TokenHash]session.Facts{}}
	return &stubApp{book: book, now: &protection{
		Checker:       &session.Checker{Store: book},
		SessionCookie: "ory_kratos_session", OwnCookies: []string{"ory_kratos_session", "csrf_token_1", "gatehouse_flows"},
		BaseURL: "https://example.org", LoginURL: "https://example.org/self-service/login/browser",
		SecondFactors: session.FactorTOTP,
		ReturnTo:      allowOrigins("https://example.org", "https://app.example"),
	}}
}

// provision makes guards ready, as Caddy would.
func (s *stubApp) provision(t testing.TB, guards ...*Guard) {
	t.Helper()
	ctx, cancel := caddy.NewContext(caddy.Context{Context: context.Background()})
	t.Cleanup(cancel)
	for _, g := range guards {
		g.app = s
		if err := errors.Join(g.Provision(ctx), g.Validate()); err != nil {
			t.Fatal(err)
		}
		g.logger = zap.NewNop()
		t.Cleanup(func() { _ = g.Cleanup() })
	}
}

// guarded is the part of a site that the guard directive makes, with an upstream.
type guarded struct {
	t testing.TB
	*stubApp
	chain caddyhttp.Handler
	seen  *http.Request // by the upstream; nil when nothing came through
	repl  *caddy.Replacer
}

// behind puts an upstream behind guards.
func behind(t testing.TB, guards ...*Guard) *guarded {
	g := &guarded{t: t, stubApp: newStubApp()}
	g.provision(t, guards...)
	g.book.signIn("ory_st_good")
	g.chain = chain(caddyhttp.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
		g.seen = r
		w.WriteHeader(http.StatusTeapot)
		return nil
	}), guards...)
	return g
}

func chain(upstream caddyhttp.Handler, guards ...*Guard) caddyhttp.Handler {
	for _, guard := range slices.Backward(guards) {
		inner := authenticated(upstream, map[string]caddyauth.Authenticator{"gatehouse": guard})
		upstream = caddyhttp.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
			return Answered{}.ServeHTTP(w, r, inner)
		})
	}
	return upstream
}

func authenticated(next caddyhttp.Handler, providers map[string]caddyauth.Authenticator) caddyhttp.Handler {
	return caddyhttp.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
		return caddyauth.Authentication{Providers: providers}.ServeHTTP(w, r, next)
	})
}

// request makes a request with pairs of header names and values.
func request(method, target string, header ...string) *http.Request {
	r := httptest.NewRequest(method, target, nil)
	for n := 0; n < len(header); n += 2 {
		r.Header.Add(header[n], header[n+1])
	}
	return r
}

// serve sends a request through the chain as Caddy's server does.
func (g *guarded) serve(r *http.Request) *httptest.ResponseRecorder {
	g.t.Helper()
	w := httptest.NewRecorder()
	g.seen, g.repl = nil, caddy.NewReplacer()
	r = caddyhttp.PrepareRequest(r, g.repl, w, &caddyhttp.Server{})
	if err := g.chain.ServeHTTP(w, r); err != nil {
		g.t.Fatalf("%s %s: got error %v, want an answer", r.Method, r.URL, err)
	}
	return w
}

func (g *guarded) get(target string, header ...string) *httptest.ResponseRecorder {
	g.t.Helper()
	return g.serve(request("GET", target, header...))
}

// errorID reads the id of a JSON error.
func errorID(t testing.TB, w *httptest.ResponseRecorder) string {
	t.Helper()
	var body struct{ Error apierror.Payload }
	if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil {
		t.Fatalf("got %q, want JSON", w.Body)
	}
	return body.Error.ID
}

const goodCookie = "ory_kratos_session=ory_st_good"
