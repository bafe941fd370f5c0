package httpapi_test

import (
	"net/http"
	"testing"

	"github.com/gatehouse-id/gatehouse/internal/testenv"
)

// TestGoldenChallenges holds the answers of recovery and verification, in both dialects and by both methods.
func TestGoldenChallenges(t *testing.T) {
	for name, tt := range map[string]struct {
		mount   string
		options []testenv.Option
		answers map[string]func(e *testenv.Env, mount string) *testenv.Answer
	}{
		"today/code": {"", nil, codeAnswers},
		"today/link": {"", []testenv.Option{byLink}, linkAnswers},
		"seed/link":  {seedMount, nil, linkAnswers},
	} {
		for file, answer := range tt.answers {
			t.Run(name+"_"+file, func(t *testing.T) {
				e := testenv.New(t, tt.options...)
				e.SignUp(ada)
				golden(t, e, name+"_"+file, answer(e, tt.mount))
			})
		}
	}
}

// codeAnswers are those with codes, linkAnswers those with links.
var codeAnswers = map[string]func(e *testenv.Env, mount string) *testenv.Answer{
	"recovery_init": func(e *testenv.Env, _ string) *testenv.Answer { return e.SPA().Init("recovery", "") },
	"recovery_sent": func(e *testenv.Env, _ string) *testenv.Answer { return asked(e.SPA(), "recovery", ada) },
	"recovery_wrong": func(e *testenv.Env, _ string) *testenv.Answer {
		c := e.SPA()
		f := asked(c, "recovery", ada)
		return enter(c, "recovery", f, wrongCode(e.MailedCode(ada)))
	},
	"recovery_passed_browser": func(e *testenv.Env, _ string) *testenv.Answer {
		c := e.SPA()
		f := asked(c, "recovery", ada)
		return enter(c, "recovery", f, e.MailedCode(ada))
	},
	"recovery_passed_api": func(e *testenv.Env, _ string) *testenv.Answer {
		c := e.App()
		f := asked(c, "recovery", ada)
		return enter(c, "recovery", f, e.MailedCode(ada))
	},
	"recovery_over": func(e *testenv.Env, _ string) *testenv.Answer {
		c := e.App()
		f := asked(c, "recovery", ada)
		code := e.MailedCode(ada)
		enter(c, "recovery", f, code)
		return enter(c, "recovery", f, code)
	},
	"recovery_dead": func(e *testenv.Env, _ string) *testenv.Answer {
		c := e.App()
		f := asked(c, "recovery", ada)
		for range 5 {
			enter(c, "recovery", f, wrongCode(e.MailedCode(ada)))
		}
		return enter(c, "recovery", f, e.MailedCode(ada))
	},
	"recovery_admin": func(e *testenv.Env, _ string) *testenv.Answer {
		c := appOf(e, "", "handed@example.org")
		return adminRecovery(e, "code", "", map[string]any{"identity_id": c.Get("/sessions/whoami").Text("identity", "id")})
	},
	"verification_sent": func(e *testenv.Env, _ string) *testenv.Answer { return asked(e.SPA(), "verification", ada) },
	"verification_passed": func(e *testenv.Env, _ string) *testenv.Answer {
		c := e.SPA()
		f := asked(c, "verification", ada)
		return enter(c, "verification", f, e.MailedCode(ada))
	},
}

var linkAnswers = map[string]func(e *testenv.Env, mount string) *testenv.Answer{
	"recovery_init": func(e *testenv.Env, m string) *testenv.Answer { return e.SPA().On(m).Init("recovery", "") },
	"recovery_sent": func(e *testenv.Env, m string) *testenv.Answer { return asked(e.SPA().On(m), "recovery", ada) },
	"recovery_no_address": func(e *testenv.Env, m string) *testenv.Answer {
		c := e.SPA().On(m)
		return c.Submit("recovery", c.Start("recovery", ""), testenv.Fields{"method": "link"})
	},
	"recovery_opened": func(e *testenv.Env, m string) *testenv.Answer {
		asked(e.SPA().On(m), "recovery", ada)
		return e.Browser().On(m).Get(e.MailedLink(ada))
	},
	"recovery_used": func(e *testenv.Env, m string) *testenv.Answer {
		asked(e.SPA().On(m), "recovery", ada)
		e.Browser().On(m).Get(e.MailedLink(ada))
		c := e.SPA().On(m)
		return c.Fetch("recovery", testenv.FlowID(c.Get(e.MailedLink(ada)).Location()))
	},
	"recovery_looked_at": func(e *testenv.Env, m string) *testenv.Answer {
		asked(e.SPA().On(m), "recovery", ada)
		return e.Browser().On(m).Do(http.MethodHead, e.MailedLink(ada), "", nil)
	},
	"recovery_admin": func(e *testenv.Env, m string) *testenv.Answer {
		c, prefix := appOf(e, "", "handed@example.org"), "/admin"
		if m != "" {
			prefix = "/api/kratos/admin"
		}
		return c.PostJSON(e.Admin+prefix+"/recovery/link", map[string]any{"identity_id": c.Get("/sessions/whoami").Text("identity", "id")})
	},
	"verification_sent": func(e *testenv.Env, m string) *testenv.Answer {
		return asked(e.SPA().On(m), "verification", ada)
	},
	"verification_opened": func(e *testenv.Env, m string) *testenv.Answer {
		asked(e.SPA().On(m), "verification", ada)
		return e.Browser().On(m).Get(e.MailedLink(ada))
	},
	"verification_used": func(e *testenv.Env, m string) *testenv.Answer {
		asked(e.SPA().On(m), "verification", ada)
		e.Browser().On(m).Get(e.MailedLink(ada))
		c := e.SPA().On(m)
		return c.Fetch("verification", testenv.FlowID(c.Get(e.MailedLink(ada)).Location()))
	},
}

// asked is the answer to a form that names an address.
func asked(c *testenv.Client, kind, address string) *testenv.Answer {
	f := c.Start(kind, "")
	return c.Submit(kind, f, testenv.Fields{"method": f.Text("active"), "email": address})
}
