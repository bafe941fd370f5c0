package selfservice

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gatehouse-id/gatehouse/core/courier"
	"github.com/gatehouse-id/gatehouse/core/flow"
	"github.com/gatehouse-id/gatehouse/core/identity"
	"github.com/gatehouse-id/gatehouse/core/onetime"
	"github.com/gatehouse-id/gatehouse/core/schema"
	"github.com/gatehouse-id/gatehouse/core/ui"
)

// AddressBook finds identities by what people can be reached at. Its methods take as
// long for an address that nobody has; identity.ErrNotFound.
type AddressBook interface {
	ByRecoveryAddress(ctx context.Context, via, value string) (*identity.Identity, error)
	ByVerifiableAddress(ctx context.Context, via, value string) (*identity.Identity, error)
	// ByCodeIdentifier is about the addresses that codes for signing in go to.
	ByCodeIdentifier(ctx context.Context, value string) (*identity.Identity, error)
}

// awaiting is a kind of flow that can send people something and wait for them to bring
// it back.
type awaiting interface {
	kind
	purpose() onetime.Purpose
	// over is what a passed flow says to another submission, failed what one says that can't go on.
	over() ui.Message
	failed() ui.Message
}

// redeeming is an awaiting kind in which the answer is about an identity.
type redeeming interface {
	awaiting
	// counts tells whether a pass still is what it was for its identity.
	counts(p *onetime.Pass, i *identity.Identity) bool
	// passed does what the proof is for.
	passed(ctx context.Context, r *run, i *identity.Identity, p *onetime.Pass) error
}

// challenging is a kind of flow that consists of proving a mailbox: people name an
// address, are sent something, and bring it back.
type challenging interface {
	redeeming
	// challenge is the part of the configuration that such kinds share.
	challenge(e *Engine) challengeSettings
	// find looks for the identity that an address is proven for.
	find(ctx context.Context, e *Engine, via, address string) (*identity.Identity, error)
}

type challengeSettings struct {
	use           string // the method: link or code
	notifyUnknown bool
}

// challengeMethod is the one method of the flows of a kind: the configured one, or
// the other where that is switched off. Clients of the time before codes get links.
func (e *Engine) challengeMethod(k challenging, c *Client) flow.ChallengeMethod {
	use := k.challenge(e).use
	if c.LinksOnly {
		use = "link"
	}
	var found flow.ChallengeMethod
	for _, m := range e.Methods {
		if cm, ok := m.(flow.ChallengeMethod); ok && m.Enabled() && (found == nil || string(m.Name()) == use) {
			found = cm
		}
	}
	return found
}

// challengeForm is the form of both kinds.
func (e *Engine) challengeForm(k challenging, f *flow.Flow, c *Client) ui.Nodes {
	var nodes ui.Nodes
	if !f.Unbound || f.State != flow.StateSentEmail {
		nodes.Append(csrfNode(f, c))
	}
	m := e.challengeMethod(k, c)
	if m == nil {
		return nodes
	}
	if f.Active == "" {
		f.Active = m.Name()
	}
	if f.State == flow.StatePassedChallenge && !c.LinksOnly {
		return nodes
	}
	return append(nodes, m.ChallengeForm(f)...)
}

// noActive is what today's Kratos calls the method of a submission that none was responsible for.
const noActive identity.CredentialType = "default"

// complete of both kinds: it sends something to an address, or takes the answer.
func (r *run) challenge(ctx context.Context, k challenging) error {
	if r.f.State == flow.StatePassedChallenge {
		return r.e.replaceWith(ctx, r.f, r.c, k.over(), r.e.now())
	}
	r.f.Active = r.method.Name()
	// Naming an address again asks for another letter.
	if r.f.State == flow.StateSentEmail && r.sub.String(flow.AddressField) == "" {
		return r.answer(ctx, k)
	}
	return r.send(ctx, k)
}

