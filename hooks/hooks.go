// Package hooks resolves configured hooks in order and holds the built-in ones (session, revoke_active_sessions, require_verified_address, web_hook).
package hooks

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
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
	// WebHooks calls the document's web hooks; without it they fail.
	WebHooks *WebHooks
	Bound    []Bound
	Logger   *slog.Logger
}

// Run implements flow.Hooks.
func (r *Runner) Run(ctx context.Context, in *flow.HookInput) (flow.Decision, error) {
	all, err := r.builtin(ctx, in)
	if err != nil || all.Stops() {
		return all, err
	}
	for _, b := range r.Bound {
		if b.Point != in.Point {
			continue
		}
		d, err := r.attempt(ctx, hook{name: b.Name, allow: b.Allow, plugin: true}, in, func() (flow.Decision, error) { return b.Guest.Call(ctx, in) })
		if err != nil {
			return all, err
		}
		if all = combine(all, d); all.Stops() {
			break
		}
	}
	return all, nil
}

// combine adds what the next hook decided. A hook that stops the flow takes back what the others wanted to happen at its end.
func combine(all, next flow.Decision) flow.Decision {
	if next.Stops() {
		next.IdentityChanged = next.IdentityChanged || all.IdentityChanged
		return next
	}
	all.IdentityChanged = all.IdentityChanged || next.IdentityChanged
	all.IssueSession = all.IssueSession || next.IssueSession
	all.RevokeOthers = all.RevokeOthers || next.RevokeOthers
	all.ShowVerification = all.ShowVerification || next.ShowVerification
	all.AfterCommit = append(all.AfterCommit, next.AfterCommit...)
	return all
}

// hook is what a failure has to know of a hook.
type hook struct {
	name   string
	allow  bool // its failure denies nobody
	plugin bool
}

// attempt runs one hook. A hook that fails denies, unless its binding says otherwise or what it was told of has
// happened already.
func (r *Runner) attempt(ctx context.Context, h hook, in *flow.HookInput, run func() (flow.Decision, error)) (flow.Decision, error) {
	start, before := time.Now(), snapshot(in)
	d, err := run()
	if err == nil {
		return d, nil
	}
	before.restore(in) // a failed hook leaves no trace
	denied := !h.allow && abi.Event(in.Point).Decides()
	r.Logger.ErrorContext(ctx, "hook failed", h.kind(), h.name, "event", string(in.Point), "flow", in.Flow.ID,
		"duration", time.Since(start), "denied", denied, "error", err)
	if !denied {
		return flow.Decision{}, nil
	}
	// Not %w: that the hook's deadline has passed must not read as if the request's had.
	return flow.Decision{}, fmt.Errorf("%s %q: %w: %v", h.kind(), h.name, ErrFailed, err)
}

func (h hook) kind() string {
	if h.plugin {
		return "plugin"
	}
	return "hook"
}

// ErrFailed marks the failure of a hook that denies.
var ErrFailed = errors.New("the hook failed")

// kept is what a hook may change of an identity.
type kept struct {
	traits, public, admin json.RawMessage
	state                 identity.State
	verifiable            []identity.VerifiableAddress
}

func snapshot(in *flow.HookInput) kept {
	i := in.Identity
	if i == nil {
		return kept{}
	}
	return kept{bytes.Clone(i.Traits), bytes.Clone(i.MetadataPublic), bytes.Clone(i.MetadataAdmin), i.State, slices.Clone(i.Verifiable)}
}

func (k kept) restore(in *flow.HookInput) {
	if i := in.Identity; i != nil {
		i.Traits, i.MetadataPublic, i.MetadataAdmin, i.State, i.Verifiable = k.traits, k.public, k.admin, k.state, k.verifiable
	}
}
