package httpapi_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-id/gatehouse/core/config"
	"github.com/gatehouse-id/gatehouse/internal/gateway"
	"github.com/gatehouse-id/gatehouse/internal/testenv"
)

// newcomer signs a client in as a new person.
func newcomer(c *testenv.Client, email string) *testenv.Client {
	c.SignUp(email)
	c.SignIn(email)
	return c
}

// withCode are the fields of a code of an authenticator app.
func withCode(code string) testenv.Fields {
	return testenv.Fields{"method": "totp", "totp_code": code}
}

func withBackupCode(code string) testenv.Fields {
	return testenv.Fields{"method": "lookup_secret", "lookup_secret": code}
}

// factors lists what a session was confirmed by.
func factors(a *testenv.Answer, at ...any) string {
	list, _ := a.At(append(at, "authentication_methods")...).([]any)
	var names []string
	for _, m := range list {
		name, _ := m.(map[string]any)["method"].(string)
		names = append(names, name)
	}
	return strings.Join(names, " ")
}

func TestAppIsAskedForAfterItWasSetUp(t *testing.T) {
	onBothMounts(t, func(t *testing.T, e *testenv.Env, mount string) {
		c := newcomer(e.App().On(mount), "ann@example.org")
		secret := c.AddApp()
		who := c.Get(mount + "/sessions/whoami")
		if who.Status != 200 || who.Text("authenticator_assurance_level") != "aal2" || factors(who) != "password totp" {
			t.Fatalf("the session that set the app up: got %d %s", who.Status, who.Body)
		}

		other := e.App().On(mount)
		in := other.SignIn("ann@example.org")
		if identity, told := in.At("session").(map[string]any)["identity"]; identity != nil || !told {
			t.Errorf("after the password alone: got the identity %v, want null", identity)
		}
		wantError(t, other.Get(mount+"/sessions/whoami"), 403, "session_aal2_required")
		wantError(t, other.Get(mount+"/sessions"), 403, "session_aal2_required")
		wantError(t, other.Init("settings", ""), 403, "session_aal2_required")

		up := other.SecondStep(withCode(e.AppCode(secret, e.Now())))
		wantStatus(t, up, 200)
		if up.Text("session", "id") != in.Text("session", "id") || up.Text("session_token") != in.Text("session_token") {
			t.Error("the second step has made another session, or another token of an app's session")
		}
		if factors(up, "session") != "password totp" || up.Text("session", "identity", "traits", "email") != "ann@example.org" {
			t.Errorf("got %s", up.Body)
		}
		wantStatus(t, other.Get(mount+"/sessions/whoami"), 200)
		wantError(t, other.Init("login", "aal=aal2"), 400, "session_already_available")
	})
}

func TestBrowserIsSentToTheSecondStepAndBack(t *testing.T) {
	onBothMounts(t, func(t *testing.T, e *testenv.Env, mount string) {
		secret := newcomer(e.App(), "ann@example.org").AddApp()
		c := e.Browser().On(mount)
		in := c.Submit("login", c.Start("login", "return_to="+url.QueryEscape("https://app.example/in")), testenv.Credentials("ann@example.org", testenv.Password))
		if want := e.URL + mount + "/self-service/login/browser?aal=aal2&return_to=https%3A%2F%2Fapp.example%2Fin"; in.Status != 303 || in.Location() != want {
			t.Fatalf("got %d to %q, want 303 to %q", in.Status, in.Location(), want)
		}
		before := in.Cookie("ory_kratos_session")
		second := c.Get(in.Location())
		f := c.Fetch("login", testenv.FlowID(second.Location()))
		up := c.Submit("login", f, withCode(e.AppCode(secret, e.Now())))
		if up.Status != 303 || up.Location() != "https://app.example/in" {
			t.Fatalf("got %d to %q", up.Status, up.Location())
		}
		wantStatus(t, c.Get(mount+"/sessions/whoami"), 200)
		thief := e.App().On(mount)
		thief.Header.Set("X-Session-Token", before.Value)
		wantError(t, thief.Get(mount+"/sessions/whoami"), 401, "session_inactive")
	})
}

func TestScriptIsToldWhereToGoForTheSecondStep(t *testing.T) {
	e := testenv.New(t)
	newcomer(e.App(), "ann@example.org").AddApp()
	c := e.SPA()
	in := c.Submit("login", c.Start("login", ""), testenv.Credentials("ann@example.org", testenv.Password))
	wantError(t, in, 422, "browser_location_change_required")
	if got := in.Text("redirect_browser_to"); got != e.URL+"/self-service/login/browser?aal=aal2" || in.Cookie("ory_kratos_session") == nil {
		t.Errorf("got %q and %v", got, in.Header)
	}
}

