package hooks

import (
	"context"
	"errors"
	"slices"

	"github.com/gatehouse-id/gatehouse/core/config"
	"github.com/gatehouse-id/gatehouse/core/flow"
	"github.com/gatehouse-id/gatehouse/core/identity"
	"github.com/gatehouse-id/gatehouse/core/ui"
)

// builtin is a hook that needs no code of the site.
type builtin struct {
	// at are the points where it acts; none means that it finds out itself.
	at  []flow.Point
	run func(ctx context.Context, r *Runner, h config.Hook, in *flow.HookInput) (flow.Decision, error)
}

// builtins is the table of built-in hooks by their name in the Kratos document.
var builtins = map[string]builtin{
	"session": {
		at:  []flow.Point{flow.PrePersistRegistration},
		run: decide(flow.Decision{IssueSession: true}),
	},
	"revoke_active_sessions": {
		at:  []flow.Point{flow.AfterLogin, flow.PrePersistSettings, flow.AfterRecovery},
		run: decide(flow.Decision{RevokeOthers: true}),
	},
	"show_verification_ui": {
		at:  []flow.Point{flow.PrePersistRegistration},
		run: decide(flow.Decision{ShowVerification: true}),
	},
	"require_verified_address": {at: []flow.Point{flow.AfterLogin}, run: requireVerifiedAddress},
	"web_hook":                 {run: callWebHook},
}

// decide is a hook that always decides the same.
func decide(d flow.Decision) func(context.Context, *Runner, config.Hook, *flow.HookInput) (flow.Decision, error) {
	return func(context.Context, *Runner, config.Hook, *flow.HookInput) (flow.Decision, error) { return d, nil }
}

// errNoAddress is a mistake of the site: nobody with such a schema can ever sign in.
var errNoAddress = errors.New(
	"require_verified_address: the identity has no verifiable address: mark one in the identity schema, or remove the hook")

// requireVerifiedAddress lets nobody sign in whose addresses are all unproven.
func requireVerifiedAddress(_ context.Context, _ *Runner, _ config.Hook, in *flow.HookInput) (flow.Decision, error) {
	if len(in.Identity.Verifiable) == 0 {
		return flow.Decision{}, errNoAddress
	}
	if slices.ContainsFunc(in.Identity.Verifiable, func(a identity.VerifiableAddress) bool { return a.Verified }) {
		return flow.Decision{}, nil
	}
	return flow.Decision{Messages: []flow.PointedMessage{{Message: ui.MsgAddressNotVerified.Message()}}}, nil
}

func callWebHook(ctx context.Context, r *Runner, h config.Hook, in *flow.HookInput) (flow.Decision, error) {
	if r.WebHooks == nil {
		return flow.Decision{}, errors.New("nothing calls web hooks here")
	}
	return r.WebHooks.run(ctx, h, in)
}

// places is the table of points: which list of the Kratos document belongs to each. What stands "after" a flow that stores an
// identity is looked at twice, before and after the commit; each hook knows which of the two is its time.
var places = map[flow.Point]func(f *config.Flows, method string) []config.Hook{
	flow.BeforeLogin:             func(f *config.Flows, _ string) []config.Hook { return f.Login.Before.Hooks },
	flow.AfterLogin:              func(f *config.Flows, m string) []config.Hook { return f.Login.After.HooksFor(m) },
	flow.BeforeRegistration:      func(f *config.Flows, _ string) []config.Hook { return f.Registration.Before.Hooks },
	flow.PrePersistRegistration:  func(f *config.Flows, m string) []config.Hook { return f.Registration.After.HooksFor(m) },
	flow.PostPersistRegistration: func(f *config.Flows, m string) []config.Hook { return f.Registration.After.HooksFor(m) },
	flow.BeforeSettings:          func(f *config.Flows, _ string) []config.Hook { return f.Settings.Before.Hooks },
	flow.PrePersistSettings:      func(f *config.Flows, m string) []config.Hook { return f.Settings.After.HooksFor(m) },
	flow.PostPersistSettings:     func(f *config.Flows, m string) []config.Hook { return f.Settings.After.HooksFor(m) },
	flow.BeforeRecovery:          func(f *config.Flows, _ string) []config.Hook { return f.Recovery.Before.Hooks },
	flow.AfterRecovery:           func(f *config.Flows, m string) []config.Hook { return f.Recovery.After.HooksFor(m) },
	flow.BeforeVerification:      func(f *config.Flows, _ string) []config.Hook { return f.Verification.Before.Hooks },
	flow.AfterVerification:       func(f *config.Flows, m string) []config.Hook { return f.Verification.After.HooksFor(m) },
}

// builtin runs the hooks that the Kratos document names for a point. Those of
// later capabilities were warned about when the document was read.
func (r *Runner) builtin(ctx context.Context, in *flow.HookInput) (flow.Decision, error) {
	var all flow.Decision
	list, ok := places[in.Point]
	if !ok {
		return all, nil
	}
	for _, h := range list(&r.Config().SelfService.Flows, string(in.Method)) {
		b, ok := builtins[h.Hook]
		if !ok || len(b.at) > 0 && !slices.Contains(b.at, in.Point) {
			continue
		}
		d, err := r.attempt(ctx, hook{name: h.Hook}, in, func() (flow.Decision, error) { return b.run(ctx, r, h, in) })
		if err != nil {
			return flow.Decision{}, err
		}
		if all = combine(all, d); all.Stops() {
			return all, nil
		}
	}
	return all, nil
}
