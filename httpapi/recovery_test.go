package httpapi_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/gatehouse-id/gatehouse/core/config"
	"github.com/gatehouse-id/gatehouse/internal/gateway"
	"github.com/gatehouse-id/gatehouse/internal/testenv"
)

const ada = "ada@example.org"

// byLink makes links what both kinds of flow send.
func byLink(c *config.Config, _ *gateway.Options) {
	c.SelfService.Flows.Recovery.Use, c.SelfService.Flows.Verification.Use = "link", "link"
}

// ask names an address in a new flow and returns the flow as it is then.
func ask(t *testing.T, c *testenv.Client, kind, query, address string) *testenv.Answer {
	t.Helper()
	f := c.Start(kind, query)
	a := c.Submit(kind, f, testenv.Fields{"method": f.Text("active"), "email": address})
	if a.Location() != "" {
		a = c.Fetch(kind, testenv.FlowID(a.Location()))
	}
	if a.Status != http.StatusOK || a.Text("state") != "sent_email" {
		t.Fatalf("got %d %q, want a letter on its way: %s", a.Status, a.Text("state"), a.Body)
	}
	return a
}

func enter(c *testenv.Client, kind string, f *testenv.Answer, code string) *testenv.Answer {
	return c.Submit(kind, f, testenv.Fields{"method": "code", "code": code})
}

// wrongCode is as good as any but the right one.
func wrongCode(right string) string {
	if right == "000000" {
		return "000001"
	}
	return "000000"
}

// says reads the flow behind an answer.
func says(c *testenv.Client, kind string, a *testenv.Answer) []int {
	if a.Location() != "" {
		a = c.Fetch(kind, testenv.FlowID(a.Location()))
	}
	return a.MessageIDs()
}

// settingsOf finds the settings flow that a recovery led to, and lets an app use its new session.
func settingsOf(t *testing.T, c *testenv.Client, a *testenv.Answer) *testenv.Answer {
	t.Helper()
	id := testenv.FlowID(a.Location())
	switch a.Status {
	case http.StatusUnprocessableEntity:
		id = testenv.FlowID(a.Text("redirect_browser_to"))
	case http.StatusOK:
		c.Header.Set("X-Session-Token", a.Text("continue_with", 0, "ory_session_token"))
		id = a.Text("continue_with", 1, "flow", "id")
	}
	f := c.Fetch("settings", id)
	if f.Status != http.StatusOK || !slices.Equal(f.MessageIDs(), []int{1060001}) {
		t.Fatalf("the recovery led to %d %v: %s after %d %s", f.Status, f.MessageIDs(), f.Body, a.Status, a.Body)
	}
	return f
}

func TestEveryClientRecoversByCode(t *testing.T) {
	e := testenv.New(t)
	for name, c := range clients(e, "") {
		email := name + "@example.org"
		elsewhere := appOf(e, "", email)
		f := ask(t, c, "recovery", "", email)
		if got := f.MessageIDs(); !slices.Equal(got, []int{1060003}) || f.Node("code") == nil {
			t.Errorf("%s: the flow says %v", name, got)
		}
		code := e.MailedCode(email)
		if got := says(c, "recovery", enter(c, "recovery", f, wrongCode(code))); !slices.Equal(got, []int{4060006}) {
			t.Errorf("%s: a wrong code is told with %v", name, got)
		}
		settings := settingsOf(t, c, enter(c, "recovery", f, " "+code[:3]+"-"+code[3:]))
		wantStatus(t, elsewhere.Get("/sessions/whoami"), http.StatusUnauthorized)
		wantSaved(t, c, settings, c.Submit("settings", settings, changePassword))
		if !canSignIn(e, email, newPassword) || canSignIn(e, email, testenv.Password) {
			t.Errorf("%s: the new password is not the one that counts", name)
		}
	}
}