func TestBrowserGetsAnotherCookieWhenItSetsAnAppUp(t *testing.T) {
	e := testenv.New(t)
	e.SignUp("ann@example.org")
	c := e.SPA()
	stolen := c.SignIn("ann@example.org").Cookie("ory_kratos_session").Value
	c.AddApp()
	wantStatus(t, c.Get("/sessions/whoami"), 200)
	thief := e.App()
	thief.Header.Set("X-Session-Token", stolen)
	wantError(t, thief.Get("/sessions/whoami"), 401, "session_inactive")
}

func TestPasswordIsEnoughWhereTheConfigurationSaysSo(t *testing.T) {
	e := testenv.New(t, func(c *config.Config, _ *gateway.Options) { c.Session.Whoami.RequiredAAL = "aal1" })
	newcomer(e.App(), "ann@example.org").AddApp()
	c := e.App()
	in := c.SignIn("ann@example.org")
	if in.Text("session", "identity", "id") == "" {
		t.Errorf("got %s", in.Body)
	}
	wantStatus(t, c.Get("/sessions/whoami"), 200)
	wantError(t, c.Init("settings", ""), 403, "session_aal2_required")
}

func TestCodeOfAnAppSignsInOnce(t *testing.T) {
	e := testenv.New(t)
	c := newcomer(e.App(), "ann@example.org")
	secret := c.AddApp()
	now := e.Now().Truncate(30 * time.Second)
	other := func() *testenv.Client { c := e.App(); c.SignIn("ann@example.org"); return c }
	for _, step := range []struct {
		code time.Duration // after now
		want int
	}{
		{-60 * time.Second, 400}, // two steps behind
		{-30 * time.Second, 400}, // before the one that set the app up
		{0, 200},
		{0, 400},                 // used
		{-30 * time.Second, 400}, // before one that was used
		{30 * time.Second, 200},  // the app's clock is half a minute ahead
		{90 * time.Second, 400},  // more than that
	} {
		if a := other().SecondStep(withCode(e.AppCode(secret, now.Add(step.code)))); a.Status != step.want {
			t.Errorf("the code of %s: got %d %s, want %d", step.code, a.Status, a.Body, step.want)
		} else if a.Status == 400 {
			wantMessages(t, a, 4000008)
		}
	}
}

func TestCodeIsReadAsPeopleTypeIt(t *testing.T) {
	e := testenv.New(t)
	secret := newcomer(e.App(), "ann@example.org").AddApp()
	c := e.App()
	c.SignIn("ann@example.org")
	code := e.AppCode(secret, e.Now())
	wantStatus(t, c.SecondStep(withCode(" "+code[:3]+" "+code[3:]+" ")), 200)
}

func TestWrongAndMissingFactors(t *testing.T) {
	onBothMounts(t, func(t *testing.T, e *testenv.Env, mount string) {
		newcomer(e.App(), "ann@example.org").AddApp()
		c := e.App().On(mount)
		c.SignIn("ann@example.org")
		wantMessages(t, c.SecondStep(withCode("000000")), 4000008)
		wantMessages(t, c.SecondStep(withCode("no code at all")), 4000008)
		wantMessages(t, c.SecondStep(testenv.Fields{"method": "totp"}), 4000002)
		wantMessages(t, c.SecondStep(withBackupCode("abcdefgh")), 4000014)

		plain := newcomer(e.App().On(mount), "bob@example.org")
		if f := plain.Start("login", "aal=aal2"); f.Node("totp_code") != nil || f.Node("lookup_secret") != nil {
			t.Errorf("somebody without a factor is asked for one: %s", f.Body)
		}
		wantMessages(t, plain.SecondStep(withCode("123456")), 4000011)
	})
}

// TestSecondStepCannotBeTakenAlone: a second factor is none without the first, or in a
// flow that asks for another.
func TestSecondStepCannotBeTakenAlone(t *testing.T) {
	e := testenv.New(t)
	ann := newcomer(e.App(), "ann@example.org")
	secret := ann.AddApp()
	code := withCode(e.AppCode(secret, e.Now()))

	nobody := e.App()
	wantMessages(t, nobody.Submit("login", nobody.Start("login", ""), code), 4010002)
	c := e.App()
	c.SignIn("ann@example.org")
	f := c.Start("login", "aal=aal2")
	wantError(t, nobody.Submit("login", f, code), 401, "session_aal1_required")
	wantMessages(t, c.Submit("login", f, testenv.Credentials("ann@example.org", testenv.Password)), 4010002)
	wantMessages(t, c.Submit("login", c.Start("login", "refresh=true"), code), 4010002)
	if who := c.Get("/sessions/whoami"); who.Status != 403 {
		t.Errorf("a password twice: got %d, want 403", who.Status)
	}

	// Bob has an app too. Neither his session nor his flow takes Ann's code.
	newcomer(e.App(), "bob@example.org").AddApp()
	bob := e.App()
	bob.SignIn("bob@example.org")
	wantMessages(t, bob.Submit("login", f, code), 4000008)
	wantMessages(t, bob.SecondStep(code), 4000008)
	wantStatus(t, c.Submit("login", f, code), 200)
}

