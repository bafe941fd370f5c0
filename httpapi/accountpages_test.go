package httpapi_test

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/gatehouse-id/gatehouse/internal/testenv"
)

// csrfOf reads the CSRF token out of a page.
func csrfOf(t *testing.T, page *testenv.Answer) string {
	t.Helper()
	wantStatus(t, page, http.StatusOK)
	m := regexp.MustCompile(`name="csrf_token" value="([^"]+)"`).FindSubmatch(page.Body)
	if m == nil {
		t.Fatalf("the page has no CSRF token: %s", page.Body)
	}
	return strings.ReplaceAll(string(m[1]), "&#43;", "+")
}

func TestSettingsPageShowsTheForm(t *testing.T) {
	e := testenv.New(t)
	e.SignUp("ada@example.org")
	b := e.Browser()
	to := b.Get("/auth/settings").Location()
	if want := e.URL + "/self-service/login/browser?return_to=" + url.QueryEscape(e.URL+"/self-service/settings/browser"); to != want {
		t.Errorf("somebody who is not signed in goes to %q, want %q", to, want)
	}
	b.SignIn("ada@example.org")
	page := b.Get(b.Init("settings", "").Location())
	wantStatus(t, page, http.StatusOK)
	for _, want := range []string{"ada@example.org", `name="traits.email"`, `autocomplete="new-password"`, `href="/auth/sessions"`} {
		if !strings.Contains(string(page.Body), want) {
			t.Errorf("the page has no %s", want)
		}
	}
}

func TestDevicesAreSignedOutWithoutAScript(t *testing.T) {
	e := testenv.New(t)
	e.SignUp("ada@example.org")
	apps, ids := signedIn(e, "", "ada@example.org", 3)
	b := e.Browser()
	if to := b.Get("/auth/sessions").Location(); !strings.HasPrefix(to, e.URL+"/self-service/login/browser") {
		t.Errorf("somebody who is not signed in goes to %q", to)
	}
	b.SignIn("ada@example.org")
	page := b.Get("/auth/sessions")
	csrf := csrfOf(t, page)
	for _, id := range ids {
		if !strings.Contains(string(page.Body), id) {
			t.Errorf("the page has no button for %s", id)
		}
	}
	post := func(form url.Values) *testenv.Answer { return b.PostForm("/auth/sessions", form) }
	for _, forged := range []url.Values{{"session": {ids[0]}}, {"others": {"true"}, "csrf_token": {"x"}}} {
		wantStatus(t, post(forged), http.StatusForbidden)
		wantStatus(t, apps[0].Get("/sessions/whoami"), http.StatusOK)
	}
	wantStatus(t, post(url.Values{"csrf_token": {csrf}, "session": {ids[0]}}), http.StatusSeeOther)
	wantGone(t, apps[0])
	wantStatus(t, apps[1].Get("/sessions/whoami"), http.StatusOK)
	wantStatus(t, post(url.Values{"csrf_token": {csrf}, "session": {"nonsense"}}), http.StatusSeeOther)
	wantStatus(t, post(url.Values{"csrf_token": {csrf}, "others": {"true"}}), http.StatusSeeOther)
	wantGone(t, apps[1])
	wantGone(t, apps[2])
	if page := b.Get("/auth/sessions"); !strings.Contains(string(page.Body), "nowhere else") {
		t.Errorf("the page doesn't say that this is the only session: %s", page.Body)
	}
}
