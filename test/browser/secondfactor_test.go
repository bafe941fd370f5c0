package browser

import (
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"
)

// TestSecondFactors: somebody sets up an authenticator app and backup codes, and signs in
// with either. It is a story of forms, so it is told without scripts too.
func TestSecondFactors(t *testing.T) {
	for name, prepare := range map[string]func(b *tab){
		"with scripts":    func(*tab) {},
		"without scripts": (*tab).withoutScripts,
	} {
		t.Run(name, func(t *testing.T) {
			b := newTab(t)
			prepare(b)
			b.open(guarded)
			b.follow("Create an account")
			b.register("someone@example.org")
			b.wantGuarded("someone@example.org")
			secret, codes := b.addApp(), b.addBackupCodes()

			b.secondStep()
			b.fill("Authentication code", "000000")
			b.enter()
			b.wantText("The authentication code is not valid.")
			b.fill("Authentication code", appCode(t, secret))
			b.enter()
			b.wantGuarded("someone@example.org")

			b.secondStep()
			b.open(guarded) // the guard doesn't take half a sign-in
			b.wantPage("/auth/login")
			b.fill("Backup recovery code", strings.ToUpper(codes[5][:4])+" "+codes[5][4:])
			b.enter()
			b.wantGuarded("someone@example.org")

			b.secondStep()
			b.follow("Sign out")
			b.open(guarded)
			b.wantText("Sign in with password")
		})
	}
}

// secondStep signs out, and in again with the password.
func (b *tab) secondStep() {
	b.t.Helper()
	b.open("/auth/welcome")
	b.follow("Sign out")
	b.open(guarded)
	b.signIn("someone@example.org", password)
	b.wantPage("/auth/login")
	b.wantText("Two-step verification")
}

// addApp sets up an authenticator app with the secret under the QR code.
func (b *tab) addApp() (secret string) {
	b.t.Helper()
	b.open("/auth/settings")
	if size := eval[int](b, `document.querySelector("img[alt='Authenticator app QR code']")?.naturalWidth ?? 0`); size != 256 {
		b.t.Errorf("the QR code is %d pixels wide, want 256", size)
	}
	secret = strings.ReplaceAll(b.codes("totp-secret-key")[0], " ", "")
	b.fill("Verify code", appCode(b.t, secret))
	b.enter()
	b.wantPage("/auth/settings")
	b.wantText("Your changes are saved.")
	b.wantText("Unlink TOTP Authenticator App")
	return secret
}

func (b *tab) addBackupCodes() []string {
	b.t.Helper()
	b.open("/auth/settings")
	b.follow("Generate new backup recovery codes")
	codes := b.codes("lookup-secret-codes")
	if len(codes) != 12 {
		b.t.Fatalf("got the codes %q, want 12", codes)
	}
	b.follow("Confirm backup recovery codes")
	b.wantText("Your changes are saved.")
	b.follow("Show which backup recovery codes are left")
	if got := b.codes("lookup-secret-codes"); len(got) != 12 || got[0][:2] != codes[0][:2] || got[0] == codes[0] {
		b.t.Errorf("the codes %q are shown as %q", codes, got)
	}
	return codes
}

// codes are the texts of the list whose id ends like this.
func (b *tab) codes(id string) []string {
	b.t.Helper()
	got := eval[[]string](b, `[...document.querySelectorAll('ul[id$=%q] code')].map(c => c.textContent)`, id)
	if len(got) == 0 {
		b.t.Fatalf("no list %s at %s:\n%s", id, b.path(), b.text())
	}
	return got
}

func appCode(t *testing.T, secret string) string {
	t.Helper()
	code, err := totp.GenerateCode(secret, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return code
}