// send writes to the address of the submission, whoever has it, and says so. What it
// does and answers is the same when nobody has it.
func (r *run) send(ctx context.Context, k challenging) error {
	to, err := r.address()
	if err != nil {
		return err
	}
	defer r.e.inStep(ctx, time.Now())
	before, _ := k.points()
	if _, err := r.hooks(ctx, before, nil, nil); err != nil {
		return err
	}
	r.f.SetValue(flow.AddressField, r.sub.String(flow.AddressField))
	who, err := k.find(ctx, r.e, to.Via, to.Value)
	if err != nil && !errors.Is(err, identity.ErrNotFound) {
		return fmt.Errorf("looking for an address: %w", err)
	}
	l := r.letter(k, to, who)
	l.notifyUnknown = k.challenge(r.e).notifyUnknown
	if k.purpose() == onetime.Verification && l.who != nil {
		if i := who.Clone(); i.NoteSent(l.to.Via, l.to.Value, r.e.now()) {
			r.changes.UpdateIdentity = i
		}
	}
	if err := r.dispatch(ctx, l); !errors.Is(err, courier.ErrRecipient) {
		return err
	}
	r.f.AddField(flow.AddressField, ui.EmailInvalid(shorten(to.Value)))
	return errRejected
}

// letter is one for the run's own flow. Who is suspended gets none.
func (r *run) letter(k awaiting, to identity.Address, who *identity.Identity) letter {
	l := letter{purpose: k.purpose(), method: r.method.(flow.ChallengeMethod), f: r.f.Flow, to: to, stamp: (&identity.Identity{}).AccessStamp()}
	if who != nil && who.State == identity.Active {
		l.who, l.stamp = who, who.AccessStamp()
	}
	return l
}

// dispatch sends a letter, and the flow waits for the answer. courier.ErrRecipient when the
// address is none: mail knows fewer of them than the format.
func (r *run) dispatch(ctx context.Context, l letter) error {
	if err := r.post(ctx, l); err != nil {
		return err
	}
	rec := r.f.record()
	rec.State, rec.Messages = flow.StateSentEmail, []ui.Message{l.sent()}
	return r.stay(ctx, rec)
}

// AnswerStep is the Engine.AnswerStep of a real site: many times what the work takes, and too
// short for people to notice.
const AnswerStep = 100 * time.Millisecond

