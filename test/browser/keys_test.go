package browser

import (
	"fmt"
	"testing"

	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/webauthn"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/gatehouse-id/gatehouse/test/harness"
)

// device is an authenticator plugged into the browser of a tab. Its user is there and
// proves who they are whenever it asks.
type device struct {
	b  *tab
	id webauthn.AuthenticatorID
}

// plugIn adds a device. "internal" is one of the computer itself, "usb" one to carry.
func (b *tab) plugIn(transport webauthn.AuthenticatorTransport) *device {
	b.t.Helper()
	call(b, webauthn.Enable, webauthn.EnableParams{})
	made := call(b, webauthn.AddVirtualAuthenticator, webauthn.AddVirtualAuthenticatorParams{Options: &webauthn.VirtualAuthenticatorOptions{
		Protocol: webauthn.AuthenticatorProtocolCtap2, Transport: transport,
		HasResidentKey: true, HasUserVerification: true, IsUserVerified: true, AutomaticPresenceSimulation: true,
		HasCmtgKey: true, // or else it takes no key from another device
	}})
	return &device{b, made.AuthenticatorID}
}

// unplug takes the device away and returns the keys that are on it.
func (d *device) unplug() []*webauthn.Credential {
	d.b.t.Helper()
	keys := call(d.b, webauthn.GetCredentials, webauthn.GetCredentialsParams{AuthenticatorID: d.id}).Credentials
	call(d.b, webauthn.RemoveVirtualAuthenticator, webauthn.RemoveVirtualAuthenticatorParams{AuthenticatorID: d.id})
	return keys
}

// hold puts keys on the device.
func (d *device) hold(keys []*webauthn.Credential) {
	d.b.t.Helper()
	for _, k := range keys {
		k.CmtgKeys, k.ActiveCmtgKeyIndex = nil, nil // which are told and can't be given back
		call(d.b, webauthn.AddCredential, webauthn.AddCredentialParams{AuthenticatorID: d.id, Credential: k})
	}
}

// withoutAutofill keeps the browser from offering passkeys in the field for the name. A
// virtual device takes the offer at once, so only one test leaves it on, with back.
func (b *tab) withoutAutofill() (back func()) {
	b.t.Helper()
	script := call(b, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{
		Source: `PublicKeyCredential.isConditionalMediationAvailable = async () => false`,
	})
	return func() {
		call(b, page.RemoveScriptToEvaluateOnNewDocument, page.RemoveScriptToEvaluateOnNewDocumentParams(script))
	}
}

// useKey clicks a button that asks for a key.
func (b *tab) useKey(words string) {
	b.t.Helper()
	b.ceremony(chromedp.Click(`//button[normalize-space()=` + literal(words) + `]`))
}

// ceremony does what begins one, and waits for the page that the answer leads to. It may be the
// same page again, as new as any other.
func (b *tab) ceremony(begin chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	eval[bool](b, `window.before = true`)
	b.do(begin)
	harness.Eventually(b.t, "a page after the ceremony", func() bool {
		arrived, err := chromedp.Run(b.ctx, chromedp.Evaluate[bool](`!window.before && document.readyState === "complete"`))
		return err == nil && arrived // between two pages there is nobody to ask
	})
}

// signOut ends the session.
func (b *tab) signOut() {
	b.t.Helper()
	b.open("/auth/welcome")
	b.follow("Sign out")
}

// joinWithPasskey makes an account without a password.
func (b *tab) joinWithPasskey(email string) {
	b.t.Helper()
	b.open(guarded)
	b.follow("Create an account")
	b.wantPage("/auth/registration")
	b.fill("E-Mail", email)
	b.useKey("Sign up with passkey")
	b.wantGuarded(email)
}

// TestPasskeys: somebody lives without a password.
func TestPasskeys(t *testing.T) {
	const ann = "ann@example.org"
	b := newTab(t)
	phone, offer := b.plugIn(webauthn.AuthenticatorTransportInternal), b.withoutAutofill()
	b.joinWithPasskey(ann)
	b.signOut()

	b.open(guarded)
	b.useKey("Sign in with passkey")
	b.wantGuarded(ann)
	b.signOut()

	offer()
	b.open(guarded)
	harness.Eventually(t, "the browser offers the passkey and signs in", func() bool { return b.path() == guarded })
	b.wantGuarded(ann)
	b.withoutAutofill()

	b.open("/auth/settings")
	old := phone.unplug()
	stick := b.plugIn(webauthn.AuthenticatorTransportUsb)
	b.fill("Name of the passkey", "The stick")
	b.useKey("Add passkey")
	b.wantText("Your changes are saved.")
	b.wantText(`Remove passkey "The stick"`)
	b.follow(fmt.Sprintf("Remove passkey %q", ann))
	b.wantText("Your changes are saved.")
	b.signOut()

	b.open(guarded)
	b.useKey("Sign in with passkey")
	b.wantGuarded(ann)
	b.signOut()

	stick.unplug()
	b.plugIn(webauthn.AuthenticatorTransportInternal).hold(old)
	b.open(guarded)
	b.useKey("Sign in with passkey")
	b.wantPage("/auth/login")
	b.wantText("The key was not accepted.")
}

