package selfservice

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/gatehouse-id/gatehouse/core/config"
	"github.com/gatehouse-id/gatehouse/core/flow"
	"github.com/gatehouse-id/gatehouse/core/identity"
	"github.com/gatehouse-id/gatehouse/core/onetime"
	"github.com/gatehouse-id/gatehouse/core/schema"
	"github.com/gatehouse-id/gatehouse/core/session"
	"github.com/gatehouse-id/gatehouse/core/ui"
)

// registration makes a new identity with its first credential.
type registration struct{}

func (registration) code() uint8 { return 2 }

func (registration) settings(c *config.Config) settings {
	f := &c.SelfService.Flows.Registration
	return settings{enabled: f.Enabled, uiURL: f.UIURL, lifespan: time.Duration(f.Lifespan), returnURL: f.After.ReturnURL}
}

func (registration) admit(_ options, c *Client) error {
	if c.signedIn() {
		return alreadySignedIn(flow.Registration)
	}
	return nil
}

func (k registration) readmit(_ *flow.Flow, c *Client) error { return k.admit(options{}, c) }

func (registration) able(m flow.Method) bool {
	_, ok := m.(flow.RegistrationMethod)
	return ok
}

func (registration) points() (before, after flow.Point) {
	return flow.BeforeRegistration, flow.PrePersistRegistration
}

func (registration) noMethod() ui.Message { return ui.MsgRegistrationNoMethod.Message() }

func (registration) expired(at, now time.Time) ui.Message {
	return ui.Expired(ui.MsgRegistrationExpired, at, now)
}

// registrationOrder is the order of groups in the form. Groups that are not listed
// mix: the password stands behind the first trait (behaviours.md 9.4).
var registrationOrder = []ui.Group{ui.GroupOIDC}

func (k registration) form(e *Engine, f *flow.Flow, c *Client) (ui.Nodes, []ui.Message) {
	s, err := e.defaultSchema()
	if err != nil {
		e.Logger.Error("showing a registration form", "error", err)
		return ui.Nodes{csrfNode(f, c)}, nil
	}
	nodes, keys := append(ui.Nodes{csrfNode(f, c)}, k.nodes(e, f, c, s)...), []string{}
	for n, field := range s.Fields() {
		keys = append(keys, field.Path)
		if n == 0 {
			keys = append(keys, "password")
		}
	}
	nodes.SortBy(registrationOrder, keys)
	return nodes, nil
}

// nodes are the fields and buttons of the step that the flow is in. Traits that were
// refused are asked for again, whichever step found out.
func (k registration) nodes(e *Engine, f *flow.Flow, c *Client, s *schema.Schema) ui.Nodes {
	if m := e.holderOf(f); m != nil {
		return append(flow.TraitNodes(s, ui.GroupDefault), m.(flow.RegistrationMethod).RegistrationForm(f)...)
	}
	inSteps, refused := e.profileFirst(f, c), refusesTraits(f)
	if m := e.waitsFor(f, c); m != nil && !refused {
		return append(hiddenTraits(s), m.ChallengeForm(f)...)
	}
	switch {
	case inSteps && (refused || !hasProfile(f)):
		return k.profileForm(e, f, c, s)
	case inSteps:
		back := ui.NewSubmit(ui.GroupProfile, ScreenField, screenTraits, ui.MsgRegistrationBack.Message())
		return append(append(hiddenTraits(s), k.methods(e, f, c)...), back)
	}
	return append(flow.TraitNodes(s, ui.GroupDefault), k.methods(e, f, c)...)
}

func (registration) methods(e *Engine, f *flow.Flow, c *Client) ui.Nodes {
	var nodes ui.Nodes
	for _, m := range e.offered(flow.Registration, c) {
		nodes.Upsert(m.(flow.RegistrationMethod).RegistrationForm(f)...)
	}
	return nodes
}

// holderOf finds the method that a flow waits for, so that the form has room for no other; nil when it doesn't.
func (e *Engine) holderOf(f *flow.Flow) flow.Method {
	for _, m := range e.Methods {
		if cm, ok := m.(flow.CallbackMethod); ok && m.Enabled() && cm.Holds(f) {
			return m
		}
	}
	return nil
}

