package gateway

import (
	"encoding/json"

	"github.com/gatehouse-id/gatehouse/core/ceremony"
	"github.com/gatehouse-id/gatehouse/core/identity"
	"github.com/gatehouse-id/gatehouse/core/selfservice"
)

// disclosure shows an administrator what is in a credential.
type disclosure = func(*identity.Identity) (json.RawMessage, error)

// disclose is the table of credentials that administrators may look into. What they see is what an import takes.
func (g *Gateway) disclose(a *selfservice.Accounts) map[identity.CredentialType]disclosure {
	keys := func(t identity.CredentialType) disclosure {
		return func(i *identity.Identity) (json.RawMessage, error) { return ceremony.ShowKeys(i.KeyConfig(t)) }
	}
	packed := func(t identity.CredentialType) disclosure {
		return func(i *identity.Identity) (json.RawMessage, error) { return a.Pack(i, t) }
	}
	return map[identity.CredentialType]disclosure{
		identity.OIDC:     g.oidc.Disclose,
		identity.WebAuthn: keys(identity.WebAuthn), identity.Passkey: keys(identity.Passkey),
		identity.TOTP: packed(identity.TOTP), identity.LookupSecret: packed(identity.LookupSecret),
	}
}
