package selfservice

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/gatehouse-id/gatehouse/core/flow"
	"github.com/gatehouse-id/gatehouse/core/identity"
	"github.com/gatehouse-id/gatehouse/core/schema"
)

// take makes of what somebody has from another site the submission that the flow is
// completed with.
func (r *run) take(ctx context.Context, p *flow.Proof) error {
	r.sub.Proof = p
	if err := r.chooseKind(ctx); err != nil {
		return err
	}
	r.f.Active = r.method.Name()
	var err error
	if r.schema, err = r.e.schemaFor(r.f.Flow); err != nil {
		return err
	}
	if err := r.mapClaims(ctx, p); err != nil {
		return err
	}
	if r.f.Kind == flow.Registration {
		sent := r.sub.Traits()
		r.sub.Fields = map[string]any{"traits": merge(p.Traits, sent)}
	}
	return nil
}

// mapClaims asks the hooks what becomes of a site's claims. They go on from what the
// method has made of them.
func (r *run) mapClaims(ctx context.Context, p *flow.Proof) error {
	draft, err := draftOf(p, r.schema.ID)
	if err != nil {
		return err
	}
	d, err := r.e.Hooks.Run(ctx, &flow.HookInput{
		Point: flow.MapClaims, Method: r.method.Name(), Flow: r.f.Flow, Identity: draft,
		Request: r.c.Request, Payload: r.sub.TransientPayload, Proof: p,
	})
	if err != nil { // which the hooks have logged
		return r.refuse(flow.Unmappable(p.Label))
	}
	r.afterCommit = append(r.afterCommit, d.AfterCommit...)
	if err := r.heed(d); err != nil || !d.IdentityChanged {
		return err
	}
	if err := redraft(p, draft); err != nil {
		return fmt.Errorf("reading what hooks made of the claims of %s: %w", p.Site, err)
	}
	return nil
}

// draftOf is the identity that would be made of a proof as it is.
func draftOf(p *flow.Proof, schemaID string) (*identity.Identity, error) {
	traits, err := json.Marshal(p.Traits)
	if err != nil {
		return nil, fmt.Errorf("encoding the traits of %s: %w", p.Site, err)
	}
	i := &identity.Identity{
		SchemaID: schemaID, State: identity.Active, Traits: traits,
		MetadataPublic: slices.Clone(p.MetadataPublic), MetadataAdmin: slices.Clone(p.MetadataAdmin),
	}
	for _, a := range p.Verified {
		i.Verifiable = append(i.Verifiable, identity.VerifiableAddress{Via: a.Via, Value: a.Value, Verified: true, Status: identity.StatusCompleted})
	}
	return i, nil
}

// redraft is the reverse of draftOf.
func redraft(p *flow.Proof, draft *identity.Identity) error {
	traits, err := objectOf(draft.Traits)
	if err != nil {
		return err
	}
	p.Traits, p.Verified = traits, nil
	p.MetadataPublic, p.MetadataAdmin = draft.MetadataPublic, draft.MetadataAdmin
	for _, a := range draft.Verifiable {
		p.Verified = append(p.Verified, identity.Address{Via: a.Via, Value: schema.Normalize(a.Value)})
	}
	return nil
}