// complete validates the traits, and goes on with the step that was submitted.
func (k registration) complete(ctx context.Context, r *run) error {
	if r.method == stepProfile && r.sub.String(ScreenField) == screenTraits {
		return k.back(ctx, r)
	}
	i, err := k.traits(r)
	if err != nil {
		return err
	}
	if r.method == stepProfile {
		return k.chooseCredential(ctx, r)
	}
	before, _ := k.points()
	if _, err := r.hooks(ctx, before, i, nil); err != nil {
		return err
	}
	if _, sends := r.method.(flow.ChallengeMethod); sends {
		return k.byCode(ctx, r, i)
	}
	r.f.State = flow.StateChooseMethod // whatever it has waited for
	return k.create(ctx, r, i)
}

// create lets the method add its credential and the hooks decide, and stores the identity.
func (k registration) create(ctx context.Context, r *run, i *identity.Identity) error {
	_, pre := k.points()
	out, err := r.method.(flow.RegistrationMethod).Register(ctx, r.f.Flow, r.sub, i)
	if err != nil {
		return err
	}
	if out.Rejected {
		return errRejected
	}
	d, err := r.hooks(ctx, pre, i, nil)
	if err != nil {
		return err
	}
	if d.IdentityChanged {
		// What a hook made of the traits is input like any other.
		if err := r.applyTraits(i, i.Traits); err != nil {
			return err
		}
		if err := r.needIdentifier(i); err != nil {
			return err
		}
	}
	return k.store(ctx, r, i, out, d)
}

// traits makes the new identity from the submitted traits. Everything that is
// wrong with the submission is reported at once.
func (registration) traits(r *run) (*identity.Identity, error) {
	t := r.sub.Traits()
	if t == nil {
		t = map[string]any{}
	}
	if hasProfile(r.f.Flow) || r.f.State == flow.StateSentEmail {
		r.restoreTraits(t)
	}
	r.keepTraits(t)
	if m, ok := r.method.(flow.RegistrationMethod); ok {
		m.CheckRegistration(r.f.Flow, r.sub)
	}
	raw, err := json.Marshal(t)
	if err != nil {
		return nil, fmt.Errorf("encoding traits: %w", err)
	}
	i := identity.New(r.schema.ID, r.e.now())
	if err := r.applyTraits(i, raw); err != nil {
		return nil, err
	}
	if err := r.needIdentifier(i); err != nil {
		return nil, err
	}
	return i, nil
}

// needIdentifier refuses an account that nobody could sign in to. Passkeys name it themselves.
func (r *run) needIdentifier(i *identity.Identity) error {
	t := r.method.Name()
	if t != identity.Password && t != identity.Code && t != identity.WebAuthn || len(i.Credentials[t].Identifiers) > 0 {
		return nil
	}
	r.f.Messages = append(r.f.Messages, ui.MsgNoIdentifier.Message())
	return errRejected
}

// store commits the identity, with a session when a hook asked for one.
func (registration) store(ctx context.Context, r *run, i *identity.Identity, out flow.Outcome, d flow.Decision) error {
	r.changes.CreateIdentity = i
	var s *session.Session
	var token string
	if d.IssueSession {
		s, token = r.newSession(i, out.AMR, r.e.now())
		r.changes.CreateSession = s
	}
	toVerify, err := r.verifyNew(ctx, i)
	if err != nil {
		return err
	}
	err = r.commit(ctx)
	if errors.Is(err, onetime.ErrTooMany) {
		toVerify = nil
		r.withoutVerification(i)
		err = r.commit(ctx)
	}
	var ex *ExpiredError
	switch {
	case errors.Is(err, identity.ErrDuplicate):
		return r.taken(ctx)
	case errors.As(err, &ex), errors.Is(err, onetime.ErrSpent):
		return err
	case err != nil:
		return fmt.Errorf("storing the new identity: %w", err)
	}
	r.postPersist(ctx, flow.PostPersistRegistration, i, s)
	r.finish(i, s, token)
	if d.ShowVerification && toVerify != nil {
		r.result.Next, r.result.ReturnTo = toVerify, r.e.showURL(r.e.UIURL(flow.Verification), toVerify.ID, r.c.Base)
	}
	return nil
}

// postPersist tells the hooks what has happened. They can't change it any more,
// and a client that hangs up doesn't stop them.
func (r *run) postPersist(ctx context.Context, p flow.Point, i *identity.Identity, s *session.Session) {
	_, err := r.e.Hooks.Run(context.WithoutCancel(ctx), &flow.HookInput{
		Point: p, Method: r.method.Name(), Flow: r.f.Flow, Identity: i, Session: s,
		Request: r.c.Request, Payload: r.sub.TransientPayload,
	})
	if err != nil {
		r.e.Logger.ErrorContext(ctx, "running a hook after the fact", "point", string(p), "identity", i.ID, "error", err)
	}
}
