package oidc

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/gatehouse-id/gatehouse/core/identity"
	"github.com/gatehouse-id/gatehouse/core/secret"
)

// CredentialConfig is the Config of a credential of type oidc.
type CredentialConfig struct {
	Providers []Account `json:"providers"`
}

// Account is an account at a provider that an identity signs in with. Its tokens are
// those of the day when it was linked.
type Account struct {
	Subject      string `json:"subject"`
	Provider     string `json:"provider"` // the id in the configuration
	IDToken      string `json:"initial_id_token,omitempty"`
	AccessToken  string `json:"initial_access_token,omitempty"`
	RefreshToken string `json:"initial_refresh_token,omitempty"`
}

// identifier is that of the credential: unique over all identities.
func (a Account) identifier() string { return a.Provider + ":" + a.Subject }

// maxToken bounds a token that is kept. Those of real providers have two or three KiB at
// most, and a record must fit into the store with all others.
const maxToken = 8 << 10

// tokens are the fields of an account that are sealed at rest.
func (a *Account) tokens() map[string]*string {
	return map[string]*string{"id": &a.IDToken, "access": &a.AccessToken, "refresh": &a.RefreshToken}
}

// sealPurpose is what tokens are sealed for.
const sealPurpose = "oidc token"

// place ties a sealed token to its identity, account and field: moved elsewhere it doesn't open.
func (a Account) place(identityID, field string) []byte {
	return []byte(strings.Join([]string{"1", identityID, a.Provider, a.Subject, field}, "\x00"))
}

// seal replaces tokens by what may be stored.
func (a *Account) seal(keys *secret.Keys, identityID string) {
	for field, token := range a.tokens() {
		switch {
		case len(*token) > maxToken:
			*token = ""
		case *token != "":
			*token = keys.SealString(sealPurpose, []byte(*token), a.place(identityID, field))
		}
	}
}

// open is the inverse. A token whose secret is gone from the configuration is an error.
func (a *Account) open(keys *secret.Keys, identityID string) error {
	for field, token := range a.tokens() {
		if *token == "" {
			continue
		}
		plain, err := keys.OpenString(sealPurpose, *token, a.place(identityID, field))
		if err != nil {
			return fmt.Errorf("opening the %s token of provider %s: %w", field, a.Provider, err)
		}
		*token = string(plain)
	}
	return nil
}

// Accounts lists the accounts that an identity signs in with. Their tokens are sealed.
func Accounts(i *identity.Identity) []Account {
	var c CredentialConfig
	if json.Unmarshal(i.Credentials[identity.OIDC].Config, &c) != nil {
		return nil
	}
	return c.Providers
}

// Disclose is the Config of an identity's credential with its tokens in the clear, for
// an administrator who asks for them.
func (m *Method) Disclose(i *identity.Identity) (json.RawMessage, error) {
	all := Accounts(i)
	for n := range all {
		if err := all[n].open(m.Keys, i.ID); err != nil {
			return nil, err
		}
	}
	return json.Marshal(CredentialConfig{Providers: all})
}

// setAccounts replaces the accounts; none takes the credential away.
func setAccounts(i *identity.Identity, all []Account, now time.Time) error {
	if len(all) == 0 {
		delete(i.Credentials, identity.OIDC)
		return nil
	}
	config, err := json.Marshal(CredentialConfig{Providers: all})
	if err != nil {
		return fmt.Errorf("encoding the accounts of an identity: %w", err)
	}
	ids := make([]string, len(all))
	for n, a := range all {
		ids[n] = a.identifier()
	}
	i.SetCredential(identity.OIDC, ids, config, now)
	return nil
}

// renewed seals the tokens of an identity anew where they were sealed under a secret
// that is not the first one any more, and tells whether there were any.
func renewed(keys *secret.Keys, i *identity.Identity, now time.Time) (bool, error) {
	all := Accounts(i)
	old := func(a Account) bool {
		return slices.ContainsFunc([]string{a.IDToken, a.AccessToken, a.RefreshToken}, func(t string) bool {
			return t != "" && keys.StringNeedsReseal(t)
		})
	}
	if !slices.ContainsFunc(all, old) {
		return false, nil
	}
	for n := range all {
		if err := all[n].open(keys, i.ID); err != nil {
			return false, err
		}
		all[n].seal(keys, i.ID)
	}
	return true, setAccounts(i, all, now)
}
