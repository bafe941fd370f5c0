package session

import (
	"bytes"
	"slices"

	"github.com/gatehouse-id/gatehouse/core/identity"
)

// secondFactors are the credentials that can be asked for after another one.
var secondFactors = []identity.CredentialType{identity.TOTP, identity.LookupSecret, identity.WebAuthn}

// Available is the highest level the identity can reach with the credentials it has.
func Available(i *identity.Identity) AAL {
	for _, t := range secondFactors {
		if i.HasCredential(t) {
			return AAL2
		}
	}
	return AAL1
}

// SameFactors tells whether two states of an identity have the same second factors.
func SameFactors(a, b *identity.Identity) bool {
	return !slices.ContainsFunc(secondFactors, func(t identity.CredentialType) bool {
		return !bytes.Equal(a.Credentials[t].Config, b.Credentials[t].Config)
	})
}

// HighestAvailable is the setting that asks everybody for all the factors they have set up.
const HighestAvailable = "highest_available"

// Reaches tells whether the session is good enough for a required_aal setting: HighestAvailable, or "aal1".
func (s *Session) Reaches(required string, i *identity.Identity) bool {
	if required == HighestAvailable {
		return s.AAL() >= Available(i)
	}
	return s.AAL() >= AAL1
}
