package httpapi_test

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gatehouse-id/gatehouse/core/config"
	"github.com/gatehouse-id/gatehouse/internal/gateway"
	"github.com/gatehouse-id/gatehouse/internal/softkey"
	"github.com/gatehouse-id/gatehouse/internal/testenv"
)

// rp is the site of the tests: one that has a domain.
const (
	rpID     = "id.example.org"
	rpOrigin = "https://id.example.org"
)

// withKeys is a gateway whose site takes security keys and passkeys.
func withKeys(c *config.Config, _ *gateway.Options) {
	rp := config.RelyingParty{ID: rpID, DisplayName: "Example", Origins: []string{rpOrigin}}
	c.SelfService.Methods.WebAuthn.Config.RP, c.SelfService.Methods.Passkey.Config.RP = rp, rp
	c.Identity.Schemas[0].URL = "base64://" + base64.StdEncoding.EncodeToString([]byte(strings.Replace(testenv.Schema, `"password":{"identifier":true}`,
		`"password":{"identifier":true},"webauthn":{"identifier":true},"passkey":{"display_name":true},"code":{"identifier":true,"via":"email"}`, 1)))
}

// passwordless lets security keys sign in alone.
func passwordless(c *config.Config, o *gateway.Options) {
	withKeys(c, o)
	c.SelfService.Methods.WebAuthn.Config.Passwordless = true
}

// hand is a person at a browser with a device.
type hand struct {
	*testenv.Client
	device *softkey.Device
}

func newHand(e *testenv.Env) *hand {
	c := e.Browser()
	c.Header.Set("Accept", "application/json")
	return &hand{c, softkey.New(rpOrigin)}
}

// create makes a key from the options in a field of the flow.
func (h *hand) create(f *testenv.Answer, field string) string {
	h.T.Helper()
	options, _ := f.Value(field).(string)
	if inner, ok := strings.CutPrefix(options, `{"credentialOptions":`); ok {
		options = inner[:strings.LastIndex(inner, `,"displayNameFieldName"`)]
	}
	a, err := h.device.Create(options)
	if err != nil {
		h.T.Fatalf("making a key from %s: %v\n%s", field, err, f.Body)
	}
	return a.String()
}

// sign answers the options in a field of the flow.
func (h *hand) sign(f *testenv.Answer, field string) string {
	h.T.Helper()
	options, _ := f.Value(field).(string)
	a, err := h.device.Get(options)
	if err != nil {
		h.T.Fatalf("signing for %s: %v\n%s", field, err, f.Body)
	}
	return a.String()
}

// want fails unless an answer has a status, and says which messages it has.
func want(t testing.TB, what string, a *testenv.Answer, status int) {
	t.Helper()
	if a.Status != status {
		t.Fatalf("%s: got %d %s, want %d", what, a.Status, a.Body, status)
	}
}

// joins signs somebody up with a passkey.
func (h *hand) joins(email string) *testenv.Answer {
	h.T.Helper()
	f := h.Start("registration", "")
	a := h.Submit("registration", f, testenv.Fields{"method": "passkey", "traits.email": email, "passkey_register": h.create(f, "passkey_create_data")})
	want(h.T, "joining", a, http.StatusOK)
	return a
}

// enters signs in with a passkey.
func (h *hand) enters() *testenv.Answer {
	h.T.Helper()
	f := h.Start("login", "")
	return h.Submit("login", f, testenv.Fields{"passkey_login": h.sign(f, "passkey_challenge")})
}

func TestPasskeyStory(t *testing.T) {
	e := testenv.New(t, withKeys)
	h := newHand(e)
	a := h.joins("ada@example.org")
	if got := a.Text("session", "authentication_methods", 0, "method"); got != "passkey" {
		t.Errorf("got %s", a.Body)
	}

	other := newHand(e) // another browser, the same device
	other.device = h.device
	a = other.enters()
	want(t, "signing in", a, http.StatusOK)
	if a.Text("session", "identity", "traits", "email") != "ada@example.org" || a.Text("session", "authenticator_assurance_level") != "aal1" {
		t.Errorf("got %s", a.Body)
	}

	f := other.Start("settings", "")
	if f.Node("passkey_remove") != nil {
		t.Error("the only way to sign in can be removed")
	}
	first := other.device
	other.device = softkey.New(rpOrigin)
	a = other.Submit("settings", f, testenv.Fields{"passkey_settings_register": other.create(f, "passkey_create_data")})
	want(t, "adding a second passkey", a, http.StatusOK)
	if got := a.Text("session", "authenticator_assurance_level"); got == "aal2" {
		t.Error("two passkeys are two factors")
	}
	a = other.Submit("settings", a, testenv.Fields{"passkey_remove": hex.EncodeToString(first.Keys[0].ID)})
	want(t, "removing the first", a, http.StatusOK)
	if a.Node("passkey_remove") != nil {
		t.Error("the only way left to sign in can be removed")
	}
	left := newHand(e)
	left.device = other.device
	want(t, "signing in with the second", left.enters(), http.StatusOK)
	gone := newHand(e)
	gone.device = first
	if a := gone.enters(); a.Status != http.StatusBadRequest || len(a.MessageIDs()) != 1 || a.MessageIDs()[0] != 4000008 {
		t.Errorf("signing in with the first: got %d %s, want 4000008", a.Status, a.Body)
	}
}