// TestSecurityKeyBesideThePassword: the key is the second factor.
func TestSecurityKeyBesideThePassword(t *testing.T) {
	const kim = "someone@example.org"
	b := newTab(t)
	blue := b.plugIn(webauthn.AuthenticatorTransportUsb)
	b.withoutAutofill()
	b.open(guarded)
	b.follow("Create an account")
	b.register(kim)
	b.wantGuarded(kim)

	b.open("/auth/settings")
	b.fill("Name of the security key", "The blue one")
	b.useKey("Add security key")
	b.wantText("Your changes are saved.")
	b.wantText(`Remove security key "The blue one"`)

	keys := blue.unplug()
	spare := b.plugIn(webauthn.AuthenticatorTransportUsb)
	b.fill("Name of the security key", "The spare one")
	b.ceremony(chromedp.KeyEvent(kb.Enter)) // which must not remove the blue one
	b.wantText(`Remove security key "The blue one"`)
	b.follow(`Remove security key "The spare one"`)
	b.wantText("Your changes are saved.")
	spare.unplug()
	b.plugIn(webauthn.AuthenticatorTransportUsb).hold(keys)

	b.secondStep()
	b.useKey("Sign in with hardware key")
	b.wantGuarded(kim)

	b.open("/auth/settings")
	b.follow(`Remove security key "The blue one"`)
	b.wantText("Your changes are saved.")
	b.signOut()
	b.open(guarded)
	b.signIn(kim, password)
	b.wantGuarded(kim)
}

// TestACopiedPasskeyIsRefused: its counter stands where it stood when it was copied.
func TestACopiedPasskeyIsRefused(t *testing.T) {
	const ann = "ann@example.org"
	b := newTab(t)
	d := b.plugIn(webauthn.AuthenticatorTransportInternal)
	b.withoutAutofill()
	b.joinWithPasskey(ann)
	b.signOut()
	copied := call(b, webauthn.GetCredentials, webauthn.GetCredentialsParams{AuthenticatorID: d.id}).Credentials
	b.open(guarded)
	b.useKey("Sign in with passkey")
	b.wantGuarded(ann)
	b.signOut()

	d.unplug()
	b.plugIn(webauthn.AuthenticatorTransportInternal).hold(copied)
	b.open(guarded)
	b.useKey("Sign in with passkey")
	b.wantPage("/auth/login")
	b.wantText("The key was not accepted.")
}

// signature is the script of a page that asks for a passkey and does with the answer what it likes.
const signature = `(async () => {
	const decode = text => Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), c => c.charCodeAt(0))
	const encode = buffer => btoa(String.fromCharCode(...new Uint8Array(buffer))).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "")
	const key = JSON.parse(%q).publicKey
	key.challenge = decode(key.challenge)
	const c = await navigator.credentials.get({publicKey: key})
	const response = {}
	for (const part of ["authenticatorData", "clientDataJSON", "signature", "userHandle"]) response[part] = encode(c.response[part])
	return JSON.stringify({id: c.id, rawId: encode(c.rawId), type: c.type, response})
})()`

// send hands an answer in with the form of the login page.
func (b *tab) send(answer string) {
	b.t.Helper()
	b.leave(chromedp.Evaluate[chromedp.Void](fmt.Sprintf(`(() => {
		const field = document.querySelector("[name=passkey_login]")
		field.value = %q
		field.form.submit()
	})()`, answer)))
}

// challenge is what the login page asks passkeys for.
func (b *tab) challenge() string {
	b.t.Helper()
	b.wantPage("/auth/login")
	return eval[string](b, `document.querySelector("[name=passkey_challenge]").value`)
}

// TestStolenAnswersAreRefused: a page of somebody else on the same host asks for a signature
// and takes it here; and one that was taken before comes again.
func TestStolenAnswersAreRefused(t *testing.T) {
	const ann = "ann@example.org"
	site, other := startExampleApp(t)
	b := tabAt(t, site)
	b.plugIn(webauthn.AuthenticatorTransportInternal)
	b.withoutAutofill()
	b.joinWithPasskey(ann)
	b.signOut()

	b.open(guarded)
	at, asked := b.path(), b.challenge()
	b.leave(chromedp.Navigate(other))
	stolen := await[string](b, signature, asked)
	b.open(at)
	b.send(stolen)
	b.wantPage("/auth/login")
	b.wantText("The key was not accepted.")

	taken := await[string](b, signature, b.challenge())
	b.send(taken)
	b.wantGuarded(ann)
	b.signOut()
	b.open(guarded)
	b.send(taken)
	b.wantPage("/auth/login")
	b.wantText("The key was not accepted.")
}
