package ceremony

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/go-webauthn/webauthn/protocol/webauthncose"

	"github.com/gatehouse-id/gatehouse/core/apierror"
	"github.com/gatehouse-id/gatehouse/core/identity"
)

// movedKeys is how servers hand the keys of an account over to each other: the document of Kratos' admin API.
type movedKeys struct {
	Keys       []movedKey `json:"credentials"`
	UserHandle []byte     `json:"user_handle,omitempty"`
}

type movedKey struct {
	ID              []byte                 `json:"id"`
	PublicKey       []byte                 `json:"public_key"`
	AttestationType string                 `json:"attestation_type"`
	Authenticator   identity.Authenticator `json:"authenticator"`
	Flags           *identity.KeyFlags     `json:"flags,omitempty"`
	DisplayName     string                 `json:"display_name"`
	AddedAt         time.Time              `json:"added_at"`
	Passwordless    bool                   `json:"is_passwordless"`
	Transports      []string               `json:"transport,omitempty"`
	// Attestation says how the key was made. Nobody looks at it once the key is there.
	Attestation json.RawMessage `json:"attestation,omitempty"`
}

// Bounds of what another server says of a key, in bytes. The first two are those of WebAuthn.
const (
	maxKeyID   = 1023
	maxHandle  = 64
	maxKeyText = 255
	aaguidSize = 16
)

// ShowKeys is what ReadKeys takes; an empty document when there are no keys.
func ShowKeys(c identity.KeyConfig) (json.RawMessage, error) {
	if len(c.Keys) == 0 {
		return json.RawMessage(`{}`), nil
	}
	out := movedKeys{Keys: make([]movedKey, len(c.Keys)), UserHandle: c.UserHandle}
	for n, k := range c.Keys {
		out.Keys[n] = movedKey{
			ID: k.ID, PublicKey: k.PublicKey, AttestationType: k.AttestationType, Authenticator: k.Authenticator, Flags: k.Flags,
			DisplayName: k.DisplayName, AddedAt: k.AddedAt, Passwordless: k.Passwordless, Transports: k.Transports,
		}
	}
	return json.Marshal(out)
}

// ReadKeys reads keys that were made for this site on another server. What can't be used is refused with an *apierror.Error.
func ReadKeys(config json.RawMessage) (identity.KeyConfig, error) {
	var moved movedKeys
	d := json.NewDecoder(bytes.NewReader(config))
	d.DisallowUnknownFields()
	if err := d.Decode(&moved); err != nil {
		return identity.KeyConfig{}, apierror.BadRequest("Public keys can't be read: %s.", err)
	}
	if len(moved.Keys) == 0 || len(moved.Keys) > identity.MaxKeys {
		return identity.KeyConfig{}, apierror.BadRequest("There must be 1 to %d public keys.", identity.MaxKeys)
	}
	if len(moved.UserHandle) > maxHandle {
		return identity.KeyConfig{}, apierror.BadRequest("A user_handle has %d bytes at most.", maxHandle)
	}
	c := identity.KeyConfig{UserHandle: moved.UserHandle}
	for n, k := range moved.Keys {
		if err := k.check(); err != nil || c.Find(k.ID) >= 0 {
			return identity.KeyConfig{}, apierror.BadRequest("The public key %d can't be used: %s.", n, reasonOr(err, "it is there twice"))
		}
		c.Keys = append(c.Keys, identity.Key{
			ID: k.ID, PublicKey: k.PublicKey, AttestationType: k.AttestationType, Authenticator: k.Authenticator, Flags: k.Flags,
			DisplayName: k.DisplayName, AddedAt: k.AddedAt, Passwordless: k.Passwordless, Transports: k.Transports,
		})
	}
	return c, nil
}

func (k movedKey) check() error {
	long := func(text string) bool { return len(text) > maxKeyText || !utf8.ValidString(text) }
	switch {
	case len(k.ID) == 0 || len(k.ID) > maxKeyID:
		return fmt.Errorf("its id must have 1 to %d bytes", maxKeyID)
	case len(k.Authenticator.AAGUID) != 0 && len(k.Authenticator.AAGUID) != aaguidSize:
		return fmt.Errorf("its aaguid must have %d bytes", aaguidSize)
	case long(k.DisplayName) || long(k.AttestationType) || len(k.Transports) > maxTransports || slices.ContainsFunc(k.Transports, long):
		return fmt.Errorf("its texts are too long")
	}
	if _, err := webauthncose.ParsePublicKey(k.PublicKey); err != nil {
		return fmt.Errorf("its public_key is none of COSE")
	}
	return nil
}

func reasonOr(err error, text string) string {
	if err != nil {
		return err.Error()
	}
	return text
}
