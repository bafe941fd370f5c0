package selfservice

import (
	"cmp"
	"context"
	"fmt"
	"net/url"
	"time"

	"github.com/gatehouse-id/gatehouse/core/apierror"
	"github.com/gatehouse-id/gatehouse/core/config"
	"github.com/gatehouse-id/gatehouse/core/flow"
	"github.com/gatehouse-id/gatehouse/core/identity"
	"github.com/gatehouse-id/gatehouse/core/onetime"
	"github.com/gatehouse-id/gatehouse/core/session"
	"github.com/gatehouse-id/gatehouse/core/ui"
)

// recovery lets somebody back in who can read the mailbox of the account. It ends in
// a settings flow with a session that may set a new password.
type recovery struct{}

func (recovery) code() uint8 { return 4 }

func (recovery) settings(c *config.Config) settings {
	f := &c.SelfService.Flows.Recovery
	return settings{enabled: f.Enabled, uiURL: f.UIURL, lifespan: time.Duration(f.Lifespan), returnURL: f.After.ReturnURL}
}

func (recovery) challenge(e *Engine) challengeSettings {
	f := &e.Config().SelfService.Flows.Recovery
	return challengeSettings{use: f.Use, notifyUnknown: f.NotifyUnknownRecipients}
}

func (recovery) admit(_ options, c *Client) error {
	if c.signedIn() {
		return alreadySignedIn(flow.Recovery)
	}
	return nil
}

func (k recovery) readmit(_ *flow.Flow, c *Client) error { return k.admit(options{}, c) }

func (recovery) able(m flow.Method) bool {
	_, ok := m.(flow.ChallengeMethod)
	return ok
}

func (recovery) points() (before, after flow.Point) { return flow.BeforeRecovery, flow.AfterRecovery }
func (recovery) purpose() onetime.Purpose           { return onetime.Recovery }
func (recovery) noMethod() ui.Message               { return ui.MsgRecoveryNoMethod.Message() }
func (recovery) over() ui.Message                   { return ui.MsgRecoveryCompleted.Message() }
func (recovery) failed() ui.Message                 { return ui.MsgRecoveryFailed.Message() }
func (recovery) expired(at, now time.Time) ui.Message {
	return ui.Expired(ui.MsgRecoveryExpired, at, now)
}

func (k recovery) form(e *Engine, f *flow.Flow, c *Client) (ui.Nodes, []ui.Message) {
	return e.challengeForm(k, f, c), nil
}

func (k recovery) complete(ctx context.Context, r *run) error { return r.challenge(ctx, k) }

func (recovery) find(ctx context.Context, e *Engine, via, address string) (*identity.Identity, error) {
	return e.Addresses.ByRecoveryAddress(ctx, via, address)
}

// counts: a new password, another address or another recovery has ended all links and
// codes of before.
func (recovery) counts(p *onetime.Pass, i *identity.Identity) bool {
	return p.Stamp == i.AccessStamp() && (p.Address == "" || i.CanRecoverAt(p.Via, p.Address))
}

// passed signs the person in, at the lowest level whatever the account has set up: a
// mailbox is one factor. The address is proven with it, and whoever was signed in
// before is not any more.
func (k recovery) passed(ctx context.Context, r *run, old *identity.Identity, p *onetime.Pass) error {
	i, now := old.Clone(), r.e.now()
	i.Recoveries++
	i.UpdatedAt = now
	if p.Address != "" {
		i.Verify(p.Via, p.Address, now)
	}
	amr := session.AuthenticationMethod{Method: r.method.(flow.ChallengeMethod).Words(r.f.Flow).AMR, AAL: session.AAL1, CompletedAt: now}
	s, token := r.newSession(i, amr, now)
	_, after := k.points()
	d, err := r.hooks(ctx, after, i, s)
	if err != nil {
		return err
	}
	r.changes.UpdateIdentity, r.changes.CreateSession = i, s
	lockOut := d.RevokeOthers || !r.e.Config().SelfService.Flows.Recovery.KeepSessions
	if lockOut {
		if err := r.revokeWithCommit(ctx, i.ID, s.ID); err != nil {
			return err
		}
	}
	next := r.settingsAfter(i, now)
	r.changes.StartFlows = append(r.changes.StartFlows, next.record())
	rec := r.f.record()
	rec.Values, rec.Messages = nil, nil
	if err := r.storePassed(ctx, i, rec); err != nil {
		return err
	}
	if lockOut {
		if _, err := r.e.RevokeOthers(ctx, i.ID, s.ID); err != nil {
			return apierror.Unavailable(err, "Not all other sessions could be ended. Please recover your account once more.")
		}
	}
	r.f.Values = nil
	r.e.show(r.f.Flow, r.c)
	r.finish(i, s, token)
	r.result.Next, r.result.Payload = next.Flow, r.sub.TransientPayload
	r.result.ReturnTo = r.e.showURL(r.e.UIURL(flow.Settings), next.ID, r.c.Base)
	return nil
}

