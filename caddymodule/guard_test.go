package caddymodule

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/caddyauth"

	"github.com/gatehouse-id/gatehouse/core/apierror"
	"github.com/gatehouse-id/gatehouse/core/identity"
	"github.com/gatehouse-id/gatehouse/core/session"
	"github.com/gatehouse-id/gatehouse/httpapi"
)

func TestGuardTellsTheUpstreamWhoItIs(t *testing.T) {
	g := behind(t, &Guard{Headers: map[string]string{
		"X-User-Email": "identity.traits.email", "X-User-Name": "identity.traits.name.first", "X-Plan": "identity.metadata_public.plan",
		"X-Session": "session.id", "X-AAL": "aal", "X-Roles": "identity.traits.roles", "X-None": "identity.traits.none",
	}})
	if w := g.get("/", "Cookie", goodCookie); w.Code != http.StatusTeapot {
		t.Fatalf("got %d, want the upstream's answer", w.Code)
	}
	for name, want := range map[string]string{
		identityHeader: "ann-id", "X-User-Email": "ann@example.org", "X-User-Name": "=?utf-8?b?w4Rubg==?=", "X-Plan": "trial",
		"X-Session": "session-of-ory_st_good", "X-Aal": "aal1", "X-Roles": `["a","b"]`,
	} {
		if got := g.seen.Header.Values(name); len(got) != 1 || got[0] != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
	if got, ok := g.seen.Header["X-None"]; ok {
		t.Errorf("a fact that is not there: got header %q, want none", got)
	}
}

func TestGuardSetsPlaceholders(t *testing.T) {
	g := behind(t, &Guard{})
	g.get("/", "X-Session-Token", "ory_st_good")
	for key, want := range map[string]string{
		"id": "ann-id", "session_id": "session-of-ory_st_good", "aal": "aal1", "email": "ann@example.org", "traits.email": "ann@example.org",
		"traits.aal": "aal9", "traits.age": "41", "vip": "true", "traits.name.first": "Änn", "metadata_public.plan": "trial", "roles": `["a","b"]`,
	} {
		if got, _ := g.repl.GetString("http.auth.user." + key); got != want {
			t.Errorf("{http.auth.user.%s}: got %q, want %q", key, got, want)
		}
	}
	for _, key := range []string{"none", "traits", "traits.", "nobody", "email.x", "roles.0"} {
		if got, ok := g.repl.Get("http.auth.user." + key); ok {
			t.Errorf("{http.auth.user.%s}: got %q, want it unknown", key, got)
		}
	}
}

// What a person wrote into a trait is data, also when it looks like a placeholder.
func TestTraitsAreNeverReplaced(t *testing.T) {
	g := behind(t, &Guard{Headers: map[string]string{"X-Name": "identity.traits.name"}})
	g.book.signIn("ory_st_mallory", func(f *session.Facts) { f.Identity.Traits = []byte(`{"name":"{http.request.host}"}`) })
	g.get("/", "X-Session-Token", "ory_st_mallory")
	if got := g.seen.Header.Get("X-Name"); got != "{http.request.host}" {
		t.Errorf("header: got %q", got)
	}
	if got := g.repl.ReplaceAll("{http.auth.user.name}", ""); got != "{http.request.host}" {
		t.Errorf("placeholder: got %q", got)
	}
}

func TestBrowserIsSentToLoginAndBack(t *testing.T) {
	const login = "https://example.org/self-service/login/browser"
	tests := []struct{ name, target, want string }{
		{"with its query", "https://example.org/a%20b?x=1&y=%26", login + "?return_to=https%3A%2F%2Fexample.org%2Fa%2520b%3Fx%3D1%26y%3D%2526"},
		{"behind a TLS terminator", "http://EXAMPLE.org/x", login + "?return_to=https%3A%2F%2Fexample.org%2Fx"},
		{"on an allowed host", "https://app.example/x", login + "?return_to=https%3A%2F%2Fapp.example%2Fx"},
		{"on an allowed host behind a TLS terminator", "http://app.example/x", login + "?return_to=https%3A%2F%2Fapp.example%2Fx"},
		{"on a foreign host", "https://evil.example/x", login},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			g := behind(t, &Guard{})
			w := g.get(test.target, "Accept", "text/html,*/*;q=0.8", "X-Forwarded-Host", "evil.example", "X-Forwarded-Proto", "ftp", "X-Forwarded-Uri", "/evil")
			if got := w.Header().Get("Location"); w.Code != http.StatusSeeOther || got != test.want {
				t.Errorf("got %d to %s, want 303 to %s", w.Code, got, test.want)
			}
			if !strings.Contains(w.Header().Get("Cache-Control"), "no-store") {
				t.Errorf("the redirect may be stored: %q", w.Header().Get("Cache-Control"))
			}
			if g.seen != nil {
				t.Error("the upstream saw the request")
			}
		})
	}
}