// TestPasskeysAreRefused: each lie is told to a flow of its own.
func TestPasskeysAreRefused(t *testing.T) {
	e := testenv.New(t, withKeys)
	h := newHand(e)
	h.joins("ada@example.org")
	for name, lie := range map[string]func(d *softkey.Device){
		"another page": func(d *softkey.Device) { d.Origin = "https://evil.example" },
		"another site": func(d *softkey.Device) { d.RPID = "evil.example" },
		"nobody there": func(d *softkey.Device) { d.Flags = 0 },
		"another user": func(d *softkey.Device) { d.Keys[0].Handle = []byte("nobody") },
		"a new key":    func(d *softkey.Device) { d.Keys[0].ID = []byte("another") },
		"no user":      func(d *softkey.Device) { d.Keys[0].Handle = nil },
		"a frame":      func(d *softkey.Device) { d.CrossOrigin = true },
	} {
		thief := newHand(e)
		thief.device = h.device.Copy()
		lie(thief.device)
		if a := thief.enters(); a.Status != http.StatusBadRequest || len(a.MessageIDs()) != 1 || a.MessageIDs()[0] != 4000008 {
			t.Errorf("%s: got %d %s, want 4000008", name, a.Status, a.Body)
		}
	}
	owner := newHand(e)
	owner.device = h.device
	want(t, "the owner", owner.enters(), http.StatusOK)
}

func TestAChallengeIsAnsweredOnce(t *testing.T) {
	e := testenv.New(t, withKeys)
	h := newHand(e)
	h.joins("ada@example.org")
	b := newHand(e)
	b.device = h.device
	f := b.Start("login", "")
	good := b.sign(f, "passkey_challenge")

	bad := strings.Replace(good, `"signature":"`, `"signature":"AA`, 1)
	a := b.Submit("login", f, testenv.Fields{"passkey_login": bad})
	want(t, "a wrong signature", a, http.StatusBadRequest)
	if a.Value("passkey_challenge") == f.Value("passkey_challenge") {
		t.Error("the form asks for the same signature again")
	}
	want(t, "the right one, too late", b.Submit("login", f, testenv.Fields{"passkey_login": good}), http.StatusBadRequest)
	a = b.Fetch("login", f.Text("id"))
	again := b.sign(a, "passkey_challenge")
	want(t, "a new one", b.Submit("login", a, testenv.Fields{"passkey_login": again}), http.StatusOK)

	c := newHand(e) // somebody who has read the answer on its way
	want(t, "replayed in a flow of one's own", c.Submit("login", c.Start("login", ""), testenv.Fields{"passkey_login": again}), http.StatusBadRequest)
	if a := c.Submit("login", f, testenv.Fields{"passkey_login": again}); a.Status == http.StatusOK {
		t.Errorf("replayed in its flow: got %d %s", a.Status, a.Body)
	}
}

func TestACopyOfAPasskeyIsRefusedAndTold(t *testing.T) {
	e := testenv.New(t, withKeys)
	h := newHand(e)
	h.joins("ada@example.org")
	thief := newHand(e)
	thief.device = h.device.Copy()
	owner := newHand(e)
	owner.device = h.device
	want(t, "the owner", owner.enters(), http.StatusOK)
	want(t, "the copy", thief.enters(), http.StatusBadRequest)
	if !strings.Contains(e.Log.String(), "there is a copy of it") {
		t.Errorf("the log doesn't tell: %s", e.Log)
	}
	f := owner.Start("settings", "") // with a second passkey there is a button to tell it at
	owner.device = softkey.New(rpOrigin)
	a := owner.Submit("settings", f, testenv.Fields{"passkey_settings_register": owner.create(f, "passkey_create_data")})
	want(t, "adding another", a, http.StatusOK)
	if ids := a.MessageIDs(); len(ids) != 2 {
		t.Errorf("got messages %v, want the success and a warning", ids)
	}
}

