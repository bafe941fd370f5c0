package selfservice

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/gatehouse-id/gatehouse/core/apierror"
	"github.com/gatehouse-id/gatehouse/core/config"
	"github.com/gatehouse-id/gatehouse/core/flow"
	"github.com/gatehouse-id/gatehouse/core/identity"
	"github.com/gatehouse-id/gatehouse/core/onetime"
	"github.com/gatehouse-id/gatehouse/core/session"
	"github.com/gatehouse-id/gatehouse/core/ui"
)

// login signs somebody in who has an identity already.
type login struct{}

func (login) code() uint8 { return 1 }

func (login) settings(c *config.Config) settings {
	f := &c.SelfService.Flows.Login
	return settings{enabled: true, uiURL: f.UIURL, lifespan: time.Duration(f.Lifespan), returnURL: f.After.ReturnURL}
}

// admit is the table of behaviours.md 11.1.
func (login) admit(o options, c *Client) error {
	switch {
	case !c.signedIn() && o.aal == session.AAL2:
		return apierror.AAL1Required()
	case c.signedIn() && !o.refresh && o.aal <= c.Facts.Session.AAL():
		return alreadySignedIn(flow.Login)
	}
	return nil
}

func (l login) readmit(f *flow.Flow, c *Client) error {
	return l.admit(options{refresh: f.Refresh, aal: f.RequestedAAL}, c)
}

func (login) able(m flow.Method) bool {
	_, ok := m.(flow.LoginMethod)
	return ok
}

func (login) points() (before, after flow.Point) { return flow.BeforeLogin, flow.AfterLogin }

func (login) noMethod() ui.Message { return ui.MsgLoginNoMethod.Message() }

func (login) expired(at, now time.Time) ui.Message { return ui.Expired(ui.MsgLoginExpired, at, now) }

// loginOrder is the order of groups in the form.
var loginOrder = []ui.Group{ui.GroupOIDC, ui.GroupDefault, ui.GroupWebAuthn, ui.GroupPasskey, ui.GroupCode, ui.GroupPassword, ui.GroupTOTP, ui.GroupLookupSecret}

func (l login) form(e *Engine, f *flow.Flow, c *Client) (ui.Nodes, []ui.Message) {
	nodes := ui.Nodes{csrfNode(f, c)}
	if m := e.waitsFor(f, c); m != nil {
		nodes = append(nodes, l.codeForm(e, f, m)...)
	} else if m := e.halfway(f, c); m != nil {
		nodes = append(nodes, m.LoginForm(f, nil)...)
	} else {
		nodes = append(nodes, l.methods(e, f, c)...)
	}
	nodes.SortBy(loginOrder, []string{flow.IdentifierField, "password"})
	var standing []ui.Message
	if f.Refresh && c.signedIn() {
		standing = append(standing, ui.MsgLoginRefresh.Message())
	}
	if f.RequestedAAL == session.AAL2 && c.signedIn() {
		standing = append(standing, ui.MsgLoginSecondFactor.Message())
	}
	return nodes, standing
}

// methods are the nodes of all methods that can prove what the login asks for. Those that
// need the identifier wait for it in a login in steps.
func (login) methods(e *Engine, f *flow.Flow, c *Client) ui.Nodes {
	var who *identity.Identity
	if (f.Refresh || f.RequestedAAL == session.AAL2) && c.signedIn() {
		who = c.Facts.Identity
	}
	identifier, _ := f.Values[flow.IdentifierField].(string)
	inSteps := e.identifierFirst(f, c)
	var nodes ui.Nodes
	var asking []flow.Method
	autofill := false
	for _, m := range e.provers(f, c) {
		part := m.LoginForm(f, c.confirming(m, who))
		if _, ok := m.(flow.Autofilling); ok && who == nil && len(part) > 0 {
			autofill = true
		}
		if im, ok := m.(flow.Identifying); ok && im.NeedsIdentifier() && f.RequestedAAL == session.AAL1 && len(part) > 0 {
			asking = append(asking, m)
			if inSteps && identifier == "" {
				continue
			}
		}
		nodes.Upsert(part...) // two methods need one script
	}
	if len(asking) == 0 && !autofill {
		return nodes
	}
	switch {
	case inSteps && identifier == "":
		nodes.Append(ui.NewSubmit(ui.GroupIdentifierFirst, "method", string(stepIdentifier), ui.MsgLoginContinue.Message()))
	case inSteps:
		return append(nodes, ui.NewInput(ui.GroupDefault, flow.IdentifierField, ui.InputHidden, ui.Value(identifier)))
	}
	node := e.identifierNode(who, asking)
	if autofill {
		node.Input().Autocomplete = "username webauthn"
	}
	return append(nodes, node)
}