// TestRecoveryByLink: a link that was asked for here is opened there.
func TestRecoveryByLink(t *testing.T) {
	for _, mount := range mounts {
		e := testenv.New(t, byLink)
		for name, c := range clients(e, mount) {
			email := name + "@example.org"
			elsewhere := appOf(e, mount, email)
			ask(t, c, "recovery", "", email)
			link := e.MailedLink(email)
			if !strings.HasPrefix(link, e.URL+mount+"/self-service/recovery?") {
				t.Errorf("%s: the link is %q", name, link)
			}
			phone := e.Browser().On(mount)
			a := phone.Get(link)
			settings := settingsOf(t, phone, a)
			k := sessionCookie(a)
			if k == nil || !k.HttpOnly || a.Header.Get("Cache-Control") == "" {
				t.Errorf("%s: got the cookie %v and %v", name, k, a.Header)
			}
			wantStatus(t, elsewhere.Get("/sessions/whoami"), http.StatusUnauthorized)
			wantSaved(t, phone, settings, phone.Submit("settings", settings, changePassword))
			if !canSignIn(e, email, newPassword) {
				t.Errorf("%s: the new password doesn't work", name)
			}
			again := e.Browser().On(mount).Get(link)
			if sessionCookie(again) != nil || !strings.Contains(again.Location(), "/auth/recovery?flow=") {
				t.Errorf("%s: the link worked twice: %d %q", name, again.Status, again.Location())
			}
		}
	}
}

func TestSessionsCanOutliveARecovery(t *testing.T) {
	e := testenv.New(t, func(c *config.Config, _ *gateway.Options) { c.SelfService.Flows.Recovery.KeepSessions = true })
	elsewhere := appOf(e, "", ada)
	c := e.SPA()
	f := ask(t, c, "recovery", "", ada)
	settingsOf(t, c, enter(c, "recovery", f, e.MailedCode(ada)))
	wantStatus(t, elsewhere.Get("/sessions/whoami"), http.StatusOK)
}

// TestRecoveryTellsNobodyApart: the answers to a known, an unknown and a suspended
// person differ in nothing, and neither does what is stored.
func TestRecoveryTellsNobodyApart(t *testing.T) {
	for _, mount := range mounts {
		for _, kind := range []string{"recovery", "verification"} {
			e := testenv.New(t)
			e.SignUp("one@example.org")
			suspend(t, e, "two@example.org")
			for name := range clients(e, mount) {
				var first string
				for _, who := range []string{"one@example.org", "two@example.org", "six@example.org"} {
					c := clients(e, mount)[name]
					f, before := c.Start(kind, ""), e.Keys()
					a := c.Submit(kind, f, testenv.Fields{"method": f.Text("active"), "email": who})
					got := strings.ReplaceAll(mask(t, e, a)+mask(t, e, c.Fetch(kind, f.Text("id"))), who, "{who}")
					if first == "" {
						first = got
					}
					if got != first {
						t.Errorf("%s %s: %s got\n%s\nand one@example.org\n%s", kind, name, who, got, first)
					}
					// A flow, a pass, a message and its place in the outbox; the address is counted once.
					if grown := e.Keys() - before; grown < 4 || grown > 5 {
						t.Errorf("%s %s: %s left %d keys", kind, name, who, grown)
					}
				}
			}
		}
	}
}

func suspend(t *testing.T, e *testenv.Env, email string) {
	t.Helper()
	i, err := e.Gateway.Store.Identity(t.Context(), e.SignUp(email).Text("identity", "id"))
	if err != nil {
		t.Fatal(err)
	}
	i.State = "inactive"
	if err := e.Gateway.Store.Update(t.Context(), i); err != nil {
		t.Fatal(err)
	}
}

// TestStrangersAreWrittenToWhenTheSiteWants it, and hear nothing that opens anything.
func TestStrangersAreWrittenToWhenTheSiteWants(t *testing.T) {
	for _, notify := range []bool{false, true} {
		e := testenv.New(t, func(c *config.Config, _ *gateway.Options) {
			c.SelfService.Flows.Recovery.NotifyUnknownRecipients = notify
		})
		ask(t, e.SPA(), "recovery", "", "stranger@example.org")
		all := e.Mails("stranger@example.org")
		if len(all) == 1 != notify {
			t.Fatalf("notify=%v: %d mails", notify, len(all))
		}
		if notify && (e.MailedCode("stranger@example.org") != "" || all[0].TemplateType != "recovery_code_invalid") {
			t.Errorf("a stranger was sent %q: %s", all[0].TemplateType, all[0].Body)
		}
	}
}

