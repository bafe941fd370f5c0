// Package projects tests user pools that are made at run time, with the real binary.
package projects

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-id/gatehouse/internal/testenv"
	"github.com/gatehouse-id/gatehouse/test/harness"
)

func TestMain(m *testing.M) { harness.Main(m) }

// site serves every host that comes, with an application behind the guard.
const site = `{
	gatehouse {
		STORE
		config kratos.yml
		base_url http://console.localhost:{$PUBLIC_PORT}
		projects {
			domain projects.localhost
			private_networks
		}
	}
}
http://:{$PUBLIC_PORT} {
	bind 127.0.0.1
	gatehouse
	guard /app*
	respond /app* "the app of {http.auth.user.id}"
}
http://127.0.0.1:{$ADMIN_PORT} {
	gatehouse_admin {
		auth off
	}
}
http://:{$PORT_1} {
	bind 127.0.0.1
	gatehouse_admin
}
`

// start runs a gateway with a store of its own.
func start(t testing.TB) *harness.Process { return startOn(t, "store embedded") }

func startOn(t testing.TB, store string) *harness.Process {
	t.Helper()
	// Recovery is on in the console project as well, so that it would take what belongs to others.
	return harness.Start(t, harness.Options{
		Caddyfile: strings.Replace(site, "STORE", store, 1), Kratos: harness.Kratos + "    recovery:\n      enabled: true\n",
	})
}

// here leads every name to this machine, as DNS leads the names of projects to the gateway.
var here = &http.Transport{DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	return new(net.Dialer).DialContext(ctx, network, net.JoinHostPort("127.0.0.1", port))
}}

// operator calls the project API as whoever runs the installation.
type operator struct {
	t  testing.TB
	gw *harness.Process
	c  *testenv.Client
}

func operate(t testing.TB, gw *harness.Process) *operator {
	return &operator{t, gw, gw.Env(t).App()}
}

// call sends a request to the project API.
func (o *operator) call(method, path string, body any) *testenv.Answer {
	o.t.Helper()
	var raw []byte
	if body != nil {
		var err error
		if raw, err = json.Marshal(body); err != nil {
			o.t.Fatal(err)
		}
	}
	return o.c.Do(method, o.gw.Admin+"/backoffice/public"+path, "application/json", raw)
}

// must is call with the status that it has to have.
func (o *operator) must(status int, method, path string, body any) *testenv.Answer {
	o.t.Helper()
	a := o.call(method, path, body)
	if a.Status != status {
		o.t.Fatalf("%s %s: got %d, want %d: %s", method, path, a.Status, status, a.Body)
	}
	return a
}

// settings are those of a revision.
type settings = map[string]any

// revision makes the settings of a project that signs people in when they register.
func revision(name string, more settings) settings {
	s := settings{
		"name": name,
		"kratos_selfservice_methods_password_config_haveibeenpwned_enabled": false,
		"kratos_selfservice_flows_hooks": []settings{
			{"config_key": "selfservice.flows.registration.after.password.hooks", "hook": "session"},
		},
	}
	for key, value := range more {
		s[key] = value
	}
	return s
}

// pool is a project with the clients of its people.
type pool struct {
	*testenv.Env
	op   *operator
	id   string
	slug string
	port string
}

// create makes a project.
func (o *operator) create(slug string, more settings) *pool {
	o.t.Helper()
	s := revision("Project "+slug, more)
	s["slug"] = slug
	made := o.must(http.StatusCreated, http.MethodPost, "/projects", s)
	return o.pool(o.gw, made.Text("id"), slug)
}

// pool is a project as one node serves it.
func (o *operator) pool(gw *harness.Process, id, slug string) *pool {
	port := gw.Port("PUBLIC_PORT")
	p := &pool{op: o, id: id, slug: slug, port: port}
	p.Env = &testenv.Env{T: o.t, URL: "http://" + slug + ".projects.localhost:" + port, Admin: gw.Admin, Transport: here}
	return p
}

// token makes an access token for the project's own admin API.
func (p *pool) token() string {
	p.T.Helper()
	made := p.op.must(http.StatusCreated, http.MethodPost, "/projects/"+p.id+"/tokens", settings{"name": "test", "scopes": []string{"admin"}})
	return made.Text("value")
}

