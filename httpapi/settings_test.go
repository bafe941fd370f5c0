package httpapi_test

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gatehouse-id/gatehouse/core/config"
	"github.com/gatehouse-id/gatehouse/core/identity"
	"github.com/gatehouse-id/gatehouse/internal/gateway"
	"github.com/gatehouse-id/gatehouse/internal/testenv"
)

const newPassword = "a-brand-new-battery"

// profileOf are the fields of a profile submission.
func profileOf(email string, more testenv.Fields) testenv.Fields {
	f := testenv.Fields{"method": "profile", "traits.email": email}
	for k, v := range more {
		f[k] = v
	}
	return f
}

var changePassword = testenv.Fields{"method": "password", "password": newPassword}

// wantSaved checks that a change was stored, in whatever way the client is told.
func wantSaved(t *testing.T, c *testenv.Client, f, a *testenv.Answer) *testenv.Answer {
	t.Helper()
	if a.Status == http.StatusSeeOther {
		a = c.Fetch("settings", f.Text("id"))
	}
	if a.Status != http.StatusOK || a.Text("state") != "success" || !slices.Equal(a.MessageIDs(), []int{1050001}) {
		t.Fatalf("got %d %q %v, want a saved change: %s", a.Status, a.Text("state"), a.MessageIDs(), a.Body)
	}
	return a
}

func canSignIn(e *testenv.Env, email, password string) bool {
	c := e.App()
	return c.Submit("login", c.Start("login", ""), testenv.Credentials(email, password)).Status == http.StatusOK
}

func TestEveryClientChangesItsProfileAndPassword(t *testing.T) {
	onBothMounts(t, func(t *testing.T, e *testenv.Env, mount string) {
		for name, c := range clients(e, mount) {
			email := name + "@example.org"
			e.SignUp(email)
			c.SignIn(email)
			f := c.Start("settings", "")
			if got := f.Value("traits.email"); got != email || f.Text("state") != "show_form" || f.Text("identity", "traits", "email") != email {
				t.Errorf("%s: the form shows %v in state %q", name, got, f.Text("state"))
			}
			saved := wantSaved(t, c, f, c.Submit("settings", f, profileOf(email, testenv.Fields{"traits.name.first": "Ada"})))
			if saved.Value("traits.name.first") != "Ada" || saved.Text("identity", "traits", "name", "first") != "Ada" {
				t.Errorf("%s: the first name is %v", name, saved.Value("traits.name.first"))
			}
			wantSaved(t, c, f, c.Submit("settings", saved, changePassword)) // the flow goes on
			if canSignIn(e, email, testenv.Password) || !canSignIn(e, email, newPassword) {
				t.Errorf("%s: the old password still works, or the new one doesn't", name)
			}
			if a := c.Get(mount + "/sessions/whoami"); a.Status != http.StatusOK || a.Text("identity", "traits", "name", "first") != "Ada" {
				t.Errorf("%s: whoami says %d %s", name, a.Status, a.Body)
			}
		}
	})
}

func TestStartingSettingsWritesNothing(t *testing.T) {
	onBothMounts(t, func(t *testing.T, e *testenv.Env, mount string) {
		e.SignUp("ada@example.org")
		for _, c := range clients(e, mount) {
			c.SignIn("ada@example.org")
			wantUnchanged(t, e, func() {
				f := c.Start("settings", "")
				wantStatus(t, c.Fetch("settings", f.Text("id")), http.StatusOK)
			})
		}
	})
}