func TestReturnToIsWhatTheClientAskedForBeforeRewrites(t *testing.T) {
	g := behind(t, &Guard{})
	guards := g.chain
	g.chain = caddyhttp.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
		r.URL.Path, r.URL.RawQuery = "/index.php", "q=1"
		return guards.ServeHTTP(w, r)
	})
	w := g.get("https://example.org/pretty?a=b", "Accept", "text/html")
	if got := w.Header().Get("Location"); !strings.HasSuffix(got, "?return_to=https%3A%2F%2Fexample.org%2Fpretty%3Fa%3Db") {
		t.Errorf("got %s", got)
	}
}

func TestClientsThatReadNoPagesGetJSON(t *testing.T) {
	tests := []struct {
		name string
		r    *http.Request
	}{
		{"curl", request("GET", "/", "Accept", "*/*")},
		{"no Accept", request("GET", "/")},
		{"JSON", request("GET", "/", "Accept", "application/json")},
		{"form", request("POST", "/", "Accept", "text/html")},
		{"fetch", request("GET", "/", "Accept", "text/html", "Sec-Fetch-Mode", "cors")},
		{"picture", request("GET", "/", "Accept", "text/html", "Sec-Fetch-Mode", "no-cors")},
		{"XMLHttpRequest", request("GET", "/", "Accept", "text/html", "X-Requested-With", "XMLHttpRequest")},
		{"WebSocket", request("GET", "/", "Accept", "text/html", "Connection", "Upgrade", "Upgrade", "websocket")},
		{"WebSocket over HTTP/2", request("CONNECT", "/", ":protocol", "websocket")},
		{"unknown token", request("GET", "/", "X-Session-Token", "ory_st_unknown")},
		{"preflight", request("OPTIONS", "/")},
		{"health check", request("GET", "/", "User-Agent", "kube-probe/1.30")},
		{"two session cookies", request("GET", "/", "Cookie", goodCookie+"; ory_kratos_session=ory_st_planted")},
	}
	want := httptest.NewRecorder()
	httpapi.WriteError(want, request("GET", "/"), apierror.SessionInactive())
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			g := behind(t, &Guard{})
			w := g.serve(test.r)
			if w.Code != http.StatusUnauthorized || w.Body.String() != want.Body.String() || w.Header().Get("Content-Type") != "application/json" {
				t.Errorf("got %d %s, want 401 %s", w.Code, w.Body, want.Body)
			}
			if g.seen != nil {
				t.Error("the upstream saw the request")
			}
		})
	}
}

func TestNobodyPassesWhileTheStoreIsAway(t *testing.T) {
	g := behind(t, &Guard{})
	g.book.fail(errors.New("no quorum"))
	check := func(w *httptest.ResponseRecorder, contentType string) {
		t.Helper()
		if w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") == "" || w.Header().Get("Content-Type") != contentType {
			t.Errorf("got %d %v, want 503 with Retry-After as %s", w.Code, w.Header(), contentType)
		}
		if g.seen != nil || strings.Contains(w.Body.String(), "quorum") {
			t.Errorf("upstream saw %v, client saw %s", g.seen, w.Body)
		}
	}
	check(g.get("/", "Cookie", goodCookie), "application/json")
	check(g.get("/", "Cookie", goodCookie, "Accept", "text/html"), "text/html; charset=utf-8")
	g.book.fail(nil)
	g.now, g.down = nil, errors.New("not started")
	check(g.get("/", "Cookie", goodCookie), "application/json")
	check(g.get("/", "Cookie", goodCookie, "Accept", "text/html"), "text/html; charset=utf-8")
}

func secondFactor(f *session.Facts) {
	f.Session.Methods = append(f.Session.Methods, session.AuthenticationMethod{Method: "totp", AAL: session.AAL2})
}

