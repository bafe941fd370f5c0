package ceremony

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"

	"github.com/gatehouse-id/gatehouse/core/identity"
)

// User is whose keys they are.
type User struct {
	Handle []byte // what authenticators know the account by; nil while nobody is named
	Name   string // for people
	Keys   []identity.Key
}

// Creation is what a browser is asked for to make a key, as its script takes it. A key that the
// user has is not made again.
func (p *Party) Creation(b Binding, u User) (json.RawMessage, error) {
	options, _, err := p.library.BeginRegistration(account{User: u},
		webauthn.WithExclusions(descriptors(u.Keys)),
		webauthn.WithAuthenticatorSelection(p.selection()),
		webauthn.WithConveyancePreference(protocol.PreferNoAttestation),
		func(o *protocol.PublicKeyCredentialCreationOptions) error {
			o.Challenge = p.challenge(toCreate, b, u.Handle)
			return nil
		})
	if err != nil {
		return nil, fmt.Errorf("asking for a new key: %w", err)
	}
	return json.Marshal(options)
}

func (p *Party) selection() protocol.AuthenticatorSelection {
	s := protocol.AuthenticatorSelection{RequireResidentKey: &p.discoverable, UserVerification: p.verification}
	if p.discoverable {
		s.ResidentKey = protocol.ResidentKeyRequirementRequired
	}
	return s
}

// Create reads the answer to Creation. ErrMalformed and ErrRefused are the sender's fault.
func (p *Party) Create(b Binding, u User, answer string, now time.Time) (identity.Key, error) {
	if len(answer) > maxAnswer {
		return identity.Key{}, ErrMalformed
	}
	parsed, err := protocol.ParseCredentialCreationResponseBytes([]byte(answer))
	if err != nil {
		return identity.Key{}, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	client := parsed.Response.CollectedClientData
	if err := p.trust(toCreate, b, u, client); err != nil {
		return identity.Key{}, err
	}
	made, err := p.library.CreateCredential(account{User: u}, webauthn.SessionData{
		Challenge: client.Challenge, UserID: u.Handle, UserVerification: p.verification,
		CredParams: webauthn.CredentialParametersDefault(),
	}, parsed)
	if err != nil {
		return identity.Key{}, refused(err)
	}
	if slices.ContainsFunc(u.Keys, func(k identity.Key) bool { return bytes.Equal(k.ID, made.ID) }) {
		return identity.Key{}, fmt.Errorf("%w: the key is there already", ErrRefused)
	}
	return newKey(made, now), nil
}

// trust checks what the browser says about the page it was on. The library would take an origin
// in other spellings too.
func (p *Party) trust(step string, b Binding, u User, c protocol.CollectedClientData) error {
	switch {
	case !slices.Contains(p.origins, c.Origin):
		return fmt.Errorf("%w: it was made for the page %.100q", ErrRefused, c.Origin)
	case !p.expects(step, b, u.Handle, c.Challenge):
		return fmt.Errorf("%w: it answers another challenge", ErrRefused)
	}
	return nil
}

func newKey(c *webauthn.Credential, now time.Time) identity.Key {
	k := identity.Key{
		ID: c.ID, PublicKey: c.PublicKey, AttestationType: c.AttestationType, AddedAt: now.UTC().Truncate(time.Second),
		Authenticator: identity.Authenticator{AAGUID: c.Authenticator.AAGUID, SignCount: c.Authenticator.SignCount},
		Flags:         newFlags(c.Flags),
	}
	for _, t := range c.Transport {
		if len(k.Transports) < maxTransports && len(t) < maxTransport {
			k.Transports = append(k.Transports, string(t))
		}
	}
	return k
}

// Bounds of what a browser says about transports, which nothing signs.
const (
	maxTransports = 8
	maxTransport  = 32
)

func newFlags(f webauthn.CredentialFlags) *identity.KeyFlags {
	return &identity.KeyFlags{
		UserPresent: f.UserPresent, UserVerified: f.UserVerified, BackupEligible: f.BackupEligible, BackupState: f.BackupState,
	}
}
