package httpapi_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/gatehouse-id/gatehouse/internal/testenv"
)

var update = flag.Bool("update", false, "write the golden files of testdata anew")

// volatile are the values that differ from run to run, and what stands for them.
var volatile = []struct {
	find *regexp.Regexp
	with string
}{
	{regexp.MustCompile(`data:image/png;base64,[A-Za-z0-9+/=]+`), "<png>"},
	{regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}`), "<uuid>"},
	{regexp.MustCompile(`\b2\d{3}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z`), "<time>"},
	{regexp.MustCompile(`[A-Za-z0-9+/]{86}==`), "<csrf>"},
	{regexp.MustCompile(`"[A-Z2-7]{32}"`), `"<secret>"`},
	{regexp.MustCompile(`ory_(st|lo)_[A-Za-z0-9]{32}`), "<token>"},
	{regexp.MustCompile(`csrf_token_[0-9a-f]{64}=[^;]+`), "csrf_token_<hash>=<secret>"},
	{regexp.MustCompile(`gatehouse_flows=[^;]+`), "gatehouse_flows=<sealed>"},
	{regexp.MustCompile(`"since": \d+`), `"since": <number>`},
	{regexp.MustCompile(`Max-Age=86\d{3}`), "Max-Age=<lifespan>"},
	{regexp.MustCompile(`-?\d+(\.\d\d)? minutes`), "<n> minutes"},
	{regexp.MustCompile(`"expired_at_unix": \d+`), `"expired_at_unix": <number>`},
	{regexp.MustCompile(`"recovery_code": "\d{6}"`), `"recovery_code": "<code>"`},
	{regexp.MustCompile(`token=[A-Za-z0-9_-]{43}`), "token=<secret>"},
}

// goldenHeaders are the headers that are part of the contract.
var goldenHeaders = []string{"Content-Type", "Cache-Control", "Location", "Link", "Set-Cookie", "X-Kratos-Authenticated-Identity-Id"}

// mask writes an answer with everything volatile replaced.
func mask(t *testing.T, e *testenv.Env, a *testenv.Answer) string {
	t.Helper()
	var b strings.Builder
	fmt.Fprintln(&b, a.Status)
	for _, h := range goldenHeaders {
		for _, v := range a.Header.Values(h) {
			fmt.Fprintf(&b, "%s: %s\n", h, v)
		}
	}
	b.WriteByte('\n')
	var indented bytes.Buffer
	if json.Indent(&indented, a.Body, "", "  ") == nil {
		b.Write(indented.Bytes())
	} else {
		b.Write(a.Body)
	}
	out := strings.ReplaceAll(b.String(), e.URL, "{public}")
	for _, v := range volatile {
		out = v.find.ReplaceAllString(out, v.with)
	}
	return strings.TrimRight(out, "\n") + "\n"
}

// golden compares an answer with the file of that name.
func golden(t *testing.T, e *testenv.Env, name string, a *testenv.Answer) {
	t.Helper()
	got, file := mask(t, e, a), filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("%v (run go test ./httpapi -run Golden -update and read the diff)", err)
	}
	if got != string(want) {
		t.Errorf("%s: got\n%s\nwant\n%s", name, got, want)
	}
}

// TestGoldenAnswers holds every kind of answer in both dialects against files
// that are read in review.
func TestGoldenAnswers(t *testing.T) {
	for dialect, mount := range map[string]string{"today": "", "seed": seedMount} {
		t.Run(dialect, func(t *testing.T) {
			e := testenv.New(t)
			for name, answer := range wireAnswers {
				golden(t, e, dialect+"/"+name, answer(e, mount))
			}
		})
	}
}

// wireAnswers make each kind of answer that clients depend on.
var wireAnswers = map[string]func(e *testenv.Env, mount string) *testenv.Answer{
	"login_init_browser":        func(e *testenv.Env, m string) *testenv.Answer { return e.SPA().On(m).Init("login", "") },
	"login_init_html":           func(e *testenv.Env, m string) *testenv.Answer { return e.Browser().On(m).Init("login", "") },
	"login_init_api":            func(e *testenv.Env, m string) *testenv.Answer { return e.App().On(m).Init("login", "") },
	"registration_init_browser": func(e *testenv.Env, m string) *testenv.Answer { return e.SPA().On(m).Init("registration", "") },
	"registration_init_api":     func(e *testenv.Env, m string) *testenv.Answer { return e.App().On(m).Init("registration", "") },
	"registration_rejected": func(e *testenv.Env, m string) *testenv.Answer {
		c := e.App().On(m)
		return c.Submit("registration", c.Start("registration", ""), testenv.Fields{"method": "password", "traits.email": "no address"})
	},
	"registration_completed": func(e *testenv.Env, m string) *testenv.Answer {
		c := e.App().On(m)
		return c.Submit("registration", c.Start("registration", ""), testenv.NewAccount("gold@example.org"))
	},
	"login_rejected": func(e *testenv.Env, m string) *testenv.Answer {
		c := e.App().On(m)
		return c.Submit("login", c.Start("login", ""), testenv.Credentials("nobody@example.org", "wrong-password"))
	},
	"login_completed_browser": func(e *testenv.Env, m string) *testenv.Answer {
		return member(e, m, "in@example.org").SignIn("in@example.org")
	},
	"whoami": func(e *testenv.Env, m string) *testenv.Answer {
		c := member(e, m, "who@example.org")
		c.SignIn("who@example.org")
		return c.Get(m + "/sessions/whoami")
	},
	"whoami_nobody": func(e *testenv.Env, m string) *testenv.Answer { return e.App().Get(m + "/sessions/whoami") },
	"csrf_missing": func(e *testenv.Env, m string) *testenv.Answer {
		return e.SPA().Do("POST", m+"/self-service/logout/browser", "application/json", nil)
	},
	"csrf_wrong": func(e *testenv.Env, m string) *testenv.Answer {
		c := e.SPA().On(m)
		return c.Submit("login", c.Start("login", ""), testenv.Fields{"csrf_token": "x", "method": "password"})
	},
	"return_to_forbidden": func(e *testenv.Env, m string) *testenv.Answer {
		return e.App().On(m).Init("login", "return_to=https://evil.example/")
	},
	"flow_unknown": func(e *testenv.Env, m string) *testenv.Answer { return e.App().On(m).Fetch("login", "nope") },
	"flow_missing": func(e *testenv.Env, m string) *testenv.Answer {
		return e.App().PostJSON(m+"/self-service/login", testenv.Fields{})
	},
	"logout_url": func(e *testenv.Env, m string) *testenv.Answer {
		c := member(e, m, "out@example.org")
		c.SignIn("out@example.org")
		return c.Get(m + "/self-service/logout/browser")
	},
	"logout_done": func(e *testenv.Env, m string) *testenv.Answer {
		c := member(e, m, "gone@example.org")
		c.SignIn("gone@example.org")
		return c.Get(c.Get(m + "/self-service/logout/browser").Text("logout_url"))
	},
	"logout_nobody": func(e *testenv.Env, m string) *testenv.Answer {
		return e.SPA().Get(m + "/self-service/logout/browser")
	},
	"logout_api_unknown": func(e *testenv.Env, m string) *testenv.Answer {
		return e.App().Do("DELETE", m+"/self-service/logout/api", "application/json", []byte(`{"session_token":"x"}`))
	},
	"error_stub": func(e *testenv.Env, m string) *testenv.Answer {
		return e.App().Get(m + "/self-service/errors?id=stub:500")
	},
	"settings_init_api": func(e *testenv.Env, m string) *testenv.Answer {
		return appOf(e, m, "settle@example.org").Init("settings", "")
	},
	"settings_nobody": func(e *testenv.Env, m string) *testenv.Answer { return e.SPA().On(m).Init("settings", "") },
	"settings_saved": func(e *testenv.Env, m string) *testenv.Answer {
		c := member(e, m, "saved@example.org")
		c.SignIn("saved@example.org")
		return c.Submit("settings", c.Start("settings", ""), profileOf("saved@example.org", nil))
	},
	"settings_refused": func(e *testenv.Env, m string) *testenv.Answer {
		c := appOf(e, m, "refused@example.org")
		return c.Submit("settings", c.Start("settings", ""), testenv.Fields{"method": "password", "password": "short"})
	},
	"settings_foreign": func(e *testenv.Env, m string) *testenv.Answer {
		f := appOf(e, m, "mine@example.org").Start("settings", "")
		return appOf(e, m, "yours@example.org").Fetch("settings", f.Text("id"))
	},
	"sessions": func(e *testenv.Env, m string) *testenv.Answer {
		return appOf(e, m, "list@example.org").Get(m + "/sessions")
	},
	"session_own": func(e *testenv.Env, m string) *testenv.Answer {
		c := appOf(e, m, "own@example.org")
		return remove(c, m+"/sessions/"+c.Get(m+"/sessions/whoami").Text("id"))
	},
	"schemas": func(e *testenv.Env, m string) *testenv.Answer { return e.App().Get(m + "/schemas") },
}

// member makes an account and returns a browser that reads JSON.
func member(e *testenv.Env, mount, email string) *testenv.Client {
	e.T.Helper()
	e.SignUp(email)
	return e.SPA().On(mount)
}

// appOf makes an account and returns an app that is signed in.
func appOf(e *testenv.Env, mount, email string) *testenv.Client {
	e.T.Helper()
	e.SignUp(email)
	c := e.App().On(mount)
	c.SignIn(email)
	return c
}

// TestGoldenExpiry is apart from the others because it moves the clock.
func TestGoldenExpiry(t *testing.T) {
	for dialect, mount := range map[string]string{"today": "", "seed": seedMount} {
		t.Run(dialect, func(t *testing.T) {
			e := testenv.New(t)
			c := e.App().On(mount)
			f := c.Start("login", "")
			e.Advance(flowLifespan)
			golden(t, e, dialect+"/flow_gone", c.Fetch("login", f.Text("id")))
			expired := c.Submit("login", f, testenv.Credentials("a@b.c", "x"))
			golden(t, e, dialect+"/flow_expired", expired)
			golden(t, e, dialect+"/flow_replacement", c.Fetch("login", expired.Text("use_flow_id")))
		})
	}
}
