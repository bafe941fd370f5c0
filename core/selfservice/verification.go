package selfservice

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/gatehouse-id/gatehouse/core/config"
	"github.com/gatehouse-id/gatehouse/core/courier"
	"github.com/gatehouse-id/gatehouse/core/flow"
	"github.com/gatehouse-id/gatehouse/core/identity"
	"github.com/gatehouse-id/gatehouse/core/onetime"
	"github.com/gatehouse-id/gatehouse/core/ui"
)

// verification lets somebody prove that an address of an account is theirs. It signs
// nobody in and needs no session.
type verification struct{}

func (verification) code() uint8 { return 5 }

func (verification) settings(c *config.Config) settings {
	f := &c.SelfService.Flows.Verification
	return settings{enabled: f.Enabled, uiURL: f.UIURL, lifespan: time.Duration(f.Lifespan), returnURL: f.After.ReturnURL}
}

func (verification) challenge(e *Engine) challengeSettings {
	f := &e.Config().SelfService.Flows.Verification
	return challengeSettings{use: f.Use, notifyUnknown: f.NotifyUnknownRecipients}
}

func (verification) admit(options, *Client) error      { return nil }
func (verification) readmit(*flow.Flow, *Client) error { return nil }

func (verification) able(m flow.Method) bool {
	_, ok := m.(flow.ChallengeMethod)
	return ok
}

func (verification) points() (before, after flow.Point) {
	return flow.BeforeVerification, flow.AfterVerification
}
func (verification) purpose() onetime.Purpose { return onetime.Verification }
func (verification) noMethod() ui.Message     { return ui.MsgVerificationNoMethod.Message() }
func (verification) over() ui.Message         { return ui.MsgVerificationCompleted.Message() }
func (verification) failed() ui.Message       { return ui.MsgVerificationFailed.Message() }
func (verification) expired(at, now time.Time) ui.Message {
	return ui.Expired(ui.MsgVerificationExpired, at, now)
}

// form of a passed flow is a way on.
func (k verification) form(e *Engine, f *flow.Flow, c *Client) (ui.Nodes, []ui.Message) {
	nodes := e.challengeForm(k, f, c)
	if f.State == flow.StatePassedChallenge && !c.LinksOnly {
		next := ui.NewNode(ui.Group(f.Active), &ui.Anchor{Href: k.next(e, f, c), Name: "continue", Title: ui.MsgContinue.Message()})
		nodes.Append(next.WithLabel(ui.MsgContinue.Message()))
	}
	return nodes, nil
}

// next is where people go with a verified address.
func (k verification) next(e *Engine, f *flow.Flow, c *Client) string {
	if f.ReturnTo != "" {
		return f.ReturnTo
	}
	return e.DefaultReturnURL(k.settings(e.Config()).returnURL(string(f.Active)), c.Base)
}

// target implements leading.
func (k verification) target(e *Engine, f *flow.Flow, c *Client) (action, method string) {
	if f.State == flow.StatePassedChallenge && !c.LinksOnly {
		return k.next(e, f, c), "GET"
	}
	return "", ""
}

func (k verification) complete(ctx context.Context, r *run) error { return r.challenge(ctx, k) }

func (verification) find(ctx context.Context, e *Engine, via, address string) (*identity.Identity, error) {
	return e.Addresses.ByVerifiableAddress(ctx, via, address)
}

func (verification) counts(p *onetime.Pass, i *identity.Identity) bool {
	return i.CanVerify(p.Via, p.Address)
}

// passed notes that the address is proven. From then on the flow belongs to whoever
// has its id: the link may have been opened in another browser, and all there is to
// see is that it worked.
func (k verification) passed(ctx context.Context, r *run, old *identity.Identity, p *onetime.Pass) error {
	i, now := old.Clone(), r.e.now()
	i.Verify(p.Via, p.Address, now)
	i.UpdatedAt = now
	_, after := k.points()
	if _, err := r.hooks(ctx, after, i, nil); err != nil {
		return err
	}
	r.changes.UpdateIdentity = i
	rec := r.f.record()
	rec.Messages, rec.Unbound = []ui.Message{k.done(p)}, true
	if err := r.storePassed(ctx, i, rec); err != nil {
		return err
	}
	r.e.show(r.f.Flow, r.c)
	r.result = Result{Flow: r.f.Flow, Stays: true, Identity: i, ReturnTo: k.next(r.e, r.f.Flow, r.c), Payload: r.sub.TransientPayload}
	return nil
}

func (verification) done(p *onetime.Pass) ui.Message {
	if p.Via == identity.ViaSMS {
		return ui.MsgPhoneVerified.Message()
	}
	return ui.MsgVerified.Message()
}

// verifyNew adds to the changes of a registration or settings flow what verifies the
// addresses of an identity that nobody was asked about yet: for each a flow that waits
// for the answer, and the letter. It returns the first of the flows, or nil.
func (r *run) verifyNew(ctx context.Context, i *identity.Identity) (*flow.Flow, error) {
	k := verification{}
	if !k.settings(r.e.Config()).enabled {
		return nil, nil
	}
	m := r.e.challengeMethod(k, r.c)
	if m == nil {
		return nil, nil
	}
	var first *flow.Flow
	for _, a := range i.Unasked() {
		if a.Via == identity.ViaSMS && m.Name() != identity.Code {
			continue
		}
		f := r.verificationFor(a, m)
		l := letter{purpose: k.purpose(), method: m, f: f.Flow, to: a, who: i, stamp: i.AccessStamp()}
		f.Messages = []ui.Message{l.sent()}
		err := r.post(ctx, l)
		if errors.Is(err, courier.ErrRecipient) {
			continue // the schema lets it through, and nobody could be reached there
		}
		if err != nil {
			return nil, fmt.Errorf("verifying a new address: %w", err)
		}
		i.NoteSent(a.Via, a.Value, r.e.now())
		r.changes.StartFlows = append(r.changes.StartFlows, f.record())
		if first == nil {
			first = f.Flow
		}
	}
	return first, nil
}

// verificationFor starts the flow that waits for the proof of an address. It belongs
// to the same browser as the one that asks for it.
func (r *run) verificationFor(a identity.Address, m flow.ChallengeMethod) *loaded {
	c := *r.c
	if r.c.NextCSRF != nil && r.f.Kind == flow.Registration {
		c.CSRF = r.c.NextCSRF
	}
	f := &loaded{Flow: r.e.newFlow(flow.Verification, r.f.Type, options{}, &c, nil), owned: true}
	f.State, f.Active, f.RequestURL = flow.StateSentEmail, m.Name(), r.f.RequestURL
	f.SetValue(flow.AddressField, a.Value)
	if u, err := url.Parse(r.f.RequestURL); err == nil {
		// What isn't allowed is passed over: it is not what this flow is about.
		f.ReturnTo, _ = r.e.ReturnTo(u.Query().Get("after_verification_return_to"), r.c.Base)
	}
	return f
}

// withoutVerification takes back what verifyNew has added.
func (r *run) withoutVerification(i *identity.Identity) {
	for _, m := range r.changes.Mailings {
		i.TakeBackSent(m.Via, m.Address)
	}
	r.withoutLetters()
	r.changes.StartFlows = nil
}
