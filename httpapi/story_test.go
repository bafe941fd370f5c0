package httpapi_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-id/gatehouse/internal/testenv"
	"github.com/gatehouse-id/gatehouse/storage/kv"
)

const password = "correct-horse-battery"

// signUp registers by a native client and returns its answer.
func signUp(t *testing.T, e *testenv.Env, email string) *testenv.Answer {
	t.Helper()
	c := e.App()
	f := c.Get("/self-service/registration/api")
	a := c.PostJSON("/self-service/registration?flow="+f.Text("id"), map[string]any{
		"method": "password", "password": password, "traits": map[string]any{"email": email},
	})
	if a.Status != 200 {
		t.Fatalf("registering %s: %d %s", email, a.Status, a.Body)
	}
	return a
}

func TestNativeClientSignsUpInAndOut(t *testing.T) {
	e := testenv.New(t)
	reg := signUp(t, e, "ann@example.org")
	c := e.App()
	f := c.Get("/self-service/login/api")
	in := c.PostJSON("/self-service/login?flow="+f.Text("id"), map[string]any{
		"method": "password", "identifier": " ANN@example.org", "password": password,
	})
	token := in.Text("session_token")
	if in.Status != 200 || token == "" {
		t.Fatalf("login: %d %s", in.Status, in.Body)
	}
	c.Header.Set("X-Session-Token", token)
	who := c.Get("/sessions/whoami")
	if who.Status != 200 || who.Text("identity", "id") != reg.Text("identity", "id") {
		t.Fatalf("whoami: %d %s", who.Status, who.Body)
	}
	out := e.App().Do(http.MethodDelete, "/self-service/logout/api", "application/json", []byte(`{"session_token":"`+token+`"}`))
	if out.Status != 204 {
		t.Fatalf("logout: %d %s", out.Status, out.Body)
	}
	if who := c.Get("/sessions/whoami"); who.Status != 401 {
		t.Errorf("whoami after logout: %d, want 401", who.Status)
	}
}

func TestBrowserSignsUpAndComesBack(t *testing.T) {
	e := testenv.New(t)
	b := e.Browser()
	start := b.Get("/self-service/registration/browser?return_to=" + url.QueryEscape("https://app.example/in/side?x=1"))
	if start.Status != 303 || !strings.Contains(start.Header.Get("Location"), "/auth/registration?flow=") {
		t.Fatalf("init: %d %v", start.Status, start.Header)
	}
	page := b.Get(start.Header.Get("Location"))
	if page.Status != 200 || !strings.Contains(string(page.Body), `name="traits.email"`) {
		t.Fatalf("page: %d %s", page.Status, page.Body)
	}
	_, id, _ := strings.Cut(start.Header.Get("Location"), "flow=")
	f := b.Get("/self-service/registration/flows?id=" + id)
	done := b.PostForm("/self-service/registration?flow="+id, url.Values{
		"method": {"password"}, "csrf_token": {f.CSRF()}, "password": {password}, "traits.email": {"bob@example.org"}, "traits.age": {"20"},
	})
	if done.Status != 303 || done.Header.Get("Location") != "https://app.example/in/side?x=1" {
		t.Fatalf("submit: %d %v %s", done.Status, done.Header, done.Body)
	}
	if who := b.Get("/sessions/whoami"); who.Text("identity", "traits", "email") != "bob@example.org" {
		t.Errorf("whoami: %d %s", who.Status, who.Body)
	}
	again := b.PostForm("/self-service/registration?flow="+id, url.Values{"method": {"password"}, "csrf_token": {f.CSRF()}})
	if again.Status != 303 {
		t.Errorf("submitting a finished flow: %d", again.Status)
	}
}

func TestStartingFlowsWritesNothing(t *testing.T) {
	e := testenv.New(t)
	before := countKeys(t, e)
	for range 50 {
		e.App().Get("/self-service/login/api")
		e.Browser().Get("/self-service/registration/browser?return_to=https://evil.example/")
		e.SPA().Get("/self-service/login/browser")
	}
	if after := countKeys(t, e); after != before {
		t.Errorf("keys: %d, want %d", after, before)
	}
}

