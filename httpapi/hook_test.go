package httpapi_test

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/gatehouse-id/gatehouse/core/config"
	"github.com/gatehouse-id/gatehouse/core/flow"
	"github.com/gatehouse-id/gatehouse/hooks/abi"
	"github.com/gatehouse-id/gatehouse/internal/gateway"
	"github.com/gatehouse-id/gatehouse/internal/testenv"
)

// hookFunc is a plugin written in Go.
type hookFunc func(e abi.Event, in *abi.Context) (abi.Output, error)

func (f hookFunc) Call(_ context.Context, e abi.Event, in *abi.Context) (abi.Output, error) {
	return f(e, in)
}

// withHook binds a plugin to a point.
func withHook(p flow.Point, h hookFunc) testenv.Option {
	return func(_ *config.Config, o *gateway.Options) {
		o.Plugins = append(o.Plugins, gateway.Plugin{Point: p, Name: "test-hook", Plugin: h})
	}
}

func register(e *testenv.Env, fields testenv.Fields) *testenv.Answer {
	c := e.App()
	return c.Submit("registration", c.Start("registration", ""), fields)
}

func TestHookChangesTheNewIdentity(t *testing.T) {
	e := testenv.New(t, withHook(flow.PrePersistRegistration, func(abi.Event, *abi.Context) (abi.Output, error) {
		return abi.Output{Action: abi.Continue, IdentityMerge: &abi.IdentityChange{
			Traits:         json.RawMessage(`{"name":{"first":"Hooked"}}`),
			MetadataPublic: json.RawMessage(`{"plan":"trial"}`), MetadataAdmin: json.RawMessage(`{"score":7}`),
		}}, nil
	}))
	a := register(e, testenv.NewAccount("ann@example.org"))
	wantStatus(t, a, 200)
	if a.Text("identity", "traits", "name", "first") != "Hooked" || a.Text("identity", "traits", "email") != "ann@example.org" {
		t.Errorf("traits: %s", a.Body)
	}
	if a.Text("identity", "metadata_public", "plan") != "trial" || strings.Contains(string(a.Body), "score") {
		t.Errorf("metadata: %s", a.Body)
	}
	stored := e.App().Get(e.Admin + "/admin/identities/" + a.Text("identity", "id"))
	if stored.At("metadata_admin", "score") != 7.0 {
		t.Errorf("stored: %s", stored.Body)
	}
}

func TestHookCannotBreakTheSchema(t *testing.T) {
	e := testenv.New(t, withHook(flow.PrePersistRegistration, func(abi.Event, *abi.Context) (abi.Output, error) {
		return abi.Output{Action: abi.Continue, IdentityMerge: &abi.IdentityChange{Traits: json.RawMessage(`{"age":3}`)}}, nil
	}))
	wantMessages(t, register(e, testenv.NewAccount("ann@example.org")), 4000018)
	if n := identityCount(t, e); n != 0 {
		t.Errorf("%d identities, want none", n)
	}
}

func TestHookRefusesWithAMessageAtTheField(t *testing.T) {
	e := testenv.New(t, withHook(flow.PrePersistRegistration, func(_ abi.Event, in *abi.Context) (abi.Output, error) {
		if strings.Contains(string(in.Identity.Traits), "@example.org") {
			return abi.Output{Action: abi.Continue}, nil
		}
		return abi.Output{Action: abi.Reject, Messages: []abi.FieldMessages{{
			InstancePtr: "#/traits/email", Messages: []abi.Message{{ID: 4100001, Text: "Only example.org may.", Type: "error"}},
		}}}, nil
	}))
	a := register(e, testenv.NewAccount("eve@evil.example"))
	wantMessages(t, a, 4100001)
	messages, _ := a.Node("traits.email")["messages"].([]any)
	if len(messages) != 1 || a.Value("traits.email") != "eve@evil.example" {
		t.Errorf("traits.email: %v", a.Node("traits.email"))
	}
	if n := identityCount(t, e); n != 0 {
		t.Errorf("%d identities, want none", n)
	}
	wantStatus(t, register(e, testenv.NewAccount("ann@example.org")), 200)
}

func TestHookDenies(t *testing.T) {
	for _, p := range []flow.Point{flow.BeforeRegistration, flow.PrePersistRegistration} {
		e := testenv.New(t, withHook(p, func(abi.Event, *abi.Context) (abi.Output, error) {
			return abi.Output{Action: abi.Deny}, nil
		}))
		wantUnchanged(t, e, func() { wantError(t, register(e, testenv.NewAccount("ann@example.org")), 403, "") })
	}
}

