// Package identity holds identities, traits, credentials and addresses, and the rules for changing them.
//
// It knows no schema and no storage: what a schema derives from traits comes
// in as Derived, and Store is implemented by package storage.
package identity

import (
	"context"
	"encoding/json"
	"errors"
	"time"
)

// Errors of a Store.
var (
	// ErrNotFound says that no identity with that id or identifier exists.
	ErrNotFound = errors.New("identity: not found")
	// ErrDuplicate says that another identity holds one of the identifiers or addresses.
	ErrDuplicate = errors.New("identity: an identifier or address belongs to another identity")
	// ErrTooLarge says that the record, or the number of its identifiers and
	// addresses, is beyond what a store takes.
	ErrTooLarge = errors.New("identity: too large to be stored")
	// ErrFull says that the project has as many identities as it may.
	ErrFull = errors.New("identity: the project takes no more")
	// ErrChanged says that the identity was changed since it was read; read it again.
	ErrChanged = errors.New("identity: changed by somebody else")
	// ErrRepeated says that something was made with the idempotency key before.
	ErrRepeated = errors.New("identity: made before with the same key")
	// ErrToken says that a page token is none that the query gave out.
	ErrToken = errors.New("identity: the page token belongs to no page of this query")
)

// State tells whether an identity may sign in.
type State string

// States of an identity.
const (
	Active   State = "active"
	Inactive State = "inactive"
)

// CredentialType names a kind of credential as on the wire, for example "password".
type CredentialType string

// Credential types known to the contract.
const (
	Password     CredentialType = "password"
	OIDC         CredentialType = "oidc"
	TOTP         CredentialType = "totp"
	LookupSecret CredentialType = "lookup_secret"
	WebAuthn     CredentialType = "webauthn"
	Passkey      CredentialType = "passkey"
	Code         CredentialType = "code"
)

// Identity is one account. The JSON tags are those of the stored record
// (docs/storage-keys.md); what an API client sees is made in httpapi.
type Identity struct {
	ID             string                        `json:"id"` // UUID v4, lower case
	SchemaID       string                        `json:"schema_id"`
	ExternalID     string                        `json:"external_id,omitempty"`
	State          State                         `json:"state"`
	StateChangedAt time.Time                     `json:"state_changed_at"`
	Traits         json.RawMessage               `json:"traits"`
	MetadataPublic json.RawMessage               `json:"metadata_public,omitempty"`
	MetadataAdmin  json.RawMessage               `json:"metadata_admin,omitempty"`
	Credentials    map[CredentialType]Credential `json:"credentials,omitempty"`
	Verifiable     []VerifiableAddress           `json:"verifiable_addresses,omitempty"`
	Recovery       []RecoveryAddress             `json:"recovery_addresses,omitempty"`
	// Search holds the traits that the schema marks for search, as they were when the identity was stored.
	Search []Term `json:"search,omitempty"`
	// Recoveries counts how often the account was recovered, see AccessStamp.
	Recoveries int       `json:"recoveries,omitempty"`
	CreatedAt  time.Time `json:"created_at"`
	UpdatedAt  time.Time `json:"updated_at"`

	// Revision is the store's revision of the record as read; 0 = never stored.
	// An update fails with ErrChanged when it is not the newest any more.
	Revision int64 `json:"-"`
}

// Credential is one way to prove who an identity is.
type Credential struct {
	Type        CredentialType  `json:"type"`
	Identifiers []string        `json:"identifiers"`      // normalised, unique per type over all identities
	Config      json.RawMessage `json:"config,omitempty"` // shape by type; secrets inside are hashed or sealed
	Version     int             `json:"version"`
	CreatedAt   time.Time       `json:"created_at"`
	UpdatedAt   time.Time       `json:"updated_at"`
}

// PasswordConfig is the Config of a password credential.
type PasswordConfig struct {
	HashedPassword string `json:"hashed_password,omitempty"` // a PHC string or bcrypt; empty = cannot sign in
}

// Address channels.
const (
	ViaEmail = "email"
	ViaSMS   = "sms"
)

// Status of a verifiable address.
const (
	StatusPending   = "pending"
	StatusSent      = "sent"
	StatusCompleted = "completed"
)

// VerifiableAddress is an address whose owner can prove that it is theirs.
type VerifiableAddress struct {
	ID         string     `json:"id"`
	Value      string     `json:"value"`
	Via        string     `json:"via"`
	Verified   bool       `json:"verified"`
	VerifiedAt *time.Time `json:"verified_at,omitempty"`
	Status     string     `json:"status"`
	CreatedAt  time.Time  `json:"created_at"`
	UpdatedAt  time.Time  `json:"updated_at"`
}

// RecoveryAddress is an address that can be used to regain the account.
type RecoveryAddress struct {
	ID        string    `json:"id"`
	Value     string    `json:"value"`
	Via       string    `json:"via"`
	CreatedAt time.Time `json:"created_at"`
	UpdatedAt time.Time `json:"updated_at"`
}

// PasswordHash returns the stored password hash, or "" when none is set.
func (i *Identity) PasswordHash() string {
	c, ok := i.Credentials[Password]
	if !ok || len(c.Config) == 0 {
		return ""
	}
	var p PasswordConfig
	if json.Unmarshal(c.Config, &p) != nil {
		return ""
	}
	return p.HashedPassword
}

// WaysIn counts what the identity can sign in with by a method, as a first factor: a password
// that belongs to an identifier, each account elsewhere, each key that needs nothing beside it,
// and codes, wherever they are sent to.
func (i *Identity) WaysIn(t CredentialType) int {
	switch ids := len(i.Credentials[t].Identifiers); t {
	case Password:
		if i.PasswordHash() == "" {
			return 0
		}
		return min(ids, 1)
	case Code:
		return min(ids, 1)
	case OIDC:
		return ids
	case WebAuthn, Passkey:
		return i.firstFactorKeys(t)
	default:
		return 0
	}
}

// Page selects a part of a listing.
type Page struct {
	After string // id of the last identity of the previous page, or empty
	Limit int    // 1..1000
}

// Store keeps identities. Every change is one transaction over the record and
// its unique indexes (identifiers, verifiable and recovery addresses, external id).
type Store interface {
	// Identity reads one identity; ErrNotFound when there is none.
	Identity(ctx context.Context, id string) (*Identity, error)
	// ByIdentifier finds the identity whose credential of the type has the
	// normalised identifier; ErrNotFound when there is none.
	ByIdentifier(ctx context.Context, t CredentialType, identifier string) (*Identity, error)
	// Create stores a new identity and sets its Revision; ErrDuplicate when an
	// identifier or address is taken.
	Create(ctx context.Context, i *Identity) error
	// Update stores a changed identity; ErrChanged, ErrDuplicate or ErrNotFound.
	Update(ctx context.Context, i *Identity) error
	// Delete removes the identity, its indexes and its sessions; ErrNotFound.
	Delete(ctx context.Context, id string) error
	// Identities lists in id order.
	Identities(ctx context.Context, p Page) ([]*Identity, error)
}
