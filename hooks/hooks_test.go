package hooks

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"github.com/gatehouse-id/gatehouse/core/config"
	"github.com/gatehouse-id/gatehouse/core/flow"
	"github.com/gatehouse-id/gatehouse/core/identity"
	"github.com/gatehouse-id/gatehouse/core/ui"
)

const secretEmail = "ada.lovelace@example.org"

// asked is a registration that hooks are asked about.
func asked(point flow.Point) *flow.HookInput {
	return &flow.HookInput{
		Point: point, Method: identity.Password, Flow: &flow.Flow{ID: "4b0f6d1a-0000-4000-8000-000000000001", Type: flow.Browser},
		Identity: &identity.Identity{ID: "id", SchemaID: "default", State: identity.Active, Traits: json.RawMessage(`{"email":"` + secretEmail + `"}`)},
	}
}

// guestFunc is a plugin written as a function.
type guestFunc func(in *flow.HookInput) (flow.Decision, error)

func (g guestFunc) Call(_ context.Context, in *flow.HookInput) (flow.Decision, error) { return g(in) }

// runner has these guests at registration.pre_persist, named by their number, and logs into a buffer.
func runner(guests ...guestFunc) (*Runner, *bytes.Buffer) {
	log := &bytes.Buffer{}
	r := &Runner{Config: func() *config.Config { return &config.Config{} }, Logger: slog.New(slog.NewTextHandler(log, nil))}
	for i, g := range guests {
		r.Bound = append(r.Bound, Bound{Point: flow.PrePersistRegistration, Name: "plugin-" + string(rune('0'+i)), Guest: g})
	}
	return r, log
}

func fails(*flow.HookInput) (flow.Decision, error) {
	return flow.Decision{}, errors.New("out of order")
}

func mustRun(t *testing.T, r *Runner, in *flow.HookInput) flow.Decision {
	t.Helper()
	d, err := r.Run(context.Background(), in)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// appends is a plugin that adds to what the ones before it wrote.
func appends(word string) guestFunc {
	return func(in *flow.HookInput) (flow.Decision, error) {
		var words []string
		_ = json.Unmarshal(in.Identity.MetadataPublic, &words) // empty at first
		in.Identity.MetadataPublic, _ = json.Marshal(append(words, word))
		return flow.Decision{IdentityChanged: true}, nil
	}
}

func TestEachPluginSeesWhatTheOneBeforeChanged(t *testing.T) {
	r, _ := runner(appends("a"), appends("b"), appends("c"))
	in := asked(flow.PrePersistRegistration)
	if d := mustRun(t, r, in); !d.IdentityChanged || d.Stops() {
		t.Errorf("got %+v", d)
	}
	if got := string(in.Identity.MetadataPublic); got != `["a","b","c"]` {
		t.Errorf("got %s", got)
	}
}

func TestPluginsOfOtherPointsDoNotRun(t *testing.T) {
	r, _ := runner(appends("a"))
	in := asked(flow.AfterLogin)
	if mustRun(t, r, in); in.Identity.MetadataPublic != nil {
		t.Errorf("got %s", in.Identity.MetadataPublic)
	}
}

func TestFirstStopWins(t *testing.T) {
	for name, stop := range map[string]flow.Decision{
		"reject":   {Messages: []flow.PointedMessage{{Pointer: "#/", Message: ui.Message{ID: 1}}}},
		"deny":     {Denied: true},
		"redirect": {RedirectTo: "/elsewhere"},
	} {
		r, _ := runner(appends("a"), func(*flow.HookInput) (flow.Decision, error) { return stop, nil }, appends("late"))
		in := asked(flow.PrePersistRegistration)
		d := mustRun(t, r, in)
		if !d.Stops() || d.Denied != stop.Denied || d.RedirectTo != stop.RedirectTo || len(d.Messages) != len(stop.Messages) {
			t.Errorf("%s: got %+v", name, d)
		}
		if got := string(in.Identity.MetadataPublic); got != `["a"]` {
			t.Errorf("%s: a plugin ran behind the stop: %s", name, got)
		}
	}
}

func TestFailureDenies(t *testing.T) {
	r, log := runner(appends("a"), fails, appends("late"))
	in := asked(flow.PrePersistRegistration)
	_, err := r.Run(context.Background(), in)
	if !errors.Is(err, ErrFailed) || !strings.Contains(err.Error(), `plugin "plugin-1"`) {
		t.Errorf("got %v, want a failure that names the plugin", err)
	}
	if got := string(in.Identity.MetadataPublic); got != `["a"]` {
		t.Errorf("a plugin ran behind the failure: %s", got)
	}
	if !strings.Contains(log.String(), "plugin=plugin-1") || !strings.Contains(log.String(), "denied=true") {
		t.Errorf("log: %s", log)
	}
}

// A deadline of the request means that the store is slow; one of a plugin does not.
func TestFailureHidesThePluginsDeadline(t *testing.T) {
	r, _ := runner(func(*flow.HookInput) (flow.Decision, error) { return flow.Decision{}, context.DeadlineExceeded })
	_, err := r.Run(context.Background(), asked(flow.PrePersistRegistration))
	if !errors.Is(err, ErrFailed) || errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want a failure of the plugin and no deadline", err)
	}
}

