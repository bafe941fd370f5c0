package httpapi_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/gatehouse-id/gatehouse/core/config"
	"github.com/gatehouse-id/gatehouse/internal/testenv"
)

// addressOf is the verifiable address of who is signed in: its value, status, and whether it is verified.
func addressOf(c *testenv.Client) (value, status string, verified bool) {
	a := c.Get("/sessions/whoami")
	verified, _ = a.At("identity", "verifiable_addresses", 0, "verified").(bool)
	return a.Text("identity", "verifiable_addresses", 0, "value"), a.Text("identity", "verifiable_addresses", 0, "status"), verified
}

func wantVerified(t *testing.T, e *testenv.Env, email string) {
	t.Helper()
	c := e.App()
	c.SignIn(email)
	if value, status, verified := addressOf(c); value != email || status != "completed" || !verified {
		t.Errorf("the address of %s is %q, %q, verified %v", email, value, status, verified)
	}
}

func TestEveryClientVerifiesByCode(t *testing.T) {
	e := testenv.New(t)
	for name, c := range clients(e, "") {
		email := name + "@example.org"
		e.SignUp(email)
		f := ask(t, c, "verification", "", email)
		code := e.MailedCode(email)
		if got := says(c, "verification", enter(c, "verification", f, wrongCode(code))); !slices.Equal(got, []int{4070006}) {
			t.Errorf("%s: a wrong code is told with %v", name, got)
		}
		a := enter(c, "verification", f, code)
		if got := says(c, "verification", a); !slices.Equal(got, []int{1080002}) {
			t.Errorf("%s: the right code is told with %v", name, got)
		}
		if a := c.Get("/sessions/whoami"); a.Status != http.StatusUnauthorized {
			t.Errorf("%s: a verified address signed somebody in", name)
		}
		wantVerified(t, e, email)
		over := enter(c, "verification", f, code)
		if over.Location() == "" && over.Text("use_flow_id") == "" {
			t.Errorf("%s: the flow isn't over: %d %s", name, over.Status, over.Body)
		}
	}
}

// TestVerificationByLink: today's page says what has come of it, the one of before was sent on.
func TestVerificationByLink(t *testing.T) {
	for mount, to := range map[string]string{"": "/auth/verification?flow=", seedMount: "https://app.example/in/x"} {
		e := testenv.New(t, byLink)
		e.SignUp(ada)
		ask(t, e.SPA().On(mount), "verification", "return_to="+url.QueryEscape("https://app.example/in/x"), ada)
		link := e.MailedLink(ada)
		phone := e.Browser().On(mount)
		wantStatus(t, phone.Do(http.MethodHead, link, "", nil), http.StatusNoContent)
		a := phone.Get(link)
		if !strings.Contains(a.Location(), to) || sessionCookie(a) != nil {
			t.Errorf("%q: the link leads to %d %q", mount, a.Status, a.Location())
		}
		wantVerified(t, e, ada)
		if mount == "" {
			done := phone.Fetch("verification", testenv.FlowID(a.Location()))
			if !slices.Equal(done.MessageIDs(), []int{1080002}) || done.Text("ui", "action") != "https://app.example/in/x" {
				t.Errorf("the page says %v and leads to %q", done.MessageIDs(), done.Text("ui", "action"))
			}
		}
		again := e.Browser().On(mount)
		if got := says(again, "verification", again.Get(link)); !slices.Equal(got, []int{4070001}) {
			t.Errorf("%q: once more it says %v", mount, got)
		}
	}
}

// TestNewAddressesAreAskedFor: at sign-up, and when somebody takes another one.
func TestNewAddressesAreAskedFor(t *testing.T) {
	e := testenv.New(t)
	c := appOf(e, "", ada)
	if _, status, verified := addressOf(c); status != "sent" || verified || len(e.Mails(ada)) != 1 {
		t.Errorf("after the sign-up the address is %q with %d mails", status, len(e.Mails(ada)))
	}
	f := c.Start("settings", "")
	wantSaved(t, c, f, c.Submit("settings", f, profileOf("countess@example.org", nil)))
	wantSaved(t, c, f, c.Submit("settings", f, profileOf("countess@example.org", testenv.Fields{"traits.age": 36})))
	value, status, verified := addressOf(c)
	if value != "countess@example.org" || status != "sent" || verified || len(e.Mails("countess@example.org")) != 1 {
		t.Errorf("after the change it is %q, %q, with %d mails", value, status, len(e.Mails("countess@example.org")))
	}
}

