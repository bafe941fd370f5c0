package httpapi_test

import (
	"encoding/base64"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-id/gatehouse/core/config"
	"github.com/gatehouse-id/gatehouse/internal/gateway"
	"github.com/gatehouse-id/gatehouse/internal/testenv"
)

// codeSchema lets people sign in by a name or mail and a password, or by a code to the mail.
const codeSchema = `{"$id":"https://test/codes","$schema":"http://json-schema.org/draft-07/schema#","type":"object","properties":{"traits":{"type":"object","properties":{
"email":{"type":"string","format":"email","title":"E-Mail","ory.sh/kratos":{"credentials":{"password":{"identifier":true},"code":{"identifier":true,"via":"email"}},"verification":{"via":"email"},"recovery":{"via":"email"}}},
"nick":{"type":"string","title":"Nickname","minLength":2,"ory.sh/kratos":{"credentials":{"password":{"identifier":true}}}},
"tags":{"type":"array","items":{"type":"string"}},
"age":{"type":"integer","minimum":16,"title":"Age"},"news":{"type":"boolean","title":"News"}},"required":["email"],"additionalProperties":false}}}`

// byCode lets codes sign people in and up.
func byCode(c *config.Config, _ *gateway.Options) {
	c.Identity.Schemas[0].URL = "base64://" + base64.StdEncoding.EncodeToString([]byte(codeSchema))
	c.SelfService.Methods.Code.PasswordlessEnabled = true
	c.SelfService.Flows.Registration.After.Methods["code"] = config.AfterMethod{Hooks: []config.Hook{{Hook: "session"}}}
}

// secondByCode makes a code the second factor.
func secondByCode(c *config.Config, o *gateway.Options) {
	byCode(c, o)
	c.SelfService.Methods.Code.PasswordlessEnabled, c.SelfService.Methods.Code.MFAEnabled = false, true
}

// next reads the flow behind an answer after which it goes on.
func next(t *testing.T, c *testenv.Client, kind string, a *testenv.Answer) *testenv.Answer {
	t.Helper()
	if a.Status == http.StatusSeeOther {
		a = c.Fetch(kind, testenv.FlowID(a.Location()))
		wantStatus(t, a, http.StatusOK)
		return a
	}
	wantStatus(t, a, http.StatusBadRequest)
	return a
}

// wantSent checks that a flow waits for a code and says so.
func wantSent(t *testing.T, f *testenv.Answer, message int) {
	t.Helper()
	if f.Text("state") != "sent_email" || !slices.Equal(f.MessageIDs(), []int{message}) || f.Node("code") == nil {
		t.Fatalf("got state %q and %v, want a code on its way: %s", f.Text("state"), f.MessageIDs(), f.Body)
	}
}

// requestCode asks for a code to sign in with.
func requestCode(t *testing.T, c *testenv.Client, query, identifier string) *testenv.Answer {
	t.Helper()
	f := next(t, c, "login", c.Submit("login", c.Start("login", query), testenv.Fields{"method": "code", "identifier": identifier}))
	wantSent(t, f, 1010014)
	return f
}

// wantSignedIn checks who a client is after an answer, and returns its session.
func wantSignedIn(t *testing.T, c *testenv.Client, a *testenv.Answer, email string) *testenv.Answer {
	t.Helper()
	if token := a.Text("session_token"); token != "" {
		c.Header.Set("X-Session-Token", token)
	}
	who := c.Get("/sessions/whoami")
	if who.Status != http.StatusOK || who.Text("identity", "traits", "email") != email {
		t.Fatalf("got %d %q, want %s signed in; the answer was %d %s", who.Status, who.Text("identity", "traits", "email"), email, a.Status, a.Body)
	}
	return who
}

