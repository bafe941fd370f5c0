package selfservice

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"time"

	"github.com/gatehouse-id/gatehouse/core/apierror"
	"github.com/gatehouse-id/gatehouse/core/config"
	"github.com/gatehouse-id/gatehouse/core/flow"
	"github.com/gatehouse-id/gatehouse/core/identity"
	"github.com/gatehouse-id/gatehouse/core/onetime"
	"github.com/gatehouse-id/gatehouse/core/session"
	"github.com/gatehouse-id/gatehouse/core/ui"
)

// account changes the account of somebody who is signed in: the settings flow. It
// goes on after a success, so one form serves several changes.
type account struct{}

func (account) code() uint8 { return 3 }

func (account) settings(c *config.Config) settings {
	f := &c.SelfService.Flows.Settings
	return settings{enabled: true, uiURL: f.UIURL, lifespan: time.Duration(f.Lifespan), returnURL: f.After.ReturnURL}
}

// admit and readmit have nothing to add to person.
func (account) admit(options, *Client) error      { return nil }
func (account) readmit(*flow.Flow, *Client) error { return nil }
func (account) points() (before, after flow.Point) {
	return flow.BeforeSettings, flow.PrePersistSettings
}
func (account) noMethod() ui.Message { return ui.MsgSettingsNoMethod.Message() }
func (account) expired(at, now time.Time) ui.Message {
	return ui.Expired(ui.MsgSettingsExpired, at, now)
}

func (account) able(m flow.Method) bool {
	_, ok := m.(flow.SettingsMethod)
	return ok
}

// person reads the identity anew: what the form shows must be what the last
// submission stored, on whichever node it was.
func (account) person(ctx context.Context, e *Engine, c *Client) (*identity.Identity, error) {
	i, err := e.owner(ctx, c)
	if err != nil {
		return nil, err
	}
	if !e.Reaches(e.Config().SelfService.Flows.Settings.RequiredAAL, c.Facts.Session, i) {
		return nil, apierror.AAL2Required(secondFactorURL(c.Base, ""))
	}
	return i, nil
}

// settingsOrder is the order of groups in the form.
var settingsOrder = []ui.Group{
	ui.GroupDefault, ui.GroupProfile, ui.GroupPassword, ui.GroupOIDC, ui.GroupLookupSecret, ui.GroupWebAuthn,
	ui.GroupPasskey, ui.GroupTOTP,
}

// keyFields is the order of the fields for security keys.
var keyFields = []string{"webauthn_remove", "webauthn_register_displayname", "webauthn_register"}

func (account) form(e *Engine, f *flow.Flow, c *Client) (ui.Nodes, []ui.Message) {
	nodes, keys := ui.Nodes{csrfNode(f, c)}, []string{}
	for _, m := range e.Methods {
		if sm, ok := m.(flow.SettingsMethod); ok && m.Enabled() {
			nodes.Upsert(sm.SettingsForm(f)...)
		}
	}
	if s, err := e.schemaFor(f); err == nil {
		for _, field := range s.Fields() {
			keys = append(keys, field.Path)
		}
	}
	nodes.SortBy(settingsOrder, append(keys, keyFields...))
	return nodes, nil
}

// complete lets the method change a copy of the identity, asks for a fresh sign-in
// when the change needs one, lets the hooks decide, and stores the copy.
func (k account) complete(ctx context.Context, r *run) error {
	before, pre := k.points()
	m := r.method.(flow.SettingsMethod)
	r.f.Values = nil // of an earlier submission: this one says anew what it has to show
	if m.Privileged() && !r.confirmed() {
		return r.pause()
	}
	if _, err := r.hooks(ctx, before, r.f.Identity, r.c.Facts.Session); err != nil {
		return err
	}
	i := r.f.Identity.Clone()
	out, err := m.ChangeSettings(ctx, r.f.Flow, r.sub, i)
	if err != nil {
		return err
	}
	r.f.Active = r.method.Name()
	r.keepTraits(r.sub.Traits())
	if out.Rejected {
		return errRejected
	}
	if out.Shows {
		return r.stay(ctx, r.f.record())
	}
	if err := r.mayChangeFactors(i); err != nil {
		return err
	}
	if err := k.derive(r, i); err != nil {
		return err
	}
	if !r.confirmed() && changesAccess(r.f.Identity, i) {
		return r.pause()
	}
	d, err := r.hooks(ctx, pre, i, r.c.Facts.Session)
	if err != nil {
		return err
	}
	if d.IdentityChanged {
		if err := k.derive(r, i); err != nil {
			return err
		}
	}
	r.lift(out.AMR)
	return k.store(ctx, r, i, d.RevokeOthers)
}

// mayChangeFactors refuses a change of second factors in a session that has not shown one:
// who knows the password alone could do without the other factor from then on.
func (r *run) mayChangeFactors(i *identity.Identity) error {
	if session.SameFactors(r.f.Identity, i) || r.e.Reaches(session.HighestAvailable, r.c.Facts.Session, r.f.Identity) {
		return nil
	}
	return apierror.AAL2Required(secondFactorURL(r.c.Base, r.flowURL()))
}

// lift gives the session the factor that was set up in it, if any.
func (r *run) lift(amr session.AuthenticationMethod) {
	if amr.Method == "" {
		return
	}
	s := *r.c.Facts.Session
	s.AddFactor(amr)
	r.token = r.updateSession(&s)
}

// session is the session as it is after the commit.
func (r *run) session() *session.Session {
	if r.changes.UpdateSession != nil {
		return r.changes.UpdateSession
	}
	return r.c.Facts.Session
}

