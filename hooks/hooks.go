// Package hooks resolves configured hooks in order and holds the built-in ones (session, revoke_active_sessions, require_verified_address, web_hook).
package hooks

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/gatehouse-id/gatehouse/core/config"
	"github.com/gatehouse-id/gatehouse/core/flow"
	"github.com/gatehouse-id/gatehouse/core/identity"
	"github.com/gatehouse-id/gatehouse/hooks/abi"
)

// Guest is a plugin that can be called for events; package hooks/wasm has one.
type Guest interface {
	Call(ctx context.Context, in *flow.HookInput) (flow.Decision, error)
}

// Bound is a plugin bound to a point by the site's configuration.
type Bound struct {
	Point flow.Point
	Name  string // names the plugin in logs and errors
	Guest Guest
	// Allow lets the flow go on when the plugin fails; the default is to deny.
	Allow bool
}

// Runner implements flow.Hooks: first the hooks of the Kratos document, then
// the plugins, each in the order of the configuration. Each sees what the one
// before it changed; the first that stops the flow is the last that runs.
type Runner struct {
	Config func() *config.Config
	Bound  []Bound
	Logger *slog.Logger
}

// builtins is the table of hooks that need no code of the site, by their name in the Kratos document.
var builtins = map[string]func(in *flow.HookInput) (flow.Decision, error){
	"session": func(*flow.HookInput) (flow.Decision, error) { return flow.Decision{IssueSession: true}, nil },
}

// Run implements flow.Hooks.
func (r *Runner) Run(ctx context.Context, in *flow.HookInput) (flow.Decision, error) {
	d, err := r.builtin(in)
	if err != nil || d.Stops() {
		return d, err
	}
	for _, b := range r.Bound {
		if b.Point != in.Point {
			continue
		}
		next, err := r.call(ctx, b, in)
		if err != nil {
			return d, err
		}
		d.IdentityChanged = d.IdentityChanged || next.IdentityChanged
		if next.Stops() {
			next.IdentityChanged = d.IdentityChanged
			return next, nil
		}
	}
	return d, nil
}

// call runs one plugin. A plugin that fails denies, unless its binding says otherwise or what it was told of has
// happened already.
func (r *Runner) call(ctx context.Context, b Bound, in *flow.HookInput) (flow.Decision, error) {
	start, before := time.Now(), snapshot(in)
	d, err := b.Guest.Call(ctx, in)
	if err == nil {
		return d, nil
	}
	before.restore(in) // a failed plugin leaves no trace
	denied := !b.Allow && abi.Event(in.Point).Decides()
	r.Logger.ErrorContext(ctx, "hook failed", "plugin", b.Name, "event", string(in.Point), "flow", in.Flow.ID,
		"duration", time.Since(start), "denied", denied, "error", err)
	if !denied {
		return flow.Decision{}, nil
	}
	// Not %w: that the plugin's deadline has passed must not read as if the request's had.
	return flow.Decision{}, fmt.Errorf("plugin %q: %w: %v", b.Name, ErrFailed, err)
}

// ErrFailed marks the failure of a plugin that denies.
var ErrFailed = errors.New("the hook failed")

// kept is what a plugin may change of an identity.
type kept struct {
	traits, public, admin json.RawMessage
	state                 identity.State
}

func snapshot(in *flow.HookInput) kept {
	i := in.Identity
	if i == nil {
		return kept{}
	}
	return kept{bytes.Clone(i.Traits), bytes.Clone(i.MetadataPublic), bytes.Clone(i.MetadataAdmin), i.State}
}

func (k kept) restore(in *flow.HookInput) {
	if i := in.Identity; i != nil {
		i.Traits, i.MetadataPublic, i.MetadataAdmin, i.State = k.traits, k.public, k.admin, k.state
	}
}

// builtin runs the hooks that the Kratos document names for a point. Those of
// later capabilities were warned about when the document was read.
func (r *Runner) builtin(in *flow.HookInput) (flow.Decision, error) {
	var all flow.Decision
	for _, h := range r.configured(in) {
		run, ok := builtins[h.Hook]
		if !ok {
			continue
		}
		d, err := run(in)
		if err != nil || d.Stops() {
			return d, err
		}
		all.IssueSession = all.IssueSession || d.IssueSession
	}
	return all, nil
}

// configured finds the document's hooks for a point. Hooks after registration
// run before the commit, so that identity and session are stored together.
func (r *Runner) configured(in *flow.HookInput) []config.Hook {
	f := &r.Config().SelfService.Flows
	switch in.Point {
	case flow.PrePersistRegistration:
		return f.Registration.After.HooksFor(string(in.Method))
	case flow.AfterLogin:
		return f.Login.After.HooksFor(string(in.Method))
	}
	return nil
}