func TestEveryClientSignsUpAndInByCode(t *testing.T) {
	e := testenv.New(t, byCode)
	for name, c := range clients(e, "") {
		email := name + "@example.org"
		f := next(t, c, "registration", c.Submit("registration", c.Start("registration", ""), testenv.Fields{"method": "code", "traits.email": email}))
		wantSent(t, f, 1040005)
		if f.Value("traits.email") != email {
			t.Errorf("%s: the form holds %v", name, f.Value("traits.email"))
		}
		code := e.MailedCode(email)
		again := testenv.Fields{"method": "code", "traits.email": email, "code": wrongCode(code)}
		if got := says(c, "registration", c.Submit("registration", f, again)); !slices.Equal(got, []int{4040003}) {
			t.Errorf("%s: a wrong code is told with %v", name, got)
		}
		again["code"] = code
		who := wantSignedIn(t, c, c.Submit("registration", f, again), email)
		if who.Text("authentication_methods", 0, "method") != "code" || who.Text("authenticator_assurance_level") != "aal1" {
			t.Errorf("%s: the session is %s", name, who.Body)
		}
		if who.At("identity", "verifiable_addresses", 0, "verified") != true || len(e.Mails(email)) != 1 {
			t.Errorf("%s: an address is to be verified that was: %s", name, who.Body)
		}
	}
	for name, c := range clients(e, "") {
		email := name + "@example.org"
		f := requestCode(t, c, "", " "+strings.ToUpper(email))
		code := e.MailedCode(email)
		if got := says(c, "login", enter(c, "login", f, wrongCode(code))); !slices.Equal(got, []int{4010008}) {
			t.Errorf("%s: a wrong code is told with %v", name, got)
		}
		wantSignedIn(t, c, enter(c, "login", f, code[:3]+" "+code[3:]), email)
	}
}

// TestSignInByCodeTellsNobodyApart: somebody who has an account, who is suspended and who
// has none are answered alike at every step, and it leaves as much behind.
func TestSignInByCodeTellsNobodyApart(t *testing.T) {
	e := testenv.New(t, byCode)
	e.SignUp("one@example.org")
	suspend(t, e, "two@example.org")
	for name := range clients(e, "") {
		var first string
		for _, who := range []string{"one@example.org", "two@example.org", "six@example.org"} {
			c := clients(e, "")[name]
			f, before := c.Start("login", ""), e.Keys()
			a := c.Submit("login", f, testenv.Fields{"method": "code", "identifier": who})
			if grown := e.Keys() - before; grown < 4 || grown > 5 {
				t.Errorf("%s: %s left %d keys", name, who, grown)
			}
			got := mask(t, e, a) + mask(t, e, c.Fetch("login", f.Text("id")))
			for range 6 {
				got += mask(t, e, enter(c, "login", f, "")) + mask(t, e, enter(c, "login", f, "000000"))
			}
			got = strings.ReplaceAll(got, who, "{who}")
			if first == "" {
				first = got
			}
			if got != first {
				t.Errorf("%s: %s got\n%s\nand one@example.org\n%s", name, who, got, first)
			}
		}
	}
	for _, who := range []string{"two@example.org", "six@example.org"} {
		for _, m := range e.Mails(who) {
			if m.TemplateType == "login_code_valid" {
				t.Errorf("%s was sent a code", who)
			}
		}
	}
}

// TestACodeOpensItsFlowAndNothingElse walks through all that ends a code.
func TestACodeOpensItsFlowAndNothingElse(t *testing.T) {
	for name, spoil := range map[string]func(e *testenv.Env, f *testenv.Answer) *testenv.Answer{
		"another flow": func(e *testenv.Env, _ *testenv.Answer) *testenv.Answer {
			c := e.App()
			return c.Submit("login", c.Start("login", ""), testenv.Fields{"method": "code", "identifier": "eve@example.org"})
		},
		"a new password": func(e *testenv.Env, f *testenv.Answer) *testenv.Answer {
			c := e.App()
			c.SignIn(ada)
			settings := c.Start("settings", "")
			wantSaved(t, c, settings, c.Submit("settings", settings, changePassword))
			return f
		},
		"another address": func(e *testenv.Env, f *testenv.Answer) *testenv.Answer {
			c := e.App()
			c.SignIn(ada)
			settings := c.Start("settings", "")
			wantSaved(t, c, settings, c.Submit("settings", settings, testenv.Fields{"method": "profile", "traits.email": "new@example.org"}))
			return f
		},
		"its time": func(e *testenv.Env, f *testenv.Answer) *testenv.Answer {
			e.Advance(16 * time.Minute)
			return f
		},
		"another code": func(e *testenv.Env, f *testenv.Answer) *testenv.Answer {
			c := e.App()
			wantSent(t, c.Submit("login", f, testenv.Fields{"method": "code", "identifier": ada, "resend": "code"}), 1010014)
			return f
		},
	} {
		e := testenv.New(t, byCode)
		e.SignUp(ada)
		c := e.App()
		f := requestCode(t, c, "", ada)
		code := e.MailedCode(ada)
		a := enter(c, "login", spoil(e, f), code)
		if a.Status != http.StatusBadRequest || !slices.Equal(a.MessageIDs(), []int{4010008}) {
			t.Errorf("after %s: got %d %v", name, a.Status, a.MessageIDs())
		}
	}
}