// TestLinksAreForPersons: what only looks at a link doesn't use it up. A scanner that
// opens it like a person does can't be told from one, and the person asks again.
func TestLinksAreForPersons(t *testing.T) {
	e := testenv.New(t, byLink)
	e.SignUp(ada)
	c := e.Browser()
	ask(t, c, "recovery", "", ada)
	link := e.MailedLink(ada)
	for _, look := range []http.Header{{"Sec-Purpose": {"prefetch;prerender"}}, {"Purpose": {"preview"}}, {"X-Moz": {"prefetch"}}} {
		scanner := e.Browser()
		scanner.Header = look
		if a := scanner.Get(link); a.Status != http.StatusNoContent || sessionCookie(a) != nil {
			t.Errorf("%v: got %d", look, a.Status)
		}
	}
	wantStatus(t, e.Browser().Do(http.MethodHead, link, "", nil), http.StatusNoContent)
	eager := e.Browser()
	settingsOf(t, eager, eager.Get(link))
	if got := says(c, "recovery", c.Get(link)); !slices.Equal(got, []int{4060004}) {
		t.Errorf("behind the scanner the person is told %v", got)
	}
	ask(t, c, "recovery", "", ada)
	settingsOf(t, c, c.Get(e.MailedLink(ada)))
	wantStatus(t, eager.Get("/sessions/whoami"), http.StatusUnauthorized)
}

// TestALinkMovesNobodyToAnotherAccount: somebody who is signed in stays who they are.
func TestALinkMovesNobodyToAnotherAccount(t *testing.T) {
	onBothMounts(t, func(t *testing.T, e *testenv.Env, mount string) {
		e.Config.SelfService.Flows.Recovery.Use = "link"
		e.SignUp("eve@example.org")
		victim := member(e, mount, ada)
		victim.SignIn(ada)
		ask(t, e.SPA().On(mount), "recovery", "", "eve@example.org")
		link := e.MailedLink("eve@example.org")
		if a := victim.Get(link); sessionCookie(a) != nil || a.Location() == "" {
			t.Errorf("got %d %q", a.Status, a.Location())
		}
		if got := victim.Get("/sessions/whoami").Text("identity", "traits", "email"); got != ada {
			t.Errorf("the victim works in the account of %q", got)
		}
		eve := e.Browser().On(mount)
		settingsOf(t, eve, eve.Get(link)) // it was not used up
		ask(t, e.SPA().On(mount), "recovery", "", ada)
		settingsOf(t, victim, victim.Get(e.MailedLink(ada))) // one's own works
	})
}

func TestReturnToSurvivesARecovery(t *testing.T) {
	const home = "https://app.example/in/x"
	e := testenv.New(t)
	e.SignUp(ada)
	c := e.Browser()
	f := ask(t, c, "recovery", "return_to="+url.QueryEscape(home), ada)
	settings := settingsOf(t, c, enter(c, "recovery", f, e.MailedCode(ada)))
	if got := c.Submit("settings", settings, changePassword).Location(); got != home {
		t.Errorf("by code: got %q", got)
	}
	e.Config.SelfService.Flows.Recovery.Use = "link"
	ask(t, e.Browser(), "recovery", "return_to="+url.QueryEscape(home), ada)
	phone := e.Browser()
	settings = settingsOf(t, phone, phone.Get(e.MailedLink(ada)))
	if got := phone.Submit("settings", settings, testenv.Fields{"method": "password", "password": newPassword + "-2"}).Location(); got != home {
		t.Errorf("by link: got %q", got)
	}
	wantStatus(t, e.Browser().Init("recovery", "return_to="+url.QueryEscape("https://evil.example/")), http.StatusSeeOther)
	wantError(t, e.App().Init("recovery", "return_to="+url.QueryEscape("https://evil.example/")), http.StatusBadRequest, "self_service_flow_return_to_forbidden")
}

func TestRecoveryBelongsToItsBrowser(t *testing.T) {
	e := testenv.New(t)
	e.SignUp(ada)
	f := ask(t, e.SPA(), "recovery", "", ada)
	thief := e.SPA()
	thief.Start("recovery", "")
	a := enter(thief, "recovery", f, e.MailedCode(ada))
	wantError(t, a, http.StatusForbidden, "security_csrf_violation")
	wantError(t, thief.Fetch("recovery", f.Text("id")), http.StatusForbidden, "security_csrf_violation")
	wantAbsent(t, a, ada)
}

// TestOneLinkOneSession: F03 of the catalogue of races.
func TestOneLinkOneSession(t *testing.T) {
	e := testenv.New(t, byLink)
	id := e.SignUp(ada).Text("identity", "id")
	ask(t, e.SPA(), "recovery", "", ada)
	link := e.MailedLink(ada)
	answers := atOnce(30, func(int) *testenv.Answer { return e.Browser().Get(link) })
	in := 0
	for _, a := range answers {
		wantStatus(t, a, http.StatusSeeOther)
		if sessionCookie(a) != nil {
			in++
		}
	}
	if in != 1 {
		t.Errorf("%d sessions of one link, want 1", in)
	}
	if others, err := e.Gateway.Engine.OtherSessions(t.Context(), id, ""); err != nil || len(others) != 1 {
		t.Errorf("%d sessions count, want 1: %v", len(others), err)
	}
}