func TestFailingHookDenies(t *testing.T) {
	e := testenv.New(t, withHook(flow.PrePersistRegistration, func(abi.Event, *abi.Context) (abi.Output, error) {
		return abi.Output{}, errors.New("out of cheese")
	}))
	wantUnchanged(t, e, func() {
		a := register(e, testenv.NewAccount("ann@example.org"))
		wantError(t, a, 500, "")
		if strings.Contains(string(a.Body), "cheese") {
			t.Errorf("the client reads the plugin's error: %s", a.Body)
		}
	})
	if log := e.Log.String(); !strings.Contains(log, "test-hook") || !strings.Contains(log, "cheese") {
		t.Errorf("the log names neither plugin nor error: %s", log)
	}
}

func TestHookSendsTheBrowserElsewhere(t *testing.T) {
	e := testenv.New(t, withHook(flow.BeforeRegistration, func(abi.Event, *abi.Context) (abi.Output, error) {
		return abi.Output{Action: abi.Redirect, RedirectTo: "https://app.example/in/terms"}, nil
	}))
	c := e.Browser()
	a := c.Submit("registration", c.Start("registration", ""), testenv.NewAccount("ann@example.org"))
	if a.Status != 303 || a.Location() != "https://app.example/in/terms" {
		t.Errorf("browser: got %d to %q", a.Status, a.Location())
	}
	j := register(e, testenv.NewAccount("ann@example.org"))
	wantError(t, j, 422, "browser_location_change_required")
	if j.Text("redirect_browser_to") != "https://app.example/in/terms" {
		t.Errorf("app: %s", j.Body)
	}
}

func TestHooksSeeNoSecrets(t *testing.T) {
	var mu sync.Mutex
	var seen []string
	record := func(_ abi.Event, in *abi.Context) (abi.Output, error) {
		raw, err := json.Marshal(in)
		mu.Lock()
		defer mu.Unlock()
		seen = append(seen, string(raw))
		return abi.Output{Action: abi.Continue}, err
	}
	var options []testenv.Option
	points := []flow.Point{flow.BeforeRegistration, flow.PrePersistRegistration, flow.PostPersistRegistration, flow.BeforeLogin, flow.AfterLogin}
	for _, p := range points {
		options = append(options, withHook(p, record))
	}
	e := testenv.New(t, options...)
	e.SignUp("ann@example.org")
	c := e.SPA()
	c.Header.Set("Authorization", "Bearer not-a-session")
	f := c.Start("login", "")
	in := c.SignIn("ann@example.org")
	secrets := []string{testenv.Password, f.CSRF(), sessionCookie(in).Value, "not-a-session", "$2a$"}
	if len(seen) != len(points) {
		t.Errorf("%d hooks ran, want %d", len(seen), len(points))
	}
	for _, s := range seen {
		if i := slices.IndexFunc(secrets, func(secret string) bool { return strings.Contains(s, secret) }); i >= 0 {
			t.Errorf("a hook was told the secret %q: %s", secrets[i], s)
		}
	}
}

// TestTransientPayloadReachesHooksOnly: what a client sends along is nobody else's.
func TestTransientPayloadReachesHooksOnly(t *testing.T) {
	var got string
	e := testenv.New(t, withHook(flow.PrePersistRegistration, func(_ abi.Event, in *abi.Context) (abi.Output, error) {
		got = string(in.Flow.TransientPayload)
		return abi.Output{Action: abi.Continue}, nil
	}))
	a := register(e, testenv.Fields{
		"method": "password", "password": testenv.Password, "traits": map[string]any{"email": "ann@example.org"},
		"transient_payload": map[string]any{"campaign": "spring"},
	})
	wantStatus(t, a, 200)
	if got != `{"campaign":"spring"}` || strings.Contains(string(a.Body), "spring") {
		t.Errorf("the hook got %s and the client %s", got, a.Body)
	}
}

// identityCount asks the admin API.
func identityCount(t *testing.T, e *testenv.Env) int {
	t.Helper()
	a := e.App().Get(e.Admin + "/admin/identities")
	var all []any
	if err := json.Unmarshal(a.Body, &all); err != nil {
		t.Fatalf("listing identities: %d %s", a.Status, a.Body)
	}
	return len(all)
}