// settingsAfter starts the settings flow in which a new password is set.
func (r *run) settingsAfter(i *identity.Identity, now time.Time) *loaded {
	next := &loaded{Flow: r.e.newFlow(flow.Settings, r.f.Type, options{}, r.c, i), owned: true}
	next.IdentityID, next.RequestURL, next.ReturnTo = i.ID, r.requestURL(), r.f.ReturnTo
	if to := (recovery{}).settings(r.e.Config()).returnURL(string(r.method.Name())); next.ReturnTo == "" && to != "" {
		next.ReturnTo = r.e.DefaultReturnURL(to, r.c.Base)
	}
	until := now.Add(time.Duration(r.e.Config().SelfService.Flows.Settings.PrivilegedSessionMaxAge))
	next.Messages = []ui.Message{ui.Recovered(until, now)}
	return next
}

// requestURL is the URL of the submission or link. The token of a link is not repeated.
func (r *run) requestURL() string {
	q := url.Values{"flow": {r.f.ID}}
	if r.link {
		q.Set("token", "used")
	}
	return r.c.Base + "/self-service/" + string(r.f.Kind) + "?" + q.Encode()
}

// AdminRecovery is a way back in that an administrator hands over.
type AdminRecovery struct {
	Link      string // to the recovery itself, or to the page that takes the code
	Code      string // "" when the link is all that is needed
	ExpiresAt time.Time
}

// RecoveryOrder is what an administrator asks for.
type RecoveryOrder struct {
	IdentityID string
	Method     string        // "link" or "code"
	Type       flow.Type     // of who will use it
	Lifespan   time.Duration // 0 means the configured one
	ReturnTo   string        // where the person goes in the end; "" means the configured place
	Base       string        // of the public mount that the way in belongs to
	RequestURL string        // where it was asked for
}

// RecoverFor makes a link or code with which an identity can be recovered, whether or
// not it has an address. identity.ErrNotFound; other errors are for the administrator.
func (e *Engine) RecoverFor(ctx context.Context, o RecoveryOrder) (*AdminRecovery, error) {
	k := recovery{}
	if !k.settings(e.Config()).enabled {
		return nil, apierror.FlowDisabled(string(flow.Recovery))
	}
	m, ok := e.method(k, o.Method).(flow.ChallengeMethod)
	if !ok || !m.Enabled() {
		return nil, apierror.NotFound("The recovery method %q is switched off.", o.Method)
	}
	returnTo, err := e.ReturnTo(o.ReturnTo, o.Base)
	if err != nil {
		return nil, err
	}
	i, err := e.Identities.Identity(ctx, o.IdentityID)
	if err != nil {
		return nil, err
	}
	f := &loaded{Flow: e.newFlow(flow.Recovery, o.Type, options{}, &Client{Base: o.Base}, nil), owned: true}
	ch := m.NewChallenge(f.Flow, o.Base)
	f.ExpiresAt = e.now().Add(cmp.Or(o.Lifespan, ch.Lifespan))
	f.RequestURL, f.ReturnTo, f.Unbound, f.Active = o.RequestURL, returnTo, true, m.Name()
	if m.Name() == identity.Code {
		f.State = flow.StateSentEmail
	}
	p := &onetime.Pass{
		FlowID: f.ID, Purpose: onetime.Recovery, Method: o.Method, IdentityID: i.ID, Stamp: i.AccessStamp(), ExpiresAt: f.ExpiresAt,
	}
	p.Seal(e.Keys, ch.Secret)
	if err := e.Flows.Commit(ctx, &flow.Changes{Flow: f.record(), IssuePasses: []*onetime.Pass{p}}); err != nil {
		return nil, fmt.Errorf("storing a recovery of identity %s: %w", i.ID, err)
	}
	out := &AdminRecovery{Link: ch.Data.RecoveryURL, Code: ch.Data.RecoveryCode, ExpiresAt: p.ExpiresAt}
	if out.Link == "" {
		out.Link = e.showURL(e.UIURL(flow.Recovery), f.ID, o.Base)
	}
	return out, nil
}
