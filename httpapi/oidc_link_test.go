package httpapi_test

import (
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/gatehouse-id/gatehouse/core/config"
	"github.com/gatehouse-id/gatehouse/internal/optest"
	"github.com/gatehouse-id/gatehouse/internal/testenv"
)

func TestLinkAndUnlinkAnAccount(t *testing.T) {
	e, p := social(t)
	e.SignUp("ann@example.org")
	p.SignInAs(claims("1", "another@example.org"))
	b := e.Browser()
	b.SignIn("ann@example.org")
	f := b.Start("settings", "")
	linked := b.Do(http.MethodGet, consent(t, b, b.Submit("settings", f, testenv.Fields{"link": "acme"}).Location()), "", nil)
	form := back(t, b, linked, "settings")
	if form.Text("state") != "success" || form.Node("unlink") == nil || form.Node("link") != nil {
		t.Fatalf("after linking: %s", form.Body)
	}
	other := e.Browser()
	who := home(t, other, via(t, other, "login", chooseAcme))
	if got := who.Text("identity", "traits", "email"); got != "ann@example.org" {
		t.Errorf("signed in as %s, want ann: linking changes no traits", got)
	}

	form = back(t, b, b.Submit("settings", form, testenv.Fields{"unlink": "acme"}), "settings")
	if form.Node("unlink") != nil || form.Node("link") == nil {
		t.Errorf("after unlinking: %s", form.Body)
	}
	form = back(t, b, b.Submit("settings", form, testenv.Fields{"unlink": "acme"}), "settings")
	if !slices.Contains(form.MessageIDs(), 4000001) {
		t.Errorf("unlinking again: %s", form.Body)
	}
}

func TestTheLastWayInCanNotBeUnlinked(t *testing.T) {
	e, p := social(t)
	p.SignInAs(claims("1", "olga@example.org"))
	b := e.Browser()
	home(t, b, via(t, b, "registration", chooseAcme))
	f := b.Start("settings", "")
	if f.Node("unlink") != nil {
		t.Error("the form offers to unlink the last way in")
	}
	form := back(t, b, b.Submit("settings", f, testenv.Fields{"unlink": "acme"}), "settings")
	if !slices.Contains(form.MessageIDs(), 4000001) {
		t.Errorf("got %s, want a refusal", form.Body)
	}
	other := e.Browser()
	home(t, other, via(t, other, "login", chooseAcme))
}

func TestSeveralAccountsOfOneProvider(t *testing.T) {
	e, p := social(t)
	e.SignUp("ann@example.org")
	b := e.Browser()
	b.SignIn("ann@example.org")
	link := func(sub string) *testenv.Answer {
		p.SignInAs(map[string]any{"sub": sub})
		f := b.Start("settings", "")
		return back(t, b, b.Do(http.MethodGet, consent(t, b, b.Submit("settings", f, testenv.Fields{"link": "acme"}).Location()), "", nil), "settings")
	}
	link("1")
	form := link("2")
	if got := form.Value("unlink"); got != "acme:1" {
		t.Errorf("got a button for %v, want one for each account", got)
	}
	if again := link("2"); !slices.Contains(again.MessageIDs(), 4000001) {
		t.Errorf("linking an account twice: %s", again.Body)
	}
	back(t, b, b.Submit("settings", form, testenv.Fields{"unlink": "acme:1"}), "settings")
	other := e.Browser()
	p.SignInAs(map[string]any{"sub": "2"})
	home(t, other, via(t, other, "login", chooseAcme))
}

func TestAnAccountBelongsToOneIdentity(t *testing.T) {
	e, p := social(t)
	p.SignInAs(claims("1", "olga@example.org"))
	olga := e.Browser()
	home(t, olga, via(t, olga, "registration", chooseAcme))
	e.SignUp("ann@example.org")
	ann := e.Browser()
	ann.SignIn("ann@example.org")
	a := ann.Submit("settings", ann.Start("settings", ""), testenv.Fields{"link": "acme"})
	form := back(t, ann, ann.Do(http.MethodGet, consent(t, ann, a.Location()), "", nil), "settings")
	if !slices.Contains(form.MessageIDs(), 4000007) {
		t.Errorf("got %s, want that it belongs to somebody else", form.Body)
	}
}

func TestLinkingNeedsAFreshSignIn(t *testing.T) {
	e, p := social(t)
	e.SignUp("ann@example.org")
	p.SignInAs(claims("1", "olga@example.org"))
	b := e.Browser()
	b.SignIn("ann@example.org")
	f := b.Start("settings", "")
	e.Config.SelfService.Flows.Settings.PrivilegedSessionMaxAge = 0
	again := b.Submit("settings", f, testenv.Fields{"link": "acme"})
	if !strings.Contains(again.Location(), "refresh=true") {
		t.Fatalf("got %d to %q, want another sign-in first", again.Status, again.Location())
	}
	e.Config.SelfService.Flows.Settings.PrivilegedSessionMaxAge = config.Duration(1 << 40)
	to := b.Get("/self-service/settings?flow=" + f.Text("id")) // as after the sign-in
	if !strings.Contains(to.Location(), "/authorize?") {
		t.Fatalf("got %d to %q, want the provider", to.Status, to.Location())
	}
	form := back(t, b, b.Do(http.MethodGet, consent(t, b, to.Location()), "", nil), "settings")
	if form.Node("unlink") == nil {
		t.Errorf("got %s, want the account linked", form.Body)
	}
}

