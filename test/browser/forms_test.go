package browser

import (
	"net/url"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// joined is a tab of somebody who has an account and is signed out.
func joined(t *testing.T, email string) *tab {
	t.Helper()
	b := newTab(t)
	b.open("/auth/registration")
	b.register(email)
	b.open("/auth/welcome")
	b.follow("Sign out")
	return b
}

func TestWrongPasswordIsSaid(t *testing.T) {
	b := joined(t, "ann@example.org")
	b.open(guarded)
	for _, who := range []string{"ann@example.org", "nobody@example.org"} {
		b.signIn(who, "not-the-password-1")
		b.wantPage("/auth/login")
		b.wantText("Those sign-in details do not match an account")
		if got := b.value("E-Mail"); got != who {
			b.t.Errorf("the address in the form is %q, want %q", got, who)
		}
		if got := b.value("Password"); got != "" {
			b.t.Errorf("the password came back: %q", got)
		}
		if got := b.title(); !strings.HasPrefix(got, "Error: ") {
			b.t.Errorf("got title %q, want one that begins with Error:", got)
		}
	}
	b.signIn("ann@example.org", password)
	b.wantGuarded("ann@example.org")
}

// TestKeyboardAlone tells the story without a mouse.
func TestKeyboardAlone(t *testing.T) {
	b := newTab(t)
	b.open(guarded)
	b.wantFocus("E-Mail")
	b.tabTo("Password", "Show password", "Sign in with password", "Sign in with passkey", "Forgot your password?", "Create an account")
	b.enter()

	b.wantPage("/auth/registration")
	b.wantFocus("E-Mail")
	b.press("kim@evil.test")
	b.tabTo("Password")
	b.press(password)
	b.enter() // in a field: sends the form
	b.wantMessageBeside("E-Mail", "Please use an e-mail address of example.org.")

	b.wantFocus("E-Mail") // where the mistake is
	b.do(chromedp.KeyEvent("a", chromedp.KeyModifiers(kb.ModifierCtrl)))
	b.press("kim@example.org")
	b.tabTo("Password")
	b.press(password)
	b.tabTo("Show password", "Sign up")
	b.enter() // on the button
	b.wantGuarded("kim@example.org")

	b.tabTo("Your account")
	b.enter()
	b.wantPage("/auth/welcome")
	b.tabTo("Gatehouse", "Settings", "Devices", "Sign out")
	b.enter()
	b.open(guarded)
	b.wantPage("/auth/login")
}

func TestReloadKeepsTheForm(t *testing.T) {
	b := newTab(t)
	b.open(guarded)
	before := b.path()
	b.leave(chromedp.Reload())
	if got := b.path(); got != before {
		t.Errorf("got %s after a reload, want %s", got, before)
	}
	b.follow("Create an account")
	b.register("lee@evil.test")
	b.leave(chromedp.Reload()) // asks for no form to be sent again
	b.wantMessageBeside("E-Mail", "Please use an e-mail address of example.org.")
	b.register("lee@example.org")
	b.wantGuarded("lee@example.org")
}

func TestBackAfterLogin(t *testing.T) {
	b := joined(t, "max@example.org")
	b.open(guarded)
	b.signIn("max@example.org", password)
	b.wantGuarded("max@example.org")
	b.leave(chromedp.NavigateBack()) // to the form, whose flow is used up
	b.wantGuarded("max@example.org")
	b.open("/auth/welcome")
	b.follow("Sign out")
	b.leave(chromedp.NavigateBack()) // to the page that said who was signed in
	if got := b.text(); strings.Contains(got, "max@example.org") {
		t.Errorf("%s still shows who was signed in:\n%s", b.path(), got)
	}
}

// TestUnknownFlowStartsAgain: an old bookmark, a link that was cut off, or a form
// that was opened by another browser lead to a form that works.
func TestUnknownFlowStartsAgain(t *testing.T) {
	b := newTab(t)
	for _, id := range []string{"00000000-0000-4000-8000-000000000000", "nonsense"} {
		b.open("/auth/registration") // so that there is a cookie
		b.open("/auth/login?flow=" + id)
		b.wantPage("/auth/login")
		if strings.HasSuffix(b.path(), id) {
			t.Errorf("flow %q was shown", id)
		}
		b.wantText("Create an account")
	}
}

func TestWithoutCookiesThePageSaysWhy(t *testing.T) {
	b := newTab(t)
	b.open("/auth/login")
	bookmark := b.path()
	b.forgetCookies()
	b.open(bookmark)
	b.wantText("cookies")
	b.follow("Start again")
	b.wantPage("/auth/login")
}

// TestFormWithoutCookies sends a form whose cookies are gone.
func TestFormWithoutCookies(t *testing.T) {
	b := newTab(t)
	b.open(guarded)
	b.forgetCookies()
	b.signIn("ann@example.org", password)
	b.wantPage("/auth/error")
	b.wantText("cookies")
	b.follow("Start again")
}

// TestForeignReturn never sends anybody to another host.
func TestForeignReturn(t *testing.T) {
	b := newTab(t)
	b.open("/self-service/login/browser?" + url.Values{"return_to": {"https://evil.test/"}}.Encode())
	b.wantPage("/auth/error")
	b.wantText("return")
}
