package httpapi_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-id/gatehouse/core/config"
	"github.com/gatehouse-id/gatehouse/internal/gateway"
	"github.com/gatehouse-id/gatehouse/internal/testenv"
)

func TestLoginOfAnApp(t *testing.T) {
	onBothMounts(t, func(t *testing.T, e *testenv.Env, mount string) {
		reg := e.SignUp("ann@example.org")
		c := e.App().On(mount)
		in := c.Submit("login", c.Start("login", ""), testenv.Credentials(" ANN@example.org ", testenv.Password))
		wantStatus(t, in, 200)
		if len(in.Header["Set-Cookie"]) > 0 {
			t.Errorf("an app was given cookies: %v", in.Header["Set-Cookie"])
		}
		if tok := in.Text("session_token"); !strings.HasPrefix(tok, "ory_st_") || len(tok) != 39 {
			t.Errorf("session_token %q, want ory_st_ and 32 characters", tok)
		}
		if got, want := in.Text("session", "identity", "id"), reg.Text("identity", "id"); got != want {
			t.Errorf("signed in as %q, want %q", got, want)
		}
		if in.Text("session", "authenticator_assurance_level") != "aal1" || in.At("session", "active") != true {
			t.Errorf("session: %s", in.Body)
		}
	})
}

func TestLoginOfASinglePageApp(t *testing.T) {
	onBothMounts(t, func(t *testing.T, e *testenv.Env, mount string) {
		e.SignUp("ann@example.org")
		c := e.SPA().On(mount)
		in := c.SignIn("ann@example.org")
		if in.Text("session", "id") == "" || in.At("session_token") != nil {
			t.Errorf("a browser reads its session and not the token: %s", in.Body)
		}
		k := sessionCookie(in)
		if k == nil || !k.HttpOnly || k.SameSite != http.SameSiteLaxMode || k.Path != "/" || k.MaxAge < 86000 || k.MaxAge > 86400 {
			t.Errorf("session cookie %v", k)
		}
		if csrfCookie(in) == nil {
			t.Error("signing in left the CSRF cookie as it was")
		}
		wantStatus(t, c.Get(mount+"/sessions/whoami"), 200)
	})
}

func TestLoginOfABrowser(t *testing.T) {
	onBothMounts(t, func(t *testing.T, e *testenv.Env, mount string) {
		e.SignUp("ann@example.org")
		c := e.Browser().On(mount)
		in := c.SignIn("ann@example.org")
		if in.Status != 303 || in.Location() != e.URL+"/" || sessionCookie(in) == nil {
			t.Errorf("got %d to %q, want 303 to the default place with a cookie", in.Status, in.Location())
		}
	})
}

func TestLoginRejectionByClient(t *testing.T) {
	onBothMounts(t, func(t *testing.T, e *testenv.Env, mount string) {
		e.SignUp("ann@example.org")
		for name, c := range clients(e, mount) {
			f := c.Start("login", "")
			a := c.Submit("login", f, testenv.Credentials("ann@example.org", "wrong-password"))
			if name == "browser" {
				want := http.StatusSeeOther
				if mount == seedMount {
					want = http.StatusFound // the seed's day sent a form back with a 302
				}
				if a.Status != want || testenv.FlowID(a.Location()) != f.Text("id") {
					t.Errorf("%s: got %d to %q, want %d back to the form", name, a.Status, a.Location(), want)
				}
				a = c.Fetch("login", f.Text("id"))
				a.Status = http.StatusBadRequest
			}
			wantMessages(t, a, 4000006)
			if sessionCookie(a) != nil {
				t.Errorf("%s: a session cookie for a wrong password", name)
			}
			field := map[string]string{"": "identifier", seedMount: "password_identifier"}[mount]
			if a.Value(field) != "ann@example.org" || a.Value("password") != nil {
				t.Errorf("%s: the form holds %v and %v, want the identifier and never the password", name, a.Value(field), a.Value("password"))
			}
		}
	})
}

