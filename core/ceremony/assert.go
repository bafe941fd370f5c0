package ceremony

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"

	"github.com/gatehouse-id/gatehouse/core/identity"
)

// Errors of an answer. What is wrong in detail stands in the chain, for the log.
var (
	// ErrMalformed says that it is no answer at all.
	ErrMalformed = errors.New("ceremony: the answer can't be read")
	// ErrRefused says that it proves no key: another page, challenge, user or signature.
	ErrRefused = errors.New("ceremony: the answer proves no key")
	// ErrCloned says that it does, and that the counter has not risen: there is a copy of the key.
	ErrCloned = errors.New("ceremony: the key has a copy")
)

func refused(err error) error {
	var pe *protocol.Error
	if errors.As(err, &pe) {
		return fmt.Errorf("%w: %s", ErrRefused, pe.Details)
	}
	return fmt.Errorf("%w: %w", ErrRefused, err)
}

// maxAnswer bounds an answer. Chains of certificates in it are a few KiB.
const maxAnswer = 64 << 10

// Assertion is what a browser is asked for to use a key, as its script takes it: one of the
// user's, or any discoverable key when the user is nobody.
func (p *Party) Assertion(b Binding, u User) (json.RawMessage, error) {
	options, _, err := p.library.BeginDiscoverableLogin(
		webauthn.WithChallenge(p.challenge(toAssert, b, u.Handle)),
		webauthn.WithUserVerification(p.verification),
		webauthn.WithAllowedCredentials(descriptors(u.Keys)),
	)
	if err != nil {
		return nil, fmt.Errorf("asking for a key: %w", err)
	}
	return json.Marshal(options)
}

// Signature is an answer to Assertion that was read and not checked.
type Signature struct {
	parsed *protocol.ParsedCredentialAssertionData
}

// ReadSignature reads an answer; ErrMalformed.
func ReadSignature(answer string) (Signature, error) {
	if len(answer) > maxAnswer {
		return Signature{}, ErrMalformed
	}
	parsed, err := protocol.ParseCredentialRequestResponseBytes([]byte(answer))
	if err != nil {
		return Signature{}, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	return Signature{parsed}, nil
}

// Handle is who the authenticator says it belongs to, or nil.
func (s Signature) Handle() []byte { return s.parsed.Response.UserHandle }

// Check tells which of the user's keys made the signature, as it is to be stored now. named says
// that Assertion was asked for this user; else the signature itself has to name them. With
// ErrCloned the key is returned too; ErrRefused.
func (p *Party) Check(b Binding, u User, named bool, s Signature) (identity.Key, error) {
	asked := User{}
	if named {
		asked = u
	}
	client := s.parsed.Response.CollectedClientData
	if err := p.trust(toAssert, b, asked, client); err != nil {
		return identity.Key{}, err
	}
	at := identity.KeyConfig{Keys: u.Keys}.Find(s.parsed.RawID)
	if at < 0 {
		return identity.Key{}, fmt.Errorf("%w: the user has no such key", ErrRefused)
	}
	key := u.Keys[at]
	now, err := p.verify(User{Handle: u.Handle, Keys: []identity.Key{key}}, named, client.Challenge, s.parsed)
	if err != nil {
		return identity.Key{}, refused(err)
	}
	key.Flags = newFlags(now.Flags)
	if now.Authenticator.CloneWarning {
		key.Authenticator.CloneWarning = true
		return key, ErrCloned
	}
	key.Authenticator.SignCount = now.Authenticator.SignCount
	return key, nil
}

func (p *Party) verify(u User, named bool, challenge string, parsed *protocol.ParsedCredentialAssertionData) (*webauthn.Credential, error) {
	who := account{User: u}
	who.eligible = parsed.Response.AuthenticatorData.Flags.HasBackupEligible()
	session := webauthn.SessionData{Challenge: challenge, UserVerification: p.verification}
	if !named {
		_, key, err := p.library.ValidatePasskeyLogin(func(_, _ []byte) (webauthn.User, error) { return who, nil }, session, parsed)
		return key, err
	}
	session.UserID = u.Handle
	return p.library.ValidateLogin(who, session, parsed)
}
