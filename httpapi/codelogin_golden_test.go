package httpapi_test

import (
	"testing"

	"github.com/gatehouse-id/gatehouse/internal/testenv"
)

// TestGoldenCodesAndSteps holds the answers of sign-in and sign-up by code, and of forms in steps.
func TestGoldenCodesAndSteps(t *testing.T) {
	for name, tt := range map[string]struct {
		option testenv.Option
		answer func(t *testing.T, e *testenv.Env) *testenv.Answer
	}{
		"code_login_init": {byCode, func(_ *testing.T, e *testenv.Env) *testenv.Answer { return e.SPA().Init("login", "") }},
		"code_login_sent": {byCode, func(t *testing.T, e *testenv.Env) *testenv.Answer { return requestCode(t, e.SPA(), "", ada) }},
		"code_login_wrong": {byCode, func(t *testing.T, e *testenv.Env) *testenv.Answer {
			c := e.SPA()
			f := requestCode(t, c, "", ada)
			return enter(c, "login", f, wrongCode(e.MailedCode(ada)))
		}},
		"code_login_dead": {byCode, func(t *testing.T, e *testenv.Env) *testenv.Answer {
			c := e.App()
			f := requestCode(t, c, "", ada)
			for range 5 {
				enter(c, "login", f, wrongCode(e.MailedCode(ada)))
			}
			return enter(c, "login", f, e.MailedCode(ada))
		}},
		"code_login_passed_browser": {byCode, func(t *testing.T, e *testenv.Env) *testenv.Answer {
			c := e.SPA()
			return enter(c, "login", requestCode(t, c, "", ada), e.MailedCode(ada))
		}},
		"code_login_passed_api": {byCode, func(t *testing.T, e *testenv.Env) *testenv.Answer {
			c := e.App()
			f := requestCode(t, c, "", ada)
			return enter(c, "login", f, e.MailedCode(ada))
		}},
		"code_second_init": {secondByCode, func(_ *testing.T, e *testenv.Env) *testenv.Answer {
			c := e.App()
			c.SignIn(ada)
			return c.Init("login", "aal=aal2")
		}},
		"code_second_sent": {secondByCode, func(t *testing.T, e *testenv.Env) *testenv.Answer {
			c := e.App()
			c.SignIn(ada)
			return sendTo(t, c, c.Start("login", "aal=aal2"), ada)
		}},
		"code_second_passed": {secondByCode, func(t *testing.T, e *testenv.Env) *testenv.Answer {
			c := e.App()
			c.SignIn(ada)
			f := sendTo(t, c, c.Start("login", "aal=aal2"), ada)
			return enter(c, "login", f, e.MailedCode(ada))
		}},
		"code_registration_init": {byCode, func(_ *testing.T, e *testenv.Env) *testenv.Answer { return e.SPA().Init("registration", "") }},
		"code_registration_sent": {byCode, func(_ *testing.T, e *testenv.Env) *testenv.Answer { return signingUp(e.SPA(), "eve@example.org") }},
		"code_registration_passed": {byCode, func(_ *testing.T, e *testenv.Env) *testenv.Answer {
			c := e.App()
			f := signingUp(c, "eve@example.org")
			return c.Submit("registration", f, testenv.Fields{"method": "code", "traits.email": "eve@example.org", "code": e.MailedCode("eve@example.org")})
		}},
		"steps_registration_init": {inSteps, func(_ *testing.T, e *testenv.Env) *testenv.Answer { return e.SPA().Init("registration", "") }},
		"steps_registration_second": {inSteps, func(_ *testing.T, e *testenv.Env) *testenv.Answer {
			c := e.SPA()
			return c.Submit("registration", c.Start("registration", ""), testenv.Fields{"method": "profile", "traits.email": "eve@example.org"})
		}},
		"steps_login_init": {inSteps, func(_ *testing.T, e *testenv.Env) *testenv.Answer { return e.SPA().Init("login", "") }},
		"steps_login_second": {inSteps, func(_ *testing.T, e *testenv.Env) *testenv.Answer {
			c := e.SPA()
			return c.Submit("login", c.Start("login", ""), testenv.Fields{"method": "identifier_first", "identifier": ada})
		}},
	} {
		t.Run(name, func(t *testing.T) {
			e := testenv.New(t, tt.option)
			e.SignUp(ada)
			golden(t, e, "today/"+name, tt.answer(t, e))
		})
	}
}

// signingUp asks for a code to sign up with.
func signingUp(c *testenv.Client, email string) *testenv.Answer {
	return c.Submit("registration", c.Start("registration", ""), testenv.Fields{"method": "code", "traits.email": email})
}
