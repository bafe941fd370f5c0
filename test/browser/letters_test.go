package browser

import (
	"regexp"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/gatehouse-id/gatehouse/internal/mailtest"
	"github.com/gatehouse-id/gatehouse/test/harness"
)

const newPassword = "another-horse-47-battery"

// mailbox is what somebody receives.
type mailbox struct {
	t      *testing.T
	server *mailtest.Server
	read   int // mails that were read before
}

// next waits for a mail and returns its text.
func (m *mailbox) next() string {
	m.t.Helper()
	m.read++
	text := m.server.Wait(m.t, m.read)[m.read-1].Parts()["text/plain"]
	return strings.ReplaceAll(text, "\r\n", "\n")
}

var (
	code = regexp.MustCompile(`(?m)^\s*(\d{6})\s*$`)
	link = regexp.MustCompile(`http\S+token=\S+`)
)

func (m *mailbox) nextCode() string {
	m.t.Helper()
	text := m.next()
	found := code.FindStringSubmatch(text)
	if found == nil {
		m.t.Fatalf("no code in the mail:\n%s", text)
	}
	return found[1]
}

func (m *mailbox) nextLink() string {
	m.t.Helper()
	text := m.next()
	found := link.FindString(text)
	if found == "" {
		m.t.Fatalf("no link in the mail:\n%s", text)
	}
	return found
}

// startWithMail serves the pages with recovery and verification by a method, and a real mail server.
// hooks are those after a registration and after a login.
func startWithMail(t *testing.T, method string, hooks map[string]string) (site string, m *mailbox) {
	t.Helper()
	server := mailtest.New(t, mailtest.Options{})
	config := "dev: true\nidentity:\n  schemas:\n    - id: default\n      url: preset://email\n" +
		"courier:\n  smtp:\n    connection_uri: smtp://" + server.Addr + "/?disable_starttls=true\n" +
		"selfservice:\n  default_browser_return_url: /auth/welcome\n  methods:\n    password:\n      config:\n        haveibeenpwned_enabled: false\n  flows:\n"
	for _, kind := range []string{"recovery", "verification"} {
		config += "    " + kind + ":\n      enabled: true\n      use: " + method + "\n"
	}
	for _, kind := range []string{"login", "registration"} {
		if hooks[kind] != "" {
			config += "    " + kind + ":\n      after:\n        password:\n          hooks: " + hooks[kind] + "\n"
		}
	}
	gw := harness.Start(t, harness.Options{Kratos: config})
	return gw.URL, &mailbox{t: t, server: server}
}

const signsIn = "[{hook: session}]"

// withoutJS is a tab of a browser that runs no scripts.
func withoutJS(t *testing.T, site string) *tab {
	t.Helper()
	b := tabAt(t, site)
	b.withoutScripts()
	return b
}

// forgets asks for a letter, beginning where people look for it.
func (b *tab) forgets(email string) {
	b.t.Helper()
	b.open("/auth/login")
	b.follow("Forgot your password?")
	b.wantPage("/auth/recovery")
	b.fill("Email", email)
	b.follow("Continue")
	b.wantPage("/auth/recovery")
	b.wantText("is on its way")
}

// choosesPassword ends a recovery.
func (b *tab) choosesPassword(email string) {
	b.t.Helper()
	b.wantPage("/auth/settings")
	b.wantText("recovered")
	b.fill("Password", newPassword)
	b.enter() // each section has a button of its own
	b.wantPage("/auth/settings")
	b.wantText("saved")
	b.open("/auth/welcome")
	b.wantText(email)
}

// TestForgottenPassword: mail, link or code, a new password, and the other device is signed out.
func TestForgottenPassword(t *testing.T) {
	const email = "ada@example.org"
	for method, answer := range map[string]func(b *tab, m *mailbox){
		"link": func(b *tab, m *mailbox) { b.leave(chromedp.Navigate(m.nextLink())) },
		"code": func(b *tab, m *mailbox) {
			right := m.nextCode()
			b.fill("Recovery code", wrong(right))
			b.follow("Continue")
			b.wantPage("/auth/recovery")
			b.wantText("The recovery code is not valid or was used before. Please try again.")
			b.fill("Recovery code", right[:3]+" "+right[3:]) // as people read it out
			b.follow("Continue")
		},
	} {
		t.Run(method, func(t *testing.T) {
			site, m := startWithMail(t, method, map[string]string{"registration": signsIn})
			other := tabAt(t, site)
			other.open("/auth/registration")
			other.register(email)
			other.wantText("You are signed in")
			m.next() // to verify the address, which is another story

			b := withoutJS(t, site)
			b.forgets(email)
			answer(b, m)
			b.choosesPassword(email)

			other.open("/auth/welcome")
			other.wantText("You are not signed in")
			other.open("/auth/login")
			other.signIn(email, password)
			other.wantPage("/auth/login")
			other.signIn(email, newPassword)
			other.wantText("You are signed in")
		})
	}
}

