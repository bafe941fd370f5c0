package httpapi_test

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-id/gatehouse/internal/testenv"
)

func TestLogoutOfABrowser(t *testing.T) {
	onBothMounts(t, func(t *testing.T, e *testenv.Env, mount string) {
		e.SignUp("ann@example.org")
		for name, c := range map[string]*testenv.Client{"browser": e.Browser().On(mount), "spa": e.SPA().On(mount)} {
			in := c.SignIn("ann@example.org")
			token := sessionCookie(in).Value
			link := c.Get(mount + "/self-service/logout/browser")
			wantStatus(t, link, 200)
			if want := e.URL + mount + "/self-service/logout?token="; !strings.HasPrefix(link.Text("logout_url"), want) {
				t.Errorf("%s: logout_url %q, want it to start with %q", name, link.Text("logout_url"), want)
			}
			out := c.Get(link.Text("logout_url"))
			if k := sessionCookie(out); k == nil || k.MaxAge >= 0 || csrfCookie(out) == nil {
				t.Errorf("%s: session cookie %v and CSRF cookie %v, want it deleted and renewed", name, k, csrfCookie(out))
			}
			switch name {
			case "spa":
				wantStatus(t, out, 204)
			case "browser":
				if out.Status != 303 || out.Location() != e.URL+"/" {
					t.Errorf("got %d to %q, want 303 to the default place", out.Status, out.Location())
				}
			}
			thief := e.App()
			thief.Header.Set("X-Session-Token", token)
			wantError(t, thief.Get(mount+"/sessions/whoami"), 401, "session_inactive")
		}
	})
}

func TestLogoutNeedsItsToken(t *testing.T) {
	e := testenv.New(t)
	e.SignUp("ann@example.org")
	e.SignUp("bob@example.org")
	ann, bob := e.SPA(), e.SPA()
	ann.SignIn("ann@example.org")
	bob.SignIn("bob@example.org")
	bobs := bob.Get("/self-service/logout/browser").Text("logout_token")
	wantError(t, ann.Get("/self-service/logout"), 400, "")
	wantError(t, ann.Get("/self-service/logout?token="+bobs), 403, "")
	wantError(t, ann.Get("/self-service/logout?token=x"), 403, "")
	wantError(t, e.SPA().Get("/self-service/logout?token="+bobs), 401, "session_inactive")
	wantStatus(t, ann.Get("/sessions/whoami"), 200)
	wantStatus(t, bob.Get("/sessions/whoami"), 200)
	b := e.Browser()
	if a := b.Get("/self-service/logout?token=x"); a.Status != 303 || !strings.Contains(a.Location(), "/auth/error?id=") {
		t.Errorf("a browser is sent to %q with %d, want the error page", a.Location(), a.Status)
	}
}

func TestLogoutReturnTo(t *testing.T) {
	e := testenv.New(t)
	e.SignUp("ann@example.org")
	b := e.Browser()
	b.SignIn("ann@example.org")
	wantError(t, b.Get("/self-service/logout/browser?return_to=https://evil.example/"), 400, "self_service_flow_return_to_forbidden")
	to := "https://app.example/in/bye?x=1"
	link := b.Get("/self-service/logout/browser?return_to=" + url.QueryEscape(to)).Text("logout_url")
	if a := b.Get(link); a.Status != 303 || a.Location() != to {
		t.Errorf("got %d to %q, want 303 to %q", a.Status, a.Location(), to)
	}
}

func TestLogoutWithForbiddenReturnToLeavesNobodySignedIn(t *testing.T) {
	e := testenv.New(t)
	e.SignUp("ann@example.org")
	b := e.Browser()
	b.SignIn("ann@example.org")
	link := b.Get("/self-service/logout/browser").Text("logout_url")
	a := b.Get(link + "&return_to=" + url.QueryEscape("https://evil.example/"))
	if strings.Contains(a.Location(), "evil") {
		t.Errorf("sent to %q", a.Location())
	}
	wantError(t, b.Get("/sessions/whoami"), 401, "session_inactive")
}

func TestLogoutOfAnApp(t *testing.T) {
	onBothMounts(t, func(t *testing.T, e *testenv.Env, mount string) {
		token := e.SignUp("ann@example.org").Text("session_token")
		c := e.App()
		out := func(body string) *testenv.Answer {
			return c.Do("DELETE", mount+"/self-service/logout/api", "application/json", []byte(body))
		}
		wantError(t, out(`{"session_token":"ory_st_unknown"}`), 403, "")
		wantError(t, out(`{"session_token":""}`), 403, "")
		wantError(t, out(`{"session_token":7}`), 400, "")
		wantError(t, out(`{"SESSION_TOKEN":"`+token+`"}`), 403, "")
		wantError(t, out(`{"session_token":"x","session_token":"`+token+`"}`), 400, "")
		wantError(t, out(``), 400, "")
		wantError(t, out(`[]`), 400, "")
		wantStatus(t, out(`{"session_token":"`+token+`"}`), 204)
		wantStatus(t, out(`{"session_token":"`+token+`"}`), 204) // saying it twice is no error
		c.Header.Set("X-Session-Token", token)
		wantError(t, c.Get(mount+"/sessions/whoami"), 401, "session_inactive")
	})
}

func TestLogoutURLNeedsASession(t *testing.T) {
	onBothMounts(t, func(t *testing.T, e *testenv.Env, mount string) {
		e.SignUp("ann@example.org")
		c := e.SPA().On(mount)
		wantError(t, c.Get(mount+"/self-service/logout/browser"), 401, "session_inactive")
		c.SignIn("ann@example.org")
		e.Advance(25 * time.Hour)
		wantError(t, c.Get(mount+"/self-service/logout/browser"), 401, "session_inactive")
	})
}
