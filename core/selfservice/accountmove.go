package selfservice

import (
	"encoding/json"
	"fmt"

	"github.com/gatehouse-id/gatehouse/core/apierror"
	"github.com/gatehouse-id/gatehouse/core/identity"
)

// packed is a credential that holds nothing but secrets, on its way from one installation to another with the same cipher
// secrets. Who reads it on the way learns nothing.
type packed struct {
	Sealed []byte `json:"sealed"`
}

const packPurpose = "credential that moves"

// packPlace ties a packed credential to whose it is: nobody gets the app of somebody else.
func packPlace(i *identity.Identity, t identity.CredentialType) []byte {
	return []byte(string(t) + "\x00" + i.ID)
}

// Pack makes something of a credential that an import takes and that nobody can read.
func (a *Accounts) Pack(i *identity.Identity, t identity.CredentialType) (json.RawMessage, error) {
	if !i.HasCredential(t) {
		return json.RawMessage(`{}`), nil
	}
	raw, err := json.Marshal(packed{a.Cipher.Seal(packPurpose, i.Credentials[t].Config, packPlace(i, t))})
	if err != nil {
		return nil, fmt.Errorf("packing the %s credential of identity %s: %w", t, i.ID, err)
	}
	return raw, nil
}

// unpack gives an identity what Pack made. false means that the document is none of those.
func (a *Accounts) unpack(i *identity.Identity, t identity.CredentialType, config json.RawMessage) (bool, error) {
	var p packed
	if json.Unmarshal(config, &p) != nil || p.Sealed == nil {
		return false, nil
	}
	raw, err := a.Cipher.Open(packPurpose, p.Sealed, packPlace(i, t))
	if err != nil {
		return false, apierror.BadRequest("The credentials of the type %s were sealed with another secret or for another id. "+
			"Set secrets.cipher to what the other installation has, or secrets.default if it has none.", t)
	}
	i.SetCredential(t, []string{i.ID}, raw, a.Now())
	return true, nil
}
