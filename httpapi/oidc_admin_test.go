package httpapi_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/gatehouse-id/gatehouse/core/config"
	"github.com/gatehouse-id/gatehouse/internal/gateway"
	"github.com/gatehouse-id/gatehouse/internal/testenv"
)

// TestImportedLinksSignIn: people who come from another system go on with the provider that they had there.
func TestImportedLinksSignIn(t *testing.T) {
	for mount, made := range map[string]int{"/admin": http.StatusCreated, "/api/kratos/admin": http.StatusCreated} {
		e, p := social(t)
		a := &admin{e, t, "/admin"}
		imported := a.send("POST", "/identities", `{"schema_id":"default","traits":{"email":"olga@example.org"},
			"credentials":{"oidc":{"config":{"providers":[{"provider":"acme","subject":"S:1"},{"provider":"beta","subject":"2"}]}}}}`)
		wantStatus(t, imported, made)
		p.SignInAs(map[string]any{"sub": "S:1", "email": "elsewhere@example.org"})
		b := e.Browser()
		who := home(t, b, via(t, b, "login", chooseAcme))
		if who.Text("identity", "id") != imported.Text("id") || who.Text("identity", "traits", "email") != "olga@example.org" {
			t.Errorf("got %s, want the imported identity as it was", who.Body)
		}
		a.mount = mount
		shown := a.get("/identities/" + imported.Text("id") + "?include_credential=oidc")
		if got := shown.Text("credentials", "oidc", "config", "providers", 0, "subject"); got != "S:1" {
			t.Errorf("%s: got %q of %s", mount, got, shown.Body)
		}
		p.SignInAs(map[string]any{"sub": "s:1", "email": "eve@example.org"}) // letters count
		c := e.Browser()
		if who := home(t, c, via(t, c, "login", chooseAcme)); who.Text("identity", "id") == imported.Text("id") {
			t.Error("another subject opens the imported identity")
		}
	}
}

// TestTokensAreGivenBackOnBothMounts: the seed has include_credential too.
func TestTokensAreGivenBackOnBothMounts(t *testing.T) {
	e, p := social(t)
	p.SignInAs(claims("1", "olga@example.org"))
	b := e.Browser()
	id := home(t, b, via(t, b, "registration", chooseAcme)).Text("identity", "id")
	var tokens []string
	for _, mount := range []string{"/admin", "/api/kratos/admin"} {
		a := &admin{e, t, mount}
		tokens = append(tokens, a.get("/identities/"+id+"?include_credential=oidc").Text("credentials", "oidc", "config", "providers", 0, "initial_access_token"))
		wantAbsent(t, a.get("/identities/"+id), tokens[0])
		wantAbsent(t, a.get("/identities"), tokens[0])
	}
	if tokens[0] == "" || tokens[0] != tokens[1] {
		t.Errorf("got %q, want the token on both", tokens)
	}
}

// madeByAdmin is somebody whom an administrator has made without any way to sign in.
func madeByAdmin(t *testing.T, e *testenv.Env, email string) string {
	t.Helper()
	a := &admin{e, t, "/admin"}
	return a.create(`{"schema_id":"default","traits":{"email":"` + email + `"}}`).Text("id")
}

// TestAnIdentityOfAnAdministratorIsLinkedByProofOnly: the provider's word about the address offers to link, and no more.
func TestAnIdentityOfAnAdministratorIsLinkedByProofOnly(t *testing.T) {
	e, p := social(t, func(c *config.Config, o *gateway.Options) {
		byCode(c, o)
		c.SelfService.Methods.Code.PasswordlessEnabled, c.SelfService.Methods.Code.PasswordlessLoginFallback = true, true
	})
	ann := madeByAdmin(t, e, "ann@example.org")
	p.SignInAs(map[string]any{"sub": "1", "email": "ann@example.org", "email_verified": true})
	b := e.Browser()
	offer := back(t, b, via(t, b, "registration", chooseAcme), "login")
	if !slices.Contains(offer.MessageIDs(), 1010016) {
		t.Fatalf("got %s, want an offer to link", offer.Body)
	}
	nobody(t, b)
	if got := e.App().Get(e.Admin + "/admin/identities/" + ann); strings.Contains(string(got.Body), "acme") {
		t.Fatalf("linked without proof: %s", got.Body)
	}
	sent := next(t, b, "login", b.Submit("login", offer, testenv.Fields{"method": "code", "identifier": "ann@example.org"}))
	wantSent(t, sent, 1010014)
	home(t, b, b.Submit("login", sent, testenv.Fields{"method": "code", "identifier": "ann@example.org", "code": e.MailedCode("ann@example.org")}))
	c := e.Browser()
	if who := home(t, c, via(t, c, "login", chooseAcme)); who.Text("identity", "id") != ann {
		t.Errorf("signed in as %s, want ann", who.Body)
	}
}