func TestSettingsNeedASession(t *testing.T) {
	onBothMounts(t, func(t *testing.T, e *testenv.Env, mount string) {
		wantError(t, e.App().On(mount).Init("settings", ""), http.StatusUnauthorized, "session_inactive")
		wantError(t, e.SPA().On(mount).Init("settings", ""), http.StatusUnauthorized, "session_inactive")
		login := e.URL + mount + "/self-service/login/browser"
		if got := e.Browser().On(mount).Init("settings", "").Location(); got != login {
			t.Errorf("a browser goes to %q, want %q", got, login)
		}
		if got := e.Browser().On(mount).Init("settings", "return_to=https%3A%2F%2Fapp.example%2Fin").Location(); got != login+"?return_to=https%3A%2F%2Fapp.example%2Fin" {
			t.Errorf("a browser with a return_to goes to %q", got)
		}
		a := e.Browser().On(mount).PostForm(mount+"/self-service/settings?flow=x", url.Values{"method": {"profile"}})
		if !strings.HasPrefix(a.Location(), login) {
			t.Errorf("a submission goes to %q, want the login", a.Location())
		}
	})
}

func TestSettingsBelongToOneIdentity(t *testing.T) {
	onBothMounts(t, func(t *testing.T, e *testenv.Env, mount string) {
		e.SignUp("ada@example.org")
		e.SignUp("eve@example.org")
		ada, eve := e.App().On(mount), e.App().On(mount)
		ada.SignIn("ada@example.org")
		eve.SignIn("eve@example.org")
		f := ada.Start("settings", "")
		wantStatus(t, ada.Submit("settings", f, profileOf("ada@example.org", testenv.Fields{"traits.age": 3})), http.StatusBadRequest)

		wantError(t, eve.Fetch("settings", f.Text("id")), http.StatusForbidden, "security_identity_mismatch")
		wantError(t, eve.Submit("settings", f, changePassword), http.StatusForbidden, "security_identity_mismatch")
		if !canSignIn(e, "ada@example.org", testenv.Password) || !canSignIn(e, "eve@example.org", testenv.Password) {
			t.Error("somebody's password was changed")
		}
	})
}

func TestBadSettingsAreToldWhereTheyStand(t *testing.T) {
	e := testenv.New(t)
	e.SignUp("ada@example.org")
	e.SignUp("taken@example.org")
	c := e.SPA()
	c.SignIn("ada@example.org")
	f := c.Start("settings", "")
	for name, tt := range map[string]struct {
		fields testenv.Fields
		want   []int
	}{
		"too young":            {profileOf("ada@example.org", testenv.Fields{"traits.age": 3}), []int{4000018}},
		"no address":           {profileOf("nowhere", nil), []int{4000040}},
		"address of another":   {profileOf("taken@example.org", nil), []int{4000007}},
		"traits forgotten":     {testenv.Fields{"method": "profile"}, []int{4000002}},
		"address forgotten":    {testenv.Fields{"method": "profile", "traits.age": 30}, []int{4000002}},
		"short password":       {testenv.Fields{"method": "password", "password": "short"}, []int{4000032}},
		"no password":          {testenv.Fields{"method": "password"}, []int{4000002}},
		"password like e-mail": {testenv.Fields{"method": "password", "password": "ada@example.org"}, []int{4000031}},
		"unknown method":       {testenv.Fields{"method": "magic"}, []int{4010004}},
	} {
		t.Run(name, func(t *testing.T) { wantMessages(t, c.Submit("settings", f, tt.fields), tt.want...) })
	}
	wantError(t, c.Submit("settings", f, testenv.Fields{"method": "profile", "csrf_token": "x"}), http.StatusForbidden, "security_csrf_violation")
	if got := c.Get("/sessions/whoami").Text("identity", "traits", "email"); got != "ada@example.org" {
		t.Errorf("the account says %q", got)
	}
}

func TestExpiredSettingsAreReplaced(t *testing.T) {
	onBothMounts(t, func(t *testing.T, e *testenv.Env, mount string) {
		e.SignUp("ada@example.org")
		c := e.App().On(mount)
		c.SignIn("ada@example.org")
		f := c.Start("settings", "")
		e.Advance(flowLifespan)
		wantError(t, c.Fetch("settings", f.Text("id")), http.StatusGone, "self_service_flow_expired")
		a := c.Submit("settings", f, profileOf("ada@example.org", nil))
		wantError(t, a, http.StatusGone, "self_service_flow_expired")
		if next := c.Fetch("settings", a.Text("use_flow_id")); !slices.Equal(next.MessageIDs(), []int{4050001}) {
			t.Errorf("the new flow says %v", next.MessageIDs())
		}
	})
}