// provers lists the methods that can prove what the login asks for.
func (e *Engine) provers(f *flow.Flow, c *Client) []flow.LoginMethod {
	var out []flow.LoginMethod
	for _, m := range e.offered(flow.Login, c) {
		_, sends := m.(flow.ChallengeMethod)
		twice := sends && f.RequestedAAL == session.AAL2 && c.signedIn() && !c.Facts.Session.StrengthenedByCode(c.Facts.Identity)
		if lm := m.(flow.LoginMethod); lm.Proves(f.RequestedAAL) && !twice {
			out = append(out, lm)
		}
	}
	return out
}

// halfway finds the method that waits for the second step of a sign-in; nil when there is none.
func (e *Engine) halfway(f *flow.Flow, c *Client) flow.LoginMethod {
	for _, m := range e.provers(f, c) {
		if s, ok := m.(flow.SteppingMethod); ok && s.Halfway(f) {
			return s
		}
	}
	return nil
}

// complete runs hooks and the method's step, and signs the identity in.
func (l login) complete(ctx context.Context, r *run) error {
	if r.method == stepIdentifier {
		return r.identify(ctx)
	}
	if !slices.ContainsFunc(r.e.provers(r.f.Flow, r.c), func(m flow.LoginMethod) bool { return m == r.method }) {
		r.f.Messages = append(r.f.Messages, l.noMethod())
		return errRejected
	}
	before, _ := l.points()
	if _, err := r.hooks(ctx, before, nil, nil); err != nil {
		return err
	}
	if _, sends := r.method.(flow.ChallengeMethod); sends {
		return l.byCode(ctx, r)
	}
	r.f.State = flow.StateChooseMethod // whatever it has waited for
	out, err := l.prove(ctx, r)
	if err != nil {
		return err
	}
	return l.signIn(ctx, r, out)
}

// signIn gives a session to who has shown a credential.
func (l login) signIn(ctx context.Context, r *run, out flow.Outcome) error {
	_, after := l.points()
	s, token := l.session(r, out)
	d, err := r.hooks(ctx, after, out.Identity, s)
	if err != nil {
		return err
	}
	if err := l.store(ctx, r, s, &out, d.RevokeOthers); err != nil {
		return err
	}
	if r.changes.UpdateSession != nil {
		s = alsoHere(s, r.c)
	}
	r.finish(out.Identity, s, token)
	if !r.e.Reaches(r.e.Config().Session.Whoami.RequiredAAL, s, out.Identity) {
		r.result.SecondFactor = secondFactorURL(r.c.Base, r.f.ReturnTo)
	}
	return nil
}

// secondFactorURL is where a browser goes for its second factor.
func secondFactorURL(base, returnTo string) string {
	to := base + "/self-service/login/browser?aal=aal2"
	if returnTo != "" {
		to += "&return_to=" + url.QueryEscape(returnTo)
	}
	return to
}

// prove takes the method's step: it finds out who has shown a credential.
func (login) prove(ctx context.Context, r *run) (flow.Outcome, error) {
	who, err := r.strengthens(ctx)
	if err != nil {
		return flow.Outcome{}, err
	}
	out, err := r.compare(ctx, who)
	switch {
	case err != nil:
		return out, err
	case out.Rejected:
		return out, errRejected
	case who != nil && who.ID != out.Identity.ID:
		return out, fmt.Errorf("method %s: it took a second factor of another identity", r.method.Name())
	case out.Identity.State != identity.Active:
		// Said only to somebody who has proven to be the owner.
		r.f.Values, r.f.Active = nil, r.method.Name()
		r.f.Messages = append(r.f.Messages, ui.MsgAccountDisabled.Message())
		return out, errRejected
	}
	if err := r.adopt(&out); err != nil {
		return out, err
	}
	return out, r.refresh(ctx, &out)
}

