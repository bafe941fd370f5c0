package httpapi_test

import (
	"encoding/hex"
	"net/http"
	"testing"
	"time"

	"github.com/gatehouse-id/gatehouse/internal/testenv"
)

// TestAFactorThatIsSwitchedOffIsNotAskedFor: nobody could show it, so everybody who has set
// it up would be locked out.
func TestAFactorThatIsSwitchedOffIsNotAskedFor(t *testing.T) {
	e := testenv.New(t)
	secret := newcomer(e.App(), "ann@example.org").AddApp()
	c := e.App()
	c.SignIn("ann@example.org")
	want(t, "with the password alone", c.Get("/sessions/whoami"), http.StatusForbidden)

	e.Config.SelfService.Methods.TOTP.Enabled = false
	want(t, "while apps are switched off", c.Get("/sessions/whoami"), http.StatusOK)
	want(t, "settings", c.Start("settings", ""), http.StatusOK)

	e.Config.SelfService.Methods.TOTP.Enabled = true
	want(t, "switched on again", c.Get("/sessions/whoami"), http.StatusForbidden)
	e.Advance(time.Minute)
	want(t, "the app still counts", c.SecondStep(withCode(e.AppCode(secret, e.Now()))), http.StatusOK)
}

// TestTheLastWayInThatTheSiteTakes: what is switched off opens nothing, so a passkey beside it
// is the last one; codes that are sent to people open the account too.
func TestTheLastWayInThatTheSiteTakes(t *testing.T) {
	e := testenv.New(t, withKeys)
	h := newHand(e)
	h.joins("ada@example.org")
	want(t, "a password", h.Submit("settings", h.Start("settings", ""), testenv.Fields{"method": "password", "password": testenv.Password}), http.StatusOK)
	removable := func() bool { return h.Start("settings", "").Node("passkey_remove") != nil }
	if !removable() {
		t.Error("beside a password, the passkey can't be removed")
	}
	e.Config.SelfService.Methods.Password.Enabled = false
	if removable() {
		t.Error("beside a password that is switched off, the passkey can be removed")
	}
	f := h.Start("settings", "")
	refused := h.Submit("settings", f, testenv.Fields{"passkey_remove": hex.EncodeToString(h.device.Keys[0].ID)})
	wantMessages(t, refused, 4000001)
	if e.Config.SelfService.Methods.Code.PasswordlessEnabled = true; !removable() {
		t.Error("the passkey can't be removed although codes open the account")
	}
}