// TestGuardAsksWhoHasASecondFactor: by default, the guard wants what whoami wants.
func TestGuardAsksWhoHasASecondFactor(t *testing.T) {
	hasApp := func(f *session.Facts) {
		f.Identity.SetCredential(identity.TOTP, nil, json.RawMessage(`{}`), time.Now())
	}
	for name, tt := range map[string]struct {
		aal      session.AAL
		required string
		session  []func(*session.Facts)
		want     int
	}{
		"has one and didn't show it": {"", "highest_available", []func(*session.Facts){hasApp}, http.StatusForbidden},
		"has shown it":               {"", "highest_available", []func(*session.Facts){hasApp, secondFactor}, http.StatusTeapot},
		"has none":                   {"", "highest_available", nil, http.StatusTeapot},
		"nobody asks":                {"", "aal1", []func(*session.Facts){hasApp}, http.StatusTeapot},
		"this guard doesn't ask":     {session.AAL1, "highest_available", []func(*session.Facts){hasApp}, http.StatusTeapot},
	} {
		t.Run(name, func(t *testing.T) {
			g := behind(t, &Guard{AAL: tt.aal})
			g.now.RequiredAAL = tt.required
			g.book.signIn("ory_st_app", tt.session...)
			w := g.get("/", "X-Session-Token", "ory_st_app")
			if w.Code != tt.want {
				t.Errorf("got %d %s, want %d", w.Code, w.Body, tt.want)
			}
			if tt.want == http.StatusForbidden && errorID(t, w) != apierror.IDSessionAAL2Required {
				t.Errorf("got error id %q", errorID(t, w))
			}
		})
	}
}

func TestGuardAsksForASecondFactor(t *testing.T) {
	g := behind(t, &Guard{AAL: session.AAL2})
	w := g.get("/", "Cookie", goodCookie)
	if w.Code != http.StatusForbidden || errorID(t, w) != apierror.IDSessionAAL2Required ||
		!strings.Contains(w.Body.String(), `"redirect_browser_to":"https://example.org/self-service/login/browser?aal=aal2"`) {
		t.Errorf("client: got %d %s", w.Code, w.Body)
	}
	w = g.get("https://example.org/a", "Cookie", goodCookie, "Accept", "text/html")
	if got := w.Header().Get("Location"); !strings.HasSuffix(got, "/login/browser?aal=aal2&return_to=https%3A%2F%2Fexample.org%2Fa") {
		t.Errorf("browser: got %d to %q", w.Code, got)
	}
	g.book.signIn("ory_st_strong", secondFactor)
	if w := g.get("/", "X-Session-Token", "ory_st_strong"); w.Code != http.StatusTeapot {
		t.Errorf("with a second factor: got %d", w.Code)
	}
}

func TestGuardAsksWhoSignedInLongAgo(t *testing.T) {
	g := behind(t, &Guard{MaxAge: caddy.Duration(15 * time.Minute)})
	g.book.signIn("ory_st_old", func(f *session.Facts) { f.Session.AuthenticatedAt = time.Now().Add(-16 * time.Minute) })
	w := g.get("/", "X-Session-Token", "ory_st_old")
	if w.Code != http.StatusForbidden || errorID(t, w) != apierror.IDSessionRefreshRequired {
		t.Errorf("client: got %d %s", w.Code, w.Body)
	}
	w = g.get("https://example.org/a", "X-Session-Token", "ory_st_old", "Accept", "text/html")
	if got := w.Header().Get("Location"); !strings.HasSuffix(got, "/login/browser?refresh=true&return_to=https%3A%2F%2Fexample.org%2Fa") {
		t.Errorf("browser: got %d to %q", w.Code, got)
	}
	if w := g.get("/", "Cookie", goodCookie); w.Code != http.StatusTeapot {
		t.Errorf("a young session: got %d", w.Code)
	}
}

func TestSessionWithoutAnyFactorIsNone(t *testing.T) {
	g := behind(t, &Guard{})
	g.book.signIn("ory_st_empty", func(f *session.Facts) { f.Session.Methods = nil })
	if w := g.get("/", "X-Session-Token", "ory_st_empty"); w.Code != http.StatusUnauthorized {
		t.Errorf("got %d", w.Code)
	}
}

