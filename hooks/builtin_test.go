package hooks

import (
	"errors"
	"testing"

	"github.com/gatehouse-id/gatehouse/core/config"
	"github.com/gatehouse-id/gatehouse/core/flow"
	"github.com/gatehouse-id/gatehouse/core/identity"
	"github.com/gatehouse-id/gatehouse/core/ui"
)

// everywhere is a configuration with one hook behind every flow.
func everywhere(name string) func() *config.Config {
	c := config.Default()
	f := &c.SelfService.Flows
	list := config.After{AfterMethod: config.AfterMethod{Hooks: []config.Hook{{Hook: name}}}}
	f.Login.After, f.Registration.After, f.Settings.After, f.Recovery.After = list, list, list, list
	return func() *config.Config { return &c }
}

func TestBuiltinsActAtTheirPoints(t *testing.T) {
	for _, tt := range []struct {
		name   string
		points []flow.Point
		did    func(flow.Decision) bool
	}{
		{"session", []flow.Point{flow.PrePersistRegistration}, func(d flow.Decision) bool { return d.IssueSession }},
		{"revoke_active_sessions", []flow.Point{flow.AfterLogin, flow.PrePersistSettings, flow.AfterRecovery}, func(d flow.Decision) bool { return d.RevokeOthers }},
		{"show_verification_ui", []flow.Point{flow.PrePersistRegistration}, func(d flow.Decision) bool { return d.ShowVerification }},
	} {
		r, _ := runner(appends("a")) // what is decided first is kept when others follow
		r.Config = everywhere(tt.name)
		at := map[flow.Point]bool{}
		for _, p := range tt.points {
			at[p] = true
		}
		for _, p := range flow.Points() {
			if got := tt.did(mustRun(t, r, asked(p))); got != at[p] {
				t.Errorf("%s at %s: got %v, want %v", tt.name, p, got, at[p])
			}
		}
	}
}

func TestVerifiedAddressIsRequired(t *testing.T) {
	r, _ := runner()
	r.Config = everywhere("require_verified_address")
	in := asked(flow.AfterLogin)
	if _, err := r.Run(t.Context(), in); !errors.Is(err, ErrFailed) {
		t.Errorf("no address at all: got %v, want a failure", err)
	}
	in.Identity.Verifiable = []identity.VerifiableAddress{{Value: "a@b.c"}, {Value: "d@e.f"}}
	d := mustRun(t, r, in)
	if len(d.Messages) != 1 || d.Messages[0].Message.ID != ui.MsgAddressNotVerified || d.Messages[0].Pointer != "" {
		t.Errorf("none verified: got %+v", d)
	}
	in.Identity.Verifiable[1].Verified = true
	if d := mustRun(t, r, in); d.Stops() {
		t.Errorf("one verified: got %+v", d)
	}
}

// TestStopTakesBackWhatWasToHappen: nothing follows from a submission that didn't come to be.
func TestStopTakesBackWhatWasToHappen(t *testing.T) {
	r, _ := runner(func(*flow.HookInput) (flow.Decision, error) { return flow.Decision{Denied: true}, nil })
	r.Config = everywhere("session")
	if d := mustRun(t, r, asked(flow.PrePersistRegistration)); !d.Denied || d.IssueSession {
		t.Errorf("got %+v", d)
	}
}

// TestEveryPointHasAPlaceOrPluginsOnly keeps a new point from being forgotten in the table.
func TestEveryPointHasAPlaceOrPluginsOnly(t *testing.T) {
	pluginsOnly := map[flow.Point]bool{flow.BeforeSettings: true} // Kratos has no hooks there
	for _, p := range flow.Points() {
		if _, ok := places[p]; ok == pluginsOnly[p] {
			t.Errorf("%s: in the table %v, want %v", p, ok, !pluginsOnly[p])
		}
	}
}
