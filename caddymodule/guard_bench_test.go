package caddymodule

import (
	"context"
	"maps"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/gatehouse-id/gatehouse/internal/testenv"
)

// remembering is an app whose checker answers from memory, as it does in production,
// and a request of somebody who signed in.
func remembering(tb testing.TB) (*stubApp, *http.Request) {
	tb.Helper()
	e := testenv.New(tb)
	c := e.App()
	a := c.PostJSON("/self-service/registration?flow="+c.Get("/self-service/registration/api").Text("id"), map[string]any{
		"method": "password", "password": "a long phrase 4711", "traits": map[string]any{"email": "ann@example.org"},
	})
	token := a.Text("session_token")
	if token == "" {
		tb.Fatalf("registering: %d %s", a.Status, a.Body)
	}
	app := newStubApp()
	app.now.Checker = e.Gateway.Checker
	for !app.now.Checker.Stats().Fresh {
		if err := tb.Context().Err(); err != nil {
			tb.Fatal(err)
		}
	}
	return app, request("GET", "https://example.org/app/page?x=1", "Cookie", "theme=dark; ory_kratos_session="+token,
		"Accept", "text/html", "Accept-Encoding", "gzip", "Accept-Language", "en", "User-Agent", "Mozilla/5.0", "Sec-Fetch-Mode", "navigate")
}

// BenchmarkGuard is a request from the cookie to the next handler: what a guard costs is
// the difference to none.
func BenchmarkGuard(b *testing.B) {
	app, base := remembering(b)
	bench := func(name string, guards ...*Guard) {
		app.provision(b, guards...)
		b.Run(name, func(b *testing.B) { benchmarkChain(b, base, guards...) })
	}
	bench("none")
	bench("guard", &Guard{})
	bench("headers", &Guard{Headers: map[string]string{"X-Email": "identity.traits.email", "X-Session": "session.id"}})
	bench("two", &Guard{}, &Guard{})
}

func benchmarkChain(b *testing.B, base *http.Request, guards ...*Guard) {
	passed := 0
	site := chain(caddyhttp.HandlerFunc(func(http.ResponseWriter, *http.Request) error { passed++; return nil }), guards...)
	w, header := httptest.NewRecorder(), base.Header.Clone()
	base = caddyhttp.PrepareRequest(base.Clone(b.Context()), caddy.NewReplacer(), w, &caddyhttp.Server{})
	b.ReportAllocs()
	for b.Loop() {
		ctx, cancel := context.WithCancel(base.Context()) // as net/http makes one per request
		r := base.WithContext(context.WithValue(ctx, caddy.ReplacerCtxKey, caddy.NewEmptyReplacer()))
		maps.Copy(base.Header, header) // the guard has removed the session
		if err := site.ServeHTTP(w, r); err != nil {
			b.Fatal(err)
		}
		cancel()
	}
	if passed == 0 {
		b.Fatal("nothing passed")
	}
}
