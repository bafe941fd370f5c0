package selfservice

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/gatehouse-id/gatehouse/core/apierror"
	"github.com/gatehouse-id/gatehouse/core/identity"
	"github.com/gatehouse-id/gatehouse/core/schema"
)

// Accounts lets an administrator make and remove identities.
type Accounts struct {
	Identities identity.Store
	Sessions   interface {
		RevokeAll(ctx context.Context, identityID string) error
	}
	Schemas func() *schema.Set
	// Hash hashes a clear-text password that was handed over, and Known refuses
	// hashes that can't be compared or whose parameters are absurd.
	Hash  func(ctx context.Context, password string) (string, error)
	Known func(hash string) error
	Now   func() time.Time
}

// NewAccount is what an administrator says about a new identity.
type NewAccount struct {
	SchemaID       string
	ExternalID     string
	State          string
	Traits         json.RawMessage
	MetadataPublic json.RawMessage
	MetadataAdmin  json.RawMessage
	Password       string // clear text, or empty
	HashedPassword string // as exported from another system, or empty
}

// Create makes an identity. Errors are of type *apierror.Error: 400 for bad input
// with all violations in the reason, 409 when an identifier is taken.
func (a *Accounts) Create(ctx context.Context, n NewAccount) (*identity.Identity, error) {
	s := a.Schemas().Get(n.SchemaID)
	if s == nil {
		return nil, apierror.BadRequest("The schema_id %q is not configured.", shorten(n.SchemaID))
	}
	i := identity.New(s.ID, a.Now())
	switch st := identity.State(n.State); st {
	case "":
	case identity.Active, identity.Inactive:
		i.State = st
	default:
		return nil, apierror.BadRequest("The state must be %q or %q.", identity.Active, identity.Inactive)
	}
	if len(n.Traits) == 0 {
		n.Traits = json.RawMessage(`{}`)
	}
	if err := applyStrict(i, s, n.Traits, a.Now()); err != nil {
		return nil, err
	}
	i.ExternalID, i.MetadataPublic, i.MetadataAdmin = n.ExternalID, n.MetadataPublic, n.MetadataAdmin
	if err := a.setPassword(ctx, i, n); err != nil {
		return nil, err
	}
	err := a.Identities.Create(ctx, i)
	if errors.Is(err, identity.ErrDuplicate) {
		return nil, apierror.Conflict("This identity conflicts with another one: an identifier, address or external id is taken.")
	}
	if err != nil {
		return nil, fmt.Errorf("creating an identity: %w", err)
	}
	return i, nil
}

func (a *Accounts) setPassword(ctx context.Context, i *identity.Identity, n NewAccount) error {
	switch {
	case n.HashedPassword != "":
		if err := a.Known(n.HashedPassword); err != nil {
			return apierror.BadRequest("The hashed_password can't be imported: %s.", err)
		}
		i.SetPassword(n.HashedPassword, a.Now())
	case n.Password != "":
		h, err := a.Hash(ctx, n.Password)
		if err != nil {
			return apierror.BadRequest("The password can't be hashed: %s.", err)
		}
		i.SetPassword(h, a.Now())
	}
	return nil
}

// applyStrict validates traits and reports all violations in one sentence with
// their pointers.
func applyStrict(i *identity.Identity, s *schema.Schema, traits json.RawMessage, now time.Time) error {
	var wrong []string
	for _, v := range s.Validate(traits) {
		wrong = append(wrong, v.Pointer+": "+v.Text)
	}
	if len(wrong) > 0 {
		return apierror.BadRequest("The traits do not fit the schema %q. %s", s.ID, strings.Join(wrong, "; "))
	}
	d, err := Derive(s, traits)
	if err != nil {
		return fmt.Errorf("deriving identifiers by schema %q: %w", s.ID, err)
	}
	i.Apply(traits, d, now)
	return nil
}

// Delete removes an identity; its sessions end first, so that a failure in
// between leaves nobody signed in.
func (a *Accounts) Delete(ctx context.Context, id string) error {
	if err := a.Sessions.RevokeAll(ctx, id); err != nil {
		return fmt.Errorf("ending the sessions of %s: %w", id, err)
	}
	return a.Identities.Delete(ctx, id)
}
