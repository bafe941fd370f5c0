package httpapi_test

import (
	"net/http"
	"slices"
	"testing"

	"github.com/gatehouse-id/gatehouse/internal/testenv"
)

// wantDue checks that a second factor is asked for before anything is told.
func wantDue(t *testing.T, c *testenv.Client) {
	t.Helper()
	wantError(t, c.Get("/sessions/whoami"), http.StatusForbidden, "session_aal2_required")
}

// sendTo presses the button with an address in the second step.
func sendTo(t *testing.T, c *testenv.Client, f *testenv.Answer, address string) *testenv.Answer {
	t.Helper()
	f = next(t, c, "login", c.Submit("login", f, testenv.Fields{"address": address}))
	wantSent(t, f, 1010025)
	return f
}

// TestEveryClientConfirmsByCode: password, then a code to the address on file.
func TestEveryClientConfirmsByCode(t *testing.T) {
	e := testenv.New(t, secondByCode)
	for name, c := range clients(e, "") {
		email := name + "@example.org"
		e.SignUp(email)
		first := c.Submit("login", c.Start("login", ""), testenv.Credentials(email, testenv.Password))
		if token := first.Text("session_token"); token != "" {
			c.Header.Set("X-Session-Token", token)
		}
		wantDue(t, c)
		wantAbsent(t, first, email)

		f := c.Start("login", "aal=aal2")
		if f.Value("address") != email || f.Node("identifier") != nil || f.Node("password") != nil {
			t.Errorf("%s: the form is %s", name, f.Body)
		}
		f = sendTo(t, c, f, email)
		code := e.MailedCode(email)
		if got := says(c, "login", enter(c, "login", f, wrongCode(code))); !slices.Equal(got, []int{4010008}) {
			t.Errorf("%s: a wrong code is told with %v", name, got)
		}
		who := wantSignedIn(t, c, enter(c, "login", f, code), email)
		if who.Text("authenticator_assurance_level") != "aal2" || who.Text("authentication_methods", 1, "method") != "code" {
			t.Errorf("%s: the session is %s", name, who.Body)
		}
	}
}

// TestTheMailboxIsOneFactor: who has come in by what was sent to them is not asked for the
// same once more, and can't pass it off as another factor (kratos #4317).
func TestTheMailboxIsOneFactor(t *testing.T) {
	e := testenv.New(t, secondByCode)
	e.Config.SelfService.Methods.Code.PasswordlessEnabled = true
	e.SignUp(ada)
	bySignIn, byRecovery := e.App(), e.App()
	f := ask(t, byRecovery, "recovery", "", ada)
	settingsOf(t, byRecovery, enter(byRecovery, "recovery", f, e.MailedCode(ada)))
	f = requestCode(t, bySignIn, "", ada)
	wantSignedIn(t, bySignIn, enter(bySignIn, "login", f, e.MailedCode(ada)), ada)
	for name, c := range map[string]*testenv.Client{"sign-in": bySignIn, "recovery": byRecovery} {
		who := wantSignedIn(t, c, c.Get("/sessions/whoami"), ada)
		f := c.Start("login", "aal=aal2")
		if f.Node("address") != nil {
			t.Errorf("%s: the form offers a code: %s", name, f.Body)
		}
		wantMessages(t, c.Submit("login", f, testenv.Fields{"method": "code", "address": ada}), 4010002)
		if who.Text("authenticator_assurance_level") != "aal1" {
			t.Errorf("%s: the session is %s", name, who.Body)
		}
	}
}

func TestOnlyAddressesOnFileGetASecondFactor(t *testing.T) {
	e := testenv.New(t, secondByCode)
	e.SignUp("eve@example.org")
	c := appOf(e, "", ada)
	f := c.Start("login", "aal=aal2")
	wantMessages(t, c.Submit("login", f, testenv.Fields{"method": "code", "address": "eve@example.org"}), 4010010)
	if n := len(e.Mails("eve@example.org")); n != 1 {
		t.Errorf("eve has %d mails, want the one that verifies her address", n)
	}
	// One that names none goes to the only one there is.
	f = next(t, c, "login", c.Submit("login", f, testenv.Fields{"method": "code"}))
	wantSent(t, f, 1010025)
	wantSignedIn(t, c, enter(c, "login", f, e.MailedCode(ada)), ada)
}

// TestASecondFactorIsForTheSessionThatAskedForIt: the code of one account raises no other.
func TestASecondFactorIsForTheSessionThatAskedForIt(t *testing.T) {
	e := testenv.New(t, secondByCode)
	owner, eve := appOf(e, "", ada), appOf(e, "", "eve@example.org")
	f := sendTo(t, eve, eve.Start("login", "aal=aal2"), "eve@example.org")
	code := e.MailedCode("eve@example.org")
	if a := enter(owner, "login", f, code); a.Status == http.StatusOK {
		t.Errorf("another's code is taken: %s", a.Body)
	}
	wantDue(t, owner)
	stranger := e.App()
	wantError(t, enter(stranger, "login", f, code), http.StatusUnauthorized, "session_aal1_required")
}

// TestGuessingTheSecondCodeIsSlowed: a thousand tries in as many flows as one likes, with
// the password known.
func TestGuessingTheSecondCodeIsSlowed(t *testing.T) {
	e := testenv.New(t, secondByCode)
	c := appOf(e, "", ada)
	compared := 0
	var f *testenv.Answer
	for n := range 1000 {
		if n%5 == 0 {
			f = next(t, c, "login", c.Submit("login", c.Start("login", "aal=aal2"), testenv.Fields{"address": ada}))
		}
		if slices.Contains(enter(c, "login", f, "000000").MessageIDs(), 4010008) {
			compared++
		}
	}
	if compared > 6 {
		t.Errorf("%d of 1000 guesses were compared", compared)
	}
	wantDue(t, c)
}