func TestLoginTakesBothFieldNames(t *testing.T) {
	onBothMounts(t, func(t *testing.T, e *testenv.Env, mount string) {
		e.SignUp("ann@example.org")
		c := e.App().On(mount)
		for _, name := range []string{"identifier", "password_identifier"} {
			a := c.Submit("login", c.Start("login", ""), testenv.Fields{"method": "password", "password": testenv.Password, name: "ann@example.org"})
			if a.Status != 200 {
				t.Errorf("%s: %d %s", name, a.Status, a.Body)
			}
		}
	})
}

func TestLoginNamesEveryMissingField(t *testing.T) {
	e := testenv.New(t)
	c := e.App()
	a := c.Submit("login", c.Start("login", ""), testenv.Fields{"method": "password"})
	wantMessages(t, a, 4000002, 4000002)
}

func TestLoginWithoutMethod(t *testing.T) {
	e := testenv.New(t)
	c := e.App()
	for _, method := range []string{"", "telepathy", "PASSWORD"} {
		a := c.Submit("login", c.Start("login", ""), testenv.Fields{"method": method})
		wantMessages(t, a, 4010002)
	}
}

func TestLoginMethodSwitchedOff(t *testing.T) {
	e := testenv.New(t, func(c *config.Config, _ *gateway.Options) { c.SelfService.Methods.Password.Enabled = false })
	c := e.App()
	f := c.Start("login", "")
	if f.Node("password") != nil {
		t.Errorf("the form offers a method that is off: %s", f.Body)
	}
	wantError(t, c.Submit("login", f, testenv.Credentials("a@b.c", "x")), 404, "")
}

// TestUnknownAndWrongLookAlike compares whole answers: nothing but random values,
// times and what the client itself sent may differ.
func TestUnknownAndWrongLookAlike(t *testing.T) {
	onBothMounts(t, func(t *testing.T, e *testenv.Env, mount string) {
		e.SignUp("eve@example.org")
		answer := func(who string) string {
			c := e.App().On(mount)
			a := c.Submit("login", c.Start("login", ""), testenv.Credentials(who, "wrong-password"))
			wantMessages(t, a, 4000006)
			return strings.ReplaceAll(mask(t, e, a), who, "<who>")
		}
		if wrong, unknown := answer("eve@example.org"), answer("nobody@example.org"); wrong != unknown {
			t.Errorf("a wrong password is answered\n%s\nand an unknown account\n%s", wrong, unknown)
		}
	})
}

func TestLoginAgainIsRefused(t *testing.T) {
	onBothMounts(t, func(t *testing.T, e *testenv.Env, mount string) {
		e.SignUp("ann@example.org")
		for name, c := range clients(e, mount) {
			open := c.Start("login", "") // begun before the sign-in, in another tab
			c.SignIn("ann@example.org")
			a := c.Init("login", "return_to="+url.QueryEscape("https://app.example/in/x"))
			late := c.Submit("login", open, testenv.Credentials("ann@example.org", testenv.Password))
			if name == "browser" {
				if a.Status != 303 || a.Location() != "https://app.example/in/x" {
					t.Errorf("init: got %d to %q, want 303 to return_to", a.Status, a.Location())
				}
				if late.Status != 303 || late.Location() != e.URL+"/" {
					t.Errorf("submit: got %d to %q, want 303 to the default place", late.Status, late.Location())
				}
				continue
			}
			wantError(t, a, 400, "session_already_available")
			wantMessages(t, late, 4000001)
		}
	})
}

