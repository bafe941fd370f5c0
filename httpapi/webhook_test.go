package httpapi_test

import (
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/gatehouse-id/gatehouse/core/config"
	"github.com/gatehouse-id/gatehouse/core/flow"
	"github.com/gatehouse-id/gatehouse/hooks/abi"
	"github.com/gatehouse-id/gatehouse/internal/gateway"
	"github.com/gatehouse-id/gatehouse/internal/testenv"
)

// webHook is a hook that calls a handler; private addresses are allowed for its URL alone.
func webHook(t *testing.T, conf map[string]any, h http.HandlerFunc) (config.Hook, testenv.Option) {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	conf["url"], conf["method"] = s.URL+"/hook", "POST"
	conf["body"] = "base64://" + base64.StdEncoding.EncodeToString([]byte("function(ctx) ctx"))
	raw, err := json.Marshal(conf)
	if err != nil {
		t.Fatal(err)
	}
	return config.Hook{Hook: "web_hook", Config: raw}, func(c *config.Config, _ *gateway.Options) {
		c.Clients.HTTP.PrivateIPExceptionURLs = []string{s.URL + "/*"}
	}
}

func answers(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

// afterPassword sets the hooks behind a flow's password method.
func afterPassword(after func(f *config.Flows) *config.After, list ...config.Hook) testenv.Option {
	return func(c *config.Config, _ *gateway.Options) {
		*after(&c.SelfService.Flows) = config.After{Methods: map[string]config.AfterMethod{"password": {Hooks: list}}}
	}
}

func afterRegistration(f *config.Flows) *config.After { return &f.Registration.After }
func afterLogin(f *config.Flows) *config.After        { return &f.Login.After }

func TestWebHookRefusesBesideTheField(t *testing.T) {
	h, allow := webHook(t, map[string]any{"can_interrupt": true},
		answers(400, `{"messages":[{"instance_ptr":"#/traits/email","messages":[{"id":4100002,"text":"Only staff may.","type":"error"}]}]}`))
	e := testenv.New(t, allow, afterPassword(afterRegistration, config.Hook{Hook: "session"}, h))
	a := register(e, testenv.NewAccount("ann@example.org"))
	wantMessages(t, a, 4100002)
	if messages, _ := a.Node("traits.email")["messages"].([]any); len(messages) != 1 {
		t.Errorf("traits.email: %v", a.Node("traits.email"))
	}
	if n := identityCount(t, e); n != 0 {
		t.Errorf("%d identities, want none", n)
	}
}

func TestWebHookChangesTheNewIdentity(t *testing.T) {
	h, allow := webHook(t, map[string]any{"response": map[string]any{"parse": true}}, answers(200,
		`{"identity":{"metadata_public":{"plan":"pro"},"verifiable_addresses":[{"value":"ann@example.org","via":"email","verified":true}]}}`))
	var seen string
	e := testenv.New(t, allow, afterPassword(afterRegistration, h),
		withHook(flow.PrePersistRegistration, func(_ abi.Event, in *abi.Context) (abi.Output, error) {
			seen = string(in.Identity.MetadataPublic)
			return abi.Output{Action: abi.Continue}, nil
		}))
	a := register(e, testenv.NewAccount("ann@example.org"))
	wantStatus(t, a, 200)
	if a.Text("identity", "metadata_public", "plan") != "pro" || !strings.Contains(string(a.Body), `"verified":true`) {
		t.Errorf("got %s", a.Body)
	}
	if seen != `{"plan":"pro"}` {
		t.Errorf("the plugin saw %s, want what the web hook had changed", seen)
	}
}

func TestWebHookCannotBreakTheSchema(t *testing.T) {
	h, allow := webHook(t, map[string]any{"response": map[string]any{"parse": true}},
		answers(200, `{"identity":{"traits":{"email":"ann@example.org","age":3}}}`))
	e := testenv.New(t, allow, afterPassword(afterRegistration, h))
	wantMessages(t, register(e, testenv.NewAccount("ann@example.org")), 4000018)
}

func TestFailingWebHookDeniesAndKeepsQuiet(t *testing.T) {
	h, allow := webHook(t, map[string]any{"can_interrupt": true}, answers(403, "out of cheese"))
	e := testenv.New(t, allow, afterPassword(afterRegistration, h))
	wantUnchanged(t, e, func() {
		a := register(e, testenv.NewAccount("ann@example.org"))
		wantError(t, a, 500, "")
		if strings.Contains(string(a.Body), "cheese") || strings.Contains(string(a.Body), "127.0.0.1") {
			t.Errorf("the client reads of the hook: %s", a.Body)
		}
	})
}

// TestWebHooksStayOutOfTheHouse: without an exception no hook reaches what is inside.
func TestWebHooksStayOutOfTheHouse(t *testing.T) {
	h, _ := webHook(t, map[string]any{"can_interrupt": true}, answers(200, ""))
	e := testenv.New(t, afterPassword(afterRegistration, h))
	wantError(t, register(e, testenv.NewAccount("ann@example.org")), 500, "")
	if log := e.Log.String(); !strings.Contains(log, "private_ip_exception_urls") {
		t.Errorf("the log doesn't name the way out: %s", log)
	}
}

// TestIgnoredWebHookHearsOfNothingThatDidNotHappen: the sign-in is refused behind it.
func TestIgnoredWebHookHearsOfNothingThatDidNotHappen(t *testing.T) {
	heard := make(chan struct{}, 10)
	h, allow := webHook(t, map[string]any{"response": map[string]any{"ignore": true}},
		func(http.ResponseWriter, *http.Request) { heard <- struct{}{} })
	deny := true
	e := testenv.New(t, allow, afterPassword(afterLogin, h), withHook(flow.AfterLogin, func(abi.Event, *abi.Context) (abi.Output, error) {
		if deny {
			return abi.Output{Action: abi.Deny}, nil
		}
		return abi.Output{Action: abi.Continue}, nil
	}))
	e.SignUp("ann@example.org")
	c := e.App()
	wantError(t, c.Submit("login", c.Start("login", ""), testenv.Credentials("ann@example.org", testenv.Password)), 403, "")
	deny = false
	e.App().SignIn("ann@example.org")
	<-heard
	if len(heard) != 0 {
		t.Error("the hook heard of the sign-in that was refused")
	}
}

func TestSignInEndsOtherSessions(t *testing.T) {
	e := testenv.New(t, afterPassword(afterLogin, config.Hook{Hook: "revoke_active_sessions"}))
	e.SignUp("ann@example.org")
	e.SignUp("bob@example.org")
	first, bob, second := e.App(), e.App(), e.App()
	first.SignIn("ann@example.org")
	bob.SignIn("bob@example.org")
	second.SignIn("ann@example.org")
	wantStatus(t, second.Get("/sessions/whoami"), 200)
	wantStatus(t, bob.Get("/sessions/whoami"), 200)
	e.Advance(3e9) // the cache may believe in the old session for a moment
	wantStatus(t, first.Get("/sessions/whoami"), 401)
}

func TestSignInNeedsAVerifiedAddress(t *testing.T) {
	e := testenv.New(t, afterPassword(afterLogin, config.Hook{Hook: "require_verified_address"}))
	e.SignUp("ann@example.org")
	c := e.App()
	a := c.Submit("login", c.Start("login", ""), testenv.Credentials("ann@example.org", testenv.Password))
	wantMessages(t, a, 4000010)
	if strings.Contains(string(a.Body), "ory_st_") {
		t.Errorf("a session: %s", a.Body)
	}
}
