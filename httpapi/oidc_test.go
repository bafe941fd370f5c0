package httpapi_test

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/gatehouse-id/gatehouse/core/config"
	"github.com/gatehouse-id/gatehouse/internal/gateway"
	"github.com/gatehouse-id/gatehouse/internal/optest"
	"github.com/gatehouse-id/gatehouse/internal/testenv"
)

// mapper fills in what the schema of the tests has.
const mapper = `local c = std.extVar('claims');
{identity: {
	traits: {
		[if 'email' in c then 'email']: c.email,
		[if 'given_name' in c then 'name']: {first: c.given_name},
		[if 'age' in c.raw_claims then 'age']: c.raw_claims.age,
	},
	verified_addresses: [if 'email' in c then {via: 'email', value: c.email}],
	metadata_public: {locale: std.get(c, 'locale')},
}}`

// claims of somebody with an address that the provider has seen to be theirs.
func claims(sub, email string) map[string]any {
	return map[string]any{"sub": sub, "email": email, "email_verified": true, "given_name": "Olga"}
}

// providers configures sites by their ids.
func providers(all map[string]*optest.Provider, change ...func(c *config.OIDCProvider)) testenv.Option {
	return func(c *config.Config, _ *gateway.Options) {
		c.SelfService.Methods.OIDC.Enabled = true
		for id, p := range all {
			one := config.OIDCProvider{
				ID: id, Provider: "generic", Label: strings.ToUpper(id), ClientID: optest.ClientID, ClientSecret: optest.ClientSecret,
				IssuerURL: p.URL, Scope: []string{"email"}, MapperURL: "base64://" + base64.StdEncoding.EncodeToString([]byte(mapper)),
			}
			for _, f := range change {
				f(&one)
			}
			c.SelfService.Methods.OIDC.Config.Providers = append(c.SelfService.Methods.OIDC.Config.Providers, one)
		}
	}
}

// social is a gateway with one provider, "acme".
func social(t *testing.T, options ...testenv.Option) (*testenv.Env, *optest.Provider) {
	t.Helper()
	p := optest.New(t)
	return testenv.New(t, append([]testenv.Option{providers(map[string]*optest.Provider{"acme": p})}, options...)...), p
}

// depart chooses a provider and returns where the browser is sent.
func depart(t *testing.T, c *testenv.Client, kind string, fields testenv.Fields) string {
	t.Helper()
	a := c.Submit(kind, c.Start(kind, ""), fields)
	if a.Status != http.StatusSeeOther || !strings.Contains(a.Location(), "/authorize?") {
		t.Fatalf("choosing a provider: %d %s %s", a.Status, a.Location(), a.Body)
	}
	return a.Location()
}

// consent is the step at the provider. It returns where the browser is sent back to.
func consent(t *testing.T, c *testenv.Client, at string) string {
	t.Helper()
	a := c.Do(http.MethodGet, at, "", nil)
	if a.Status != http.StatusFound {
		t.Fatalf("at the provider: %d %s", a.Status, a.Body)
	}
	return a.Location()
}

// via goes to a provider and comes back.
func via(t *testing.T, c *testenv.Client, kind string, fields testenv.Fields) *testenv.Answer {
	t.Helper()
	return c.Do(http.MethodGet, consent(t, c, depart(t, c, kind, fields)), "", nil)
}

var chooseAcme = testenv.Fields{"provider": "acme"}

// home asserts that a browser was signed in and sent on.
func home(t *testing.T, c *testenv.Client, a *testenv.Answer) *testenv.Answer {
	t.Helper()
	if a.Status != http.StatusSeeOther || a.Location() != c.URL+"/" {
		t.Fatalf("got %d to %q, want 303 to the home page: %s", a.Status, a.Location(), a.Body)
	}
	who := c.Get("/sessions/whoami")
	if who.Status != http.StatusOK {
		t.Fatalf("whoami: %d %s", who.Status, who.Body)
	}
	return who
}

// back asserts that a browser is shown a form again, and returns it.
func back(t *testing.T, c *testenv.Client, a *testenv.Answer, kind string) *testenv.Answer {
	t.Helper()
	if a.Status != http.StatusSeeOther && a.Status != http.StatusFound || !strings.Contains(a.Location(), "/auth/"+kind+"?flow=") {
		t.Fatalf("got %d to %q, want the form of %s: %s", a.Status, a.Location(), kind, a.Body)
	}
	return c.Fetch(kind, testenv.FlowID(a.Location()))
}