func TestRefreshKeepsTheSession(t *testing.T) {
	e := testenv.New(t)
	e.SignUp("ann@example.org")
	for name, c := range clients(e, "") {
		if name == "browser" {
			continue // answers with a redirect; the cookie is the SPA's
		}
		first := c.SignIn("ann@example.org")
		e.Advance(time.Hour)
		f := c.Start("login", "refresh=true")
		if got := f.MessageIDs(); len(got) != 1 || got[0] != 1010003 || f.At("refresh") != true {
			t.Errorf("%s: messages %v, want 1010003 and refresh", name, got)
		}
		if f.Value("identifier") != "ann@example.org" {
			t.Errorf("%s: the form asks %v to confirm", name, f.Value("identifier"))
		}
		second := c.Submit("login", f, testenv.Credentials("ann@example.org", testenv.Password))
		wantStatus(t, second, 200)
		if a, b := first.Text("session", "id"), second.Text("session", "id"); a != b {
			t.Errorf("%s: session %q became %q", name, a, b)
		}
		if a, b := first.Text("session", "authenticated_at"), second.Text("session", "authenticated_at"); a >= b {
			t.Errorf("%s: authenticated_at %q after %q", name, b, a)
		}
		if name == "spa" && sessionCookie(first).Value == sessionCookie(second).Value {
			t.Error("a browser kept its cookie value over an authentication")
		}
		if name == "app" && first.Text("session_token") != second.Text("session_token") {
			t.Error("an app lost the token it has stored")
		}
	}
}

func TestRefreshBySomebodyElseIsANewSession(t *testing.T) {
	e := testenv.New(t)
	e.SignUp("ann@example.org")
	e.SignUp("bob@example.org")
	c := e.App()
	ann := c.SignIn("ann@example.org")
	bob := c.Submit("login", c.Start("login", "refresh=true"), testenv.Credentials("bob@example.org", testenv.Password))
	wantStatus(t, bob, 200)
	if ann.Text("session", "id") == bob.Text("session", "id") || ann.Text("session_token") == bob.Text("session_token") {
		t.Errorf("bob took over ann's session: %s", bob.Body)
	}
	wantStatus(t, c.Get("/sessions/whoami"), 200)
}

func TestRefreshWithoutSessionIsALogin(t *testing.T) {
	e := testenv.New(t)
	e.SignUp("ann@example.org")
	c := e.App()
	f := c.Start("login", "refresh=true")
	if f.At("refresh") != true || f.Node("identifier") == nil {
		t.Errorf("flow: %s", f.Body)
	}
	wantStatus(t, c.Submit("login", f, testenv.Credentials("ann@example.org", testenv.Password)), 200)
}

func TestAssuranceLevelOfLogin(t *testing.T) {
	e := testenv.New(t)
	e.SignUp("ann@example.org")
	out, in := e.App(), e.App()
	in.SignIn("ann@example.org")
	wantError(t, out.Init("login", "aal=aal2"), 401, "session_aal1_required")
	wantError(t, out.Init("login", "aal=aal9"), 400, "")
	wantStatus(t, out.Init("login", "aal=AAL1"), 200)
	wantError(t, in.Init("login", "aal=aal1"), 400, "session_already_available")
	f := in.Start("login", "aal=aal2")
	if f.Text("requested_aal") != "aal2" || f.Node("password") != nil {
		t.Errorf("a password is no second factor: %s", f.Body)
	}
	if a := in.Submit("login", f, testenv.Credentials("ann@example.org", testenv.Password)); a.Status != 400 || !slices.Equal(a.MessageIDs(), []int{4010002}) {
		t.Errorf("a password in place of a second factor: got %d %s", a.Status, a.Body)
	}
	in.Header.Del("X-Session-Token")
	wantError(t, in.Submit("login", f, testenv.Credentials("ann@example.org", testenv.Password)), 401, "session_aal1_required")
}

func TestInactiveIdentityCannotSignIn(t *testing.T) {
	e := testenv.New(t)
	createIdentity(t, e, map[string]any{"state": "inactive"})
	c := e.App()
	wantMessages(t, c.Submit("login", c.Start("login", ""), testenv.Credentials("adm@example.org", testenv.Password)), 4010011)
	wantMessages(t, c.Submit("login", c.Start("login", ""), testenv.Credentials("adm@example.org", "wrong-password")), 4000006)
}
