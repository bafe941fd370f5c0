package httpapi_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-id/gatehouse/core/config"
	"github.com/gatehouse-id/gatehouse/internal/optest"
	"github.com/gatehouse-id/gatehouse/internal/testenv"
)

// present is an app that hands in an ID token that the system it runs on has got for it.
func present(c *testenv.Client, kind, token, nonce string) *testenv.Answer {
	return c.Submit(kind, c.Start(kind, ""), testenv.Fields{"method": "oidc", "provider": "acme", "id_token": token, "id_token_nonce": nonce})
}

func TestAnAppHandsInAnIDToken(t *testing.T) {
	e, p := social(t)
	token := p.IDToken(claims("1", "olga@example.org"), "n-1")
	up := present(e.App(), "registration", token, "n-1")
	if up.Status != http.StatusOK || up.Text("session_token") == "" || up.Text("identity", "traits", "name", "first") != "Olga" {
		t.Fatalf("signing up: %d %s", up.Status, up.Body)
	}
	if up.At("identity", "verifiable_addresses", 0, "verified") != true {
		t.Errorf("got %v, want the address that the provider has verified", up.At("identity", "verifiable_addresses"))
	}
	in := present(e.App(), "login", p.IDToken(claims("1", "olga@example.org"), "n-2"), "n-2")
	if in.Status != http.StatusOK || in.Text("session", "identity", "id") != up.Text("identity", "id") {
		t.Fatalf("signing in: %d %s", in.Status, in.Body)
	}
	if got := in.Text("session", "authentication_methods", 0, "provider"); got != "acme" {
		t.Errorf("the session is by %q, want acme", got)
	}
	b := e.Browser() // the account is the one that browsers come to by a trip
	p.SignInAs(claims("1", "olga@example.org"))
	if who := home(t, b, via(t, b, "login", chooseAcme)); who.Text("identity", "id") != up.Text("identity", "id") {
		t.Errorf("a browser is signed in as %s", who.Body)
	}
	if got := p.Asked("/token"); got != 1 {
		t.Errorf("the token endpoint was asked %d times, want only by the browser's trip", got)
	}
}

func TestAnIDTokenSignsUpAtTheDoorOfLogin(t *testing.T) {
	e, p := social(t)
	up := present(e.App(), "login", p.IDToken(claims("1", "olga@example.org"), "n"), "n")
	in := present(e.App(), "registration", p.IDToken(claims("1", "olga@example.org"), "n"), "n")
	if up.Status != http.StatusOK || in.Status != http.StatusOK || up.Text("session", "identity", "id") != in.Text("session", "identity", "id") {
		t.Errorf("got %d %s, then %d %s", up.Status, up.Body, in.Status, in.Body)
	}
}

func TestWhatAnIDTokenLacksIsSentAlong(t *testing.T) {
	e, p := social(t)
	c := e.App()
	f := c.Start("registration", "")
	fields := testenv.Fields{"method": "oidc", "provider": "acme", "id_token": p.IDToken(map[string]any{"sub": "1"}, "n"), "id_token_nonce": "n"}
	wantMessages(t, c.Submit("registration", f, fields), 4000002)
	fields["traits"] = map[string]any{"email": "olga@example.org"}
	if a := c.Submit("registration", f, fields); a.Status != http.StatusOK || a.Text("identity", "traits", "email") != "olga@example.org" {
		t.Errorf("got %d %s", a.Status, a.Body)
	}
}

func TestIDTokensThatProveNothing(t *testing.T) {
	olga := claims("1", "olga@example.org")
	twisted := func(name string, v any) func(p *optest.Provider) string {
		return func(p *optest.Provider) string {
			p.Turn(func(k *optest.Knobs) { k.Twist = func(c map[string]any) { c[name] = v } })
			return p.IDToken(olga, "n")
		}
	}
	for name, make := range map[string]func(p *optest.Provider) string{
		"another nonce":       func(p *optest.Provider) string { return p.IDToken(olga, "another") },
		"no nonce":            func(p *optest.Provider) string { return p.IDToken(olga, "") },
		"for another client":  twisted("aud", "somebody-else"),
		"for others as well":  twisted("aud", []string{optest.ClientID, "somebody-else"}),
		"for nobody":          twisted("aud", []string{}),
		"by another issuer":   twisted("iss", "https://accounts.example.org"),
		"expired":             twisted("exp", time.Now().Add(-2*time.Minute).Unix()),
		"of the future":       twisted("iat", time.Now().Add(10*time.Minute).Unix()),
		"without a subject":   twisted("sub", ""),
		"too long":            twisted("bio", strings.Repeat("a", 32<<10)),
		"of another provider": func(*optest.Provider) string { return optest.New(t).IDToken(olga, "n") },
		"cut":                 func(p *optest.Provider) string { s := p.IDToken(olga, "n"); return s[:len(s)-4] },
		"no token":            func(*optest.Provider) string { return "tulip" },
	} {
		t.Run(name, func(t *testing.T) {
			e, p := social(t)
			a := present(e.App(), "login", make(p), "n")
			wantMessages(t, a, 4000001)
			if n := identityCount(t, e); n != 0 || a.Text("session_token") != "" {
				t.Errorf("%d identities, and %s", n, a.Body)
			}
		})
	}
	t.Run("without the nonce beside it", func(t *testing.T) {
		e, p := social(t)
		wantMessages(t, present(e.App(), "login", p.IDToken(olga, ""), ""), 4000001)
	})
}

