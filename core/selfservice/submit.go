package selfservice

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/gatehouse-id/gatehouse/core/apierror"
	"github.com/gatehouse-id/gatehouse/core/flow"
	"github.com/gatehouse-id/gatehouse/core/identity"
	"github.com/gatehouse-id/gatehouse/core/onetime"
	"github.com/gatehouse-id/gatehouse/core/schema"
	"github.com/gatehouse-id/gatehouse/core/secret"
	"github.com/gatehouse-id/gatehouse/core/session"
	"github.com/gatehouse-id/gatehouse/core/ui"
)

// Decode reads the body of a submission; the schema tells the types of traits in
// a form. An *apierror.Error of kind BadRequest ends up as a message in the flow.
type Decode func(s *schema.Schema) (flow.Submission, error)

// Result is what a submission came to.
type Result struct {
	// Rejected says that Flow carries messages and is to be shown again.
	Rejected bool
	Flow     *flow.Flow
	Tried    identity.CredentialType // method of a rejected submission; "" when it named none

	Identity *identity.Identity
	Session  *session.Session
	Token    string // of the session, to be given to the client now and never again
	// SecondFactor is where a browser goes for the second factor that the session still
	// lacks; "" when it is good enough.
	SecondFactor string
	// RenewCSRF says that somebody else (or nobody) was signed in before: the
	// browser gets a new CSRF secret.
	RenewCSRF bool
	// ReturnTo is where a browser goes next, absolute.
	ReturnTo string
	// Stays says that the flow goes on, or shows how it ended, without a session.
	Stays bool
	// Next is the flow that this one led to: settings after a recovery, verification
	// after a registration. It is nil when there is none to be shown.
	Next *flow.Flow
	// Code is what the browser brings to the app whose session this is, "" when it isn't
	// waiting for one.
	Code string
	// Payload is the transient payload of the submission.
	Payload json.RawMessage
}

// ExpiredError wraps the answer to the submission of an expired flow.
type ExpiredError struct {
	API *apierror.Error
	// Next is the flow that takes its place; browsers are sent to it.
	Next *flow.Flow
}

func (e *ExpiredError) Error() string { return e.API.Error() }

// Unwrap lets errors.As find the API error.
func (e *ExpiredError) Unwrap() error { return e.API }

// run is one submission on its way through the phases.
type run struct {
	e       *Engine
	k       kind
	c       *Client
	f       *loaded
	schema  *schema.Schema
	sub     flow.Submission
	method  flow.Method
	changes flow.Changes
	result  Result
	// afterCommit is what hooks want to happen once the changes are stored.
	afterCommit []func()
	// token is the new one of the client's session, "" when it keeps the one it has.
	token string
	// begun is the flow that turned out to be one of another kind, which f is now.
	begun *loaded
	// code is the second one by which an app gets its session, "" when it gets it in another way.
	code string
	// unwelcome says that traits from another site can't be stored.
	unwelcome bool
	// resumed says that the submission was checked when it was paused.
	resumed bool
	// returned says that a browser has come back from another site.
	returned bool
	// link says that a link was opened and nothing submitted.
	link bool
}

// Submit takes a submission through its phases. It returns a Result, or an
// *apierror.Error, an *ExpiredError, or a technical failure.
func (e *Engine) Submit(ctx context.Context, kn flow.Kind, id string, c *Client, decode Decode) (*Result, error) {
	return e.submit(ctx, kn, id, &run{e: e, k: kinds[kn], c: c}, decode)
}

func (e *Engine) submit(ctx context.Context, kn flow.Kind, id string, r *run, decode Decode) (*Result, error) {
	c := r.c
	if !r.k.settings(e.Config()).enabled {
		return nil, apierror.FlowDisabled(string(kn))
	}
	var err error
	// 1. load: the id proves itself.
	if r.f, err = e.load(ctx, kn, id, c); err != nil {
		return nil, err
	}
	// 2. session rules of the kind.
	if err := r.readmit(); err != nil {
		return r.settle(ctx, err)
	}
	// 3. the browser proves that the flow is its own. This comes second because a
	// sign-in elsewhere has changed its CSRF cookie, and it should hear of that.
	if !r.f.owned {
		return nil, r.f.foreign(c)
	}
	// 4. expiry; a completed flow is as good as expired.
	if r.f.Completed || r.f.Expired(e.now()) {
		return nil, e.replace(ctx, r.f, c)
	}
	r.f.ClearMessages()
	// 5. decode, 6. type and CSRF, 7. method.
	if err := r.accept(decode); err != nil {
		return r.settle(ctx, err)
	}
	// 8. somewhere else first, if that is how the method works.
	if err := r.depart(ctx); err != nil {
		return r.settle(ctx, err)
	}
	// 9. to 12. hooks, method step, completion, commit.
	if err := r.k.complete(ctx, r); err != nil {
		return r.settle(ctx, err)
	}
	return &r.result, nil
}

