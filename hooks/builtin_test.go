package hooks

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
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

// TestEveryListHasItsPoints: a web hook is called where its list says, and a list that nobody looks at is not left over.
func TestEveryListHasItsPoints(t *testing.T) {
	var all []flow.Point
	for list, want := range map[string]flow.Point{
		"login.before.hooks": flow.BeforeLogin, "login.after.hooks": flow.AfterLogin, "login.after.password.hooks": flow.AfterLogin,
		"registration.before.hooks": flow.BeforeRegistration, "registration.after.hooks": flow.PostPersistRegistration,
		"registration.after.password.hooks": flow.PostPersistRegistration,
		"settings.before.hooks":             flow.BeforeSettings, "settings.after.hooks": flow.PostPersistSettings,
		"settings.after.password.hooks": flow.PostPersistSettings,
		"recovery.before.hooks":         flow.BeforeRecovery, "recovery.after.hooks": flow.AfterRecovery, "recovery.after.password.hooks": flow.AfterRecovery,
		"verification.before.hooks": flow.BeforeVerification, "verification.after.hooks": flow.AfterVerification,
		"verification.after.password.hooks": flow.AfterVerification,
	} {
		s := newService(t, says(200, ""))
		r, _ := caller(t, s.URL, nil)
		onlyAt(t, r, list)
		for _, p := range flow.Points() {
			before := len(s.heard())
			mustRun(t, r, asked(p))
			if called := len(s.heard()) > before; called != (p == want) {
				t.Errorf("%s at %s: called %v, want %v", list, p, called, p == want)
			}
		}
		all = append(all, want)
	}
	for _, p := range flow.Points() {
		others := p == flow.PrePersistRegistration || p == flow.PrePersistSettings || p == flow.MapClaims // for hooks that change something
		if !others && !slices.Contains(all, p) {
			t.Errorf("%s belongs to no list", p)
		}
	}
}

// onlyAt leaves the web hook of a caller in one list of the document.
func onlyAt(t *testing.T, r *Runner, list string) {
	t.Helper()
	h := r.Config().SelfService.Flows.Login.Before.Hooks
	var doc any = map[string]any{"hooks": h}
	steps := strings.Split(strings.TrimSuffix(list, ".hooks"), ".")
	for _, step := range slices.Backward(steps) {
		doc = map[string]any{step: doc}
	}
	c := config.Default()
	if err := json.Unmarshal(asJSON(doc), &c.SelfService.Flows); err != nil {
		t.Fatal(err)
	}
	if got := c.SelfService.Flows.HookLists()[list]; len(got) != 1 {
		t.Fatalf("%s is not among the lists of the document", list)
	}
	r.Config = func() *config.Config { return &c }
}
