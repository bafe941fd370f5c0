package identity

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strings"
	"time"
)

// AccessStamp changes whenever the way into the account does: with a new password,
// other recovery addresses, or a recovery. Links and codes made before are bound to
// the old one.
func (i *Identity) AccessStamp() string {
	addresses := make([]string, 0, len(i.Recovery))
	for _, a := range i.Recovery {
		addresses = append(addresses, a.Via+":"+a.Value)
	}
	slices.Sort(addresses)
	raw, _ := json.Marshal([]any{i.PasswordHash(), addresses, i.Recoveries}) // texts and a number
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:])
}

// CodeAddresses lists where codes to sign in with can be sent.
func (i *Identity) CodeAddresses() []Address {
	var out []Address
	for _, value := range i.Credentials[Code].Identifiers {
		out = append(out, AddressOf(value))
	}
	return out
}

// SignInAddresses lists where codes can be sent that are enough to sign in: with fallback,
// to every address that its owner has verified too.
func (i *Identity) SignInAddresses(fallback bool) []Address {
	out := i.CodeAddresses()
	if !fallback {
		return out
	}
	for _, v := range i.Verifiable {
		if a := (Address{Via: v.Via, Value: v.Value}); v.Verified && !slices.Contains(out, a) {
			out = append(out, a)
		}
	}
	return out
}

// AddressOf tells by the look of it what kind of address a normalised text is.
func AddressOf(value string) Address {
	if strings.Contains(value, "@") {
		return Address{Via: ViaEmail, Value: value}
	}
	return Address{Via: ViaSMS, Value: value}
}

// ViaOf is a channel by one of its names: sms was phone before anything could be sent there.
func ViaOf(name string) string {
	if name == "phone" {
		return ViaSMS
	}
	return name
}

// CanRecoverAt tells whether the address is one to regain the account by.
func (i *Identity) CanRecoverAt(via, value string) bool {
	return slices.ContainsFunc(i.Recovery, func(a RecoveryAddress) bool { return a.Via == via && a.Value == value })
}

// CanVerify tells whether the address is one that its owner can prove.
func (i *Identity) CanVerify(via, value string) bool {
	return i.verifiable(via, value) >= 0
}

// Unverified tells whether the address is one that its owner can prove and has not.
func (i *Identity) Unverified(via, value string) bool {
	n := i.verifiable(via, value)
	return n >= 0 && !i.Verifiable[n].Verified
}

// verifiable is the index of a verifiable address, or -1.
func (i *Identity) verifiable(via, value string) int {
	return slices.IndexFunc(i.Verifiable, func(a VerifiableAddress) bool { return a.Via == via && a.Value == value })
}

// Verify notes that the owner of a verifiable address has proven it. false means
// that the identity has no such address.
func (i *Identity) Verify(via, value string, now time.Time) bool {
	n := i.verifiable(via, value)
	if n < 0 {
		return false
	}
	if a := &i.Verifiable[n]; !a.Verified {
		now = now.UTC()
		a.Verified, a.VerifiedAt, a.Status, a.UpdatedAt = true, &now, StatusCompleted, now
	}
	return true
}

// Unasked lists the addresses whose owner has not been asked to prove them yet.
func (i *Identity) Unasked() []Address {
	var out []Address
	for _, a := range i.Verifiable {
		if a.Status == StatusPending && !a.Verified {
			out = append(out, Address{Via: a.Via, Value: a.Value})
		}
	}
	return out
}

// NoteSent notes that a message to verify the address is on its way, and tells
// whether that is news.
func (i *Identity) NoteSent(via, value string, now time.Time) bool {
	n := i.verifiable(via, value)
	if n < 0 || i.Verifiable[n].Status != StatusPending {
		return false
	}
	i.Verifiable[n].Status, i.Verifiable[n].UpdatedAt = StatusSent, now.UTC()
	return true
}

// TakeBackSent undoes NoteSent.
func (i *Identity) TakeBackSent(via, value string) {
	n := i.verifiable(via, value)
	if n >= 0 && i.Verifiable[n].Status == StatusSent {
		i.Verifiable[n].Status = StatusPending
	}
}