// errRejected ends a run whose flow holds messages to be shown.
var errRejected = errors.New("selfservice: the submission was rejected with messages")

// errUnread is errRejected for a submission that nobody has looked into: there is
// nothing in it to remember, so junk from outside writes nothing.
var errUnread = fmt.Errorf("%w before it was read", errRejected)

// readmit applies the kind's session rules. A client that reads JSON is told in
// the flow, a browser is sent on.
func (r *run) readmit() error {
	err := r.k.readmit(r.f.Flow, r.c)
	var ae *apierror.Error
	if errors.Is(err, ErrSignedIn) && !r.c.Redirects && errors.As(err, &ae) && r.f.Kind == flow.Login {
		r.f.ClearMessages()
		r.f.Messages = []ui.Message{ui.Invalid(ae.Reason)}
		return errUnread
	}
	return err
}

// accept decodes the body, checks where it comes from and finds its method.
func (r *run) accept(decode Decode) (err error) {
	if r.schema, err = r.e.schemaFor(r.f.Flow); err != nil {
		return err
	}
	if r.sub, err = decode(r.schema); err != nil {
		return r.rejectBad(err)
	}
	if err := r.checkOrigin(); err != nil {
		return err
	}
	if r.sub.Method == "" {
		r.sub.Method = r.e.claimant(r.k, r.sub)
	}
	r.method = r.e.chosen(r.k, r.f.Flow, r.sub.Method, r.c)
	if r.method == nil {
		if _, ok := r.k.(challenging); ok {
			r.f.Active = noActive
		}
		r.f.Messages = append(r.f.Messages, r.k.noMethod())
		return errRejected
	}
	if !r.method.Enabled() {
		return apierror.NotFound("The method is not available.")
	}
	return nil
}

// checkOrigin holds the CSRF rules: a browser flow needs the token that fits the
// cookie, an API flow must not come from a browser at all (behaviours.md 5).
func (r *run) checkOrigin() error {
	if r.resumed || r.f.Unbound {
		return nil // the code that an administrator handed over proves more than a token
	}
	if r.f.Type == flow.Browser {
		if r.c.ForeignPage {
			return ErrForeignPage
		}
		if !secret.CheckCSRF(r.sub.CSRFToken, r.c.CSRF) {
			return csrfViolation(r.c)
		}
		return nil
	}
	switch {
	case r.c.HasOrigin:
		return r.rejectBad(apierror.BadRequest(`The request has an "Origin" header, so it comes from a browser. Browsers need a flow of type "browser"; this one is of type "api".`))
	case r.c.HasCookies:
		return r.rejectBad(apierror.BadRequest(`The request has a "Cookie" header, so it may come from a browser. Browsers need a flow of type "browser"; this one is of type "api".`))
	}
	return nil
}

// rejectBad turns a bad request into a message of the answer; other errors pass.
func (r *run) rejectBad(err error) error {
	var ae *apierror.Error
	if errors.As(err, &ae) && ae.Kind == apierror.KindBadRequest {
		r.f.Messages = append(r.f.Messages, ui.Invalid(ae.Reason))
		return errUnread
	}
	return err
}

// settle ends a run that did not complete: a rejection is saved in the flow's
// record and shown, every other error goes to the caller.
func (r *run) settle(ctx context.Context, err error) (*Result, error) {
	if !errors.Is(err, errRejected) {
		return nil, err
	}
	if r.f.owned && !errors.Is(err, errUnread) {
		err := r.e.Flows.Commit(ctx, &flow.Changes{Flow: r.f.record()})
		// Two submissions at once: the other one was saved, and these messages are
		// still the right answer to this one.
		if err != nil && !errors.Is(err, flow.ErrChanged) {
			return nil, fmt.Errorf("saving flow %s: %w", r.f.ID, err)
		}
	}
	r.e.show(r.f.Flow, r.c)
	res := &Result{Rejected: true, Flow: r.f.Flow}
	if r.method != nil {
		res.Tried = r.method.Name()
	}
	return res, nil
}

// replace answers the submission of an expired flow with a new flow that takes
// over what the old one was asked for.
func (e *Engine) replace(ctx context.Context, old *loaded, c *Client) error {
	now, at := e.now(), old.ExpiresAt
	if old.Completed && now.Before(at) {
		at = now
	}
	return e.replaceWith(ctx, old, c, kinds[old.Kind].expired(at, now), at)
}

