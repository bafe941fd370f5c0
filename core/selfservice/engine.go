// Package selfservice runs flows: the phases every flow shares, and login, registration, settings, recovery, verification, logout.
//
// Engine.Submit is the one place where a submission passes its phases; a kind
// of flow fills in who may start it, its form, and what completing it means,
// and cannot skip a phase. Nothing here sees HTTP: what the edge knows of a
// request comes in as a Client.
package selfservice

import (
	"context"
	"log/slog"
	"time"

	"github.com/gatehouse-id/gatehouse/core/config"
	"github.com/gatehouse-id/gatehouse/core/courier"
	"github.com/gatehouse-id/gatehouse/core/flow"
	"github.com/gatehouse-id/gatehouse/core/guess"
	"github.com/gatehouse-id/gatehouse/core/identity"
	"github.com/gatehouse-id/gatehouse/core/onetime"
	"github.com/gatehouse-id/gatehouse/core/schema"
	"github.com/gatehouse-id/gatehouse/core/secret"
	"github.com/gatehouse-id/gatehouse/core/session"
	"github.com/gatehouse-id/gatehouse/core/ui"
)

// Engine runs flows. All fields but AnswerStep must be set; they are not changed after the
// first use. It is safe for concurrent use and holds no state of its own.
type Engine struct {
	Config     func() *config.Config // the configuration in force
	Schemas    func() *schema.Set
	Identities identity.Store
	Sessions   session.Store
	Flows      flow.Store
	Passes     onetime.Store
	Guesses    guess.Store
	Gate       *guess.Gate
	Addresses  AddressBook
	Composer   *courier.Composer
	Keys       *secret.Keys
	Methods    []flow.Method // in the order in which they are asked (behaviours.md 8.5)
	Hooks      flow.Hooks
	// Home is where the guarded pages are; return_to may lead there as it may to the
	// configured allowed_return_urls. "" when the gateway stands alone.
	Home   string
	Logger *slog.Logger
	Now    func() time.Time
	// AnswerStep is the measure of time in which submissions that name an address are
	// answered, so that the time tells nobody whether somebody has it; 0 answers at once.
	AnswerStep time.Duration
}

// kind is what makes one kind of flow different from another. It has no say in
// expiry, CSRF, decoding, hooks or the commit.
type kind interface {
	// code is the kind's number in flow ids; it must never change.
	code() uint8
	// settings reads the part of the configuration that belongs to the kind.
	settings(c *config.Config) settings
	// admit refuses clients that may not start the flow.
	admit(o options, c *Client) error
	// readmit refuses clients that may not submit the flow (any more).
	readmit(f *flow.Flow, c *Client) error
	// form returns the nodes of the flow, sorted, and its standing messages.
	form(e *Engine, f *flow.Flow, c *Client) (ui.Nodes, []ui.Message)
	// able tells whether a method can serve the kind at all.
	able(m flow.Method) bool
	// complete does the work of a submission: method step and what follows from it.
	complete(ctx context.Context, r *run) error
	// noMethod and expired are the kind's messages for these two situations.
	noMethod() ui.Message
	expired(at time.Time, now time.Time) ui.Message
	// points name the hooks before and after the method's step.
	points() (before, after flow.Point)
}

// personal is a kind whose flows belong to an identity. Its person finds the one
// of the client's session, as it is stored now, and refuses everybody whose
// session is not good enough to see such a flow.
type personal interface {
	kind
	person(ctx context.Context, e *Engine, c *Client) (*identity.Identity, error)
}

// leading is a kind whose form may lead to another place than the flow itself; "" when it doesn't.
type leading interface {
	target(e *Engine, f *flow.Flow, c *Client) (action, method string)
}

// settings is the configuration every kind has.
type settings struct {
	enabled   bool
	uiURL     string
	lifespan  time.Duration
	returnURL func(method string) string
}

// kinds is the table of flow kinds.
var kinds = map[flow.Kind]kind{
	flow.Login:        login{},
	flow.Registration: registration{},
	flow.Settings:     account{},
	flow.Recovery:     recovery{},
	flow.Verification: verification{},
}

// Kinds lists the kinds of flow the engine can run.
func Kinds() []flow.Kind {
	return []flow.Kind{flow.Login, flow.Registration, flow.Settings, flow.Recovery, flow.Verification}
}

// options are what the query of an init request can ask for.
type options struct {
	refresh bool
	aal     session.AAL
}

// UIURL returns the page that shows flows of the kind, as configured.
func (e *Engine) UIURL(k flow.Kind) string { return kinds[k].settings(e.Config()).uiURL }

// now is the current time as it is stored: UTC, without a monotonic part.
func (e *Engine) now() time.Time { return e.Now().UTC().Round(0) }

// chosen finds the method with a name that serves the flow for the client.
func (e *Engine) chosen(k kind, f *flow.Flow, name string, c *Client) flow.Method {
	if ck, ok := k.(challenging); ok {
		if m := e.challengeMethod(ck, c); m != nil && string(m.Name()) == name {
			return m
		}
		return nil
	}
	if s := step(name); e.takesStep(s, f, c) {
		return s
	}
	m := e.method(k, name)
	if m == nil || !serves(m, f.Kind, c) {
		return nil
	}
	return m
}

// offered lists the methods that take part in flows of the kind for the client.
func (e *Engine) offered(kn flow.Kind, c *Client) []flow.Method {
	var out []flow.Method
	for _, m := range e.Methods {
		if kinds[kn].able(m) && m.Enabled() && serves(m, kn, c) {
			out = append(out, m)
		}
	}
	return out
}

// serves tells whether a method takes part in flows of the kind. Clients of the time before
// codes don't know that something can be sent in a login or registration.
func serves(m flow.Method, k flow.Kind, c *Client) bool {
	if _, sends := m.(flow.ChallengeMethod); sends && c.LinksOnly {
		return false
	}
	s, ok := m.(flow.Selective)
	return !ok || s.Serves(k)
}

// claimant finds the method that recognises a submission which names none.
func (e *Engine) claimant(k kind, s flow.Submission) string {
	if _, ok := k.(registration); ok && s.String(ScreenField) != "" {
		return string(stepProfile)
	}
	for _, m := range e.Methods {
		if c, ok := m.(flow.Claimer); ok && k.able(m) && c.Claims(s) {
			return string(m.Name())
		}
	}
	return ""
}

// method finds the method with that name that can serve the kind.
func (e *Engine) method(k kind, name string) flow.Method {
	for _, m := range e.Methods {
		if string(m.Name()) == name && k.able(m) {
			return m
		}
	}
	return nil
}
