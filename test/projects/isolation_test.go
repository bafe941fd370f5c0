package projects

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/gatehouse-id/gatehouse/internal/testenv"
)

// belongings are what somebody of a project has: each of them is tried at another project.
type belongings struct {
	identity, session, token string
	browser                  *testenv.Client // with a session cookie
	flow                     *testenv.Answer // an open login form of an app
	recovery                 *testenv.Answer // one that waits for a code
	code, link               string
	access                   string // a personal access token
}

// furnish makes a person in a project, with all that a person can have.
func furnish(t *testing.T, p *pool) *belongings {
	t.Helper()
	made := p.SignUp("ann@example.org")
	b := &belongings{
		identity: made.Text("identity", "id"), session: made.Text("session", "id"), token: made.Text("session_token"),
		access: p.token(), browser: p.Browser(),
	}
	b.browser.SignIn("ann@example.org")
	b.flow = p.App().Start("login", "")
	admin := p.admin(b.access)
	body, err := json.Marshal(map[string]any{"identity_id": b.identity})
	if err != nil {
		t.Fatal(err)
	}
	link := admin.Do(http.MethodPost, "/admin/recovery/link", "application/json", body)
	code := admin.Do(http.MethodPost, "/admin/recovery/code", "application/json", body)
	if b.link = link.Text("recovery_link"); b.link == "" {
		t.Fatalf("making a link: %d %s", link.Status, link.Body)
	}
	if b.code = code.Text("recovery_code"); b.code == "" {
		t.Fatalf("making a code: %d %s", code.Status, code.Body)
	}
	u, err := url.Parse(code.Text("recovery_link"))
	if err != nil {
		t.Fatal(err)
	}
	b.recovery = p.Browser().Get("/self-service/recovery/flows?id=" + u.Query().Get("flow"))
	return b
}

func TestNothingOfOneProjectOpensAnother(t *testing.T) {
	gw := start(t)
	op := operate(t, gw)
	on := map[string]any{"kratos_selfservice_flows_recovery_enabled": true, "kratos_selfservice_methods_link_enabled": true}
	one, two := op.create("one", on), op.create("two", on)
	mine := furnish(t, one)
	furnish(t, two) // with an ann of its own

	// What is refused elsewhere is good at home, or this test would show nothing.
	if got := withToken(one, mine.token).Get("/sessions/whoami"); got.Status != http.StatusOK {
		t.Fatalf("whoami at home: %d %s", got.Status, got.Body)
	}
	if got := one.admin(mine.access).Get("/admin/identities/" + mine.identity); got.Status != http.StatusOK {
		t.Fatalf("the admin API at home: %d %s", got.Status, got.Body)
	}

	console := &pool{Env: &testenv.Env{T: t, URL: "http://console.localhost:" + one.port, Admin: gw.Admin, Transport: here}, op: op, slug: "console", port: one.port}
	for _, other := range []*pool{two, console} {
		t.Run(other.slug, func(t *testing.T) { trespass(t, one, other, mine) })
	}
}

func withToken(p *pool, token string) *testenv.Client {
	c := p.App()
	c.Header.Set("X-Session-Token", token)
	return c
}

// trespass tries what belongs to a person of home at another project.
func trespass(t *testing.T, home, other *pool, mine *belongings) {
	refused := func(what string, a *testenv.Answer) {
		t.Helper()
		switch a.Status {
		case http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound:
		default:
			t.Errorf("%s: got %d, want 401, 403 or 404: %s", what, a.Status, a.Body)
		}
	}
	app := withToken(other, mine.token)
	refused("a session token at whoami", app.Get("/sessions/whoami"))
	refused("a session token at the guard", app.Get("/app"))
	refused("a session token at the list of sessions", app.Get("/sessions"))
	refused("a session's id", app.Do(http.MethodDelete, "/sessions/"+mine.session, "", nil))

	browser := other.SPA()
	browser.Header.Set("Cookie", cookiesOf(t, mine.browser, home.URL))
	refused("a session cookie at whoami", browser.Get("/sessions/whoami"))
	refused("a session cookie at the guard", browser.Get("/app"))

	flowID := mine.flow.Text("id")
	refused("an open flow", other.App().Get("/self-service/login/flows?id="+flowID))
	refused("an answer to an open flow", other.App().PostJSON("/self-service/login?flow="+flowID,
		testenv.Fields{"method": "password", "identifier": "ann@example.org", "password": testenv.Password}))
	refused("a recovery flow", other.App().Get("/self-service/recovery/flows?id="+mine.recovery.Text("id")))
	refused("a recovery code", other.App().PostJSON("/self-service/recovery?flow="+mine.recovery.Text("id"), testenv.Fields{"method": "code", "code": mine.code}))

	link := strings.Replace(mine.link, home.URL, other.URL, 1)
	if opened := other.Browser().Do(http.MethodGet, link, "", nil); strings.Contains(strings.Join(opened.Header.Values("Set-Cookie"), " "), "ory_kratos_session=ory") ||
		strings.Contains(opened.Location(), "/settings") {
		t.Errorf("a recovery link: %d to %q", opened.Status, opened.Location())
	}

	if other.id == "" {
		refused("an access token at the project API", projectsWith(other, mine.access))
	}
	admin := other.admin(mine.access)
	if other.id == "" {
		admin = (&testenv.Env{T: t, URL: "http://127.0.0.1:" + home.op.gw.Port("PORT_1")}).App()
		admin.Header.Set("Authorization", "Bearer "+mine.access)
	}
	refused("an access token at the list of identities", admin.Get("/admin/identities"))
	refused("an access token at an identity", admin.Get("/admin/identities/"+mine.identity))
	refused("an access token at a schema", admin.Get("/admin/sessions"))

	if other.id != "" {
		own := other.admin(other.token())
		refused("an identity's id in the admin API", own.Get("/admin/identities/"+mine.identity))
		refused("a session's id in the admin API", own.Get("/admin/sessions/"+mine.session))
		refused("an access token's id in the admin API", own.Do(http.MethodDelete, "/admin/tokens/"+tokenID(t, home, mine.access), "", nil))
	}
}