func TestAVerifiedAddressOffersToLink(t *testing.T) {
	e, p := social(t)
	ann := e.SignUp("ann@example.org").Text("identity", "id")
	e.SignUp("pia@example.org")
	p.SignInAs(claims("1", "Ann@example.org"))
	b := e.Browser()
	offer := back(t, b, via(t, b, "login", chooseAcme), "login")
	if !slices.Contains(offer.MessageIDs(), 1010016) {
		t.Fatalf("got %s, want an offer to link", offer.Body)
	}
	nobody(t, b)

	other := e.Browser()
	if a := other.Fetch("login", offer.Text("id")); a.Status != http.StatusForbidden {
		t.Errorf("another browser sees the offer: %d", a.Status)
	}
	wrong := back(t, b, b.Submit("login", offer, testenv.Credentials("pia@example.org", testenv.Password)), "login")
	if !slices.Contains(wrong.MessageIDs(), 4010009) {
		t.Errorf("somebody else signs in: got messages %v, want 4010009", wrong.MessageIDs())
	}
	nobody(t, b)
	home(t, b, b.Submit("login", wrong, testenv.Credentials("ann@example.org", testenv.Password)))

	next := e.Browser()
	if got := home(t, next, via(t, next, "login", chooseAcme)).Text("identity", "id"); got != ann {
		t.Errorf("the provider signs in %s, want %s", got, ann)
	}
}

func TestAnAddressThatTheProviderHasNotSeenOpensNothing(t *testing.T) {
	e, p := social(t)
	e.SignUp("ann@example.org")
	b := e.Browser()
	for _, verified := range []any{nil, false, "false", "yes", 1} {
		p.SignInAs(map[string]any{"sub": "1", "email": "ann@example.org", "email_verified": verified})
		form := back(t, b, via(t, b, "registration", chooseAcme), "registration")
		if !slices.Contains(form.MessageIDs(), 4000027) {
			t.Errorf("verified %v: got %v, want that the account exists", verified, form.MessageIDs())
		}
		nobody(t, b)
	}
	p.SignInAs(map[string]any{"sub": "2", "email": "new@example.org"})
	c := e.Browser()
	who := home(t, c, via(t, c, "registration", chooseAcme))
	if who.At("identity", "verifiable_addresses", 0, "verified") != false {
		t.Error("an address counts as verified that the provider has not seen")
	}
}

func TestTraitsFollowTheProviderWhereThatIsWanted(t *testing.T) {
	for _, tt := range []struct{ update, want string }{{"never", "Olga"}, {"automatic", "Olya"}} {
		p := optest.New(t)
		e := testenv.New(t, providers(map[string]*optest.Provider{"acme": p}, func(c *config.OIDCProvider) { c.UpdateIdentityOnLogin = tt.update }))
		e.SignUp("ann@example.org")
		p.SignInAs(claims("1", "olga@example.org"))
		b := e.Browser()
		home(t, b, via(t, b, "registration", chooseAcme))
		for _, now := range []map[string]any{
			{"sub": "1", "email": "olga@example.org", "given_name": "Olya"},
			{"sub": "1", "email": "ann@example.org"},             // belongs to somebody
			{"sub": "1", "email": "olga@example.org", "age": 12}, // too young for the schema
		} {
			p.SignInAs(now)
			c := e.Browser()
			who := home(t, c, via(t, c, "login", chooseAcme))
			if got := who.Text("identity", "traits", "name", "first"); got != tt.want {
				t.Errorf("%s, after %v: got %s, want %s", tt.update, now, got, tt.want)
			}
			if got := who.Text("identity", "traits", "email"); got != "olga@example.org" {
				t.Errorf("%s, after %v: got the address %s", tt.update, now, got)
			}
		}
	}
}

func TestAnInactiveIdentityIsNotSignedIn(t *testing.T) {
	e, p := social(t)
	p.SignInAs(claims("1", "olga@example.org"))
	b := e.Browser()
	id := home(t, b, via(t, b, "registration", chooseAcme)).Text("identity", "id")
	i, err := e.Gateway.Store.Identity(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	i.State = "inactive"
	if err := e.Gateway.Store.Update(t.Context(), i); err != nil {
		t.Fatal(err)
	}
	c := e.Browser()
	form := back(t, c, via(t, c, "login", chooseAcme), "login")
	if !slices.Contains(form.MessageIDs(), 4010011) {
		t.Errorf("got messages %v, want 4010011", form.MessageIDs())
	}
	nobody(t, c)
}

func TestOneCodeSignsInOnce(t *testing.T) {
	e, p := social(t)
	p.SignInAs(claims("1", "olga@example.org"))
	b := e.Browser()
	at := consent(t, b, depart(t, b, "login", chooseAcme))
	var wg sync.WaitGroup
	signedIn := make(chan bool, 16)
	for range cap(signedIn) {
		wg.Go(func() {
			a := b.Do(http.MethodGet, at, "", nil)
			signedIn <- a.Cookie("ory_kratos_session") != nil
		})
	}
	wg.Wait()
	close(signedIn)
	n := 0
	for in := range signedIn {
		if in {
			n++
		}
	}
	if n != 1 || p.Asked("/token") != 1 {
		t.Errorf("%d sign-ins and %d codes redeemed, want one of each", n, p.Asked("/token"))
	}
}