// alsoHere lists the device of a confirmation once more, in its answer only, as
// today's Kratos does: clients show the last entry as "this device".
func alsoHere(s *session.Session, c *Client) *session.Session {
	shown := *s
	shown.Devices = append(slices.Clone(s.Devices), session.Device{ID: uuid.NewString(), IPAddress: c.IP, UserAgent: c.UserAgent})
	return &shown
}

// session renews the client's session when the same identity confirms itself,
// and makes a new one otherwise.
func (login) session(r *run, out flow.Outcome) (*session.Session, string) {
	now := r.e.now()
	if r.c.Facts == nil || r.c.Facts.Identity.ID != out.Identity.ID {
		s, token := r.newSession(out.Identity, out.AMR, now)
		r.changes.CreateSession = s
		return s, token
	}
	s := *r.c.Facts.Session
	s.Renew(out.AMR, now, time.Duration(r.e.Config().Session.Lifespan))
	s.AddDevice(r.c.IP, r.c.UserAgent)
	return &s, r.updateSession(&s)
}

// store commits the sign-in, with the end of the identity's other sessions when a hook asks for it.
func (l login) store(ctx context.Context, r *run, s *session.Session, out *flow.Outcome, alone bool) error {
	if !alone {
		return l.commit(ctx, r, out)
	}
	if err := r.revokeWithCommit(ctx, s.IdentityID, s.ID); err != nil {
		return err
	}
	if err := l.commit(ctx, r, out); err != nil {
		return err
	}
	if _, err := r.e.RevokeOthers(ctx, s.IdentityID, s.ID); err != nil {
		return apierror.Unavailable(err, "Not all other sessions could be ended. Please sign in again.")
	}
	return nil
}

// errOvertaken is for an identity that others never stop changing.
var errOvertaken = apierror.Conflict("The account is being changed at this moment. Please sign in again.")

// commit stores the sign-in if the identity is still the one that the credential was
// compared with. Else the credential is compared again: a new password turns the old one
// away, a code is used once, and any other change must not keep the owner out.
func (l login) commit(ctx context.Context, r *run, out *flow.Outcome) error {
	who := out.Identity.ID
	for range commitAttempts {
		r.changes.ProvenIdentity, r.changes.UpdateIdentity = out.Identity, nil
		if out.IdentityChange {
			r.changes.ProvenIdentity, r.changes.UpdateIdentity = nil, out.Identity
		}
		err := r.commit(ctx)
		switch {
		case errors.Is(err, identity.ErrDuplicate) && !r.unwelcome:
			r.unwelcome = true // once more without the other site's traits
		case !errors.Is(err, identity.ErrChanged) && !errors.Is(err, identity.ErrNotFound):
			return notSignedIn(err)
		}
		if r.changes.SpendPass != nil {
			return identity.ErrChanged // what was sent has to be redeemed again
		}
		if *out, err = l.prove(ctx, r); err != nil {
			return err
		}
		if out.Identity.ID != who {
			return errOvertaken // the identifier has a new owner, for whom no hook was asked
		}
	}
	return errOvertaken
}

// notSignedIn tells why a sign-in was not stored; nil when it was.
func notSignedIn(err error) error {
	var ex *ExpiredError
	switch {
	case err == nil, errors.As(err, &ex), errors.Is(err, onetime.ErrSpent):
		return err
	case errors.Is(err, identity.ErrDuplicate):
		return apierror.Conflict("The account to link belongs to somebody else by now.")
	case errors.Is(err, session.ErrChanged):
		return apierror.Unauthorized("The session was signed out meanwhile. Please sign in again.").WithID(apierror.IDSessionInactive)
	}
	return fmt.Errorf("storing the session: %w", err)
}