func TestSignUpAndInWithAProvider(t *testing.T) {
	e, p := social(t)
	p.SignInAs(claims("1", "olga@example.org"))
	b := e.Browser()
	who := home(t, b, via(t, b, "registration", chooseAcme))
	if got := who.At("identity", "traits", "name", "first"); got != "Olga" {
		t.Errorf("got the first name %v, want that of the claims", got)
	}
	if got := who.Text("authentication_methods"); got != "" || who.Text("authentication_methods", 0, "provider") != "acme" {
		t.Errorf("got %v, want a session by acme", who.At("authentication_methods"))
	}
	if who.At("identity", "verifiable_addresses", 0, "verified") != true {
		t.Errorf("got %v, want the address that the provider has verified", who.At("identity", "verifiable_addresses"))
	}
	other := e.Browser()
	again := home(t, other, via(t, other, "login", chooseAcme))
	if got, want := again.Text("identity", "id"), who.Text("identity", "id"); got != want {
		t.Errorf("signed in as %s, want %s", got, want)
	}
}

func TestPeopleNeedNotRememberWhetherTheyHaveSignedUp(t *testing.T) {
	e, p := social(t)
	p.SignInAs(claims("1", "olga@example.org"))
	first, second := e.Browser(), e.Browser()
	up := home(t, first, via(t, first, "login", chooseAcme))
	in := home(t, second, via(t, second, "registration", chooseAcme))
	if up.Text("identity", "id") != in.Text("identity", "id") {
		t.Error("a sign-up by somebody who has an account made another one")
	}
}

func TestWhatTheProviderDoesNotTellIsAskedFor(t *testing.T) {
	e, p := social(t)
	p.SignInAs(map[string]any{"sub": "1", "given_name": "Olga"})
	b := e.Browser()
	form := back(t, b, via(t, b, "registration", chooseAcme), "registration")
	if form.Value("traits.name.first") != "Olga" || form.Node("password") != nil || form.Node("method") != nil {
		t.Errorf("got %s, want what is known and nothing but the way back to the provider", form.Body)
	}
	if ids := form.MessageIDs(); !slices.Contains(ids, 4000002) {
		t.Errorf("got messages %v, want one about what is missing", ids)
	}
	to := b.Submit("registration", form, testenv.Fields{"provider": "acme", "traits.email": "olga@example.org", "traits.name.first": "Olya"})
	if to.Status != http.StatusSeeOther {
		t.Fatalf("submitting again: %d %s", to.Status, to.Body)
	}
	who := home(t, b, b.Do(http.MethodGet, consent(t, b, to.Location()), "", nil))
	if who.Text("identity", "traits", "email") != "olga@example.org" || who.Text("identity", "traits", "name", "first") != "Olya" {
		t.Errorf("got %v, want what was entered over what the provider says", who.At("identity", "traits"))
	}
}

func TestASinglePageAppIsToldWhereToSendTheBrowser(t *testing.T) {
	e, p := social(t)
	p.SignInAs(claims("1", "olga@example.org"))
	c := e.SPA()
	a := c.Submit("login", c.Start("login", ""), testenv.Fields{"method": "oidc", "provider": "acme"})
	if a.Status != http.StatusUnprocessableEntity || a.Text("error", "id") != "browser_location_change_required" {
		t.Fatalf("got %d %s", a.Status, a.Body)
	}
	done := c.Do(http.MethodGet, consent(t, c, a.Text("redirect_browser_to")), "", nil)
	if done.Status != http.StatusOK || done.Text("session", "id") == "" {
		t.Errorf("coming back: %d %s", done.Status, done.Body)
	}
}

func TestEachTripHasItsOwnSecrets(t *testing.T) {
	e, p := social(t)
	p.SignInAs(claims("1", "olga@example.org"))
	b := e.Browser()
	one, two := query(t, depart(t, b, "login", chooseAcme)), query(t, depart(t, b, "login", chooseAcme))
	for _, name := range []string{"state", "nonce", "code_challenge"} {
		if one.Get(name) == "" || one.Get(name) == two.Get(name) {
			t.Errorf("%s: got %q and %q, want two different ones", name, one.Get(name), two.Get(name))
		}
	}
	if got := one.Get("code_challenge_method"); got != "S256" {
		t.Errorf("got the challenge method %q, want S256", got)
	}
	if got, want := one.Get("redirect_uri"), e.URL+"/self-service/methods/oidc/callback/acme"; got != want {
		t.Errorf("got the redirect URI %q, want %q", got, want)
	}
}

func query(t *testing.T, at string) url.Values {
	t.Helper()
	u, err := url.Parse(at)
	if err != nil {
		t.Fatal(err)
	}
	return u.Query()
}

func escape(s string) string { return url.QueryEscape(s) }
