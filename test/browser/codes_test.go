package browser

import (
	"fmt"
	"testing"

	"github.com/gatehouse-id/gatehouse/internal/mailtest"
	"github.com/gatehouse-id/gatehouse/test/harness"
)

// startWithCodes serves the pages and a real mail server. codes is how codes are used, and
// loginStyle and registrationStyle how many steps the forms have.
func startWithCodes(t *testing.T, codes, loginStyle, registrationStyle string) (site string, m *mailbox) {
	t.Helper()
	server := mailtest.New(t, mailtest.Options{})
	gw := harness.Start(t, harness.Options{Kratos: fmt.Sprintf(`
dev: true
identity: {schemas: [{id: default, url: "preset://email"}]}
courier: {smtp: {connection_uri: "smtp://%s/?disable_starttls=true"}}
selfservice:
  default_browser_return_url: /auth/welcome
  methods:
    password: {config: {haveibeenpwned_enabled: false}}
    code: {%s: true}
  flows:
    login: {style: %s}
    registration:
      style: %s
      after:
        code: {hooks: [{hook: session}]}
        password: {hooks: [{hook: session}]}
`, server.Addr, codes, loginStyle, registrationStyle)})
	return gw.URL, &mailbox{t: t, server: server}
}

// signInByCode enters a wrong code, and then the right one.
func (b *tab) signInByCode(code string) {
	b.t.Helper()
	b.fill("Login code", wrong(code))
	b.enter()
	b.wantText("The sign-in code is not valid or was used before.")
	b.fill("Login code", code)
	b.enter()
}

// wantWelcome checks who has come in.
func (b *tab) wantWelcome(email string) {
	b.t.Helper()
	b.wantPage("/auth/welcome")
	b.wantText(email)
}

// TestNoPasswordAtAll: somebody signs up and in with nothing but a mailbox, without scripts.
func TestNoPasswordAtAll(t *testing.T) {
	const email = "ada@example.org"
	site, m := startWithCodes(t, "passwordless_enabled", "unified", "unified")
	b := withoutJS(t, site)
	b.open("/auth/registration")
	b.fill("E-Mail", email)
	b.follow("Send sign up code")
	b.wantPage("/auth/registration")
	b.wantText("We sent a code")
	first := m.nextCode()
	b.fill("Registration code", wrong(first))
	b.enter()
	b.wantText("The sign-up code is not valid or was used before.")
	b.follow("Resend code")
	b.wantText("We sent a code")
	second := m.nextCode()
	b.fill("Registration code", second[:3]+" "+second[3:])
	b.enter()
	b.wantWelcome(email)

	b.follow("Sign out")
	b.open("/auth/login")
	b.fill("E-Mail", "adda@example.org") // nobody
	b.follow("Send sign in code")
	b.wantText("You are signing in as adda@example.org.")
	b.wantText("We sent a code")
	b.follow("Start again")
	b.fill("E-Mail", email)
	b.follow("Send sign in code")
	b.wantText("You are signing in as " + email)
	b.signInByCode(m.nextCode())
	b.wantWelcome(email)
}

// TestOneQuestionAtATime: sign-up and sign-in in steps, without scripts.
func TestOneQuestionAtATime(t *testing.T) {
	const email = "ada@example.org"
	site, m := startWithCodes(t, "passwordless_enabled", "identifier_first", "unified")
	b := withoutJS(t, site)
	b.open("/auth/registration")
	b.register(email)
	b.wantPage("/auth/welcome")
	b.follow("Sign out")

	b.open("/auth/login")
	b.fill("E-Mail", email)
	b.enter()
	b.wantPage("/auth/login")
	b.wantText("You are signing in as " + email)
	b.fill("Password", "not-the-password")
	b.enter()
	b.wantText("You are signing in as " + email)
	b.follow("Send sign in code")
	b.fill("Login code", m.nextCode())
	b.enter()
	b.wantWelcome(email)
}

// TestTheTraitsComeFirst: sign-up in two steps, there and back, without scripts.
func TestTheTraitsComeFirst(t *testing.T) {
	const email = "ada@example.org"
	site, m := startWithCodes(t, "passwordless_enabled", "unified", "profile_first")
	b := withoutJS(t, site)
	b.open("/auth/registration")
	b.fill("E-Mail", "adda@example.org")
	b.enter()
	b.wantText("Please choose how you want to sign in from now on.")
	b.follow("Back")
	b.fill("E-Mail", email)
	b.enter()
	b.fill("Password", "short")
	b.enter()
	b.wantText("Password:")
	b.follow("Send sign up code")
	b.fill("Registration code", m.nextCode())
	b.enter()
	b.wantWelcome(email)
}

// TestASecondFactorByMail: a password, then a code, without scripts.
func TestASecondFactorByMail(t *testing.T) {
	const email = "ada@example.org"
	site, m := startWithCodes(t, "mfa_enabled", "unified", "unified")
	b := withoutJS(t, site)
	b.open("/auth/registration")
	b.register(email)
	b.open("/auth/welcome")
	b.wantPage("/auth/login")
	b.wantText("Two-step verification")
	b.follow("Send code to " + email)
	b.wantText("We sent a code to your address.")
	b.signInByCode(m.nextCode())
	b.open("/auth/welcome")
	b.wantText(email)
	b.wantText("Two factors")
}