// projectsWith lists projects with a token.
func projectsWith(p *pool, token string) *testenv.Answer {
	c := (&testenv.Env{T: p.T, URL: "http://127.0.0.1:" + p.op.gw.Port("PORT_1")}).App()
	c.Header.Set("Authorization", "Bearer "+token)
	return c.Get("/backoffice/public/projects")
}

func tokenID(t *testing.T, p *pool, token string) string {
	t.Helper()
	list := p.admin(token).Get("/admin/tokens")
	var all []struct{ ID string }
	if err := json.Unmarshal(list.Body, &all); err != nil || len(all) == 0 {
		t.Fatalf("listing tokens: %d %s", list.Status, list.Body)
	}
	return all[0].ID
}

// cookiesOf are the cookies that a browser would send to a URL.
func cookiesOf(t *testing.T, c *testenv.Client, to string) string {
	t.Helper()
	u, err := url.Parse(to)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, cookie := range c.HTTP.Jar.Cookies(u) {
		out = append(out, cookie.Name+"="+cookie.Value)
	}
	if len(out) == 0 {
		t.Fatal("the browser has no cookies")
	}
	return strings.Join(out, "; ")
}

func TestHookAndSchemaOfOneProjectAreUnknownToAnother(t *testing.T) {
	var called atomic.Int64
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		called.Add(1)
		w.WriteHeader(http.StatusNoContent)
	}))
	t.Cleanup(service.Close)
	const schema = `{"type":"object","properties":{"traits":{"type":"object","required":["nick"],"additionalProperties":false,
		"properties":{"nick":{"type":"string","ory.sh/kratos":{"credentials":{"password":{"identifier":true}}}}}}}}`

	op := operate(t, start(t))
	one := op.create("one", settings{
		"kratos_identity_schemas": []settings{{"import_id": "nick", "import_url": "base64://" + base64.StdEncoding.EncodeToString([]byte(schema)), "is_default": true}},
		"kratos_selfservice_flows_hooks": []settings{{
			"config_key": "selfservice.flows.registration.after.password.hooks", "hook": "web_hook",
			"web_hook_config_url": service.URL, "web_hook_config_method": "POST",
		}},
	})
	two := op.create("two", nil)

	two.SignUp("ann@example.org")
	if got := called.Load(); got != 0 {
		t.Errorf("registering at two called the hook of one %d times", got)
	}
	if got := two.App().Get("/schemas/nick"); got.Status != http.StatusNotFound {
		t.Errorf("the schema of one at two: %d %s", got.Status, got.Body)
	}
	app := one.App()
	done := app.Submit("registration", app.Start("registration", ""), testenv.Fields{"method": "password", "password": testenv.Password, "traits.nick": "annie"})
	if done.Status != http.StatusOK || called.Load() != 1 {
		t.Errorf("registering at one: %d, the hook was called %d times: %s", done.Status, called.Load(), done.Body)
	}

	used := op.call(http.MethodPut, "/projects/"+one.id, revision("One", nil))
	if used.Status != http.StatusBadRequest || !strings.Contains(used.Text("reason"), `"nick"`) {
		t.Errorf("removing a schema that somebody has: %d %s", used.Status, used.Body)
	}
}
