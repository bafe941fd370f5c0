package selfservice

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/gatehouse-id/gatehouse/core/courier"
	"github.com/gatehouse-id/gatehouse/core/flow"
	"github.com/gatehouse-id/gatehouse/core/identity"
	"github.com/gatehouse-id/gatehouse/core/onetime"
	"github.com/gatehouse-id/gatehouse/core/ui"
)

func (registration) purpose() onetime.Purpose { return onetime.Registration }
func (registration) over() ui.Message         { return ui.MsgRegistrationCompleted.Message() }
func (registration) failed() ui.Message       { return tooManyGuesses }

// byCode sends a code to the address that the new account will be known by, or takes it.
func (k registration) byCode(ctx context.Context, r *run, i *identity.Identity) error {
	r.f.Active = r.method.Name()
	if !r.bringsBack("") {
		return k.sendCode(ctx, r, i)
	}
	err := k.takeCode(ctx, r, i)
	if errors.Is(err, onetime.ErrSpent) {
		return r.wrong(ctx)
	}
	return err
}

// sendCode doesn't look whether somebody has the address: the owner of the mailbox is told
// in the end, and nobody else.
func (k registration) sendCode(ctx context.Context, r *run, i *identity.Identity) error {
	defer r.e.inStep(ctx, time.Now())
	stamp, err := r.traitsStamp(i)
	if err != nil {
		return err
	}
	l := r.letter(k, i.CodeAddresses()[0], i)
	l.stamp = stamp
	if err := r.dispatch(ctx, l); !errors.Is(err, courier.ErrRecipient) {
		return err
	}
	r.f.Messages = append(r.f.Messages, ui.EmailInvalid(shorten(l.to.Value)))
	return errRejected
}

// takeCode creates the account if the code is right and everything else is as it was when
// the code was sent.
func (k registration) takeCode(ctx context.Context, r *run, i *identity.Identity) error {
	p, text, err := r.counted(ctx, k)
	if err != nil {
		return err
	}
	stamp, err := r.traitsStamp(i)
	if err != nil {
		return err
	}
	if p.Stamp != stamp || !slices.Contains(i.CodeAddresses(), identity.Address{Via: p.Via, Value: p.Address}) {
		r.f.State = flow.StateChooseMethod
		r.f.Messages = append(r.f.Messages, ui.MsgTraitsMismatch.Message())
		return errRejected
	}
	if !p.Opens(r.e.Keys, text) {
		return onetime.ErrSpent
	}
	i.Verify(p.Via, p.Address, r.e.now())
	r.changes.SpendPass = p
	return k.create(ctx, r, i)
}

// traitsStamp stands for the traits of the new account that the form knows.
func (r *run) traitsStamp(i *identity.Identity) (string, error) {
	var traits map[string]any
	if err := json.Unmarshal(i.Traits, &traits); err != nil {
		return "", fmt.Errorf("reading traits: %w", err)
	}
	var values []any
	for _, f := range r.schema.Fields() {
		v, _ := lookup(traits, strings.TrimPrefix(f.Path, "traits."))
		values = append(values, f.Path, v)
	}
	raw, err := json.Marshal(values)
	if err != nil {
		return "", fmt.Errorf("encoding traits: %w", err)
	}
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:]), nil
}
