package httpapi_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/gatehouse-id/gatehouse/core/config"
	"github.com/gatehouse-id/gatehouse/internal/gateway"
	"github.com/gatehouse-id/gatehouse/internal/testenv"
)

func TestRegistrationByClient(t *testing.T) {
	onBothMounts(t, func(t *testing.T, e *testenv.Env, mount string) {
		for name, c := range clients(e, mount) {
			email := name + "@example.org"
			a := c.Submit("registration", c.Start("registration", ""), testenv.NewAccount(email))
			switch name {
			case "browser":
				if a.Status != 303 || a.Location() != e.URL+"/" {
					t.Errorf("%s: got %d to %q, want 303 to the default place", name, a.Status, a.Location())
				}
			default:
				if a.Status != 200 || a.Text("identity", "traits", "email") != email || a.Text("session", "identity", "id") != a.Text("identity", "id") {
					t.Errorf("%s: %d %s", name, a.Status, a.Body)
				}
			}
			if token := a.Text("session_token"); (token != "") != (name == "app") {
				t.Errorf("%s: session_token %q", name, token)
			}
			if k := sessionCookie(a); (k != nil) == (name == "app") {
				t.Errorf("%s: session cookie %v", name, k)
			}
			if name != "app" {
				wantStatus(t, c.Get(mount+"/sessions/whoami"), 200)
			}
		}
	})
}

func TestRegistrationWithoutSessionHook(t *testing.T) {
	e := testenv.New(t, func(c *config.Config, _ *gateway.Options) {
		c.SelfService.Flows.Registration.After.Methods = nil
	})
	for name, c := range clients(e, "") {
		a := c.Submit("registration", c.Start("registration", ""), testenv.NewAccount(name+"@example.org"))
		if a.Status != 200 && a.Status != 303 {
			t.Errorf("%s: %d %s", name, a.Status, a.Body)
		}
		if a.At("session") != nil || a.At("session_token") != nil || sessionCookie(a) != nil {
			t.Errorf("%s: a session nobody asked for: %s %v", name, a.Body, a.Header)
		}
		if name != "app" {
			wantError(t, c.Get("/sessions/whoami"), 401, "session_inactive")
		}
	}
}

func TestRegistrationReportsEverythingAtOnce(t *testing.T) {
	e := testenv.New(t)
	c := e.App()
	a := c.Submit("registration", c.Start("registration", ""), testenv.Fields{"method": "password", "traits.age": 3})
	wantMessages(t, a, 4000002, 4000002, 4000018)
	if v := a.Value("traits.age"); v != 3.0 {
		t.Errorf("the form forgot the age: %v", v)
	}
}

// TestFormFieldsHaveTheTypesOfTheSchema sends what browsers send: all text.
func TestFormFieldsHaveTheTypesOfTheSchema(t *testing.T) {
	e := testenv.New(t)
	c := e.Browser()
	f := c.Start("registration", "")
	a := c.PostForm("/self-service/registration?flow="+f.Text("id"), url.Values{
		"method": {"password"}, "csrf_token": {f.CSRF()}, "password": {testenv.Password},
		"traits.email": {"ann@example.org"}, "traits.age": {"20"}, "traits.name.first": {""}, "traits.news": {"false", "true"},
		"unknown": {"x"}, "traits.admin": {"true"},
	})
	wantStatus(t, a, 303)
	who := c.Get("/sessions/whoami")
	if who.At("identity", "traits", "age") != 20.0 || who.At("identity", "traits", "news") != true {
		t.Errorf("traits: %s", who.Body)
	}
	if traits, _ := who.At("identity", "traits").(map[string]any); traits["admin"] != nil {
		t.Errorf("a field outside of the schema became a trait: %v", traits)
	}
}

