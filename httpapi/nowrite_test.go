package httpapi_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/gatehouse-id/gatehouse/internal/testenv"
)

// TestStartingFlowsWritesNothing is promise 3 of the design.
func TestStartingFlowsWritesNothing(t *testing.T) {
	onBothMounts(t, func(t *testing.T, e *testenv.Env, mount string) {
		inits := 1000
		if mount == seedMount {
			inits = 100 // the same engine
		}
		for _, kind := range []string{"login", "registration"} {
			for _, c := range clients(e, mount) {
				wantUnchanged(t, e, func() {
					for range inits {
						if a := c.Init(kind, "return_to="+url.QueryEscape("https://app.example/in/x")); a.Status >= 400 {
							t.Fatalf("%s: %d %s", kind, a.Status, a.Body)
						}
					}
				})
			}
		}
	})
}

// TestAnonymousErrorsWriteNothing: a browser that is sent to the error page can read
// there what went wrong, although nothing was stored for it.
func TestAnonymousErrorsWriteNothing(t *testing.T) {
	onBothMounts(t, func(t *testing.T, e *testenv.Env, mount string) {
		for name, request := range map[string]func(c *testenv.Client) *testenv.Answer{
			"return_to":  func(c *testenv.Client) *testenv.Answer { return c.Init("login", "return_to=//evil.example") },
			"aal":        func(c *testenv.Client) *testenv.Answer { return c.Init("login", "aal=aal7") },
			"aal2":       func(c *testenv.Client) *testenv.Answer { return c.Init("login", "aal=aal2") },
			"long query": func(c *testenv.Client) *testenv.Answer { return c.Init("login", strings.Repeat("q", 5000)) },
			"no flow": func(c *testenv.Client) *testenv.Answer {
				return c.PostForm(mount+"/self-service/login", url.Values{"a": {"b"}})
			},
			"unknown flow": func(c *testenv.Client) *testenv.Answer {
				return c.PostForm(mount+"/self-service/login?flow=x", url.Values{"a": {"b"}})
			},
			"csrf": func(c *testenv.Client) *testenv.Answer {
				return c.Submit("login", c.Start("login", ""), testenv.Fields{"csrf_token": "x"})
			},
			"foreign flow": func(c *testenv.Client) *testenv.Answer {
				return c.Submit("login", e.SPA().Start("login", ""), testenv.Fields{"csrf_token": "x"})
			},
			"huge body": func(c *testenv.Client) *testenv.Answer {
				return c.Submit("login", c.Start("login", ""), testenv.Fields{"x": strings.Repeat("x", 2<<20)})
			},
			"logout without token":   func(c *testenv.Client) *testenv.Answer { return c.Get(mount + "/self-service/logout") },
			"logout without session": func(c *testenv.Client) *testenv.Answer { return c.Get(mount + "/self-service/logout?token=x") },
		} {
			c := e.Browser().On(mount)
			wantUnchanged(t, e, func() {
				a := request(c)
				u, err := url.Parse(a.Location())
				if err != nil || a.Status/100 != 3 || u.Path != "/auth/error" {
					t.Errorf("%s: got %d to %q, want the error page", name, a.Status, a.Location())
					return
				}
				shown := c.Get(mount + "/self-service/errors?id=" + u.Query().Get("id"))
				if shown.Status != 200 || shown.Text("error", "reason") == "" && shown.Text("error", "message") == "" {
					t.Errorf("%s: the error page reads %d %s", name, shown.Status, shown.Body)
				}
			})
		}
	})
}