func TestSecurityKeyAsSecondFactor(t *testing.T) {
	e := testenv.New(t, withKeys)
	e.SignUp("ada@example.org")
	h := newHand(e)
	h.SignIn("ada@example.org")
	f := h.Start("settings", "")
	want(t, "a key without a name", h.Submit("settings", f, testenv.Fields{"webauthn_register": h.create(f, "webauthn_register_trigger")}), http.StatusBadRequest)
	f = h.Fetch("settings", f.Text("id"))
	a := h.Submit("settings", f, testenv.Fields{
		"webauthn_register": h.create(f, "webauthn_register_trigger"), "webauthn_register_displayname": "The blue one",
	})
	want(t, "adding a key", a, http.StatusOK)
	if who := h.Get("/sessions/whoami"); who.Text("authenticator_assurance_level") != "aal2" {
		t.Errorf("who has just used a key: got %s, want aal2", who.Body)
	}

	next := newHand(e)
	next.device = h.device
	a = next.Submit("login", next.Start("login", ""), testenv.Credentials("ada@example.org", testenv.Password))
	want(t, "the first factor", a, http.StatusUnprocessableEntity)
	want(t, "with the password alone", next.Get("/sessions/whoami"), http.StatusForbidden)
	f = next.Start("login", "aal=aal2")
	a = next.Submit("login", f, testenv.Fields{"webauthn_login": next.sign(f, "webauthn_login_trigger")})
	want(t, "with both", a, http.StatusOK)
	want(t, "with both", next.Get("/sessions/whoami"), http.StatusOK)

	f = next.Start("settings", "")
	remove, _ := f.Value("webauthn_remove").(string)
	want(t, "removing it", next.Submit("settings", f, testenv.Fields{"webauthn_remove": remove}), http.StatusOK)
	want(t, "removing what isn't there", next.Submit("settings", f, testenv.Fields{"webauthn_remove": remove}), http.StatusBadRequest)
	third := newHand(e)
	third.SignIn("ada@example.org")
	want(t, "without the key", third.Get("/sessions/whoami"), http.StatusOK)
}

func TestSecurityKeyInsteadOfAPassword(t *testing.T) {
	e := testenv.New(t, passwordless, func(c *config.Config, _ *gateway.Options) { c.SelfService.Methods.Passkey.Enabled = false })
	h := newHand(e)
	f := h.Start("registration", "")
	a := h.Submit("registration", f, testenv.Fields{
		"traits.email": "ada@example.org", "webauthn_register_displayname": "The blue one", "webauthn_register": h.create(f, "webauthn_register_trigger"),
	})
	want(t, "joining", a, http.StatusOK)

	next := newHand(e)
	next.device = h.device
	f = next.Start("login", "")
	a = next.Submit("login", f, testenv.Fields{"method": "webauthn", "identifier": "nobody@example.org"})
	if ids := a.MessageIDs(); len(ids) != 1 || ids[0] != 4000015 {
		t.Errorf("an unknown name: got %v, want 4000015", ids)
	}
	a = next.Submit("login", f, testenv.Fields{"method": "webauthn", "identifier": "ADA@example.org"})
	if ids := a.MessageIDs(); len(ids) != 1 || ids[0] != 1010012 || a.Node("password") != nil {
		t.Errorf("the first step: got %s", a.Body)
	}
	a = next.Submit("login", f, testenv.Fields{"webauthn_login": next.sign(a, "webauthn_login_trigger")})
	want(t, "the second step", a, http.StatusOK)
	if a.Text("session", "authenticator_assurance_level") != "aal1" {
		t.Errorf("got %s, want aal1", a.Body)
	}
	want(t, "whoami", next.Get("/sessions/whoami"), http.StatusOK)
	f = next.Start("settings", "")
	if f.Node("webauthn_remove") != nil {
		t.Error("the only way to sign in can be removed")
	}
}

// TestAKeyBelongsToOneAccount: an id that another account has is refused, whoever holds the key.
func TestAKeyBelongsToOneAccount(t *testing.T) {
	e := testenv.New(t, withKeys)
	h := newHand(e)
	h.joins("ada@example.org")
	eve := newHand(e)
	eve.device.NextID = h.device.Keys[0].ID
	f := eve.Start("registration", "")
	a := eve.Submit("registration", f, testenv.Fields{"traits.email": "eve@example.org", "passkey_register": eve.create(f, "passkey_create_data")})
	if ids := a.MessageIDs(); a.Status != http.StatusBadRequest || len(ids) != 1 || ids[0] != 4000007 {
		t.Errorf("got %d %v, want 4000007", a.Status, ids)
	}
	h2 := newHand(e)
	h2.device = h.device
	want(t, "the owner", h2.enters(), http.StatusOK)
}

