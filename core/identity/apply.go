package identity

import (
	"encoding/json"
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"
)

// Derived is what an identity schema reads out of traits: the identifiers per
// credential type and the addresses, all normalised.
type Derived struct {
	Identifiers map[CredentialType][]string
	Verifiable  []Address
	Recovery    []Address
	Search      []Term
}

// Address is an address found in traits.
type Address struct {
	Via   string
	Value string
}

// New makes an active identity with a random id; it is not stored yet.
func New(schemaID string, now time.Time) *Identity {
	now = now.UTC()
	return &Identity{
		ID: uuid.NewString(), SchemaID: schemaID, State: Active, StateChangedAt: now,
		Traits: json.RawMessage(`{}`), Credentials: map[CredentialType]Credential{},
		CreatedAt: now, UpdatedAt: now,
	}
}

// Clone copies the identity so far that changing the copy leaves i alone.
func (i *Identity) Clone() *Identity {
	c := *i
	c.Credentials = maps.Clone(i.Credentials)
	c.Verifiable, c.Recovery = slices.Clone(i.Verifiable), slices.Clone(i.Recovery)
	return &c
}

// Apply replaces the traits and everything derived from them. Credentials keep
// their configuration and get the new identifiers; addresses that stay keep
// their id and verification, new ones start pending, others are dropped
// (behaviours.md 23.1).
func (i *Identity) Apply(traits json.RawMessage, d Derived, now time.Time) {
	now = now.UTC()
	i.Traits = traits
	if i.Credentials == nil {
		i.Credentials = map[CredentialType]Credential{}
	}
	for t, ids := range d.Identifiers {
		if derivesIdentifiers(t) {
			i.setIdentifiers(t, ids, now)
		}
	}
	for t, c := range i.Credentials {
		// A credential whose identifiers came from traits that are gone can't be found any more.
		if _, derived := d.Identifiers[t]; !derived && derivesIdentifiers(t) && len(c.Identifiers) > 0 {
			i.setIdentifiers(t, nil, now)
		}
	}
	i.Verifiable = keepVerifiable(i.Verifiable, d.Verifiable, now)
	i.Recovery = keepRecovery(i.Recovery, d.Recovery, now)
	i.Search = d.Search
	i.UpdatedAt = now
}

// derivesIdentifiers tells which credential types take their identifiers from traits.
func derivesIdentifiers(t CredentialType) bool { return t == Password || t == Code || t == WebAuthn }

func (i *Identity) setIdentifiers(t CredentialType, ids []string, now time.Time) {
	c, ok := i.Credentials[t]
	if !ok {
		c = Credential{Type: t, CreatedAt: now, UpdatedAt: now}
	}
	if !slices.Equal(c.Identifiers, ids) {
		c.Identifiers, c.UpdatedAt = ids, now
	}
	i.Credentials[t] = c
}

// SetPassword stores a password hash as the identity's password credential.
func (i *Identity) SetPassword(hash string, now time.Time) {
	config, _ := json.Marshal(PasswordConfig{HashedPassword: hash}) // a struct of one string cannot fail
	i.SetCredential(Password, i.Credentials[Password].Identifiers, config, now)
}

// SetCredential gives the identity a credential, or replaces what is in the one it has.
func (i *Identity) SetCredential(t CredentialType, identifiers []string, config json.RawMessage, now time.Time) {
	now = now.UTC()
	c, ok := i.Credentials[t]
	if !ok {
		c = Credential{Type: t, CreatedAt: now}
	}
	c.Identifiers, c.Config, c.UpdatedAt = identifiers, config, now
	if i.Credentials == nil {
		i.Credentials = map[CredentialType]Credential{}
	}
	i.Credentials[t] = c
}

// HasCredential tells whether the identity has set a credential up. One that traits gave
// an identifier, and nothing more, is none.
func (i *Identity) HasCredential(t CredentialType) bool { return len(i.Credentials[t].Config) > 0 }

func keepVerifiable(old []VerifiableAddress, want []Address, now time.Time) []VerifiableAddress {
	var out []VerifiableAddress
	for _, a := range want {
		at := slices.IndexFunc(old, func(v VerifiableAddress) bool { return v.Via == a.Via && v.Value == a.Value })
		if at >= 0 {
			out = append(out, old[at])
			continue
		}
		out = append(out, VerifiableAddress{
			ID: uuid.NewString(), Value: a.Value, Via: a.Via, Status: StatusPending, CreatedAt: now, UpdatedAt: now,
		})
	}
	return out
}

func keepRecovery(old []RecoveryAddress, want []Address, now time.Time) []RecoveryAddress {
	var out []RecoveryAddress
	for _, a := range want {
		at := slices.IndexFunc(old, func(v RecoveryAddress) bool { return v.Via == a.Via && v.Value == a.Value })
		if at >= 0 {
			out = append(out, old[at])
			continue
		}
		out = append(out, RecoveryAddress{ID: uuid.NewString(), Value: a.Value, Via: a.Via, CreatedAt: now, UpdatedAt: now})
	}
	return out
}
