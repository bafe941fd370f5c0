package httpapi_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-id/gatehouse/internal/optest"
	"github.com/gatehouse-id/gatehouse/internal/testenv"
)

const forAnApp = "return_session_token_exchange_code=true&return_to=https://app.example/in"

// open is an app that opens a browser for a sign-in at a provider. It returns the flow
// and where the browser ends up.
func open(t *testing.T, e *testenv.Env, kind string) (f *testenv.Answer, end string) {
	t.Helper()
	app, browser := e.App(), e.Browser()
	f = app.Start(kind, forAnApp)
	if f.Text("session_token_exchange_code") == "" {
		t.Fatalf("the flow has no code: %s", f.Body)
	}
	a := app.Submit(kind, f, testenv.Fields{"method": "oidc", "provider": "acme"})
	if a.Status != http.StatusUnprocessableEntity {
		t.Fatalf("choosing a provider: %d %s", a.Status, a.Body)
	}
	done := browser.Do(http.MethodGet, consent(t, browser, a.Text("redirect_browser_to")), "", nil)
	if done.Status != http.StatusSeeOther || done.Cookie("ory_kratos_session") != nil || !strings.HasPrefix(done.Location(), "https://app.example/in?") {
		t.Fatalf("the browser came back: %d to %q: %s", done.Status, done.Location(), done.Body)
	}
	return f, done.Location()
}

func exchange(e *testenv.Env, first, second string) *testenv.Answer {
	return e.App().Get("/sessions/token-exchange?init_code=" + first + "&return_to_code=" + second)
}

func TestAnAppGetsItsSessionByTwoCodes(t *testing.T) {
	e, p := social(t)
	p.SignInAs(claims("1", "olga@example.org"))
	for _, kind := range []string{"login", "registration"} { // a sign-up, and a sign-in by the other door
		f, end := open(t, e, kind)
		first, second := f.Text("session_token_exchange_code"), query(t, end).Get("code")
		other, _ := open(t, e, kind)
		for name, codes := range map[string][2]string{
			"no second code":  {first, ""},
			"another one":     {first, strings.Repeat("A", len(second))},
			"no first code":   {"", second},
			"that of a flow":  {f.Text("id"), second},
			"of another flow": {other.Text("session_token_exchange_code"), second},
		} {
			if a := exchange(e, codes[0], codes[1]); a.Status != http.StatusNotFound {
				t.Errorf("%s, %s: got %d %s", kind, name, a.Status, a.Body)
			}
		}
		got := exchange(e, first, second)
		if got.Status != http.StatusOK || got.Text("session", "identity", "traits", "email") != "olga@example.org" {
			t.Fatalf("%s: got %d %s", kind, got.Status, got.Body)
		}
		app := e.App()
		app.Header.Set("X-Session-Token", got.Text("session_token"))
		if who := app.Get("/sessions/whoami"); who.Status != http.StatusOK {
			t.Errorf("%s: whoami: %d %s", kind, who.Status, who.Body)
		}
		if again := exchange(e, first, second); again.Status != http.StatusNotFound {
			t.Errorf("%s: the codes count twice: %d %s", kind, again.Status, again.Body)
		}
	}
}

func TestCodesOfAnAppEndWithItsFlow(t *testing.T) {
	e, p := social(t)
	p.SignInAs(claims("1", "olga@example.org"))
	f, end := open(t, e, "login")
	e.Advance(2 * time.Hour)
	if a := exchange(e, f.Text("session_token_exchange_code"), query(t, end).Get("code")); a.Status != http.StatusNotFound {
		t.Errorf("got %d %s", a.Status, a.Body)
	}
}

func TestAnAppIsOpenedAgainWhenThePersonSaysNo(t *testing.T) {
	e, p := social(t)
	p.Turn(func(k *optest.Knobs) { k.Deny = true })
	f, end := open(t, e, "login")
	if got := query(t, end).Get("flow"); got != f.Text("id") {
		t.Errorf("the app is told of flow %q, want %q", got, f.Text("id"))
	}
	if form := e.App().Fetch("login", f.Text("id")); !strings.Contains(string(form.Body), "the person said no") {
		t.Errorf("the flow says %s", form.Body)
	}
}
