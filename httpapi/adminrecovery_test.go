package httpapi_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-id/gatehouse/internal/testenv"
)

// adminRecovery asks the admin API for a way back in.
func adminRecovery(e *testenv.Env, method, query string, body map[string]any) *testenv.Answer {
	return e.App().PostJSON(e.Admin+"/admin/recovery/"+method+query, body)
}

func TestAdministratorsHandOutLinks(t *testing.T) {
	onBothMounts(t, func(t *testing.T, e *testenv.Env, mount string) {
		id := e.SignUp(ada).Text("identity", "id")
		elsewhere := e.App()
		elsewhere.SignIn(ada)
		prefix := "/admin"
		if mount != "" {
			prefix = "/api/kratos/admin"
		}
		a := e.App().PostJSON(e.Admin+prefix+"/recovery/link?return_to="+url.QueryEscape("https://app.example/in/x"), map[string]any{"identity_id": id, "expires_in": "30m"})
		wantStatus(t, a, http.StatusOK)
		link := a.Text("recovery_link")
		if !strings.HasPrefix(link, e.URL+mount+"/self-service/recovery?") {
			t.Errorf("the link is %q", link)
		}
		if at, err := time.Parse(time.RFC3339, a.Text("expires_at")); err != nil || at.Sub(e.Now()).Round(time.Minute) != 30*time.Minute {
			t.Errorf("it ends at %v %v", at, err)
		}
		c := e.Browser().On(mount)
		settings := settingsOf(t, c, c.Get(link))
		if got := c.Submit("settings", settings, changePassword).Location(); got != "https://app.example/in/x" {
			t.Errorf("it leads back to %q", got)
		}
		wantStatus(t, elsewhere.Get("/sessions/whoami"), http.StatusUnauthorized)
		if len(e.Mails(ada)) != 1 { // that of the registration
			t.Errorf("%d mails were sent", len(e.Mails(ada)))
		}
		late := e.App().PostJSON(e.Admin+prefix+"/recovery/link", map[string]any{"identity_id": id, "expires_in": "1m"}).Text("recovery_link")
		e.Advance(time.Minute)
		if a := e.Browser().On(mount).Get(late); sessionCookie(a) != nil || !strings.Contains(a.Location(), "/auth/recovery?flow=") {
			t.Errorf("an expired link: %d %q", a.Status, a.Location())
		}
	})
}

func TestAdministratorsHandOutCodes(t *testing.T) {
	e := testenv.New(t)
	for kind, c := range map[string]*testenv.Client{"browser": e.SPA(), "api": e.App()} {
		email := kind + "@example.org"
		a := adminRecovery(e, "code", "", map[string]any{"identity_id": e.SignUp(email).Text("identity", "id"), "flow_type": kind})
		wantStatus(t, a, http.StatusCreated)
		link := a.Text("recovery_link")
		if !strings.HasPrefix(link, e.URL+"/auth/recovery?flow=") {
			t.Errorf("%s: the link is %q", kind, link)
		}
		if kind == "browser" {
			c.Get("/self-service/recovery/browser") // any visit gives the browser its cookie
		}
		f := c.Fetch("recovery", testenv.FlowID(link))
		wantStatus(t, f, http.StatusOK)
		if f.Node("email") != nil {
			t.Errorf("%s: the flow offers to send another code: %s", kind, f.Body)
		}
		if got := enter(c, "recovery", f, wrongCode(a.Text("recovery_code"))).MessageIDs(); !slices.Equal(got, []int{4060006}) {
			t.Errorf("%s: a wrong code is told with %v", kind, got)
		}
		settings := settingsOf(t, c, enter(c, "recovery", f, a.Text("recovery_code")))
		wantSaved(t, c, settings, c.Submit("settings", settings, changePassword))
	}
}

func TestAdminRecoveryRefusesWhatItCannotDo(t *testing.T) {
	e := testenv.New(t)
	id := e.SignUp(ada).Text("identity", "id")
	with := func(more ...any) map[string]any {
		b := map[string]any{"identity_id": id}
		for n := 0; n < len(more); n += 2 {
			b[more[n].(string)] = more[n+1]
		}
		return b
	}
	for name, tt := range map[string]struct {
		method, query string
		body          map[string]any
		want          int
	}{
		"unknown, link":      {"link", "", with("identity_id", "00000000-0000-4000-8000-000000000000"), http.StatusBadRequest},
		"unknown, code":      {"code", "", with("identity_id", "00000000-0000-4000-8000-000000000000"), http.StatusNotFound},
		"no id":              {"code", "", with("identity_id", "ada"), http.StatusNotFound},
		"no duration":        {"link", "", with("expires_in", "soon"), http.StatusBadRequest},
		"in the past":        {"link", "", with("expires_in", "-1h"), http.StatusBadRequest},
		"at once":            {"code", "", with("expires_in", "0s"), http.StatusBadRequest},
		"another type":       {"code", "", with("flow_type", "telepathy"), http.StatusBadRequest},
		"unknown key":        {"code", "", with("email", ada), http.StatusBadRequest},
		"forbidden place":    {"link", "?return_to=https://evil.example/", with(), http.StatusBadRequest},
		"forbidden and more": {"link", "?return_to=javascript:alert(1)", with(), http.StatusBadRequest},
	} {
		t.Run(name, func(t *testing.T) {
			wantUnchanged(t, e, func() { wantStatus(t, adminRecovery(e, tt.method, tt.query, tt.body), tt.want) })
		})
	}
	e.Config.SelfService.Flows.Recovery.Enabled = false
	wantStatus(t, adminRecovery(e, "link", "", with()), http.StatusBadRequest)
}

func TestSeedDoesNotFindWhomToRecover(t *testing.T) {
	e := testenv.New(t)
	nobody := map[string]any{"identity_id": "00000000-0000-4000-8000-000000000000"}
	wantStatus(t, e.App().PostJSON(e.Admin+"/api/kratos/admin/recovery/link", nobody), http.StatusNotFound)
}