func countKeys(t *testing.T, e *testenv.Env) int {
	t.Helper()
	s, err := e.KV.List(t.Context(), "", kv.ListOptions{KeysOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	return len(s.Entries)
}

func TestFlowsBelongToTheirBrowser(t *testing.T) {
	e := testenv.New(t)
	mine, other := e.SPA(), e.SPA()
	other.Get("/self-service/login/browser")
	f := mine.Get("/self-service/login/browser")
	if a := other.Get("/self-service/login/flows?id=" + f.Text("id")); a.Status != 403 || a.Text("error", "id") != "security_csrf_violation" {
		t.Errorf("reading another browser's flow: %d %s", a.Status, a.Body)
	}
	if a := mine.Get("/self-service/login/flows?id=" + f.Text("id")); a.Status != 200 {
		t.Errorf("reading the own flow: %d %s", a.Status, a.Body)
	}
	a := mine.PostJSON("/self-service/login?flow="+f.Text("id"), map[string]any{"method": "password", "identifier": "x", "password": "y"})
	if a.Status != 403 {
		t.Errorf("submitting without the token: %d, want 403", a.Status)
	}
}

func TestWrongAndUnknownLookAlike(t *testing.T) {
	e := testenv.New(t)
	signUp(t, e, "eve@example.org")
	var ids [][]int
	for _, who := range []string{"eve@example.org", "nobody@example.org"} {
		c := e.App()
		f := c.Get("/self-service/login/api")
		a := c.PostJSON("/self-service/login?flow="+f.Text("id"), map[string]any{"method": "password", "identifier": who, "password": "wrong-password"})
		if a.Status != 400 {
			t.Errorf("%s: %d", who, a.Status)
		}
		ids = append(ids, a.MessageIDs())
	}
	if !slices.Equal(ids[0], ids[1]) || !slices.Equal(ids[0], []int{4000006}) {
		t.Errorf("messages %v", ids)
	}
}

func TestExpiredFlowIsReplaced(t *testing.T) {
	e := testenv.New(t)
	c := e.App()
	f := c.Get("/self-service/login/api")
	e.Advance(2 * time.Hour)
	if a := c.Get("/self-service/login/flows?id=" + f.Text("id")); a.Status != 410 {
		t.Errorf("reading: %d", a.Status)
	}
	a := c.PostJSON("/self-service/login?flow="+f.Text("id"), map[string]any{"method": "password"})
	next := a.Text("use_flow_id")
	if a.Status != 410 || next == "" {
		t.Fatalf("submitting: %d %s", a.Status, a.Body)
	}
	if n := c.Get("/self-service/login/flows?id=" + next); n.Status != 200 || !slices.Contains(n.MessageIDs(), 4010001) {
		t.Errorf("the new flow: %d %s", n.Status, n.Body)
	}
}

func TestReturnToIsChecked(t *testing.T) {
	e := testenv.New(t)
	for to, want := range map[string]int{
		"https://app.example/in":                  200,
		"https://app.example/in/deep?a=b#c":       200,
		"https://app.example/inside":              400,
		"https://app.example/":                    400,
		"https://app.example.evil/in":             400,
		"https://app.example@evil.org/in":         400,
		"https://evil.org/https://app.example/in": 400,
		"//evil.org/in":                           400,
		`/\evil.org`:                              400,
		`\\evil.org`:                              400,
		"https:evil.org":                          400,
		"javascript:alert(1)":                     400,
		"https://app.example/in/../out":           400,
		"https://app.example/in/%2e%2e/out":       400,
		"https://app.example:8443/in":             400,
		"http://app.example/in":                   400,
		"\thttps://app.example/in":                400,
		"https://app.example/in\r\nX: y":          400,
	} {
		a := e.SPA().Get("/self-service/login/browser?return_to=" + url.QueryEscape(to))
		if a.Status != want {
			t.Errorf("return_to %q: %d, want %d: %s", to, a.Status, want, a.Body)
		}
	}
}

func TestSeedDialect(t *testing.T) {
	e := testenv.New(t)
	c := e.App()
	f := c.Get("/api/kratos/public/self-service/registration/api")
	if g := f.Node("traits.email")["group"]; g != "password" {
		t.Errorf("group of traits.email: %v", g)
	}
	if want := e.URL + "/api/kratos/public/self-service/registration?flow="; !strings.HasPrefix(f.Text("ui", "action"), want) {
		t.Errorf("action %q, want it to start with %q", f.Text("ui", "action"), want)
	}
	a := c.PostJSON("/api/kratos/public/self-service/registration?flow="+f.Text("id"), map[string]any{
		"method": "password", "password": password, "traits": map[string]any{"email": "old@example.org"},
	})
	if want := e.URL + "/api/kratos/public/schemas/default"; a.Text("identity", "schema_url") != want {
		t.Errorf("schema_url %q, want %q", a.Text("identity", "schema_url"), want)
	}
	l := c.Get("/api/kratos/public/self-service/login/api")
	if l.Node("password_identifier") == nil || l.Node("identifier") != nil {
		t.Errorf("login form: %s", l.Body)
	}
}

func TestAccountIsMadeByAdmin(t *testing.T) {
	e := testenv.New(t)
	a := e.App().PostJSON(e.Admin+"/admin/identities", map[string]any{
		"schema_id": "default", "traits": map[string]any{"email": "adm@example.org"}, "state": "inactive",
		"credentials": map[string]any{"password": map[string]any{"config": map[string]any{"password": password}}},
	})
	if a.Status != 201 {
		t.Fatalf("create: %d %s", a.Status, a.Body)
	}
	c := e.App()
	f := c.Get("/self-service/login/api")
	l := c.PostJSON("/self-service/login?flow="+f.Text("id"), map[string]any{"method": "password", "identifier": "adm@example.org", "password": password})
	if l.Status != 400 || !slices.Equal(l.MessageIDs(), []int{4010011}) {
		t.Errorf("login of an inactive identity: %d %s", l.Status, l.Body)
	}
}