func TestRegistrationWithMultipartForm(t *testing.T) {
	e := testenv.New(t)
	c := e.Browser()
	f := c.Start("registration", "")
	body, contentType := multipartForm(t, map[string]string{
		"method": "password", "csrf_token": f.CSRF(), "password": testenv.Password, "traits.email": "ann@example.org",
	})
	a := c.Do(http.MethodPost, "/self-service/registration?flow="+f.Text("id"), contentType, body)
	if a.Status != 303 || sessionCookie(a) == nil {
		t.Errorf("got %d %v", a.Status, a.Header)
	}
}

func TestRejectedRegistrationKeepsValuesButNoSecret(t *testing.T) {
	onBothMounts(t, func(t *testing.T, e *testenv.Env, mount string) {
		for name, c := range clients(e, mount) {
			f := c.Start("registration", "")
			c.Submit("registration", f, testenv.Fields{
				"method": "password", "password": "short", "traits.email": "ann@example.org", "traits.name.first": "Ann",
			})
			again := c.Fetch("registration", f.Text("id"))
			if again.Value("traits.email") != "ann@example.org" || again.Value("traits.name.first") != "Ann" {
				t.Errorf("%s: the form lost what was entered: %s", name, again.Body)
			}
			if strings.Contains(string(again.Body), "short") && again.Value("password") != nil {
				t.Errorf("%s: the form shows the password: %s", name, again.Body)
			}
			if again.Node("password")["messages"] == nil || len(again.MessageIDs()) != 1 {
				t.Errorf("%s: messages %v, want one at the password", name, again.MessageIDs())
			}
		}
	})
}

func TestDuplicateRegistration(t *testing.T) {
	onBothMounts(t, func(t *testing.T, e *testenv.Env, mount string) {
		e.SignUp("ann@example.org")
		c := e.App().On(mount)
		a := c.Submit("registration", c.Start("registration", ""), testenv.NewAccount("ANN@example.org"))
		wantMessages(t, a, 4000007)
		kept := any("ANN@example.org")
		if mount == seedMount {
			kept = nil // the seed's server lost it, and its clients know nothing else
		}
		if got := a.Value("traits.email"); got != kept {
			t.Errorf("the form holds %v, want %v", got, kept)
		}
		again := c.Submit("registration", a, testenv.NewAccount("other@example.org"))
		wantStatus(t, again, 200)
	})
}

func TestSignedInPeopleDoNotRegister(t *testing.T) {
	onBothMounts(t, func(t *testing.T, e *testenv.Env, mount string) {
		e.SignUp("ann@example.org")
		for name, c := range clients(e, mount) {
			open := c.Start("registration", "")
			c.SignIn("ann@example.org")
			init, late := c.Init("registration", ""), c.Submit("registration", open, testenv.NewAccount("second@example.org"))
			if name == "browser" {
				if init.Status != 303 || init.Location() != e.URL+"/" || late.Status != 303 || late.Location() != e.URL+"/" {
					t.Errorf("got %d to %q and %d to %q, want 303 to the default place", init.Status, init.Location(), late.Status, late.Location())
				}
				continue
			}
			wantError(t, init, 400, "session_already_available")
			wantError(t, late, 400, "session_already_available")
		}
	})
}

func TestRegistrationSwitchedOff(t *testing.T) {
	e := testenv.New(t, func(c *config.Config, _ *gateway.Options) { c.SelfService.Flows.Registration.Enabled = false })
	wantError(t, e.App().Init("registration", ""), 400, "self_service_flow_disabled")
	wantError(t, e.SPA().Init("registration", ""), 400, "self_service_flow_disabled")
	wantError(t, e.App().Fetch("registration", "x"), 400, "self_service_flow_disabled")
	wantError(t, e.App().PostJSON("/self-service/registration?flow=x", testenv.Fields{}), 400, "self_service_flow_disabled")
}

func TestPasswordIsNeverShown(t *testing.T) {
	e := testenv.New(t)
	for name, c := range clients(e, "") {
		a := c.Submit("registration", c.Start("registration", ""), testenv.NewAccount(name+"@example.org"))
		if strings.Contains(string(a.Body), testenv.Password) {
			t.Errorf("%s: %s", name, a.Body)
		}
	}
}
