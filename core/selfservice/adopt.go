package selfservice

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/gatehouse-id/gatehouse/core/flow"
	"github.com/gatehouse-id/gatehouse/core/identity"
	"github.com/gatehouse-id/gatehouse/core/schema"
	"github.com/gatehouse-id/gatehouse/core/ui"
)

// offerNote is where a login flow keeps an account that is to be linked.
const offerNote identity.CredentialType = "offer"

// offer is an account at another site that its owner may link to an identity, by
// signing in to it in another way.
type offer struct {
	Method identity.CredentialType `json:"m"`
	Owner  string                  `json:"o"` // id of the identity
	Proof  *flow.Proof             `json:"p"`
}

// taken answers a registration whose identifiers belong to somebody already. Whoever has
// an account at another site with the same address, which that site has seen to be
// theirs, is asked to sign in as before and has both from then on. Nobody else is: an
// address that anybody can write into a profile is no reason to hint at an account.
func (r *run) taken(ctx context.Context) error {
	p := r.sub.Proof
	if p == nil {
		r.f.State, r.f.Messages = flow.StateChooseMethod, []ui.Message{ui.MsgDuplicate.Message()}
		return errRejected
	}
	owner, err := r.holder(ctx, p.Address)
	if err != nil {
		return err
	}
	if owner == nil {
		r.f.Messages = []ui.Message{ui.MsgDuplicateLink.Message()}
		return errRejected
	}
	note, err := json.Marshal(offer{Method: r.method.Name(), Owner: owner.ID, Proof: p})
	if err != nil {
		return fmt.Errorf("encoding an offer to link: %w", err)
	}
	r.become(flow.Login)
	r.f.Note(offerNote, note)
	r.f.Messages = []ui.Message{ui.LoginLinkHint(p.Address.Value, p.Label)}
	return errRejected
}

// holder finds the identity that signs in with an address, or has it to be verified; nil when nobody does.
func (r *run) holder(ctx context.Context, a identity.Address) (*identity.Identity, error) {
	if a.Value == "" {
		return nil, nil
	}
	value := schema.Normalize(a.Value)
	i, err := r.e.Identities.ByIdentifier(ctx, identity.Password, value)
	if errors.Is(err, identity.ErrNotFound) {
		i, err = r.e.Addresses.ByVerifiableAddress(ctx, a.Via, value)
	}
	switch {
	case errors.Is(err, identity.ErrNotFound):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("looking for the holder of an address: %w", err)
	case i.State != identity.Active:
		return nil, nil
	}
	return i, nil
}

// adopt gives an identity that has just proven itself the account that the flow offers
// to link, if any.
func (r *run) adopt(out *flow.Outcome) error {
	note := r.f.Notes[offerNote]
	if note == nil {
		return nil
	}
	var o offer
	if err := json.Unmarshal(note, &o); err != nil {
		return fmt.Errorf("reading an offer to link: %w", err)
	}
	m, ok := r.e.method(r.k, string(o.Method)).(flow.CallbackMethod)
	switch {
	case !ok || !m.Enabled():
		return nil
	case out.Identity.ID != o.Owner:
		r.f.Messages = append(r.f.Messages, ui.MsgLinkMismatch.Message())
		return errRejected
	}
	out.IdentityChange = true
	return m.Adopt(out.Identity, o.Proof)
}

// refresh lets the traits and metadata of an identity follow what another site says of the person.
// What doesn't fit the schema, or belongs to somebody else, is no reason to keep them out.
func (r *run) refresh(ctx context.Context, out *flow.Outcome) error {
	if out.Traits == nil || r.unwelcome {
		return nil
	}
	i := out.Identity
	s := r.e.Schemas().Get(i.SchemaID)
	if s == nil {
		return nil
	}
	now, err := objectOf(i.Traits)
	if err != nil {
		return fmt.Errorf("reading the traits of identity %s: %w", i.ID, err)
	}
	raw, err := json.Marshal(merge(now, out.Traits))
	if err != nil {
		return fmt.Errorf("encoding traits: %w", err)
	}
	if wrong := s.Validate(raw); len(wrong) > 0 {
		r.e.Logger.WarnContext(ctx, "traits from another site don't fit the schema", "identity", i.ID, "site", r.sub.Proof.Site, "violations", len(wrong))
		return nil
	}
	d, err := Derive(s, raw)
	if err != nil {
		return fmt.Errorf("deriving identifiers by schema %q: %w", s.ID, err)
	}
	before := string(i.Traits)
	i.Apply(raw, d, r.e.now())
	described, err := r.redescribe(i)
	out.IdentityChange = out.IdentityChange || described || before != string(i.Traits)
	return err
}

// redescribe lays metadata of another site over that of an identity: what others have put
// beside it stays. It tells whether anything has changed.
func (r *run) redescribe(i *identity.Identity) (bool, error) {
	changed := false
	for _, m := range []struct {
		into *json.RawMessage
		site json.RawMessage
	}{{&i.MetadataPublic, r.sub.Proof.MetadataPublic}, {&i.MetadataAdmin, r.sub.Proof.MetadataAdmin}} {
		if len(m.site) == 0 {
			continue
		}
		before, err := objectOf(*m.into)
		if err != nil {
			return false, fmt.Errorf("reading the metadata of identity %s: %w", i.ID, err)
		}
		site, err := objectOf(m.site)
		if err != nil {
			return false, fmt.Errorf("reading the metadata of %s: %w", r.sub.Proof.Site, err)
		}
		raw, err := json.Marshal(merge(before, site))
		if err != nil {
			return false, fmt.Errorf("encoding metadata: %w", err)
		}
		changed = changed || !bytes.Equal(raw, *m.into)
		*m.into = raw
	}
	return changed, nil
}

// objectOf reads an object, whose numbers stay as they are; nil when there is none.
func objectOf(raw json.RawMessage) (map[string]any, error) {
	if len(raw) == 0 {
		return nil, nil
	}
	var o map[string]any
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	err := d.Decode(&o)
	return o, err
}