// The first guard hides the token from all behind it; the second decides all the same.
func TestTwoGuardsInARow(t *testing.T) {
	first := &Guard{Headers: map[string]string{"X-Email": "identity.traits.email"}}
	second := &Guard{AAL: session.AAL2, Headers: map[string]string{"X-Plan": "identity.metadata_public.plan"}}
	g := behind(t, first, second)
	if w := g.get("/", "Cookie", goodCookie); w.Code != http.StatusForbidden || g.seen != nil {
		t.Errorf("one factor: got %d", w.Code)
	}
	g.book.signIn("ory_st_strong", secondFactor)
	if w := g.get("/", "X-Session-Token", "ory_st_strong"); w.Code != http.StatusTeapot {
		t.Fatalf("two factors: got %d", w.Code)
	}
	if h := g.seen.Header; h.Get("X-Email") != "ann@example.org" || h.Get("X-Plan") != "trial" || h.Get(identityHeader) != "ann-id" {
		t.Errorf("the upstream got %v", h)
	}
}

func TestGuardHidesTheSession(t *testing.T) {
	tests := []struct{ name, header, value, want string }{
		{"session cookie", "Cookie", goodCookie, ""},
		{"all our cookies, keeping the others", "Cookie", "a=1; " + goodCookie + "; b=\"2\";csrf_token_1=x; gatehouse_flows=y;c", "a=1; b=\"2\";c"},
		{"token", "X-Session-Token", "ory_st_good", ""},
		{"cookie in a header", "X-Session-Cookie", "ory_st_good", ""},
		{"bearer", "Authorization", "bearer  ory_st_good", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			g := behind(t, &Guard{})
			g.get("/", test.header, test.value)
			if g.seen == nil {
				t.Fatal("refused")
			}
			if got := g.seen.Header.Get(test.header); got != test.want {
				t.Errorf("upstream got %q, want %q", got, test.want)
			}
			g = behind(t, &Guard{KeepSession: true})
			g.get("/", test.header, test.value)
			if got := g.seen.Header.Get(test.header); got != test.value {
				t.Errorf("with keep_session: upstream got %q, want %q", got, test.value)
			}
		})
	}
}

func TestGuardLeavesCredentialsOfTheUpstreamAlone(t *testing.T) {
	g := behind(t, &Guard{})
	g.get("/", "Cookie", goodCookie, "Authorization", "Bearer of-the-upstream")
	if got := g.seen.Header.Get("Authorization"); got != "Bearer of-the-upstream" {
		t.Errorf("got %q", got)
	}
}

func TestWebSocketsAreForPagesOfTheSite(t *testing.T) {
	tests := []struct {
		target, origin string
		want           int
	}{
		{"http://shop.example/", "", http.StatusTeapot},
		{"http://shop.example/", "https://example.org", http.StatusTeapot},
		{"http://shop.example/", "http://shop.example", http.StatusTeapot},
		{"http://shop.example/", "https://shop.example", http.StatusTeapot}, // behind a TLS terminator
		{"http://shop.example/", "https://app.example", http.StatusTeapot},
		{"http://shop.example/", "https://evil.example", http.StatusForbidden},
		{"http://shop.example/", "null", http.StatusForbidden},
		{"https://shop.example/", "http://shop.example", http.StatusForbidden}, // anybody on the network can make that page
	}
	for _, test := range tests {
		g := behind(t, &Guard{})
		r := request("GET", test.target, "Cookie", goodCookie, "Connection", "Upgrade", "Upgrade", "WebSocket")
		if test.origin != "" {
			r.Header.Set("Origin", test.origin)
		}
		if w := g.serve(r); w.Code != test.want {
			t.Errorf("%s from %q: got %d, want %d", test.target, test.origin, w.Code, test.want)
		}
	}
}

func TestMethodsThatEchoOrTunnelAreRefused(t *testing.T) {
	for _, method := range []string{http.MethodTrace, http.MethodConnect} {
		g := behind(t, &Guard{})
		if w := g.serve(request(method, "/", "Cookie", goodCookie)); w.Code != http.StatusMethodNotAllowed || g.seen != nil {
			t.Errorf("%s: got %d", method, w.Code)
		}
	}
}