func TestAfterFiveWrongCodesTheFlowIsDead(t *testing.T) {
	e := testenv.New(t, byCode)
	e.SignUp(ada)
	c := e.App()
	f := requestCode(t, c, "", ada)
	code := e.MailedCode(ada)
	for range 3 {
		enter(c, "login", f, wrongCode(code))
	}
	// Another code gives no more tries.
	wantSent(t, c.Submit("login", f, testenv.Fields{"method": "code", "resend": "code"}), 1010014)
	code = e.MailedCode(ada)
	for range 2 {
		wantMessages(t, enter(c, "login", f, wrongCode(code)), 4010008)
	}
	a := enter(c, "login", f, code)
	wantError(t, a, http.StatusGone, "self_service_flow_expired")
	if f := c.Fetch("login", a.Text("use_flow_id")); f.Text("state") != "choose_method" || !slices.Equal(f.MessageIDs(), []int{4000001}) {
		t.Errorf("the next flow is %s", f.Body)
	}
}

// TestOneCodeOneSession: of many who bring a code at once, one is let in.
func TestOneCodeOneSession(t *testing.T) {
	e := testenv.New(t, byCode)
	e.Config.SelfService.Methods.Code.Config.MaxSubmissions = 100
	id := e.SignUp(ada).Text("identity", "id")
	before, err := e.Gateway.Engine.OtherSessions(t.Context(), id, "")
	if err != nil {
		t.Fatal(err)
	}
	f := requestCode(t, e.App(), "", ada)
	code, in := e.MailedCode(ada), 0
	for _, a := range atOnce(30, func(int) *testenv.Answer { return enter(e.App(), "login", f, code) }) {
		if a.Text("session_token") != "" {
			in++
		}
	}
	after, err := e.Gateway.Engine.OtherSessions(t.Context(), id, "")
	if err != nil || in != 1 || len(after) != len(before)+1 {
		t.Errorf("%d were let in, %d sessions were made: %v", in, len(after)-len(before), err)
	}
}

// TestGuessingSignInCodesAtOnceGivesNoMoreGuesses is the same for wrong ones.
func TestGuessingSignInCodesAtOnceGivesNoMoreGuesses(t *testing.T) {
	e := testenv.New(t, byCode)
	e.SignUp(ada)
	f := requestCode(t, e.App(), "", ada)
	code, compared := e.MailedCode(ada), 0
	for _, a := range atOnce(60, func(int) *testenv.Answer { return enter(e.App(), "login", f, wrongCode(code)) }) {
		if slices.Contains(a.MessageIDs(), 4010008) {
			compared++
		}
	}
	if compared > 5 {
		t.Errorf("%d guesses were compared, want 5", compared)
	}
}

// TestCodeForm: what people do wrong, and how it is told.
func TestCodeFormTellsWhatIsMissing(t *testing.T) {
	e := testenv.New(t, byCode)
	e.SignUp(ada)
	c := e.App()
	f := c.Start("login", "")
	wantMessages(t, c.Submit("login", f, testenv.Fields{"method": "code"}), 4000002)
	wantMessages(t, c.Submit("login", f, testenv.Fields{"method": "code", "identifier": "no address"}), 4000040)
	wantMessages(t, c.Submit("login", f, testenv.Fields{"method": "code", "identifier": strings.Repeat("a", 400) + "@example.org"}), 4000040)
	wantMessages(t, enter(c, "login", f, "123456"), 4010008) // of a flow that has sent nothing
	f = requestCode(t, c, "", ada)
	wantMessages(t, enter(c, "login", f, ""), 4000002)
	// A mistyped address is mended in the same flow.
	wantSent(t, c.Submit("login", f, testenv.Fields{"method": "code", "identifier": "ada2@example.org"}), 1010014)
	wantSent(t, c.Submit("login", f, testenv.Fields{"method": "code", "identifier": ada}), 1010014)
	wantSignedIn(t, c, enter(c, "login", f, e.MailedCode(ada)), ada)
	// And who remembers the password after all uses it.
	c = e.App()
	f = requestCode(t, c, "", ada)
	wantMessages(t, c.Submit("login", f, testenv.Credentials(ada, "not-the-password")), 4000006)
	if f = c.Fetch("login", f.Text("id")); f.Text("state") != "choose_method" || f.Node("password") == nil {
		t.Errorf("the form is %s", f.Body)
	}
	wantSignedIn(t, c, c.Submit("login", f, testenv.Credentials(ada, testenv.Password)), ada)
}

