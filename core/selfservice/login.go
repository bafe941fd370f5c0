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

func (login) form(e *Engine, f *flow.Flow, c *Client) (ui.Nodes, []ui.Message) {
	var who *identity.Identity
	if (f.Refresh || f.RequestedAAL == session.AAL2) && c.signedIn() {
		who = c.Facts.Identity
	}
	nodes := ui.Nodes{csrfNode(f, c)}
	for _, m := range e.Methods {
		if lm, ok := m.(flow.LoginMethod); ok && m.Enabled() && lm.Proves(f.RequestedAAL) {
			nodes = append(nodes, lm.LoginForm(f, who)...)
		}
	}
	nodes.SortBy(loginOrder, []string{"identifier", "password"})
	var standing []ui.Message
	if f.Refresh && c.signedIn() {
		standing = append(standing, ui.MsgLoginRefresh.Message())
	}
	if f.RequestedAAL == session.AAL2 && c.signedIn() {
		standing = append(standing, ui.MsgLoginSecondFactor.Message())
	}
	return nodes, standing
}

// complete runs hooks and the method's step, and signs the identity in.
func (l login) complete(ctx context.Context, r *run) error {
	if !r.method.(flow.LoginMethod).Proves(r.f.RequestedAAL) {
		r.f.Messages = append(r.f.Messages, l.noMethod())
		return errRejected
	}
	before, after := l.points()
	if _, err := r.hooks(ctx, before, nil, nil); err != nil {
		return err
	}
	out, err := l.prove(ctx, r)
	if err != nil {
		return err
	}
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
	return out, nil
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
		if !errors.Is(err, identity.ErrChanged) && !errors.Is(err, identity.ErrNotFound) {
			return notSignedIn(err)
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
	case err == nil, errors.As(err, &ex):
		return err
	case errors.Is(err, session.ErrChanged):
		return apierror.Unauthorized("The session was signed out meanwhile. Please sign in again.").WithID(apierror.IDSessionInactive)
	}
	return fmt.Errorf("storing the session: %w", err)
}
