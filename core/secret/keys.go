// Package secret signs and seals cookies, tokens, flow ids and stored secrets with rotating keys.
package secret

import (
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"sync"
	"unicode/utf8"

	"golang.org/x/crypto/chacha20poly1305"
)

// MinLength is the least number of characters a secret may have.
const MinLength = 16

// The errors of NewKeys. A list without secrets is refused too: a server that made one up would log everybody out at each
// restart and disagree with its neighbours.
var (
	ErrNoSecret = errors.New("no secret is configured")
	ErrTooShort = fmt.Errorf("secret is shorter than %d characters", MinLength)
)

// Keys signs and seals with the first of its secrets and accepts what any of them made. To rotate, put a new secret in
// front and drop the old ones when nothing made with them matters any more. Several nodes that restart one by one need it
// behind the old ones first, so that each can read what the others make.
//
// What is made for one purpose is worthless for another: every purpose has keys of its own, derived from the secret. A
// purpose is a constant of the calling package ("session cookie"), never input.
type Keys struct {
	ring []*key
}

// NewKeys makes Keys from the configured secrets. It copies them; a repeated secret counts once.
func NewKeys(secrets []string) (*Keys, error) {
	if len(secrets) == 0 {
		return nil, ErrNoSecret
	}
	ring := make([]*key, 0, len(secrets))
	seen := map[string]bool{}
	for i, secret := range secrets {
		if utf8.RuneCountInString(secret) < MinLength {
			return nil, fmt.Errorf("reading secret %d of %d: %w", i+1, len(secrets), ErrTooShort)
		}
		if !seen[secret] {
			seen[secret] = true
			ring = append(ring, newKey([]byte(secret)))
		}
	}
	return &Keys{ring: ring}, nil
}

// RandomKeys returns Keys that nobody else has. They are for tests and for what may be lost at a restart.
func RandomKeys() *Keys {
	secret := make([]byte, 32)
	rand.Read(secret)
	return &Keys{ring: []*key{newKey(secret)}}
}

// Or returns keys that seal and sign with those of k, and also accept what older made.
func (k *Keys) Or(older *Keys) *Keys { return &Keys{ring: slices.Concat(k.ring, older.ring)} }

// MAC authenticates data for purpose.
func (k *Keys) MAC(purpose string, data []byte) []byte {
	return k.ring[0].forPurpose(purpose).sum(data)
}

// Verify reports whether mac is what MAC gave for the same purpose and data under any of the secrets.
func (k *Keys) Verify(purpose string, data, mac []byte) bool {
	return k.verifyPrefix(purpose, data, mac, sha256.Size)
}

// verifyPrefix compares only the first size bytes, for MACs that are cut to fit.
func (k *Keys) verifyPrefix(purpose string, data, mac []byte, size int) bool {
	ok := false
	for _, key := range k.ring { // no early return: which secret fits isn't the sender's business
		sum := key.forPurpose(purpose).sum(data)
		if hmac.Equal(sum[:size], mac) {
			ok = true
		}
	}
	return ok
}

// key is one secret and what was derived from it.
type key struct {
	secret  []byte
	id      [keyIDSize]byte
	derived sync.Map // purpose -> *purposeKey; as many entries as there are purposes in the program
}

// purposeKey holds one purpose's keys. Sealing and signing have one each, so that no algorithm sees the other's key.
type purposeKey struct {
	aead cipher.AEAD
	mac  []byte
}

func newKey(secret []byte) *key {
	k := &key{secret: secret}
	copy(k.id[:], derive(secret, "key id", keyIDSize))
	return k
}

func (k *key) forPurpose(purpose string) *purposeKey {
	if found, ok := k.derived.Load(purpose); ok {
		return found.(*purposeKey)
	}
	aead, err := chacha20poly1305.NewX(derive(k.secret, "seal:"+purpose, chacha20poly1305.KeySize))
	if err != nil {
		panic("secret: " + err.Error()) // only for a key of the wrong size
	}
	made := &purposeKey{aead: aead, mac: derive(k.secret, "mac:"+purpose, sha256.Size)}
	found, _ := k.derived.LoadOrStore(purpose, made)
	return found.(*purposeKey)
}

func (p *purposeKey) sum(data []byte) []byte {
	h := hmac.New(sha256.New, p.mac)
	h.Write(data)
	return h.Sum(nil)
}

func derive(secret []byte, info string, size int) []byte {
	out, err := hkdf.Key(sha256.New, secret, nil, "gatehouse:"+info, size)
	if err != nil {
		panic("secret: " + err.Error()) // only for sizes beyond 255 hashes
	}
	return out
}