func TestRemovingTheAppLocksNobodyOut(t *testing.T) {
	onBothMounts(t, func(t *testing.T, e *testenv.Env, mount string) {
		c := newcomer(e.App().On(mount), "ann@example.org")
		first := c.AddApp()
		weak := e.App().On(mount)
		weak.SignIn("ann@example.org")
		wantError(t, weak.Get(mount+"/sessions/whoami"), 403, "session_aal2_required")

		f := c.Start("settings", "")
		off := c.Submit("settings", f, testenv.Fields{"totp_unlink": "true"}) // as the button alone does
		wantStatus(t, off, 200)
		if off.Node("totp_qr") == nil || off.Node("totp_unlink") != nil {
			t.Errorf("the form after that: %s", off.Body)
		}
		wantStatus(t, c.Get(mount+"/sessions/whoami"), 200)
		wantStatus(t, weak.Get(mount+"/sessions/whoami"), 200)
		if second := c.AddApp(); second == first {
			t.Error("the secret that was removed is offered again")
		}
	})
}

// TestRemovedSecretIsNotOfferedAgain: not even in the flow in which it was removed. The
// phone that had it may be in the wrong hands.
func TestRemovedSecretIsNotOfferedAgain(t *testing.T) {
	e := testenv.New(t)
	c := newcomer(e.App(), "ann@example.org")
	f := c.Start("settings", "")
	offered := func(a *testenv.Answer) string {
		at, _ := a.Node("totp_secret_key")["attributes"].(map[string]any)
		text, _ := at["text"].(map[string]any)
		s, _ := text["text"].(string)
		return s
	}
	first := offered(f)
	if again := offered(c.Fetch("settings", f.Text("id"))); again != first || first == "" {
		t.Fatalf("the form offers %q, and %q when it is shown again", first, again)
	}
	wantStatus(t, c.Submit("settings", f, withCode(e.AppCode(first, e.Now()))), 200)
	off := c.Submit("settings", f, testenv.Fields{"method": "totp", "totp_unlink": true})
	if second := offered(off); second == first || second == "" {
		t.Errorf("got %q after %q was removed", second, first)
	}
	if second := offered(c.Fetch("settings", f.Text("id"))); second != offered(off) {
		t.Errorf("another secret is offered when the form is shown again")
	}
}

// TestPasswordAloneRemovesNoFactor: where settings are open to aal1, factors are not.
func TestPasswordAloneRemovesNoFactor(t *testing.T) {
	e := testenv.New(t, func(c *config.Config, _ *gateway.Options) { c.SelfService.Flows.Settings.RequiredAAL = "aal1" })
	ann := newcomer(e.App(), "ann@example.org")
	ann.AddApp()
	weak := e.App()
	weak.SignIn("ann@example.org")
	off := testenv.Fields{"method": "totp", "totp_unlink": true}
	wantError(t, weak.Submit("settings", weak.Start("settings", ""), off), 403, "session_aal2_required")
	show := weak.Submit("settings", weak.Start("settings", ""), testenv.Fields{"method": "lookup_secret", "lookup_secret_regenerate": true})
	wantError(t, weak.Submit("settings", show, testenv.Fields{"method": "lookup_secret", "lookup_secret_confirm": true}), 403, "session_aal2_required")
	if who := weak.Get("/sessions/whoami"); who.Status != 403 {
		t.Errorf("the weak session: got %d, want 403", who.Status)
	}
}

func TestFactorsNeedAFreshSignIn(t *testing.T) {
	e := testenv.New(t)
	c := newcomer(e.App(), "ann@example.org")
	e.Advance(59 * time.Minute)
	f := c.Start("settings", "")
	e.Advance(2 * time.Minute)
	for _, change := range []testenv.Fields{
		{"method": "totp", "totp_code": "000000"},
		{"method": "lookup_secret", "lookup_secret_regenerate": true},
		{"method": "lookup_secret", "lookup_secret_disable": true},
	} {
		wantError(t, c.Submit("settings", f, change), 403, "session_refresh_required")
	}
}

func TestSettingAnAppUpKeepsOtherSessionsOut(t *testing.T) {
	e := testenv.New(t)
	c, other := newcomer(e.SPA(), "ann@example.org"), e.App()
	other.SignIn("ann@example.org")
	wantStatus(t, other.Get("/sessions/whoami"), http.StatusOK)
	c.AddApp()
	wantError(t, other.Get("/sessions/whoami"), 403, "session_aal2_required")
	wantStatus(t, c.Get("/sessions/whoami"), http.StatusOK)
}
