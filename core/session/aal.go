package session

import (
	"bytes"
	"slices"

	"github.com/gatehouse-id/gatehouse/core/identity"
)

// secondFactors are the credentials that can be asked for after another one. Of security keys, only some can.
var secondFactors = []identity.CredentialType{identity.TOTP, identity.LookupSecret}

// Available is the highest level that the session of an identity can reach with the
// credentials the identity has. codes says whether a code that is sent to an address
// counts as a second factor.
func (s *Session) Available(i *identity.Identity, codes bool) AAL {
	for _, t := range secondFactors {
		if i.HasCredential(t) {
			return AAL2
		}
	}
	if i.HasSecondFactorKey() || codes && s.StrengthenedByCode(i) {
		return AAL2
	}
	return AAL1
}

// letters are the first factors that show no more than that somebody reads what is sent
// to the account.
var letters = []string{string(identity.Code), "code_recovery", "link_recovery"}

// StrengthenedByCode tells whether a code that is sent to the identity is another factor
// than those of the session. To read the mailbox twice is to show the same thing twice.
func (s *Session) StrengthenedByCode(i *identity.Identity) bool {
	return len(i.CodeAddresses()) > 0 && slices.ContainsFunc(s.Methods, func(m AuthenticationMethod) bool {
		return m.AAL == AAL1 && !slices.Contains(letters, m.Method)
	})
}

// SameFactors tells whether two states of an identity have the same second factors.
func SameFactors(a, b *identity.Identity) bool {
	all := append(slices.Clone(secondFactors), identity.WebAuthn)
	return !slices.ContainsFunc(all, func(t identity.CredentialType) bool {
		return !bytes.Equal(a.Credentials[t].Config, b.Credentials[t].Config)
	})
}

// HighestAvailable is the setting that asks everybody for all the factors they have set up.
const HighestAvailable = "highest_available"

// Reaches tells whether the session is good enough for a required_aal setting: HighestAvailable, or "aal1".
// codes is as in Available.
func (s *Session) Reaches(required string, i *identity.Identity, codes bool) bool {
	if required == HighestAvailable {
		return s.AAL() >= s.Available(i, codes)
	}
	return s.AAL() >= AAL1
}
