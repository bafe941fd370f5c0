package selfservice

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/gatehouse-id/gatehouse/core/courier"
	"github.com/gatehouse-id/gatehouse/core/flow"
	"github.com/gatehouse-id/gatehouse/core/identity"
	"github.com/gatehouse-id/gatehouse/core/onetime"
	"github.com/gatehouse-id/gatehouse/core/schema"
	"github.com/gatehouse-id/gatehouse/core/session"
	"github.com/gatehouse-id/gatehouse/core/ui"
)

func (login) purpose() onetime.Purpose { return onetime.Login }
func (login) over() ui.Message         { return ui.MsgLoginCompleted.Message() }
func (login) failed() ui.Message       { return tooManyGuesses }

// waitsFor is the method that has sent something which a login or registration waits for;
// nil when it waits for nothing.
func (e *Engine) waitsFor(f *flow.Flow, c *Client) flow.ChallengeMethod {
	if f.State != flow.StateSentEmail {
		return nil
	}
	for _, m := range e.offered(f.Kind, c) {
		if cm, ok := m.(flow.ChallengeMethod); ok {
			return cm
		}
	}
	return nil
}

// addressField is the field of a login that says where the code goes.
func addressField(f *flow.Flow) string {
	if f.RequestedAAL == session.AAL2 {
		return flow.SecondAddressField
	}
	return flow.IdentifierField
}

// codeForm asks for the code. As in today's Kratos, the address has a label and is required
// until an answer was wrong.
func (login) codeForm(e *Engine, f *flow.Flow, m flow.ChallengeMethod) ui.Nodes {
	address := ui.NewInput(ui.GroupDefault, addressField(f), ui.InputHidden)
	if !ui.Messages(f.Messages).HasErrors() {
		address.Input().Required = true
		address.WithLabel(e.identifierLabel([]flow.Method{m}))
	}
	return append(ui.Nodes{address}, m.ChallengeForm(f)...)
}

// byCode sends a code, or takes it.
func (l login) byCode(ctx context.Context, r *run) error {
	r.f.Active = r.method.Name()
	who, err := r.strengthens(ctx)
	if err != nil {
		return err
	}
	if !r.bringsBack(addressField(r.f.Flow)) {
		return l.sendCode(ctx, r, who)
	}
	if m, ok := r.method.(flow.GuessableMethod); ok {
		if err := r.countCode(ctx, m, who); err != nil {
			return err
		}
	}
	err = r.answer(ctx, l)
	if errors.Is(err, identity.ErrChanged) {
		return errOvertaken
	}
	return err
}

// bringsBack tells whether a submission is an answer. Naming another address asks for
// another code, and so does the button.
func (r *run) bringsBack(field string) bool {
	switch {
	case r.sub.String(flow.ResendField) != "":
		return false
	case r.sub.String("code") != "":
		return true
	}
	text := r.sub.String(field)
	return r.f.State == flow.StateSentEmail && (text == "" || text == r.f.Values[field])
}

// sendCode answers alike, and in the same time, whether or not somebody has the address.
func (l login) sendCode(ctx context.Context, r *run, who *identity.Identity) error {
	defer r.e.inStep(ctx, time.Now())
	field := addressField(r.f.Flow)
	text := r.sub.String(field)
	if kept, ok := r.f.Values[field].(string); ok && text == "" {
		text = kept
	}
	if field == flow.IdentifierField {
		r.f.SetValue(field, text)
	}
	to, who, err := l.recipient(ctx, r, text, who)
	if err != nil {
		return err
	}
	if field == flow.SecondAddressField {
		r.f.SetValue(field, to.Value)
	}
	if err := r.dispatch(ctx, r.letter(l, to, who)); !errors.Is(err, courier.ErrRecipient) {
		return err
	}
	r.f.AddField(field, ui.EmailInvalid(shorten(text)))
	return errRejected
}

// normalAddress is how an address is compared that somebody has typed.
func normalAddress(text string) identity.Address { return identity.AddressOf(schema.Normalize(text)) }