// inStep waits for the next full step since the beginning. As much is written for an
// address that nobody has, and still it takes 10 to 50 percent less: no account is
// decoded, and no message wakes the courier, which takes processor time from the answer.
func (e *Engine) inStep(ctx context.Context, begin time.Time) {
	if e.AnswerStep <= 0 {
		return
	}
	t := time.NewTimer(e.AnswerStep - time.Since(begin)%e.AnswerStep)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// address reads and normalises the address of the submission.
func (r *run) address() (identity.Address, error) {
	text := r.sub.String(flow.AddressField)
	to := normalAddress(text)
	switch {
	case text == "":
		if r.f.Kind == flow.Verification {
			r.f.SetValue(flow.AddressField, "") // as today's Kratos does, in this kind only
		}
		r.f.AddField(flow.AddressField, ui.Missing(flow.AddressField))
		return to, errRejected
	case r.f.State == flow.StateSentEmail && to.Via == identity.ViaSMS && to.Value == r.f.Values[flow.AddressField]:
		return to, nil // the number that this flow is about already; nobody enters others here
	case len(text) > maxAddress || !schema.IsEmail(text):
		r.f.AddField(flow.AddressField, ui.EmailInvalid(shorten(text)))
		return to, errRejected
	}
	return to, nil
}

// maxAddress is the longest address that mail knows.
const maxAddress = 320

// stay stores a flow that goes on and answers with it.
func (r *run) stay(ctx context.Context, rec *flow.Record) error {
	err := r.commitAs(ctx, rec)
	if errors.Is(err, identity.ErrChanged) {
		r.changes.UpdateIdentity = nil // that something was sent is not worth another try
		err = r.commitAs(ctx, rec)
	}
	if errors.Is(err, onetime.ErrTooMany) {
		// The address has got enough. The answer is the same, and what was sent before still counts.
		r.withoutLetters()
		err = r.commitAs(ctx, rec)
	}
	var ex *ExpiredError
	switch {
	case errors.As(err, &ex):
		return err
	case errors.Is(err, onetime.ErrSpent):
		// The other tab was faster: its success is not to be written over.
		return r.e.replaceWith(ctx, r.f, r.c, r.k.(awaiting).over(), r.e.now())
	case err != nil:
		return fmt.Errorf("storing flow %s: %w", r.f.ID, err)
	}
	r.f.State, r.f.Messages, r.f.FieldMessages = rec.State, rec.Messages, nil
	r.f.Unbound, r.f.IdentityID = rec.Unbound, rec.IdentityID
	r.e.show(r.f.Flow, r.c)
	r.result = Result{Flow: r.f.Flow, Stays: true, Payload: r.sub.TransientPayload}
	return nil
}

// answer takes what was sent about an identity.
func (r *run) answer(ctx context.Context, k redeeming) error {
	p, text, err := r.counted(ctx, k)
	if err == nil {
		err = r.redeem(ctx, k, p, text)
	}
	if errors.Is(err, onetime.ErrSpent) {
		return r.wrong(ctx)
	}
	return err
}

// counted reads what was sent. It is counted before it is compared: onetime.ErrSpent when
// the flow has no pass that it could open.
func (r *run) counted(ctx context.Context, k awaiting) (p *onetime.Pass, text string, err error) {
	m := r.method.(flow.ChallengeMethod)
	text, field := m.Answer(r.sub)
	if r.sub.String("code") == "" && text == "" {
		r.f.AddField(field, ui.Missing(field))
		return nil, "", errRejected
	}
	p, err = r.e.Passes.CountAttempt(ctx, r.f.ID, r.e.Config().SelfService.Methods.Code.Config.MaxSubmissions)
	switch {
	case errors.Is(err, onetime.ErrExhausted):
		return nil, "", r.e.replaceWith(ctx, r.f, r.c, k.failed(), r.e.now())
	case errors.Is(err, onetime.ErrNotFound):
		return nil, "", onetime.ErrSpent
	case err != nil:
		return nil, "", fmt.Errorf("counting an answer: %w", err)
	case p.Expired(r.e.now()) || p.Method != string(m.Name()) || p.Purpose != k.purpose():
		return nil, "", onetime.ErrSpent
	}
	return p, text, nil
}

// wrong says that what was brought back opens nothing. The flow waits for another try.
func (r *run) wrong(ctx context.Context) error {
	r.changes, r.afterCommit = flow.Changes{}, nil
	rec := r.f.record()
	rec.FieldMessages, rec.Messages = nil, []ui.Message{r.method.(flow.ChallengeMethod).Words(r.f.Flow).Wrong}
	return r.stay(ctx, rec)
}

// redeemAttempts bounds how often a proof is tried again that another change of the identity overtook.
const redeemAttempts = 3

// redeem uses a pass up for what it is for; onetime.ErrSpent when the answer doesn't
// open it, it counts no more, or somebody else was faster.
func (r *run) redeem(ctx context.Context, k redeeming, p *onetime.Pass, answer string) error {
	var err error
	for range redeemAttempts {
		r.changes, r.afterCommit = flow.Changes{SpendPass: p, ForgetGuess: r.changes.ForgetGuess}, nil
		var i *identity.Identity
		i, err = r.e.Identities.Identity(ctx, p.IdentityID)
		if err != nil && !errors.Is(err, identity.ErrNotFound) {
			return fmt.Errorf("reading the identity of a pass: %w", err)
		}
		if !p.Opens(r.e.Keys, answer) || p.Purpose != k.purpose() || i == nil || i.State != identity.Active || !k.counts(p, i) {
			return onetime.ErrSpent
		}
		if err = k.passed(ctx, r, i, p); !errors.Is(err, identity.ErrChanged) {
			return err
		}
	}
	return err
}

// storePassed commits a proof: the pass is used up and the flow is over.
func (r *run) storePassed(ctx context.Context, i *identity.Identity, rec *flow.Record) error {
	rec.State, rec.IdentityID, rec.FieldMessages = flow.StatePassedChallenge, i.ID, nil
	err := r.commitAs(ctx, rec)
	if err != nil && !errors.Is(err, onetime.ErrSpent) && !errors.Is(err, identity.ErrChanged) {
		var ex *ExpiredError
		if !errors.As(err, &ex) {
			return fmt.Errorf("storing the proof of flow %s: %w", r.f.ID, err)
		}
	}
	if err != nil {
		return err
	}
	r.f.State, r.f.IdentityID, r.f.Messages = rec.State, rec.IdentityID, rec.Messages
	r.f.Unbound, r.f.FieldMessages = rec.Unbound, nil
	return nil
}

// passLife is when a pass ends that is made now: the flow's end ends it too.
func passLife(f *flow.Flow, lifespan time.Duration, now time.Time) time.Time {
	if end := now.Add(lifespan); end.Before(f.ExpiresAt) {
		return end
	}
	return f.ExpiresAt
}