// TestGuessingAtOnceGivesNoMoreGuesses: answers are counted before they are compared.
func TestGuessingAtOnceGivesNoMoreGuesses(t *testing.T) {
	e := testenv.New(t)
	e.SignUp(ada)
	c := e.App()
	f := ask(t, c, "recovery", "", ada)
	code := e.MailedCode(ada)
	answers := atOnce(60, func(int) *testenv.Answer { return enter(e.App(), "recovery", f, wrongCode(code)) })
	compared := 0
	for _, a := range answers {
		if slices.Contains(a.MessageIDs(), 4060006) {
			compared++
		}
	}
	if compared > 5 {
		t.Errorf("%d guesses were compared, want 5", compared)
	}
	for range 5 {
		enter(e.App(), "recovery", f, wrongCode(code)) // some of those at once may have lost their race
	}
	if a := enter(c, "recovery", f, code); a.Status == http.StatusOK || len(a.Body) == 0 {
		t.Errorf("after that the right code is answered with %d %s", a.Status, a.Body)
	}
}

// TestSecretsOfLettersAreNotKept: neither the log nor what is stored of a flow lets anybody in.
func TestSecretsOfLettersAreNotKept(t *testing.T) {
	e := testenv.New(t, byLink)
	e.SignUp(ada)
	ask(t, e.SPA(), "recovery", "", ada)
	link := e.MailedLink(ada)
	u, err := url.Parse(link)
	if err != nil {
		t.Fatal(err)
	}
	token := u.Query().Get("token")
	p, err := e.Gateway.Store.Pass(t.Context(), u.Query().Get("flow"))
	if err != nil {
		t.Fatal(err)
	}
	if raw, _ := json.Marshal(p); strings.Contains(string(raw), token) {
		t.Errorf("the token is stored: %s", raw)
	}
	c := e.Browser()
	a := c.Get(link)
	wantAbsent(t, a, token)
	wantAbsent(t, e.Browser().Get(link), token)
	if settings := settingsOf(t, c, a); strings.Contains(string(settings.Body), token) {
		t.Errorf("the token goes on in %s", settings.Body)
	}
	if strings.Contains(e.Log.String(), token) {
		t.Error("the token is in the log")
	}
}

func TestRecoveryIsForThoseWhoAreOut(t *testing.T) {
	onBothMounts(t, func(t *testing.T, e *testenv.Env, mount string) {
		e.SignUp(ada)
		for name, c := range clients(e, mount) {
			f := c.Start("recovery", "")
			c.SignIn(ada)
			init := c.Init("recovery", "")
			again := c.Submit("recovery", f, testenv.Fields{"method": "link", "email": ada})
			if name == "browser" {
				if init.Location() == "" || strings.Contains(init.Location(), "recovery") || again.Location() == "" {
					t.Errorf("a browser is sent to %q and %q", init.Location(), again.Location())
				}
				continue
			}
			wantStatus(t, init, http.StatusBadRequest)
		}
	})
}

// TestTwoTabsOfOneRecovery: one lets in, the other is told that it is over.
func TestTwoTabsOfOneRecovery(t *testing.T) {
	e := testenv.New(t)
	e.SignUp(ada)
	app := e.App()
	f := ask(t, app, "recovery", "", ada)
	code := e.MailedCode(ada)
	var wg sync.WaitGroup
	answers := make([]*testenv.Answer, 2)
	for n := range answers {
		wg.Go(func() { answers[n] = enter(e.App(), "recovery", f, code) })
	}
	wg.Wait()
	in := 0
	for _, a := range answers {
		if a.Text("continue_with", 0, "ory_session_token") != "" {
			in++
			continue
		}
		if ids := fmt.Sprint(a.MessageIDs()); a.Status >= 500 || ids != "[4060006]" && a.Text("use_flow_id") == "" {
			t.Errorf("the other tab: %d %s", a.Status, a.Body)
		}
	}
	if in != 1 {
		t.Errorf("%d tabs were let in, want 1", in)
	}
}