func TestAnAnswerMakesAKeyInItsOwnFlowOnly(t *testing.T) {
	e := testenv.New(t, withKeys)
	h := newHand(e)
	f, other := h.Start("registration", ""), h.Start("registration", "")
	answer := h.create(f, "passkey_create_data")
	fields := testenv.Fields{"traits.email": "ada@example.org", "passkey_register": answer}
	want(t, "in another flow", h.Submit("registration", other, fields), http.StatusBadRequest)
	e.Advance(2 * time.Hour)
	want(t, "too late", h.Submit("registration", f, fields), http.StatusGone)
}

func TestKeysAreForBrowsers(t *testing.T) {
	e := testenv.New(t, withKeys)
	app := e.App()
	f := app.Start("login", "")
	if f.Node("passkey_login") != nil {
		t.Error("an app is offered a passkey")
	}
	want(t, "an app's passkey", app.Submit("login", f, testenv.Fields{"passkey_login": "{}"}), http.StatusBadRequest)
}

// TestOneAnswerSignsInOnce: it is sent many times at once, to the flow that it is for.
func TestOneAnswerSignsInOnce(t *testing.T) {
	e := testenv.New(t, withKeys)
	h := newHand(e)
	h.joins("ada@example.org")
	b := newHand(e)
	b.device = h.device
	f := b.Start("login", "")
	answer := b.sign(f, "passkey_challenge")
	const tries = 20
	var in atomic.Int32
	var all sync.WaitGroup
	for range tries {
		all.Go(func() {
			if b.Submit("login", f, testenv.Fields{"passkey_login": answer}).Status == http.StatusOK {
				in.Add(1)
			}
		})
	}
	all.Wait()
	if in.Load() != 1 {
		t.Errorf("it signed in %d times, want once", in.Load())
	}
}

// TestKeysOfTheSeed: clients of that time find the options in the code of the button, in
// standard base64, and no function by name.
func TestKeysOfTheSeed(t *testing.T) {
	e := testenv.New(t, withKeys)
	e.SignUp("ada@example.org")
	c := e.Browser().On("/api/kratos/public")
	c.Header.Set("Accept", "application/json")
	c.SignIn("ada@example.org")
	f := c.Start("settings", "")
	at, _ := f.Node("webauthn_register_trigger")["attributes"].(map[string]any)
	code, _ := at["onclick"].(string)
	options, ok := strings.CutPrefix(code, "window.__oryWebAuthnRegistration(")
	if !ok || at["value"] != "" || at["onclickTrigger"] != nil {
		t.Fatalf("got %v", at)
	}
	var o struct{ PublicKey struct{ Challenge string } }
	if err := json.Unmarshal([]byte(strings.TrimSuffix(options, ")")), &o); err != nil {
		t.Fatal(err)
	}
	if raw, err := base64.StdEncoding.DecodeString(o.PublicKey.Challenge); err != nil || len(raw) != 32 {
		t.Errorf("the challenge is %q: %v", o.PublicKey.Challenge, err)
	}
}

// TestBadAnswers: whatever stands in the fields is answered with a form.
func TestBadAnswers(t *testing.T) {
	e := testenv.New(t, withKeys)
	e.SignUp("ada@example.org")
	h := newHand(e)
	h.SignIn("ada@example.org")
	for _, junk := range []string{"x", "{}", "[]", "null", `{"id":"AA","rawId":"AA","type":"public-key","response":{"attestationObject":"oA","clientDataJSON":"e30"}}`, strings.Repeat("A", 1<<17)} {
		f := h.Start("settings", "")
		for _, fields := range []testenv.Fields{
			{"passkey_settings_register": junk}, {"passkey_remove": junk},
			{"webauthn_register": junk, "webauthn_register_displayname": "k"}, {"webauthn_remove": junk},
		} {
			want(t, fmt.Sprintf("%.40v", fields), h.Submit("settings", f, fields), http.StatusBadRequest)
		}
		n := newHand(e)
		want(t, "signing in", n.Submit("login", n.Start("login", ""), testenv.Fields{"passkey_login": junk}), http.StatusBadRequest)
		want(t, "joining", n.Submit("registration", n.Start("registration", ""), testenv.Fields{"traits.email": "eve@example.org", "passkey_register": junk}), http.StatusBadRequest)
	}
}
