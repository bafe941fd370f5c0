package selfservice

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/gatehouse-id/gatehouse/core/apierror"
	"github.com/gatehouse-id/gatehouse/core/flow"
	"github.com/gatehouse-id/gatehouse/core/identity"
	"github.com/gatehouse-id/gatehouse/core/schema"
	"github.com/gatehouse-id/gatehouse/core/secret"
)

// Accounts lets an administrator make, change and remove identities. Its errors are of
// type *apierror.Error where the administrator can do something about them.
type Accounts struct {
	Identities identity.Directory
	Sessions   interface {
		RevokeAll(ctx context.Context, identityID string) error
	}
	Schemas func() *schema.Set
	// Hash hashes a clear-text password that was handed over, and Known refuses
	// hashes that can't be compared or whose parameters are absurd.
	Hash  func(ctx context.Context, password string) (string, error)
	Known func(hash string) error
	// Methods are asked to import what only they can read.
	Methods []flow.Method
	// Keys make the digests of requests that may be repeated.
	Keys *secret.Keys
	// Cipher seals credentials that go from one installation to another.
	Cipher *secret.Keys
	Now    func() time.Time
}

// Account is what an administrator says about an identity.
type Account struct {
	// ID and CreatedAt are those that an identity had elsewhere. A new one gets them only when it is made.
	ID             string
	CreatedAt      time.Time
	SchemaID       string // empty: of a new identity an error, else the one it has
	ExternalID     string
	State          string // empty: active, or the one it has
	Traits         json.RawMessage
	MetadataPublic json.RawMessage
	MetadataAdmin  json.RawMessage
	// Credentials are added to those that the identity has, see importing.
	Credentials map[identity.CredentialType]json.RawMessage
	// Verifiable says what is known about addresses that the traits have.
	Verifiable []AddressProof
}

// AddressProof says whether an address was proven to be its owner's.
type AddressProof struct {
	Via        string
	Value      string
	Verified   bool
	VerifiedAt *time.Time
	Status     string
}

// Create makes an identity: 400 for bad input with all violations in the reason, 409
// when an identifier is taken.
func (a *Accounts) Create(ctx context.Context, n Account) (*identity.Identity, error) {
	i, err := a.prepare(ctx, n)
	if err != nil {
		return nil, err
	}
	return i, a.stored(a.Identities.Create(ctx, i))
}

// Created is the outcome of one creation among many.
type Created struct {
	Identity *identity.Identity
	Err      error
}

// CreateMany makes identities, each for itself. They are checked and hashed side by
// side, and stored in order: of two that claim one identifier the first gets it.
func (a *Accounts) CreateMany(ctx context.Context, all []Account) []Created {
	out := make([]Created, len(all))
	var running sync.WaitGroup
	turns := make(chan struct{}, runtime.GOMAXPROCS(0))
	for n := range all {
		turns <- struct{}{}
		running.Go(func() {
			defer func() { <-turns }()
			out[n].Identity, out[n].Err = a.prepare(ctx, all[n])
		})
	}
	running.Wait()
	for n := range out {
		if out[n].Err == nil {
			out[n].Err = a.stored(a.Identities.Create(ctx, out[n].Identity))
		}
	}
	return out
}

// prepare makes an identity that is not stored yet.
func (a *Accounts) prepare(ctx context.Context, n Account) (*identity.Identity, error) {
	i := identity.New(n.SchemaID, a.Now())
	i.ID = first(n.ID, i.ID)
	if err := a.fill(i, n); err != nil {
		return nil, err
	}
	if !n.CreatedAt.IsZero() && n.CreatedAt.Before(i.CreatedAt) { // clocks differ: nobody is made in the future
		i.CreatedAt = n.CreatedAt.UTC()
	}
	return i, a.importAll(ctx, i, n.Credentials)
}

// fill replaces what an identity says by what an administrator does.
func (a *Accounts) fill(i *identity.Identity, n Account) error {
	s := a.Schemas().Get(first(n.SchemaID, i.SchemaID))
	if s == nil {
		return apierror.BadRequest("The schema_id %q is not configured.", shorten(first(n.SchemaID, i.SchemaID)))
	}
	if err := setState(i, identity.State(n.State), a.Now()); err != nil {
		return err
	}
	if len(n.ExternalID) > maxExternalID {
		return apierror.BadRequest("The external_id is longer than %d bytes.", maxExternalID)
	}
	traits := n.Traits
	if len(traits) == 0 {
		traits = json.RawMessage(`{}`)
	}
	i.SchemaID, i.ExternalID = s.ID, n.ExternalID
	i.MetadataPublic, i.MetadataAdmin = notNull(n.MetadataPublic), notNull(n.MetadataAdmin)
	if err := applyStrict(i, s, traits, a.Now()); err != nil {
		return err
	}
	return prove(i, n.Verifiable, a.Now())
}

// maxExternalID is the longest external id in bytes.
const maxExternalID = 255

func first(texts ...string) string {
	for _, t := range texts {
		if t != "" {
			return t
		}
	}
	return ""
}

// notNull makes null what it means: nothing.
func notNull(raw json.RawMessage) json.RawMessage {
	if string(raw) == "null" {
		return nil
	}
	return raw
}

// setState changes the state, if one is given.
func setState(i *identity.Identity, state identity.State, now time.Time) error {
	switch state {
	case "", i.State:
		return nil
	case identity.Active, identity.Inactive:
		i.State, i.StateChangedAt = state, now.UTC()
		return nil
	}
	return apierror.BadRequest("The state must be %q or %q.", identity.Active, identity.Inactive)
}

// prove notes what is known about the addresses of an identity.
func prove(i *identity.Identity, proofs []AddressProof, now time.Time) error {
	for _, p := range proofs {
		switch p.Status {
		case "", identity.StatusPending, identity.StatusSent, identity.StatusCompleted:
		default:
			return apierror.BadRequest("The status of an address must be pending, sent or completed.")
		}
		a := identity.Address{Via: identity.ViaOf(p.Via), Value: schema.Normalize(p.Value)}
		if !i.CanVerify(a.Via, a.Value) {
			return apierror.BadRequest("A verifiable address is none of those that the traits have.")
		}
		i.SetProof(a, p.Verified, p.Status, p.VerifiedAt, now)
	}
	return nil
}

// stored makes an error of the store one for the administrator.
func (a *Accounts) stored(err error) error {
	if errors.Is(err, identity.ErrDuplicate) {
		return apierror.Conflict("This identity conflicts with another one: an identifier, address or external id is taken.")
	}
	if err != nil {
		return fmt.Errorf("storing an identity: %w", err)
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
