package httpapi_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/gatehouse-id/gatehouse/internal/testenv"
)

func TestWhoamiTransports(t *testing.T) {
	onBothMounts(t, func(t *testing.T, e *testenv.Env, mount string) {
		token := e.SignUp("ann@example.org").Text("session_token")
		for name, header := range map[string]http.Header{
			"X-Session-Token":       {"X-Session-Token": {token}},
			"X-Session-Cookie":      {"X-Session-Cookie": {token}},
			"cookie":                {"Cookie": {"ory_kratos_session=" + token}},
			"bearer":                {"Authorization": {"Bearer " + token}},
			"BEARER":                {"Authorization": {"BEARER " + token}},
			"same cookie two times": {"Cookie": {"ory_kratos_session=" + token + "; ory_kratos_session=" + token}},
		} {
			c := e.App()
			c.Header = header
			a := c.Get(mount + "/sessions/whoami")
			if a.Status != 200 || a.Header.Get("X-Kratos-Authenticated-Identity-Id") != a.Text("identity", "id") {
				t.Errorf("%s: %d %s", name, a.Status, a.Body)
			}
		}
	})
}

func TestWhoamiAnswersEveryMethod(t *testing.T) {
	e := testenv.New(t)
	c := e.App()
	c.Header.Set("X-Session-Token", e.SignUp("ann@example.org").Text("session_token"))
	for _, m := range []string{"GET", "POST", "PUT", "PATCH", "DELETE"} {
		if a := c.Do(m, "/sessions/whoami", "", nil); a.Status != 200 {
			t.Errorf("%s: %d", m, a.Status)
		}
	}
}

// TestTheFirstTransportDecides: a bad token in one place is not made good by another.
func TestTheFirstTransportDecides(t *testing.T) {
	e := testenv.New(t)
	token := e.SignUp("ann@example.org").Text("session_token")
	for name, header := range map[string]http.Header{
		"bad header, good cookie":   {"X-Session-Token": {"nope"}, "Cookie": {"ory_kratos_session=" + token}},
		"bad cookie, good bearer":   {"Cookie": {"ory_kratos_session=nope"}, "Authorization": {"Bearer " + token}},
		"planted cookie first":      {"Cookie": {"ory_kratos_session=nope; ory_kratos_session=" + token}},
		"planted cookie last":       {"Cookie": {"ory_kratos_session=" + token + "; ory_kratos_session=nope"}},
		"basic is not bearer":       {"Authorization": {"Basic " + token}},
		"token in the wrong cookie": {"Cookie": {"Ory_Kratos_Session=" + token}},
		"token cut":                 {"X-Session-Token": {token[:len(token)-1]}},
		"token in other case":       {"X-Session-Token": {"ORY_ST_" + token[7:]}},
	} {
		c := e.App()
		c.Header = header
		if a := c.Get("/sessions/whoami"); a.Status != 401 {
			t.Errorf("%s: %d %s", name, a.Status, a.Body)
		}
	}
}

func TestWhoamiWithoutSession(t *testing.T) {
	onBothMounts(t, func(t *testing.T, e *testenv.Env, mount string) {
		for _, c := range clients(e, mount) {
			wantError(t, c.Get(mount+"/sessions/whoami"), 401, "session_inactive")
		}
	})
}

func TestSessionsEnd(t *testing.T) {
	onBothMounts(t, func(t *testing.T, e *testenv.Env, mount string) {
		c := e.App().On(mount)
		c.Header.Set("X-Session-Token", e.SignUp("ann@example.org").Text("session_token"))
		e.Advance(24*time.Hour - time.Minute)
		wantStatus(t, c.Get(mount+"/sessions/whoami"), 200)
		e.Advance(time.Minute)
		wantError(t, c.Get(mount+"/sessions/whoami"), 401, "session_inactive")
	})
}

// TestWhoamiShowsNoSecrets: neither tokens nor what only administrators may see.
func TestWhoamiShowsNoSecrets(t *testing.T) {
	onBothMounts(t, func(t *testing.T, e *testenv.Env, mount string) {
		createIdentity(t, e, map[string]any{"metadata_admin": map[string]any{"secret-note": 1}, "metadata_public": map[string]any{"plan": "trial"}})
		c := e.App().On(mount)
		in := c.SignIn("adm@example.org")
		a := c.Get(mount + "/sessions/whoami")
		wantStatus(t, a, 200)
		for _, secret := range []string{in.Text("session_token"), "secret-note", "metadata_admin", "credentials", "$2a$"} {
			wantAbsent(t, a, secret)
		}
		if a.Text("identity", "metadata_public", "plan") != "trial" {
			t.Errorf("metadata_public: %s", a.Body)
		}
	})
}
