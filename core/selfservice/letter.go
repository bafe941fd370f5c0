package selfservice

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/google/uuid"

	"github.com/gatehouse-id/gatehouse/core/courier"
	"github.com/gatehouse-id/gatehouse/core/flow"
	"github.com/gatehouse-id/gatehouse/core/identity"
	"github.com/gatehouse-id/gatehouse/core/onetime"
	"github.com/gatehouse-id/gatehouse/core/ui"
)

// letter is a link or code on its way to an address.
type letter struct {
	purpose onetime.Purpose
	method  flow.ChallengeMethod
	f       *flow.Flow // that the answer belongs to
	to      identity.Address
	who     *identity.Identity // nil: nobody has the address
	stamp   string             // see onetime.Pass
	// notifyUnknown tells the owner of the address that nobody has it.
	notifyUnknown bool
}

// post adds to the changes what sends a letter: the pass, the message, and the count.
// An address that nobody has costs the same.
func (r *run) post(ctx context.Context, l letter) error {
	now := r.e.now()
	ch := l.method.NewChallenge(l.f, r.c.Base)
	p := &onetime.Pass{
		FlowID: l.f.ID, Purpose: l.purpose, Method: string(l.method.Name()), IdentityID: uuid.NewString(),
		Via: l.to.Via, Address: l.to.Value, Stamp: l.stamp, ExpiresAt: passLife(l.f, ch.Lifespan, now),
	}
	if l.who != nil {
		p.IdentityID = l.who.ID
	}
	// Asking for another code gives no more attempts.
	last, err := r.e.Passes.Pass(ctx, l.f.ID)
	switch {
	case err == nil:
		p.Attempts = last.Attempts
	case !errors.Is(err, onetime.ErrNotFound):
		return fmt.Errorf("reading the last pass of flow %s: %w", l.f.ID, err)
	}
	p.Seal(r.e.Keys, ch.Secret)
	if err := r.write(l, ch); err != nil {
		return err
	}
	r.changes.IssuePasses = append(r.changes.IssuePasses, p)
	r.changes.Mailings = append(r.changes.Mailings, onetime.Mailing{Via: l.to.Via, Address: l.to.Value, At: now})
	return nil
}

// write composes the message, or a decoy of it.
func (r *run) write(l letter, ch flow.Challenge) error {
	words, d := l.method.Words(l.f), ch.Data
	d.RequestURL, d.Channel = l.f.RequestURL, channel(l.to)
	if err := json.Unmarshal(orObject(r.sub.TransientPayload), &d.TransientPayload); err != nil {
		d.TransientPayload = nil // it is no object: templates can't use it
	}
	if l.who != nil {
		d.Identity = recipient(l.who)
		if l.purpose == onetime.Registration {
			d.Traits, _ = d.Identity["traits"].(map[string]any)
			d.Identity = nil // there is none yet
		}
		m, err := r.e.Composer.Compose(words.Valid, l.to.Value, d)
		if err != nil {
			return fmt.Errorf("writing to an address of identity %s: %w", l.who.ID, err)
		}
		r.changes.Messages = append(r.changes.Messages, m)
		return nil
	}
	// Not the secret: it opens nothing, and whoever reads it may think it does.
	m, err := r.e.Composer.Compose(words.Invalid, l.to.Value, courier.Data{Channel: d.Channel, RequestURL: d.RequestURL, TransientPayload: d.TransientPayload})
	if err != nil {
		return fmt.Errorf("writing to an address that nobody has: %w", err)
	}
	if l.notifyUnknown {
		r.changes.Messages = append(r.changes.Messages, m)
		return nil
	}
	r.changes.Decoys = append(r.changes.Decoys, decoy(m))
	return nil
}

// sent is what the form says once the letter is on its way.
func (l letter) sent() ui.Message {
	if l.purpose == onetime.Verification && l.to.Via == identity.ViaSMS {
		return ui.MsgVerificationCodeSentSMS.Message()
	}
	return l.method.Words(l.f).Sent
}

// channel is how the owner of an address is reached.
func channel(a identity.Address) string {
	if a.Via == identity.ViaSMS {
		return courier.ChannelSMS
	}
	return courier.ChannelEmail
}

func orObject(raw json.RawMessage) json.RawMessage {
	if len(raw) == 0 {
		return json.RawMessage(`{}`)
	}
	return raw
}

// recipient is what templates may say about somebody: no credentials, and nothing
// that only administrators see.
func recipient(i *identity.Identity) map[string]any {
	d := map[string]any{"id": i.ID, "schema_id": i.SchemaID, "state": string(i.State)}
	for name, raw := range map[string]json.RawMessage{"traits": i.Traits, "metadata_public": i.MetadataPublic} {
		var v any
		if json.Unmarshal(raw, &v) == nil {
			d[name] = v
		}
	}
	return d
}

// decoy is a message without anything to read, of the same size.
func decoy(m *courier.Message) *courier.Message {
	d := *m
	for _, text := range []*string{&d.Recipient, &d.Subject, &d.Body, &d.HTML} {
		*text = strings.Repeat(".", len(*text))
	}
	d.TemplateData = nil
	return &d
}

// withoutLetters takes back what post has added.
func (r *run) withoutLetters() {
	r.changes.IssuePasses, r.changes.Mailings, r.changes.Messages, r.changes.Decoys = nil, nil, nil, nil
	if r.f.Kind == flow.Verification {
		r.changes.UpdateIdentity = nil
	}
}
