package session

import (
	"bytes"
	"slices"

	"github.com/gatehouse-id/gatehouse/core/identity"
)

// Factors is a set of second factors.
type Factors uint8

// The second factors.
const (
	FactorTOTP Factors = 1 << iota
	FactorLookup
	FactorWebAuthn
	FactorCode // a code that is sent to an address
)

// secondFactors are the methods that can ask for a second factor.
var secondFactors = map[identity.CredentialType]Factors{
	identity.TOTP: FactorTOTP, identity.LookupSecret: FactorLookup, identity.WebAuthn: FactorWebAuthn, identity.Code: FactorCode,
}

// FactorOf is the second factor that a method asks for; 0 when it is none.
func FactorOf(method identity.CredentialType) Factors { return secondFactors[method] }

// SecondFactors are those that the identity can show in the session, whether or not the site asks for them.
func (s *Session) SecondFactors(i *identity.Identity) Factors {
	var f Factors
	for _, t := range []identity.CredentialType{identity.TOTP, identity.LookupSecret} {
		if i.HasCredential(t) {
			f |= FactorOf(t)
		}
	}
	if i.HasSecondFactorKey() {
		f |= FactorWebAuthn
	}
	if s.StrengthenedByCode(i) {
		f |= FactorCode
	}
	return f
}

// Available is the highest level that the session of an identity can reach with the
// factors that the site asks for. One that is switched off locks nobody out.
func (s *Session) Available(i *identity.Identity, on Factors) AAL {
	if s.SecondFactors(i)&on != 0 {
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

// SameFactors tells whether two states of an identity have the same second factors set up.
func SameFactors(a, b *identity.Identity) bool {
	return !slices.ContainsFunc([]identity.CredentialType{identity.TOTP, identity.LookupSecret, identity.WebAuthn}, func(t identity.CredentialType) bool {
		return !bytes.Equal(a.Credentials[t].Config, b.Credentials[t].Config)
	})
}

// HighestAvailable is the setting that asks everybody for all the factors they have set up.
const HighestAvailable = "highest_available"

// Reaches tells whether the session is good enough for a required_aal setting: HighestAvailable, or "aal1".
// on is as in Available.
func (s *Session) Reaches(required string, i *identity.Identity, on Factors) bool {
	if required == HighestAvailable {
		return s.AAL() >= s.Available(i, on)
	}
	return s.AAL() >= AAL1
}