// TestACodeOfSomebodyElseDoesNotLink: the account goes to whom it was offered for.
func TestACodeOfSomebodyElseDoesNotLink(t *testing.T) {
	e, p := social(t, byCode)
	madeByAdmin(t, e, "ann@example.org")
	pia := madeByAdmin(t, e, "pia@example.org")
	p.SignInAs(map[string]any{"sub": "1", "email": "ann@example.org", "email_verified": true})
	b := e.Browser()
	offer := back(t, b, via(t, b, "login", chooseAcme), "login")
	sent := next(t, b, "login", b.Submit("login", offer, testenv.Fields{"method": "code", "identifier": "pia@example.org"}))
	wrong := back(t, b, b.Submit("login", sent, testenv.Fields{"method": "code", "identifier": "pia@example.org", "code": e.MailedCode("pia@example.org")}), "login")
	if !slices.Contains(wrong.MessageIDs(), 4010009) {
		t.Errorf("got messages %v, want 4010009", wrong.MessageIDs())
	}
	nobody(t, b)
	if got := e.App().Get(e.Admin + "/admin/identities/" + pia); strings.Contains(string(got.Body), "acme") {
		t.Errorf("linked: %s", got.Body)
	}
}

// TestAnUnverifiedAddressNeverLinks: neither silently nor as an offer, whatever the mapper makes of it.
func TestAnUnverifiedAddressNeverLinks(t *testing.T) {
	e, p := social(t)
	ann := madeByAdmin(t, e, "ann@example.org")
	p.SignInAs(map[string]any{"sub": "1", "email": "ann@example.org", "email_verified": false})
	b := e.Browser()
	form := back(t, b, via(t, b, "login", chooseAcme), "registration")
	if slices.Contains(form.MessageIDs(), 1010016) || !slices.Contains(form.MessageIDs(), 4000027) {
		t.Errorf("got messages %v, want 4000027 and no offer", form.MessageIDs())
	}
	nobody(t, b)
	if got := e.App().Get(e.Admin + "/admin/identities/" + ann); strings.Contains(string(got.Body), "acme") {
		t.Errorf("linked: %s", got.Body)
	}
}

// TestAnIdentityOfAnAdministratorIsLinkedAfterRecovery is the way where codes don't sign anybody in.
func TestAnIdentityOfAnAdministratorIsLinkedAfterRecovery(t *testing.T) {
	e, p := social(t, func(c *config.Config, _ *gateway.Options) { c.SelfService.Flows.Recovery.Enabled = true })
	ann := madeByAdmin(t, e, "ann@example.org")
	p.SignInAs(map[string]any{"sub": "1", "email": "ann@example.org", "email_verified": true})
	b := e.Browser()
	f := b.Start("recovery", "")
	sent := next(t, b, "recovery", b.Submit("recovery", f, testenv.Fields{"method": "code", "email": "ann@example.org"}))
	in := b.Submit("recovery", sent, testenv.Fields{"method": "code", "code": e.MailedCode("ann@example.org")})
	if in.Status != http.StatusSeeOther || !strings.Contains(in.Location(), "/auth/settings") {
		t.Fatalf("recovering: %d to %q", in.Status, in.Location())
	}
	linked := back(t, b, b.Via("settings", "acme"), "settings")
	if linked.Text("state") != "success" {
		t.Fatalf("linking: %s", linked.Body)
	}
	c := e.Browser()
	if who := home(t, c, via(t, c, "login", chooseAcme)); who.Text("identity", "id") != ann {
		t.Errorf("signed in as %s, want ann", who.Body)
	}
}