// replaceWith answers with a new flow that says why the old one ended at a time.
func (e *Engine) replaceWith(ctx context.Context, old *loaded, c *Client, why ui.Message, at time.Time) error {
	next := &loaded{keys: e.Keys, Flow: e.newFlow(old.Kind, old.Type, options{refresh: old.Refresh, aal: old.RequestedAAL}, c, old.Identity), owned: true}
	next.RequestURL, next.ReturnTo = old.RequestURL, old.ReturnTo
	next.Messages = []ui.Message{why}
	if err := e.Flows.Commit(ctx, &flow.Changes{Flow: next.record()}); err != nil {
		return fmt.Errorf("saving the flow that replaces %s: %w", old.ID, err)
	}
	return &ExpiredError{API: apierror.FlowExpired(at, e.now(), next.ID), Next: next.Flow}
}

// hooks runs the hooks of a point and turns what they decided into the run's fate.
func (r *run) hooks(ctx context.Context, p flow.Point, i *identity.Identity, s *session.Session) (flow.Decision, error) {
	d, err := r.e.Hooks.Run(ctx, &flow.HookInput{
		Point: p, Method: r.method.Name(), Flow: r.f.Flow, Identity: i, Session: s,
		Request: r.c.Request, Payload: r.sub.TransientPayload,
	})
	if err != nil {
		return d, fmt.Errorf("running the hooks of %s: %w", p, err)
	}
	r.afterCommit = append(r.afterCommit, d.AfterCommit...)
	return d, r.heed(d)
}

// heed stops the run when the hooks said so.
func (r *run) heed(d flow.Decision) error {
	switch {
	case d.Denied:
		return apierror.Forbidden("A rule of this site does not allow this.")
	case d.RedirectTo != "":
		return apierror.BrowserLocationChange(d.RedirectTo)
	case len(d.Messages) > 0:
		for _, m := range d.Messages {
			r.f.addAt(m.Pointer, m.Message)
		}
		return errRejected
	}
	return nil
}

// commitAttempts bounds how often a commit is tried when other submissions of the
// same flow keep being saved before it.
const commitAttempts = 5

// commit stores everything the submission changed at once and marks the flow as
// completed, which a second submission of it can't do again. A rejected submission
// that was saved meanwhile doesn't stand in the way.
func (r *run) commit(ctx context.Context) error {
	f := r.completes()
	err := r.commitAs(ctx, &flow.Record{
		ID: f.ID, RequestURL: f.RequestURL, ReturnTo: f.ReturnTo, ExpiresAt: f.ExpiresAt,
		Active: r.method.Name(), Completed: true, Notes: r.handed(f), Revision: f.Revision,
	})
	if err == nil {
		r.f.Active, r.f.Completed = r.method.Name(), true
	}
	return err
}

// commitAs is commit for a flow that goes on: rec is what is left of it.
// onetime.ErrSpent when its challenge was passed meanwhile.
func (r *run) commitAs(ctx context.Context, rec *flow.Record) error {
	r.changes.Flow = rec
	for range commitAttempts {
		err := r.e.Flows.Commit(ctx, &r.changes)
		if err == nil {
			for _, f := range r.afterCommit {
				f()
			}
		}
		if !errors.Is(err, flow.ErrChanged) {
			return err
		}
		now, err := r.e.Flows.Flow(ctx, rec.ID)
		switch {
		case errors.Is(err, flow.ErrNotFound) || err == nil && now.Completed:
			r.f.Completed = true
			return r.e.replace(ctx, r.f, r.c)
		case err != nil:
			return fmt.Errorf("reading flow %s again: %w", rec.ID, err)
		case now.State == flow.StatePassedChallenge:
			return onetime.ErrSpent
		}
		r.changes.Flow.Revision = now.Revision
	}
	return fmt.Errorf("completing flow %s: %w", r.f.ID, flow.ErrChanged)
}

// finish fills in what every completed flow answers with.
func (r *run) finish(i *identity.Identity, s *session.Session, token string) {
	configured := r.k.settings(r.e.Config()).returnURL(string(r.method.Name()))
	r.result = Result{
		Flow: r.f.Flow, Identity: i, Session: s, Token: token, ReturnTo: r.f.ReturnTo,
		Code: r.code, RenewCSRF: s != nil && (r.c.Facts == nil || r.c.Facts.Identity.ID != i.ID),
	}
	if r.result.ReturnTo == "" {
		r.result.ReturnTo = r.e.DefaultReturnURL(configured, r.c.Base)
	}
}

// newSession makes a session for somebody who just proved who they are.
func (r *run) newSession(i *identity.Identity, amr session.AuthenticationMethod, now time.Time) (*session.Session, string) {
	token := newToken()
	s := session.New(i.ID, token, amr, now, time.Duration(r.e.Config().Session.Lifespan))
	s.AddDevice(r.c.IP, r.c.UserAgent)
	r.handOver(token)
	return s, token
}