func TestANewPasswordEndsOtherSessions(t *testing.T) {
	for _, keep := range []bool{false, true} {
		t.Run(fmt.Sprintf("keep=%v", keep), func(t *testing.T) {
			e := testenv.New(t, func(c *config.Config, _ *gateway.Options) { c.SelfService.Flows.Settings.KeepSessions = keep })
			e.SignUp("ada@example.org")
			here, there := e.App(), e.App()
			here.SignIn("ada@example.org")
			there.SignIn("ada@example.org")
			wantStatus(t, there.Get("/sessions/whoami"), http.StatusOK)
			f := here.Start("settings", "")
			wantSaved(t, here, f, here.Submit("settings", f, profileOf("ada@example.org", testenv.Fields{"traits.age": 40})))
			wantStatus(t, there.Get("/sessions/whoami"), http.StatusOK)
			wantSaved(t, here, f, here.Submit("settings", f, changePassword))
			wantStatus(t, here.Get("/sessions/whoami"), http.StatusOK)
			want := http.StatusUnauthorized
			if keep {
				want = http.StatusOK
			}
			wantStatus(t, there.Get("/sessions/whoami"), want)
		})
	}
}

func TestManySessionsEndWithThePassword(t *testing.T) {
	e := testenv.New(t)
	e.SignUp("ada@example.org")
	var others []*testenv.Client
	for range 40 { // more than one commit ends
		c := e.App()
		c.SignIn("ada@example.org")
		others = append(others, c)
	}
	here := others[0]
	f := here.Start("settings", "")
	wantSaved(t, here, f, here.Submit("settings", f, changePassword))
	for n, c := range others[1:] {
		if a := c.Get("/sessions/whoami"); a.Status != http.StatusUnauthorized {
			t.Errorf("session %d: got %d, want it ended", n+1, a.Status)
		}
	}
}

func TestTwoChangesAtOnceOneWins(t *testing.T) {
	e := testenv.New(t)
	e.SignUp("ada@example.org")
	const racers = 8
	status, first := make([]int, racers), make([]string, racers)
	var wg sync.WaitGroup
	start := make(chan struct{})
	for n := range racers {
		c := e.App()
		c.SignIn("ada@example.org")
		f := c.Start("settings", "")
		wg.Go(func() {
			<-start
			first[n] = fmt.Sprint("Ada ", n)
			a := c.Submit("settings", f, profileOf("ada@example.org", testenv.Fields{"traits.name.first": first[n]}))
			status[n] = a.Status
			if a.Status == http.StatusBadRequest && !slices.Equal(a.MessageIDs(), []int{4000001}) {
				t.Errorf("racer %d was told %v", n, a.MessageIDs())
			}
		})
	}
	close(start)
	wg.Wait()
	c := e.App()
	c.SignIn("ada@example.org")
	got := c.Get("/sessions/whoami").Text("identity", "traits", "name", "first")
	won := slices.Index(first, got)
	if won < 0 || status[won] != http.StatusOK {
		t.Errorf("the account says %q; statuses %v", got, status)
	}
	for n, s := range status {
		if s != http.StatusOK && s != http.StatusBadRequest {
			t.Errorf("racer %d got %d", n, s)
		}
	}
}

func TestTwoTabsOfOneFlow(t *testing.T) {
	e := testenv.New(t)
	e.SignUp("ada@example.org")
	c := e.SPA()
	c.SignIn("ada@example.org")
	f := c.Start("settings", "")
	other := c.Fetch("settings", f.Text("id"))
	wantSaved(t, c, f, c.Submit("settings", f, profileOf("ada@example.org", testenv.Fields{"traits.age": 40})))
	wantSaved(t, c, f, c.Submit("settings", other, profileOf("ada@example.org", testenv.Fields{"traits.age": 41})))
	if got := c.Get("/sessions/whoami").At("identity", "traits", "age"); got != 41.0 {
		t.Errorf("the age is %v, want that of the second tab", got)
	}
}