// recipient finds where a code goes and who it is for, nil for nobody. who is the identity
// whose second factor is asked for.
func (l login) recipient(ctx context.Context, r *run, text string, who *identity.Identity) (identity.Address, *identity.Identity, error) {
	if who != nil {
		return l.onFile(r, text, who, who.CodeAddresses())
	}
	if r.f.Refresh && r.c.signedIn() {
		// Who they are is known: what they are called by another method will do.
		who, err := r.e.owner(ctx, r.c)
		if err != nil {
			return identity.Address{}, nil, err
		}
		return l.onFile(r, text, who, who.SignInAddresses(r.e.Config().SelfService.Methods.Code.FallsBack()))
	}
	return l.anybody(ctx, r, text)
}

// onFile chooses among the addresses of an identity the one that was named, or the first.
func (login) onFile(r *run, text string, who *identity.Identity, all []identity.Address) (identity.Address, *identity.Identity, error) {
	named := normalAddress(text)
	switch {
	case slices.Contains(all, named):
		return named, who, nil
	case len(all) == 0, r.f.RequestedAAL == session.AAL2 && text != "":
		r.f.Messages = append(r.f.Messages, ui.MsgLoginAddressUnknown.Message())
		return named, nil, errRejected
	}
	return all[0], who, nil
}

// anybody looks for who has an address.
func (l login) anybody(ctx context.Context, r *run, text string) (to identity.Address, who *identity.Identity, err error) {
	switch {
	case text == "":
		r.f.AddField(flow.IdentifierField, ui.Missing(flow.IdentifierField))
		return to, nil, errRejected
	case len(text) > maxAddress:
		r.f.AddField(flow.IdentifierField, ui.EmailInvalid(shorten(text)))
		return to, nil, errRejected
	}
	to = normalAddress(text)
	who, err = r.e.Addresses.ByCodeIdentifier(ctx, to.Value)
	if r.e.Config().SelfService.Methods.Code.FallsBack() {
		// Also when it is found: this is to take as long for everybody.
		who, err = r.e.verifiedOwner(ctx, to, who, err)
	}
	if err != nil && !errors.Is(err, identity.ErrNotFound) {
		return to, nil, fmt.Errorf("looking for an address: %w", err)
	}
	return to, who, nil
}

// verifiedOwner is who has the address as an identifier, or else who has verified it.
func (e *Engine) verifiedOwner(ctx context.Context, a identity.Address, known *identity.Identity, err error) (*identity.Identity, error) {
	who, err2 := e.Addresses.ByVerifiableAddress(ctx, a.Via, a.Value)
	switch {
	case !errors.Is(err, identity.ErrNotFound):
		return known, err
	case err2 == nil && !slices.Contains(who.SignInAddresses(true), a):
		return nil, identity.ErrNotFound
	}
	return who, err2
}

// counts implements redeeming: a new password, another address or a recovery has ended all
// codes of before.
func (login) counts(p *onetime.Pass, i *identity.Identity) bool {
	return p.Stamp == i.AccessStamp() && slices.Contains(i.SignInAddresses(true), identity.Address{Via: p.Via, Value: p.Address})
}

// passed implements redeeming: it signs the person in, and the address is verified with it.
func (l login) passed(ctx context.Context, r *run, old *identity.Identity, p *onetime.Pass) error {
	if r.f.RequestedAAL == session.AAL2 && r.c.Facts.Identity.ID != old.ID {
		return onetime.ErrSpent // the browser has changed hands since it was sent
	}
	i, now := old.Clone(), r.e.now()
	out, err := r.method.(flow.LoginMethod).Login(ctx, r.f.Flow, i, r.sub)
	if err != nil {
		return err
	}
	if i.Unverified(p.Via, p.Address) {
		i.Verify(p.Via, p.Address, now)
		i.UpdatedAt, out.IdentityChange = now, true
	}
	if err := r.adopt(&out); err != nil {
		return err
	}
	return l.signIn(ctx, r, out)
}
