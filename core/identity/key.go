package identity

import (
	"bytes"
	"encoding/json"
	"reflect"
	"slices"
	"time"
)

// MaxKeys is how many keys one credential holds: more than people carry, and few enough for a record.
const MaxKeys = 10

// MaxKeyName bounds what people call a key, in bytes.
const MaxKeyName = 100

// KeyConfig is the Config of the credentials that hold public keys: WebAuthn and Passkey.
type KeyConfig struct {
	Keys []Key `json:"credentials"`
	// UserHandle is what authenticators know the account by. Without one it is the
	// identity's id, in 16 bytes.
	UserHandle []byte `json:"user_handle,omitempty"`
}

// Key is one public key: a security key, a phone, or a passkey that several devices share.
type Key struct {
	ID              []byte        `json:"id"` // made by the authenticator
	PublicKey       []byte        `json:"public_key"`
	AttestationType string        `json:"attestation_type"`
	Authenticator   Authenticator `json:"authenticator"`
	Flags           *KeyFlags     `json:"flags,omitempty"` // nil in records of the time before they were kept
	DisplayName     string        `json:"display_name"`
	AddedAt         time.Time     `json:"added_at"`
	// Passwordless says that the key alone signs somebody in, and is therefore no second factor.
	Passwordless bool     `json:"is_passwordless"`
	Transports   []string `json:"transports,omitempty"` // how browsers reach it: "usb", "internal", …
}

// Authenticator is what holds the private key.
type Authenticator struct {
	AAGUID []byte `json:"aaguid"` // names the model; all zeros when the browser keeps it to itself
	// SignCount is the counter of the last signature. One that doesn't rise tells of a copy;
	// it stays 0 where the key is meant to be on several devices.
	SignCount uint32 `json:"sign_count"`
	// CloneWarning says that a signature came whose counter had not risen.
	CloneWarning bool `json:"clone_warning"`
}

// KeyFlags is what an authenticator said of itself when the key was made or last used.
type KeyFlags struct {
	UserPresent    bool `json:"user_present"`
	UserVerified   bool `json:"user_verified"`
	BackupEligible bool `json:"backup_eligible"` // may be on several devices; never changes
	BackupState    bool `json:"backup_state"`
}

// KeyConfig reads the keys of a credential; one without keys, or one that can't be read, has none.
func (i *Identity) KeyConfig(t CredentialType) KeyConfig {
	var c KeyConfig
	if json.Unmarshal(i.Credentials[t].Config, &c) != nil {
		return KeyConfig{}
	}
	return c
}

// SetKeys replaces the keys of a credential, which keeps its identifiers. Without a key
// it is none any more.
func (i *Identity) SetKeys(t CredentialType, c KeyConfig, now time.Time) {
	ids := i.Credentials[t].Identifiers
	if len(c.Keys) == 0 {
		delete(i.Credentials, t)
		if derivesIdentifiers(t) && len(ids) > 0 {
			i.setIdentifiers(t, ids, now.UTC())
		}
		return
	}
	if h := string(c.UserHandle); t == Passkey && !slices.Contains(ids, h) {
		ids = append(slices.Clone(ids), h) // it is how somebody is found who names nobody
	}
	config, _ := json.Marshal(c) // no value in it can fail
	i.SetCredential(t, ids, config, now)
}

// SetKey replaces the key with the same id, if there is one, and tells whether it is another now.
func (i *Identity) SetKey(t CredentialType, k Key, now time.Time) bool {
	c := i.KeyConfig(t)
	at := c.Find(k.ID)
	if at < 0 || reflect.DeepEqual(c.Keys[at], k) {
		return false
	}
	c.Keys[at] = k
	i.SetKeys(t, c, now)
	return true
}

// Find returns the place of the key with that id, or -1.
func (c KeyConfig) Find(id []byte) int {
	return slices.IndexFunc(c.Keys, func(k Key) bool { return bytes.Equal(k.ID, id) })
}

// HasSecondFactorKey tells whether there is a key that counts beside another factor.
func (i *Identity) HasSecondFactorKey() bool {
	return slices.ContainsFunc(i.KeyConfig(WebAuthn).Keys, func(k Key) bool { return !k.Passwordless })
}

// firstFactorKeys counts the keys of a credential that sign in alone.
func (i *Identity) firstFactorKeys(t CredentialType) int {
	n := 0
	for _, k := range i.KeyConfig(t).Keys {
		if t == Passkey || k.Passwordless {
			n++
		}
	}
	return n
}
