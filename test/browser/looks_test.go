package browser

import (
	_ "embed"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/chromedp/chromedp"
)

//go:embed testdata/audit.js
var audit string

// TestLooks checks every page on a phone and on a desk, in the light and in the dark:
// contrast, labels, sizes, and that nothing sticks out. With GATEHOUSE_SCREENSHOTS=1
// it leaves pictures in test/browser/screenshots, for people to judge the rest.
func TestLooks(t *testing.T) {
	b := newTab(t)
	b.open(guarded)
	b.look("login")
	b.signIn("nobody@example.org", password)
	b.look("login-refused")

	b.follow("Create an account")
	b.look("registration")
	b.register("someone@evil.test")
	b.look("registration-refused")
	b.fill("E-Mail", "someone@example.org")
	b.fill("Password", "short")
	b.follow("Sign up")
	b.look("registration-weak")
	b.register("someone.with-a-very-long-name.who-signs-up@example.org")
	b.look("guarded")

	b.follow("Your account")
	b.look("welcome")
	b.follow("Sign out")
	b.open("/auth/welcome")
	b.look("signed-out")

	b.open("/self-service/login/browser?return_to=https%3A%2F%2Fevil.test%2F")
	b.look("error")
	b.open("/auth/error?id=00000000-0000-4000-8000-000000000000")
	b.look("error-unknown")
}

// look judges the page in all four settings.
func (b *tab) look(page string) {
	b.t.Helper()
	for _, scheme := range []string{"light", "dark"} {
		b.scheme(scheme)
		for device, size := range map[string][2]int64{"phone": {360, 740}, "desk": {1280, 800}} {
			b.size(size[0], size[1])
			for _, finding := range eval[[]string](b, audit) {
				b.t.Errorf("%s, %s, %s: %s", page, device, scheme, finding)
			}
			b.screenshot(fmt.Sprintf("%s-%s-%s.png", page, device, scheme))
		}
	}
}

func (b *tab) screenshot(name string) {
	b.t.Helper()
	if os.Getenv("GATEHOUSE_SCREENSHOTS") == "" {
		return
	}
	picture, err := chromedp.Run(b.ctx, chromedp.FullScreenshot(100))
	if err != nil {
		b.t.Fatal(err)
	}
	const dir = "screenshots" // git ignores it
	if err := os.MkdirAll(dir, 0o755); err != nil {
		b.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, name), picture, 0o644); err != nil {
		b.t.Fatal(err)
	}
}
