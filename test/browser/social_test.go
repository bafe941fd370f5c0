package browser

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/gatehouse-id/gatehouse/test/harness"
)

// social serves a gateway at which people sign in with a real provider.
func social(t *testing.T, mapper string) (site string, p *harness.Provider) {
	t.Helper()
	p = harness.NewProvider(t)
	gw := harness.Start(t, harness.Options{Kratos: `dev: true
identity:
  schemas:
    - id: default
      url: preset://email
selfservice:
  default_browser_return_url: /auth/welcome
  methods:
    password:
      config:
        haveibeenpwned_enabled: false
    oidc:
      enabled: true
      config:
        providers:
          - id: real
            provider: generic
            label: Real
            client_id: ` + harness.ProviderClient + `
            client_secret: ` + harness.ProviderSecret + `
            issuer_url: ` + p.Issuer + `
            scope: [email, profile]
            claims_source: userinfo
            mapper_url: base64://` + base64.StdEncoding.EncodeToString([]byte(mapper)) + `
  flows:
    registration:
      after:
        password:
          hooks: [{hook: session}]
        oidc:
          hooks: [{hook: session}]
`})
	p.Start(t, gw.URL+"/self-service/methods/oidc/callback/real")
	return gw.URL, p
}

const mapsEmail = `{identity: {traits: {email: std.extVar('claims').email}}}`

// choose presses a provider's button, which has a letter for its logo beside the words.
func (b *tab) choose(words string) {
	b.t.Helper()
	b.leave(chromedp.Click(fmt.Sprintf(`//button[text()[normalize-space()=%q]]`, words)))
}

// atProvider signs in at the provider, at its own page.
func (b *tab) atProvider(p *harness.Provider) {
	b.t.Helper()
	b.wantSite(p.Issuer)
	b.do(chromedp.SendKeys(chromedp.ID("username"), harness.ProviderUser), chromedp.SendKeys(chromedp.ID("password"), harness.ProviderPassword))
	b.leave(chromedp.Click("//button"))
}

func (b *tab) wantSite(issuer string) {
	b.t.Helper()
	if got := eval[string](b, `location.origin + "/"`); got != issuer {
		b.t.Fatalf("at %s, want %s:\n%s", got, issuer, b.text())
	}
}

// TestSocialStory is how people meet a provider: they sign up with it, leave, and come back by it.
func TestSocialStory(t *testing.T) {
	for name, prepare := range map[string]func(b *tab){
		"with scripts":    func(*tab) {},
		"without scripts": (*tab).withoutScripts,
	} {
		t.Run(name, func(t *testing.T) {
			site, p := social(t, mapsEmail)
			b := tabAt(t, site)
			prepare(b)
			b.open("/auth/registration")
			b.choose("Sign up with Real")
			b.atProvider(p)
			b.wantPage("/auth/welcome")
			b.wantText(harness.ProviderEmail)
			b.follow("Sign out")

			b.open("/auth/login")
			b.choose("Sign in with Real")
			b.atProvider(p)
			b.wantPage("/auth/welcome")
		})
	}
}

// TestSocialMissingTrait is a sign-up with a provider that doesn't tell the address.
func TestSocialMissingTrait(t *testing.T) {
	site, p := social(t, `{identity: {traits: {}}}`)
	b := tabAt(t, site)
	b.open("/auth/registration")
	b.choose("Sign up with Real")
	b.atProvider(p)
	b.wantPage("/auth/registration")
	b.fill("E-Mail", "olga@example.org")
	b.follow("Continue")
	b.atProvider(p)
	b.wantPage("/auth/welcome")
	b.wantText("olga@example.org")
}

// TestSocialLink is somebody who has a password, links an account and unlinks it.
func TestSocialLink(t *testing.T) {
	site, p := social(t, mapsEmail)
	b := tabAt(t, site)
	b.open("/auth/registration")
	b.register("ann@example.org")
	b.open("/auth/settings")
	b.choose("Link Real")
	b.atProvider(p)
	b.wantPage("/auth/settings")
	b.wantText("Your changes are saved.")
	b.choose("Unlink Real")
	b.wantPage("/auth/settings")
	b.wantText("Link Real")
}

// TestSocialAddressInUse is somebody who has forgotten that they have a password.
func TestSocialAddressInUse(t *testing.T) {
	site, p := social(t, mapsEmail)
	b := tabAt(t, site)
	b.open("/auth/registration")
	b.register(harness.ProviderEmail)
	b.open("/auth/welcome")
	b.follow("Sign out")
	b.open("/auth/login")
	b.choose("Sign in with Real")
	b.atProvider(p)
	b.wantPage("/auth/login")
	b.wantText(`to add "Real" to it`)
	b.signIn(harness.ProviderEmail, password)
	b.wantPage("/auth/welcome")
	b.follow("Sign out")
	b.open("/auth/login")
	b.choose("Sign in with Real")
	b.atProvider(p)
	b.wantPage("/auth/welcome")
}

// TestSocialInAnotherBrowser is a sign-in that begins in one browser and goes on in another: somebody was sent the
// address of a provider's page, to be signed in to an account that isn't theirs.
func TestSocialInAnotherBrowser(t *testing.T) {
	site, p := social(t, mapsEmail)
	b := tabAt(t, site)
	b.open("/auth/login")
	b.choose("Sign in with Real")
	b.wantSite(p.Issuer)
	at := eval[string](b, `location.href`)

	other := tabAt(t, site)
	other.leave(chromedp.Navigate(at))
	other.atProvider(p)
	if got := other.path(); !strings.HasPrefix(got, "/auth/error") {
		t.Errorf("got page %s, want the error page:\n%s", got, other.text())
	}
	other.open("/auth/welcome")
	if strings.Contains(other.text(), harness.ProviderEmail) {
		t.Error("the other browser is signed in")
	}
}