func TestPathWithTwoReadingsIsRefused(t *testing.T) {
	g := behind(t, &Guard{})
	if w := g.get("/x/..%2fadmin", "Cookie", goodCookie); w.Code != http.StatusBadRequest || g.seen != nil {
		t.Errorf("got %d %s", w.Code, w.Body)
	}
	if w := g.get("/a;b", "Cookie", goodCookie); w.Code != http.StatusBadRequest {
		t.Errorf("strict: got %d", w.Code)
	}
	g = behind(t, &Guard{Paths: pathsLenient})
	if w := g.get("/a;b", "Cookie", goodCookie); w.Code != http.StatusTeapot {
		t.Errorf("lenient: got %d", w.Code)
	}
}

var errUpstream = caddyhttp.Error(http.StatusBadGateway, errors.New("upstream is down"))

func failing(http.ResponseWriter, *http.Request) error { return errUpstream }

// Errors of the upstream have to reach handle_errors.
func TestErrorsOfTheUpstreamPass(t *testing.T) {
	g := behind(t, &Guard{})
	w := httptest.NewRecorder()
	r := caddyhttp.PrepareRequest(request("GET", "/", "Cookie", goodCookie), caddy.NewReplacer(), w, &caddyhttp.Server{})
	err := chain(caddyhttp.HandlerFunc(failing), g.guard()).ServeHTTP(w, r)
	if !errors.Is(err, errUpstream) {
		t.Errorf("got %v, want the upstream's error", err)
	}
	if r.Context().Err() != nil {
		t.Error("the context ended: an error page from another upstream would fail")
	}
}

// guard makes one more guard of the same app.
func (g *guarded) guard() *Guard {
	guard := &Guard{}
	g.provision(g.t, guard)
	return guard
}

type nobody struct{ in bool }

func (n nobody) Authenticate(http.ResponseWriter, *http.Request) (caddyauth.User, bool, error) {
	return caddyauth.User{}, n.in, nil
}

// Caddy gives each of several providers a buffer and may drop what is in there: then
// the guard's refusal is no answer.
func TestAnswerThatWasDroppedIsNoAnswer(t *testing.T) {
	for _, in := range []bool{true, false} {
		g := behind(t)
		inner := authenticated(caddyhttp.HandlerFunc(failing), map[string]caddyauth.Authenticator{"gatehouse": g.guard(), "other": nobody{in}})
		for range 20 { // the order of providers is random
			w := httptest.NewRecorder()
			r := caddyhttp.PrepareRequest(request("GET", "/"), caddy.NewReplacer(), w, &caddyhttp.Server{})
			err := Answered{}.ServeHTTP(w, r, inner)
			var status caddyhttp.HandlerError
			want := map[bool]int{true: http.StatusBadGateway, false: http.StatusUnauthorized}[in]
			if !errors.As(err, &status) || status.StatusCode != want {
				t.Fatalf("other provider says %v: got %v, want %d", in, err, want)
			}
		}
	}
}

func TestWithoutTheHandlerCaddysErrorStands(t *testing.T) {
	g := behind(t)
	w := httptest.NewRecorder()
	r := caddyhttp.PrepareRequest(request("GET", "/"), caddy.NewReplacer(), w, &caddyhttp.Server{})
	inner := authenticated(caddyhttp.HandlerFunc(failing), map[string]caddyauth.Authenticator{"gatehouse": g.guard()})
	var status caddyhttp.HandlerError
	if err := inner.ServeHTTP(w, r); !errors.As(err, &status) || status.StatusCode != http.StatusUnauthorized {
		t.Errorf("got %v, want 401", err)
	}
}

func TestGuardWithWrongOptionsDoesNotStart(t *testing.T) {
	for _, g := range []*Guard{
		{AAL: "aal3"}, {AAL: "aal0"}, {Paths: "any"}, {MaxAge: -1},
		{Headers: map[string]string{"X-A": "identity.credentials"}}, {Headers: map[string]string{"X_A": "id"}},
		{Headers: map[string]string{"X-A": "id", "x-a": "aal"}}, {Headers: map[string]string{"Cookie": "id"}},
	} {
		g.app = newStubApp()
		ctx, cancel := caddy.NewContext(caddy.Context{Context: t.Context()})
		if err := errors.Join(g.Provision(ctx), g.Validate()); err == nil {
			t.Errorf("%+v was accepted", g)
		}
		_ = g.Cleanup()
		cancel()
	}
}
