package identity

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"
)

// linkConfig is the part of the config of a credential of the type oidc that is known here: a list whose elements have a
// provider and a subject. Whatever else is in them stays.
type linkConfig struct {
	Providers []json.RawMessage `json:"providers"`
}

// linkTo is one account at a provider.
type linkTo struct {
	Provider string `json:"provider"`
	Subject  string `json:"subject"`
}

// LinkIdentifier is the identifier of the credential that belongs to an account at a provider.
func LinkIdentifier(provider, subject string) string { return provider + ":" + subject }

// Link lets somebody sign in with an account at a provider. One that is linked already stays as it is.
func (i *Identity) Link(provider, subject string, now time.Time) error {
	c := i.Credentials[OIDC]
	if slices.Contains(c.Identifiers, LinkIdentifier(provider, subject)) {
		return nil
	}
	var config linkConfig
	if len(c.Config) > 0 {
		if err := json.Unmarshal(c.Config, &config); err != nil {
			return fmt.Errorf("reading the links of %s: %w", i.ID, err)
		}
	}
	account, err := json.Marshal(linkTo{provider, subject})
	if err != nil {
		return fmt.Errorf("encoding a link: %w", err)
	}
	raw, err := json.Marshal(linkConfig{append(config.Providers, account)})
	if err != nil {
		return fmt.Errorf("encoding the links of %s: %w", i.ID, err)
	}
	i.SetCredential(OIDC, append(slices.Clone(c.Identifiers), LinkIdentifier(provider, subject)), raw, now)
	return nil
}

// Unlink takes the account with an identifier away. false means that there was no such link.
func (i *Identity) Unlink(identifier string, now time.Time) bool {
	c, ok := i.Credentials[OIDC]
	var config linkConfig
	if !ok || !slices.Contains(c.Identifiers, identifier) || json.Unmarshal(c.Config, &config) != nil {
		return false
	}
	config.Providers = slices.DeleteFunc(config.Providers, func(raw json.RawMessage) bool {
		var l linkTo
		return json.Unmarshal(raw, &l) == nil && LinkIdentifier(l.Provider, l.Subject) == identifier
	})
	if len(config.Providers) == 0 {
		delete(i.Credentials, OIDC)
		return true
	}
	raw, _ := json.Marshal(config) // it was read from JSON
	ids := slices.DeleteFunc(slices.Clone(c.Identifiers), func(id string) bool { return id == identifier })
	i.SetCredential(OIDC, ids, raw, now)
	return true
}

// RemoveCredential takes a credential away. Identifiers that come from traits stay: they reserve what they say. false means
// that there was nothing to take.
func (i *Identity) RemoveCredential(t CredentialType, now time.Time) bool {
	if t == OIDC || !i.HasCredential(t) {
		return false
	}
	if derivesIdentifiers(t) {
		i.SetCredential(t, i.Credentials[t].Identifiers, nil, now)
		return true
	}
	delete(i.Credentials, t)
	return true
}

// SetProof notes whether the owner of a verifiable address has proven it, as another system knows. An empty status follows
// from that.
func (i *Identity) SetProof(a Address, verified bool, status string, at *time.Time, now time.Time) {
	n := i.verifiable(a.Via, a.Value)
	if n < 0 {
		return
	}
	now = now.UTC()
	v := &i.Verifiable[n]
	if status == "" {
		status = StatusPending
		if verified {
			status = StatusCompleted
		}
	}
	if verified && at == nil {
		at = &now
	}
	if !verified {
		at = nil
	}
	v.Verified, v.Status, v.VerifiedAt, v.UpdatedAt = verified, status, at, now
}
