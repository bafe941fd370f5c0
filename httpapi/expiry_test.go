package httpapi_test

import (
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-id/gatehouse/internal/testenv"
)

const flowLifespan = time.Hour

func TestExpiredFlowCannotBeRead(t *testing.T) {
	onBothMounts(t, func(t *testing.T, e *testenv.Env, mount string) {
		to := "https://app.example/in/x"
		app, spa := e.App().On(mount), e.SPA().On(mount)
		native, browser := app.Start("login", ""), spa.Start("login", "return_to="+url.QueryEscape(to))
		e.Advance(flowLifespan - time.Second)
		wantStatus(t, app.Fetch("login", native.Text("id")), 200)
		e.Advance(time.Second)
		a := app.Fetch("login", native.Text("id"))
		wantError(t, a, 410, "self_service_flow_expired")
		if want := e.URL + mount + "/self-service/login/api"; a.Text("error", "details", "api") != want {
			t.Errorf("details.api %q, want %q", a.Text("error", "details", "api"), want)
		}
		b := spa.Fetch("login", browser.Text("id"))
		wantError(t, b, 410, "self_service_flow_expired")
		want := e.URL + mount + "/self-service/login/browser?return_to=" + url.QueryEscape(to)
		if got := b.Text("error", "details", "redirect_to"); got != want {
			t.Errorf("details.redirect_to %q, want %q", got, want)
		}
	})
}

func TestExpiredFlowIsReplaced(t *testing.T) {
	onBothMounts(t, func(t *testing.T, e *testenv.Env, mount string) {
		for kind, message := range map[string]int{"login": 4010001, "registration": 4040001} {
			for name, c := range clients(e, mount) {
				to := "https://app.example/in/" + name
				f := c.Start(kind, "return_to="+url.QueryEscape(to))
				e.Advance(flowLifespan)
				a := c.Submit(kind, f, testenv.NewAccount("late@example.org"))
				next := a.Text("use_flow_id")
				if name == "browser" {
					wantStatus(t, a, 303)
					next = testenv.FlowID(a.Location())
				} else {
					wantError(t, a, 410, "self_service_flow_expired")
					if _, ok := a.At("since").(float64); !ok {
						t.Errorf("%s %s: since is missing: %s", name, kind, a.Body)
					}
				}
				n := c.Fetch(kind, next)
				if n.Status != 200 || next == f.Text("id") || !slices.Equal(n.MessageIDs(), []int{message}) {
					t.Errorf("%s %s: the new flow %q: %d %v", name, kind, next, n.Status, n.MessageIDs())
				}
				if name != "app" && (n.Text("return_to") != to || n.Text("request_url") != f.Text("request_url")) {
					t.Errorf("%s %s: the new flow forgot where to go: %s", name, kind, n.Body)
				}
			}
		}
	})
}

// TestReplacementKeepsItsOptions: a refresh stays a refresh.
func TestReplacementKeepsItsOptions(t *testing.T) {
	e := testenv.New(t)
	e.SignUp("ann@example.org")
	c := e.App()
	c.SignIn("ann@example.org")
	f := c.Start("login", "refresh=true")
	e.Advance(flowLifespan)
	next := c.Submit("login", f, testenv.Credentials("ann@example.org", testenv.Password)).Text("use_flow_id")
	n := c.Fetch("login", next)
	if n.At("refresh") != true {
		t.Errorf("the new flow: %s", n.Body)
	}
	wantStatus(t, c.Submit("login", n, testenv.Credentials("ann@example.org", testenv.Password)), 200)
}

func TestCompletedFlowIsOver(t *testing.T) {
	onBothMounts(t, func(t *testing.T, e *testenv.Env, mount string) {
		c := e.App().On(mount)
		f := c.Start("registration", "")
		wantStatus(t, c.Submit("registration", f, testenv.NewAccount("ann@example.org")), 200)
		wantError(t, c.Fetch("registration", f.Text("id")), 410, "self_service_flow_expired")
		wantError(t, c.Submit("registration", f, testenv.NewAccount("bob@example.org")), 410, "self_service_flow_expired")
		l := c.Start("login", "")
		wantStatus(t, c.Submit("login", l, testenv.Credentials("ann@example.org", testenv.Password)), 200)
		wantError(t, c.Submit("login", l, testenv.Credentials("ann@example.org", testenv.Password)), 410, "self_service_flow_expired")
		wantError(t, c.Submit("login", l, testenv.Credentials("ann@example.org", "wrong-password")), 410, "self_service_flow_expired")
		if n := identityCount(t, e); n != 1 {
			t.Errorf("%d identities, want 1", n)
		}
	})
}

func TestExpiredFlowIsShownAnewByThePages(t *testing.T) {
	e := testenv.New(t)
	b := e.Browser()
	to := "https://app.example/in/x"
	page := b.Init("login", "return_to="+url.QueryEscape(to)).Location()
	e.Advance(flowLifespan)
	a := b.Get(page)
	if a.Status != 303 || !strings.HasPrefix(a.Location(), e.URL+"/self-service/login/browser?return_to=") {
		t.Errorf("got %d to %q, want a new flow with the same return_to", a.Status, a.Location())
	}
}