// oldSession makes a browser whose session is too old for changes of its account.
func oldSession(t *testing.T, e *testenv.Env, c *testenv.Client, email string) *testenv.Answer {
	t.Helper()
	e.SignUp(email)
	c.SignIn(email)
	e.Advance(2 * time.Hour)
	return c.Start("settings", "")
}

func TestOldSessionsMayChangeWhatIsHarmless(t *testing.T) {
	e := testenv.New(t)
	c := e.App()
	f := oldSession(t, e, c, "ada@example.org")
	wantSaved(t, c, f, c.Submit("settings", f, profileOf("ada@example.org", testenv.Fields{"traits.age": 40})))
	for _, fields := range []testenv.Fields{changePassword, profileOf("mallory@example.org", nil)} {
		a := c.Submit("settings", f, fields)
		wantError(t, a, http.StatusForbidden, "session_refresh_required")
		if want := e.URL + "/self-service/login/browser?refresh=true&return_to="; !strings.HasPrefix(a.Text("redirect_browser_to"), want) {
			t.Errorf("got %q, want it to begin with %q", a.Text("redirect_browser_to"), want)
		}
	}
	wantStatus(t, c.Submit("login", c.Start("login", "refresh=true"), testenv.Credentials("ada@example.org", testenv.Password)), http.StatusOK)
	wantSaved(t, c, f, c.Submit("settings", f, changePassword))
}

func TestAPendingChangeIsMadeAfterAnotherSignIn(t *testing.T) {
	onBothMounts(t, func(t *testing.T, e *testenv.Env, mount string) {
		c := e.Browser().On(mount)
		f := oldSession(t, e, c, "ada@example.org")
		a := c.Submit("settings", f, changePassword)
		pending := a.Cookie("ory_kratos_continuity")
		if pending == nil || !pending.HttpOnly || strings.Contains(pending.Value, newPassword) {
			t.Fatalf("the change is kept in %v", pending)
		}
		login := c.Get(a.Location())
		lf := c.Fetch("login", testenv.FlowID(login.Location()))
		in := c.Submit("login", lf, testenv.Credentials("ada@example.org", testenv.Password))
		if want := e.URL + mount + "/self-service/settings?flow=" + f.Text("id"); in.Location() != want {
			t.Fatalf("the sign-in leads to %q, want %q", in.Location(), want)
		}
		if canSignIn(e, "ada@example.org", newPassword) {
			t.Fatal("the password was changed before its time")
		}
		c.Do(http.MethodHead, in.Location(), "", nil)
		if canSignIn(e, "ada@example.org", newPassword) {
			t.Fatal("a HEAD changed the password")
		}
		done := c.Get(in.Location())
		wantStatus(t, done, http.StatusSeeOther)
		wantSaved(t, c, f, done)
		if !canSignIn(e, "ada@example.org", newPassword) {
			t.Error("the new password doesn't work")
		}
		if k := done.Cookie("ory_kratos_continuity"); k == nil || k.MaxAge >= 0 {
			t.Errorf("the pending change is still kept: %v", k)
		}
	})
}