func TestFailureAllowsWhenToldSo(t *testing.T) {
	r, log := runner(fails, appends("b"))
	r.Bound[0].Allow = true
	in := asked(flow.PrePersistRegistration)
	if d := mustRun(t, r, in); d.Stops() || string(in.Identity.MetadataPublic) != `["b"]` {
		t.Errorf("got %+v, %s", d, in.Identity.MetadataPublic)
	}
	if !strings.Contains(log.String(), "plugin=plugin-0") || !strings.Contains(log.String(), "denied=false") {
		t.Errorf("log: %s", log)
	}
}

// TestFailureAfterTheFactStopsNobody: the identity is stored, so the others have to hear of it.
func TestFailureAfterTheFactStopsNobody(t *testing.T) {
	heard := false
	r, log := runner(fails, func(*flow.HookInput) (flow.Decision, error) { heard = true; return flow.Decision{}, nil })
	for i := range r.Bound {
		r.Bound[i].Point = flow.PostPersistRegistration
	}
	mustRun(t, r, asked(flow.PostPersistRegistration))
	if !heard || !strings.Contains(log.String(), "denied=false") {
		t.Errorf("heard: %v, log: %s", heard, log)
	}
}

func TestFailedPluginLeavesNoTrace(t *testing.T) {
	r, log := runner(func(in *flow.HookInput) (flow.Decision, error) {
		i := in.Identity
		copy(i.Traits, bytes.Repeat([]byte("x"), len(i.Traits)))
		i.MetadataPublic, i.MetadataAdmin, i.State = json.RawMessage(`{}`), json.RawMessage(`{}`), identity.Inactive
		return flow.Decision{IdentityChanged: true}, errors.New("half way")
	})
	r.Bound[0].Allow = true
	in, want := asked(flow.PrePersistRegistration), asked(flow.PrePersistRegistration)
	if d := mustRun(t, r, in); d.IdentityChanged {
		t.Error("a failed plugin's change was announced")
	}
	got, _ := json.Marshal(in.Identity)
	before, _ := json.Marshal(want.Identity)
	if !bytes.Equal(got, before) {
		t.Errorf("got %s, want %s", got, before)
	}
	if strings.Contains(log.String(), secretEmail) {
		t.Errorf("the log tells a trait: %s", log)
	}
}

// after is a configuration with one hook behind registration and another behind login.
func after(registration, login string) func() *config.Config {
	c := &config.Config{}
	c.SelfService.Flows.Registration.After.Hooks = []config.Hook{{Hook: registration}}
	c.SelfService.Flows.Login.After.Hooks = []config.Hook{{Hook: login}}
	return func() *config.Config { return c }
}

func TestSessionHookIssuesASession(t *testing.T) {
	r, _ := runner(appends("a"))
	r.Config = after("session", "revoke_active_sessions")
	if d := mustRun(t, r, asked(flow.PrePersistRegistration)); !d.IssueSession || !d.IdentityChanged {
		t.Errorf("after registration: got %+v", d)
	}
	for _, p := range []flow.Point{flow.BeforeRegistration, flow.PostPersistRegistration, flow.AfterLogin} {
		if d := mustRun(t, r, asked(p)); d.IssueSession {
			t.Errorf("%s: got a session", p)
		}
	}
}

// TestBuiltinsAreInTheDocumentsVocabulary: a built-in that the document cannot name would never run.
func TestBuiltinsAreInTheDocumentsVocabulary(t *testing.T) {
	known := []string{"session", "revoke_active_sessions", "require_verified_address", "web_hook", "show_verification_ui"}
	for name := range builtins {
		if !slices.Contains(known, name) {
			t.Errorf("the built-in %q is not a hook of the Kratos document", name)
		}
	}
}
