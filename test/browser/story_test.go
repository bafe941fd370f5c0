package browser

import (
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// What the people of the stories type.
const (
	password = "correct-horse-92-battery"
	guarded  = "/reports?year=2026&note=a%26b"
)

// TestStory is the main job: somebody is refused, registers, is let in, and leaves.
func TestStory(t *testing.T) {
	for name, prepare := range map[string]func(b *tab){
		"with scripts":    func(*tab) {},
		"without scripts": (*tab).withoutScripts,
	} {
		t.Run(name, func(t *testing.T) {
			b := newTab(t)
			prepare(b)
			b.tellStory()
		})
	}
}

func (b *tab) tellStory() {
	b.t.Helper()
	b.open(guarded)
	b.wantPage("/auth/login")

	b.follow("Create an account")
	b.register("someone@evil.test")
	b.wantPage("/auth/registration")
	b.wantMessageBeside("E-Mail", "Please use an e-mail address of example.org.")

	b.register("someone@example.org")
	b.wantGuarded("someone@example.org")

	b.follow("Your account")
	b.wantPage("/auth/welcome")
	b.wantText("You are signed in")
	b.follow("Sign out")

	b.open(guarded)
	b.wantPage("/auth/login")
	b.wantText("Sign in")
}

// register fills in the registration form, whatever stands in it, and sends it.
func (b *tab) register(email string) {
	b.t.Helper()
	b.wantPage("/auth/registration")
	b.fill("E-Mail", email)
	b.fill("Password", password)
	b.follow("Sign up")
}

// signIn fills in the login form and sends it.
func (b *tab) signIn(email, password string) {
	b.t.Helper()
	b.wantPage("/auth/login")
	b.fill("E-Mail", email)
	b.fill("Password", password)
	b.follow("Sign in with password")
}

// wantGuarded fails unless the demo app shows who asked for the guarded page.
func (b *tab) wantGuarded(email string) {
	b.t.Helper()
	if got := b.path(); got != guarded {
		b.t.Fatalf("got page %s, want %s:\n%s", got, guarded, b.text())
	}
	if got := b.shown("identity"); len(got) != 36 || strings.Count(got, "-") != 4 {
		b.t.Errorf("the app was given the identity %q, want a UUID", got)
	}
	if got := b.shown("email"); got != email {
		b.t.Errorf("the app was given the e-mail address %q, want %q", got, email)
	}
	if got := b.shown("plan"); got != "trial" {
		b.t.Errorf("the app was given the plan %q, want trial", got)
	}
}

// shown is the text of an element of the demo app.
func (b *tab) shown(id string) string {
	b.t.Helper()
	return eval[string](b, `document.getElementById(%q)?.textContent ?? ""`, id)
}

// wantMessageBeside fails unless a message stands right below a field, is tied to it
// for those who hear the page, and the field is marked as wrong.
func (b *tab) wantMessageBeside(label, want string) {
	b.t.Helper()
	id := b.field(label)
	type beside struct {
		Text     string  // of the element that describes the field
		Below    float64 // pixels from the field's lower edge to the message
		Indent   float64 // pixels from the field's left edge to that of the message
		Invalid  bool
		Announce string // what is read out at once
	}
	got := eval[beside](b, `(() => {
		const field = document.getElementById(%q);
		const message = document.getElementById(field.getAttribute("aria-describedby"));
		const f = field.getBoundingClientRect(), m = message?.getBoundingClientRect() ?? {};
		return {
			Text: message?.innerText ?? "", Below: m.top - f.bottom, Indent: m.left - f.left,
			Invalid: field.getAttribute("aria-invalid") === "true",
			Announce: document.querySelector("[role=alert]")?.innerText ?? "",
		};
	})()`, id)
	if !strings.Contains(got.Text, want) || !got.Invalid {
		b.t.Errorf("field %q: got %+v, want the message %q", label, got, want)
	}
	if got.Below < 0 || got.Below > 16 || got.Indent != 0 {
		b.t.Errorf("field %q: the message stands %v px below and %v px aside", label, got.Below, got.Indent)
	}
	if !strings.Contains(got.Announce, want) {
		b.t.Errorf("the summary says %q, want %q in it", got.Announce, want)
	}
	b.do(chromedp.WaitVisible(chromedp.ID(id)))
}