func TestAPendingChangeIsForOnePersonAndAShortTime(t *testing.T) {
	e := testenv.New(t)
	c := e.Browser()
	f := oldSession(t, e, c, "ada@example.org")
	resume := "/self-service/settings?flow=" + f.Text("id")
	pending := c.Submit("settings", f, changePassword).Cookie("ory_kratos_continuity")

	// Still not signed in anew: off to the login once more, and nothing is lost.
	if a := c.Get(resume); !strings.Contains(a.Location(), "refresh=true") {
		t.Errorf("without another sign-in: %q", a.Location())
	}
	e.SignUp("eve@example.org")
	eve := e.Browser()
	eve.SignIn("eve@example.org")
	u, _ := url.Parse(e.URL)
	eve.HTTP.Jar.SetCookies(u, []*http.Cookie{{Name: pending.Name, Value: pending.Value}})
	eve.Get(resume)
	if canSignIn(e, "eve@example.org", newPassword) {
		t.Fatal("a change that was planted from another account was made")
	}
	e.Advance(16 * time.Minute)
	in := c.Submit("login", c.Start("login", "refresh=true"), testenv.Credentials("ada@example.org", testenv.Password))
	wantStatus(t, in, http.StatusSeeOther)
	if a := c.Get(resume); a.Status != http.StatusSeeOther || canSignIn(e, "ada@example.org", newPassword) {
		t.Errorf("a change was made after a quarter of an hour: %d %q", a.Status, a.Location())
	}
}

func TestSettingsLeadBackWhereTheyBegan(t *testing.T) {
	onBothMounts(t, func(t *testing.T, e *testenv.Env, mount string) {
		e.SignUp("ada@example.org")
		c := e.Browser().On(mount)
		c.SignIn("ada@example.org")
		f := c.Start("settings", "return_to="+url.QueryEscape("https://app.example/in/x"))
		if got := c.Submit("settings", f, profileOf("ada@example.org", nil)).Location(); got != "https://app.example/in/x" {
			t.Errorf("got %q", got)
		}
		f = c.Start("settings", "")
		if got, want := c.Submit("settings", f, profileOf("ada@example.org", nil)).Location(), e.URL+"/auth/settings?flow="+f.Text("id"); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
		wantStatus(t, e.SPA().Get(mount+"/self-service/settings"), http.StatusBadRequest)
	})
}

// optionalEmail is a schema whose identifier may be missing.
const optionalEmail = `{"$id":"https://test/optional","type":"object","properties":{"traits":{"type":"object","properties":{
"email":{"type":"string","format":"email","ory.sh/kratos":{"credentials":{"password":{"identifier":true}}}},
"name":{"type":"string"}}}}}`

func TestTheLastIdentifierStays(t *testing.T) {
	e := testenv.New(t, func(c *config.Config, _ *gateway.Options) {
		c.Identity.Schemas[0].URL = "base64://" + base64.StdEncoding.EncodeToString([]byte(optionalEmail))
	})
	e.SignUp("ada@example.org")
	c := e.App()
	c.SignIn("ada@example.org")
	f := c.Start("settings", "")
	wantMessages(t, c.Submit("settings", f, testenv.Fields{"method": "profile", "traits.name": "Ada"}), 4000009)
	if !canSignIn(e, "ada@example.org", testenv.Password) {
		t.Error("the account lost its identifier")
	}
}

func TestRequiredLevelIsThatOfTheIdentity(t *testing.T) {
	for required, want := range map[string]int{"highest_available": http.StatusForbidden, "aal1": http.StatusOK} {
		t.Run(required, func(t *testing.T) {
			e := testenv.New(t, func(c *config.Config, _ *gateway.Options) { c.SelfService.Flows.Settings.RequiredAAL = required })
			id := e.SignUp("ada@example.org").Text("identity", "id")
			i, err := e.Gateway.Store.Identity(t.Context(), id)
			if err != nil {
				t.Fatal(err)
			}
			i.Credentials[identity.TOTP] = identity.Credential{Type: identity.TOTP, Config: []byte(`{"totp_url":"x"}`)}
			if err := e.Gateway.Store.Update(t.Context(), i); err != nil {
				t.Fatal(err)
			}
			c, b := e.App(), e.Browser()
			c.SignIn("ada@example.org")
			b.SignIn("ada@example.org")
			wantStatus(t, c.Init("settings", ""), want)
			if want == http.StatusForbidden {
				wantError(t, c.Init("settings", ""), want, "session_aal2_required")
				if got := b.Init("settings", "").Location(); got != e.URL+"/self-service/login/browser?aal=aal2" {
					t.Errorf("a browser goes to %q", got)
				}
			}
		})
	}
}