// TestARemovedAddressIsNotVerified: a code for it is worth nothing, and neither for who has it next.
func TestARemovedAddressIsNotVerified(t *testing.T) {
	e := testenv.New(t)
	c := appOf(e, "", ada)
	asked := e.App()
	f := ask(t, asked, "verification", "", ada)
	code := e.MailedCode(ada)
	settings := c.Start("settings", "")
	wantSaved(t, c, settings, c.Submit("settings", settings, profileOf("countess@example.org", nil)))
	e.SignUp(ada) // somebody else
	if got := enter(asked, "verification", f, code).MessageIDs(); !slices.Equal(got, []int{4070006}) {
		t.Errorf("the code is told with %v", got)
	}
	next := e.App()
	next.SignIn(ada)
	if _, _, verified := addressOf(next); verified {
		t.Error("the address of the next owner is verified")
	}
}

// TestRegistrationShowsVerification where the hook says so, and leads on from there.
func TestRegistrationShowsVerification(t *testing.T) {
	e := testenv.New(t, afterPassword(afterRegistration, config.Hook{Hook: "session"}, config.Hook{Hook: "show_verification_ui"}))
	const home = "https://app.example/in/x"
	for name, c := range clients(e, "") {
		email := name + "@example.org"
		f := c.Start("registration", "after_verification_return_to="+url.QueryEscape(home))
		a := c.Submit("registration", f, testenv.NewAccount(email))
		id := testenv.FlowID(a.Location())
		steps, _ := a.At("continue_with").([]any)
		for n := range steps {
			if a.Text("continue_with", n, "action") == "show_verification_ui" {
				id = a.Text("continue_with", n, "flow", "id")
			}
		}
		v := c.Fetch("verification", id)
		if v.Status != http.StatusOK || v.Text("state") != "sent_email" {
			t.Fatalf("%s: got %d %s after %d %s", name, v.Status, v.Body, a.Status, a.Body)
		}
		done := enter(c, "verification", v, e.MailedCode(email))
		if done.Location() != "" {
			done = c.Fetch("verification", v.Text("id"))
		}
		want := home
		if name == "app" {
			want = done.Text("ui", "action") // nothing keeps the query of an app's flow
		}
		if got := done.Text("ui", "action"); got != want || !slices.Equal(done.MessageIDs(), []int{1080002}) {
			t.Errorf("%s: the way on is %q, want %q, and it says %v", name, got, want, done.MessageIDs())
		}
		wantVerified(t, e, email)
	}
}

// TestTheWayOnFromAnUnverifiedSignIn: the page that refuses says where to go.
func TestTheWayOnFromAnUnverifiedSignIn(t *testing.T) {
	e := testenv.New(t, afterPassword(afterLogin, config.Hook{Hook: "require_verified_address"}))
	e.SignUp(ada)
	c := e.Browser()
	f := c.Start("login", "return_to="+url.QueryEscape("https://app.example/in/x"))
	const way = `href="/self-service/verification/browser?return_to=https%3A%2F%2Fapp.example%2Fin%2Fx"`
	if page := string(c.Get("/auth/login?flow=" + f.Text("id")).Body); strings.Contains(page, way) {
		t.Error("the way is shown to everybody")
	}
	a := c.Submit("login", f, testenv.Credentials(ada, testenv.Password))
	if sessionCookie(a) != nil {
		t.Fatal("the sign-in was not refused")
	}
	if page := string(c.Get(a.Location()).Body); !strings.Contains(page, way) {
		t.Errorf("no way on in %s", page)
	}
	v := ask(t, c, "verification", "", ada)
	enter(c, "verification", v, e.MailedCode(ada))
	if a := c.Submit("login", c.Start("login", ""), testenv.Credentials(ada, testenv.Password)); sessionCookie(a) == nil {
		t.Errorf("a verified person is not let in: %d %s", a.Status, a.Body)
	}
}
