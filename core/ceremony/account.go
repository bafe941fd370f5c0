package ceremony

import (
	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"

	"github.com/gatehouse-id/gatehouse/core/identity"
)

// account shows a User to the library.
type account struct {
	User
	// eligible stands in for the backup flag of keys that were stored without it.
	eligible bool
}

func (a account) WebAuthnID() []byte          { return a.Handle }
func (a account) WebAuthnName() string        { return a.Name }
func (a account) WebAuthnDisplayName() string { return a.Name }

func (a account) WebAuthnCredentials() []webauthn.Credential {
	out := make([]webauthn.Credential, len(a.Keys))
	for n, k := range a.Keys {
		out[n] = a.credential(k)
	}
	return out
}

// credential leaves an earlier clone warning out, so that a new one can be told.
func (a account) credential(k identity.Key) webauthn.Credential {
	c := webauthn.Credential{
		ID: k.ID, PublicKey: k.PublicKey, AttestationType: k.AttestationType, Transport: transports(k),
		Flags:         webauthn.CredentialFlags{BackupEligible: a.eligible},
		Authenticator: webauthn.Authenticator{AAGUID: k.Authenticator.AAGUID, SignCount: k.Authenticator.SignCount},
	}
	if f := k.Flags; f != nil {
		c.Flags = webauthn.CredentialFlags{
			UserPresent: f.UserPresent, UserVerified: f.UserVerified, BackupEligible: f.BackupEligible, BackupState: f.BackupState,
		}
	}
	return c
}

func transports(k identity.Key) []protocol.AuthenticatorTransport {
	out := make([]protocol.AuthenticatorTransport, len(k.Transports))
	for n, t := range k.Transports {
		out[n] = protocol.AuthenticatorTransport(t)
	}
	return out
}

func descriptors(keys []identity.Key) []protocol.CredentialDescriptor {
	var out []protocol.CredentialDescriptor
	for _, k := range keys {
		out = append(out, protocol.CredentialDescriptor{
			Type: protocol.PublicKeyCredentialType, CredentialID: k.ID, Transport: transports(k),
		})
	}
	return out
}