func wrong(code string) string {
	if code == "000000" {
		return "000001"
	}
	return "000000"
}

// TestVerifyAfterSignUp: the page that follows the registration waits for the answer to the mail.
func TestVerifyAfterSignUp(t *testing.T) {
	for method, answer := range map[string]func(b *tab, m *mailbox){
		"link": func(b *tab, m *mailbox) { b.leave(chromedp.Navigate(m.nextLink())) },
		"code": func(b *tab, m *mailbox) {
			b.wantFocus("Verification code")
			b.press(m.nextCode())
			b.enter()
		},
	} {
		t.Run(method, func(t *testing.T) {
			site, m := startWithMail(t, method, map[string]string{"registration": "[{hook: session}, {hook: show_verification_ui}]"})
			b := withoutJS(t, site)
			b.open("/auth/registration")
			b.register("ada@example.org")
			b.wantPage("/auth/verification")
			b.wantText("is on its way")
			answer(b, m)
			b.wantPage("/auth/verification")
			b.wantText("Your email address is verified.")
			b.follow("Continue")
			b.wantPage("/auth/welcome")
			b.wantText("You are signed in")
		})
	}
}

// TestUnverifiedSignInHasAWayOn: who is refused is shown where to go, and gets another letter when one is lost.
func TestUnverifiedSignInHasAWayOn(t *testing.T) {
	site, m := startWithMail(t, "code", map[string]string{"login": "[{hook: require_verified_address}]"})
	b := withoutJS(t, site)
	b.open("/auth/registration")
	b.register("ada@example.org")
	m.next() // lost
	b.open("/auth/login")
	b.signIn("ada@example.org", password)
	b.wantPage("/auth/login")
	b.wantText("Please verify your email address first.")
	b.follow("Verify your address")
	b.wantPage("/auth/verification")
	b.fill("Email", "ada@example.org")
	b.follow("Continue")
	m.next() // lost as well
	b.follow("Resend code")
	b.wantText("is on its way")
	b.fill("Verification code", m.nextCode())
	b.follow("Continue")
	b.wantText("Your email address is verified.")
	b.follow("Go to sign in")
	b.signIn("ada@example.org", password)
	b.wantText("You are signed in")
}

// TestNobodyIsToldWhoHasAnAccount: the pages to a stranger are those to a member.
func TestNobodyIsToldWhoHasAnAccount(t *testing.T) {
	site, _ := startWithMail(t, "code", map[string]string{"registration": signsIn})
	b := withoutJS(t, site)
	b.open("/auth/registration")
	b.register("ada@example.org")
	b.open("/auth/welcome")
	b.follow("Sign out")
	var told []string
	for _, who := range []string{"ada@example.org", "eve@example.org"} {
		b.forgets(who)
		told = append(told, strings.ReplaceAll(b.text(), who, "WHO"))
	}
	if told[0] != told[1] {
		t.Errorf("a member is told\n%s\nand a stranger\n%s", told[0], told[1])
	}
}

// TestLooksOfLetters judges the pages of recovery and verification as TestLooks does the others.
func TestLooksOfLetters(t *testing.T) {
	site, m := startWithMail(t, "code", map[string]string{"registration": "[{hook: session}, {hook: show_verification_ui}]"})
	b := tabAt(t, site)
	b.open("/auth/registration")
	b.register("ada@example.org")
	b.look("verification-code")
	b.fill("Verification code", m.nextCode())
	b.follow("Continue")
	b.look("verification-done")
	b.open("/auth/welcome")
	b.follow("Sign out")

	b.open("/auth/recovery")
	b.look("recovery")
	b.fill("Email", "ada@example.org")
	b.follow("Continue")
	b.look("recovery-code")
	right := m.nextCode()
	b.fill("Recovery code", wrong(right))
	b.follow("Continue")
	b.look("recovery-code-wrong")
	b.fill("Recovery code", right)
	b.follow("Continue")
	b.look("recovery-settings")
}