// admin is a client of the project's admin API, on the listener that asks for tokens.
func (p *pool) admin(token string) *testenv.Client {
	e := &testenv.Env{T: p.T, URL: "http://" + p.slug + ".projects.localhost:" + p.op.gw.Port("PORT_1"), Transport: here}
	c := e.App()
	c.Header.Set("Authorization", "Bearer "+token)
	return c
}

func TestProjectAnswersOnItsHostFromTheMomentItIsMade(t *testing.T) {
	op := operate(t, start(t))
	one, two := op.create("one", nil), op.create("two", nil)
	for _, p := range []*pool{one, two} {
		if got := p.SignUp("ann@example.org"); got.Status != http.StatusOK {
			t.Fatalf("signing up at %s: %d %s", p.slug, got.Status, got.Body)
		}
		app := p.App()
		app.SignIn("ann@example.org")
		if got := app.Get("/app"); got.Status != http.StatusOK || !strings.HasPrefix(string(got.Body), "the app of") {
			t.Errorf("the guarded app at %s: %d %s", p.slug, got.Status, got.Body)
		}
		f := p.SPA().Init("login", "")
		if action, _ := f.At("ui", "action").(string); !strings.HasPrefix(action, p.URL+"/") {
			t.Errorf("the form of %s goes to %q", p.slug, action)
		}
	}
	unknown := op.pool(op.gw, "", "three").App().Get("/self-service/login/api")
	if unknown.Status != http.StatusNotFound {
		t.Errorf("a host below the domain that no project has: got %d, want 404: %s", unknown.Status, unknown.Body)
	}
}

func TestChangedRevisionIsInForceWhenTheAnswerComes(t *testing.T) {
	op := operate(t, start(t))
	p := op.create("one", nil)
	for _, lifespan := range []string{"2h0m0s", "30m0s"} {
		op.must(http.StatusOK, http.MethodPut, "/projects/"+p.id, revision("One", settings{"kratos_selfservice_flows_login_lifespan": lifespan}))
		f := p.App().Init("login", "")
		if got := span(t, f.Text("issued_at"), f.Text("expires_at")); got != lifespan {
			t.Errorf("a flow lives for %s, want %s", got, lifespan)
		}
	}
	refused := op.call(http.MethodPut, "/projects/"+p.id, revision("One", settings{"kratos_selfservice_flows_login_lifespan": "soon"}))
	if refused.Status != http.StatusBadRequest || !strings.Contains(refused.Text("reason"), "selfservice.flows.login.lifespan") {
		t.Errorf("a lifespan that is none: %d %s", refused.Status, refused.Body)
	}
	f := p.App().Init("login", "")
	if got := span(t, f.Text("issued_at"), f.Text("expires_at")); got != "30m0s" {
		t.Errorf("after the refused revision a flow lives for %s, want 30m0s", got)
	}
	shown := op.must(http.StatusOK, http.MethodGet, "/projects/"+p.id, nil)
	if history, _ := shown.At("revisions").([]any); len(history) != 3 {
		t.Errorf("the history has %d revisions, want 3", len(history))
	}
}

// span is the time between two times of an answer.
func span(t *testing.T, from, to string) string {
	t.Helper()
	begin, err1 := time.Parse(time.RFC3339, from)
	end, err2 := time.Parse(time.RFC3339, to)
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	return end.Sub(begin).String()
}

func TestPurgedProjectLeavesNoKeyBehind(t *testing.T) {
	gw := start(t)
	op := operate(t, gw)
	p := op.create("one", nil)
	app := p.App()
	p.SignUp("ann@example.org")
	app.SignIn("ann@example.org")
	if n := gw.KeysBelow(t, "p/"+p.id+"/"); n == 0 {
		t.Fatal("the project has no keys before it is purged: the test looks at the wrong place")
	}
	op.must(http.StatusNoContent, http.MethodDelete, "/projects/"+p.id, nil)
	for _, prefix := range []string{"p/" + p.id + "/", "projects/"} {
		if n := gw.KeysBelow(t, prefix); n != 0 {
			t.Errorf("%d keys are left below %s", n, prefix)
		}
	}
	if got := app.Get("/sessions/whoami"); got.Status != http.StatusNotFound {
		t.Errorf("the session of a purged project: got %d, want 404", got.Status)
	}
	op.must(http.StatusNotFound, http.MethodGet, "/projects/"+p.id, nil)
	op.must(http.StatusCreated, http.MethodPost, "/projects", settings{"name": "again", "slug": "one"})
}