func TestIDTokensForTheAppItself(t *testing.T) {
	p := optest.New(t)
	e := testenv.New(t, providers(map[string]*optest.Provider{"acme": p}, func(c *config.OIDCProvider) {
		c.AdditionalIDTokenAudiences = []string{"ios-app"}
	}))
	p.Turn(func(k *optest.Knobs) { k.Twist = func(c map[string]any) { c["aud"], c["azp"] = "ios-app", "ios-app" } })
	if a := present(e.App(), "login", p.IDToken(claims("1", "olga@example.org"), "n"), "n"); a.Status != http.StatusOK {
		t.Errorf("got %d %s, want a session", a.Status, a.Body)
	}
	p.SignInAs(claims("1", "olga@example.org"))
	b := e.Browser() // such a token is none that our own trip could end with
	refusedByForm(t, b, via(t, b, "login", chooseAcme), "login")
}

func TestProvidersWithoutIDTokensTakeNone(t *testing.T) {
	p := optest.New(t)
	e := testenv.New(t, providers(map[string]*optest.Provider{"acme": p}, func(c *config.OIDCProvider) { c.Provider = "gitlab" }))
	wantMessages(t, present(e.App(), "login", p.IDToken(claims("1", "olga@example.org"), "n"), "n"), 4000001)
	if p.Asked("/keys") != 0 {
		t.Error("the provider was asked for keys")
	}
}

// TestAnIDTokenNeedsTheFormOfTheBrowser: a page elsewhere that has a token must not sign people in to its account.
func TestAnIDTokenNeedsTheFormOfTheBrowser(t *testing.T) {
	e, p := social(t)
	b := e.Browser()
	f := b.Start("login", "")
	fields := testenv.Fields{"provider": "acme", "id_token": p.IDToken(claims("1", "olga@example.org"), "n"), "id_token_nonce": "n"}
	forged := testenv.Fields{"csrf_token": "forged"}
	for name, v := range fields {
		forged[name] = v
	}
	refusedByPage(t, b, b.Submit("login", f, forged))
	home(t, b, b.Submit("login", f, fields))
}

// TestAnAppThatWantsCodesGetsItsSessionAtOnce: nobody brings a second code when there is no trip.
func TestAnAppThatWantsCodesGetsItsSessionAtOnce(t *testing.T) {
	e, p := social(t)
	c := e.App()
	f := c.Start("login", forAnApp)
	a := c.Submit("login", f, testenv.Fields{"method": "oidc", "provider": "acme", "id_token": p.IDToken(claims("1", "olga@example.org"), "n"), "id_token_nonce": "n"})
	if a.Status != http.StatusOK || a.Text("session_token") == "" {
		t.Errorf("got %d %s", a.Status, a.Body)
	}
}

func TestAnIDTokenForAnAddressInUseOffersToLink(t *testing.T) {
	e, p := social(t)
	ann := e.SignUp("ann@example.org").Text("identity", "id")
	c := e.App()
	f := c.Start("login", "")
	a := c.Submit("login", f, testenv.Fields{"method": "oidc", "provider": "acme", "id_token": p.IDToken(claims("1", "ann@example.org"), "n"), "id_token_nonce": "n"})
	if !slices.Contains(a.MessageIDs(), 1010016) {
		t.Fatalf("got %d %s, want an offer to link", a.Status, a.Body)
	}
	if in := c.Submit("login", a, testenv.Credentials("ann@example.org", testenv.Password)); in.Status != http.StatusOK {
		t.Fatalf("signing in as before: %d %s", in.Status, in.Body)
	}
	if in := present(e.App(), "login", p.IDToken(claims("1", "ann@example.org"), "n"), "n"); in.Text("session", "identity", "id") != ann {
		t.Errorf("got %d %s, want ann", in.Status, in.Body)
	}
}