func TestCodesSignInOnlyWhenTheSiteWants(t *testing.T) {
	e := testenv.New(t, byCode)
	e.Config.SelfService.Methods.Code.PasswordlessEnabled = false
	e.SignUp(ada)
	c := e.App()
	for kind, fields := range map[string]testenv.Fields{
		"login": {"method": "code", "identifier": ada}, "registration": {"method": "code", "traits.email": "eve@example.org"},
	} {
		f := c.Start(kind, "")
		if strings.Contains(string(f.Body), `"code"`) {
			t.Errorf("%s: the form offers codes: %s", kind, f.Body)
		}
		a := c.Submit(kind, f, fields)
		if a.Status != http.StatusBadRequest || len(a.MessageIDs()) != 1 {
			t.Errorf("%s: got %d %s", kind, a.Status, a.Body)
		}
	}
}

// TestTheSeedKnowsNoCodesToSignIn: its clients get the forms they know.
func TestTheSeedKnowsNoCodesToSignIn(t *testing.T) {
	e := testenv.New(t, byCode)
	e.Config.SelfService.Flows.Login.Style, e.Config.SelfService.Flows.Registration.Style = "identifier_first", "profile_first"
	e.SignUp(ada)
	for _, c := range clients(e, seedMount) {
		for kind, fields := range map[string]testenv.Fields{
			"login":        {"method": "code", "password_identifier": ada},
			"registration": {"method": "code", "traits.email": "eve@example.org"},
		} {
			f := c.Start(kind, "")
			for _, later := range []string{`"group":"code"`, "identifier_first", `"profile"`} {
				wantAbsent(t, f, later)
			}
			if f.Node("password") == nil {
				t.Errorf("%s: the form asks for no password: %s", kind, f.Body)
			}
			if got := says(c, kind, c.Submit(kind, f, fields)); len(got) != 1 || got[0] != 4010002 && got[0] != 4010003 {
				t.Errorf("%s: a code is answered with %v", kind, got)
			}
		}
	}
	if n := len(e.Mails("eve@example.org")); n != 0 {
		t.Errorf("%d mails were sent", n)
	}
}

// TestVerifiedAddressesCanStandIn: with a fallback, a code goes to an address that the
// schema doesn't mark, once its owner has shown that it is theirs.
func TestVerifiedAddressesCanStandIn(t *testing.T) {
	for name, set := range map[string]func(m *config.CodeMethod){
		"login fallback": func(m *config.CodeMethod) { m.PasswordlessLoginFallback = true },
		"credential fallback": func(m *config.CodeMethod) {
			m.PasswordlessEnabled, m.Config.MissingCredentialFallbackEnabled = true, true
		},
	} {
		e := testenv.New(t, func(c *config.Config, _ *gateway.Options) { set(&c.SelfService.Methods.Code) })
		e.SignUp(ada)
		verification := e.MailedCode(ada)
		c := e.App()
		requestCode(t, c, "", ada)
		if n := len(e.Mails(ada)); n != 1 {
			t.Errorf("%s: %d mails to an address that nobody has verified, want the one that asks to", name, n)
		}
		v := ask(t, c, "verification", "", ada)
		if e.MailedCode(ada) == verification {
			t.Fatal("no new code")
		}
		wantStatus(t, enter(c, "verification", v, e.MailedCode(ada)), http.StatusOK)
		f := requestCode(t, c, "", ada)
		wantSignedIn(t, c, enter(c, "login", f, e.MailedCode(ada)), ada)
	}
}

// TestARefreshKnowsWhoItIs: the form names the person as another method does, and the code
// goes to their address.
func TestARefreshKnowsWhoItIs(t *testing.T) {
	e := testenv.New(t, byCode)
	c := e.SPA()
	wantStatus(t, c.Submit("registration", c.Start("registration", ""), testenv.Fields{
		"method": "password", "password": testenv.Password, "traits.email": ada, "traits.nick": "countess",
	}), http.StatusOK)
	before := c.Get("/sessions/whoami")
	f := c.Start("login", "refresh=true")
	id, _ := f.Value("identifier").(string)
	f = next(t, c, "login", c.Submit("login", f, testenv.Fields{"method": "code", "identifier": "countess"}))
	wantSent(t, f, 1010014)
	after := wantSignedIn(t, c, enter(c, "login", f, e.MailedCode(ada)), ada)
	if id == "" || after.Text("id") != before.Text("id") || after.Text("authenticator_assurance_level") != "aal1" {
		t.Errorf("for %q: the session is %s", id, after.Body)
	}
}