// derive validates new traits, whoever they come from, and what follows from them.
func (account) derive(r *run, i *identity.Identity) error {
	if bytes.Equal(i.Traits, r.f.Identity.Traits) {
		return nil
	}
	if err := r.applyTraits(i, i.Traits); err != nil {
		return err
	}
	had, has := r.f.Identity.Credentials[identity.Password], i.Credentials[identity.Password]
	if len(had.Identifiers) > 0 && len(has.Identifiers) == 0 && i.PasswordHash() != "" {
		r.f.Messages = append(r.f.Messages, ui.MsgNoIdentifier.Message()) // nobody could sign in any more
		return errRejected
	}
	return nil
}

// changesAccess tells whether a change of traits is one that could take an account
// over: another identifier, or another address that is to be verified.
func changesAccess(old, next *identity.Identity) bool {
	ids := func(a, b identity.Credential) bool { return slices.Equal(a.Identifiers, b.Identifiers) }
	return !maps.EqualFunc(old.Credentials, next.Credentials, ids) ||
		!slices.EqualFunc(old.Verifiable, next.Verifiable, func(a, b identity.VerifiableAddress) bool { return a.ID == b.ID })
}

// errOthers says that a change is stored and old sessions may be left.
var errOthers = apierror.Unavailable(nil, "Your change is saved, but not all other sessions could be ended. Please make it once more.")

// store commits the change. With a new password, or when a hook asks for it, all other
// sessions end in the same transaction; more than fit into one, and one that was made at
// the same moment, end right after it.
func (account) store(ctx context.Context, r *run, i *identity.Identity, lockOut bool) error {
	i.UpdatedAt = r.e.now()
	r.changes.UpdateIdentity = i
	if i.PasswordHash() != r.f.Identity.PasswordHash() && !r.e.Config().SelfService.Flows.Settings.KeepSessions {
		lockOut = true
	}
	if lockOut {
		if err := r.revokeWithCommit(ctx, i.ID, r.c.Facts.Session.ID); err != nil {
			return err
		}
	}
	if _, err := r.verifyNew(ctx, i); err != nil {
		return err
	}
	err := r.save(ctx)
	if errors.Is(err, onetime.ErrTooMany) {
		r.withoutVerification(i)
		err = r.save(ctx)
	}
	if err != nil {
		return err
	}
	if lockOut {
		if _, err := r.e.RevokeOthers(ctx, i.ID, r.c.Facts.Session.ID); err != nil {
			return errOthers.WithCause(err)
		}
	}
	r.postPersist(ctx, flow.PostPersistSettings, i, r.session())
	r.changed(i)
	return nil
}

// save commits the changes together with the flow, which waits for more.
func (r *run) save(ctx context.Context) error {
	rec := r.f.record()
	rec.State, rec.Values, rec.Messages = flow.StateSuccess, nil, []ui.Message{ui.MsgSettingsSaved.Message()}
	err := r.commitAs(ctx, rec)
	var ex *ExpiredError
	switch {
	case errors.Is(err, identity.ErrDuplicate):
		r.f.Messages = []ui.Message{ui.MsgDuplicate.Message()}
		return errRejected
	case errors.Is(err, identity.ErrChanged):
		r.f.Messages = []ui.Message{ui.Invalid("Your account was changed elsewhere at the same moment. Please check what it says now and save again.")}
		return errRejected
	case errors.Is(err, identity.ErrNotFound), errors.Is(err, session.ErrChanged):
		return apierror.SessionInactive()
	case errors.As(err, &ex) || err == nil:
		r.f.State, r.f.Values, r.f.Messages = rec.State, rec.Values, rec.Messages
		return err
	}
	return fmt.Errorf("storing the changed identity: %w", err)
}

// changed fills in the result: the flow shows the identity as it is now.
func (r *run) changed(i *identity.Identity) {
	r.f.Identity = i
	r.e.show(r.f.Flow, r.c)
	r.finish(i, r.session(), cmp.Or(r.token, r.c.Token))
	s := r.k.settings(r.e.Config())
	if r.f.ReturnTo == "" && s.returnURL(string(r.method.Name())) == "" {
		r.result.ReturnTo = r.e.showURL(s.uiURL, r.f.ID, r.c.Base)
	}
}

// showURL is the page that shows a flow, absolute.
func (e *Engine) showURL(page, flowID, base string) string {
	u := absolute(page, base)
	if u == nil {
		return e.DefaultReturnURL("", base)
	}
	q := u.Query()
	q.Set("flow", flowID)
	u.RawQuery = q.Encode()
	return u.String()
}

// privileged tells whether the person has proven lately who they are.
func (r *run) privileged() bool {
	maxAge := time.Duration(r.e.Config().SelfService.Flows.Settings.PrivilegedSessionMaxAge)
	return r.e.now().Before(r.c.Facts.Session.AuthenticatedAt.Add(maxAge))
}

// confirmed tells whether the change may be made. Who comes back from another site was
// asked before they went there.
func (r *run) confirmed() bool { return r.sub.Proof != nil || r.privileged() }

// refreshURL leads through a fresh sign-in and back to the flow.
func (r *run) refreshURL() string {
	return r.c.Base + "/self-service/login/browser?refresh=true&return_to=" + url.QueryEscape(r.flowURL())
}

// flowURL is where a browser comes back to a settings flow.
func (r *run) flowURL() string { return r.c.Base + "/self-service/settings?flow=" + r.f.ID }
