package secret

import (
	"crypto/rand"
	"errors"
	"slices"

	"golang.org/x/crypto/chacha20poly1305"
)

// ErrSealed says that sealed data can't be opened: it was changed, cut, made for another purpose or other associated
// data, or under a secret that is no longer configured. Which of these it was can't be told.
var ErrSealed = errors.New("sealed data can not be opened")

// Sealed data is: version, key id, nonce, ciphertext with tag. The key id lets Open skip secrets that can't fit and lets
// an operator see which one a record still needs; it is derived one way and tells nothing of the secret.
const (
	sealVersion = 1
	keyIDSize   = 4
	sealHeader  = 1 + keyIDSize

	// Overhead is by how many bytes sealed data is longer than its plaintext.
	Overhead = sealHeader + chacha20poly1305.NonceSizeX + chacha20poly1305.Overhead
)

// The nonce is random. 24 bytes are wide enough for that without a counter, which no two nodes would have to share.

// Seal encrypts and authenticates plaintext. aad is authenticated and not stored: it ties the data to its place (identity
// id and field, say), and Open needs the same.
func (k *Keys) Seal(purpose string, plaintext, aad []byte) []byte {
	key := k.ring[0]
	out := make([]byte, sealHeader+chacha20poly1305.NonceSizeX, len(plaintext)+Overhead)
	out[0] = sealVersion
	copy(out[1:], key.id[:])
	nonce := out[sealHeader:]
	rand.Read(nonce)
	return key.forPurpose(purpose).aead.Seal(out, nonce, plaintext, aad)
}

// Open returns the plaintext of what Seal made for the same purpose and aad under any of the secrets, or ErrSealed.
func (k *Keys) Open(purpose string, sealed, aad []byte) ([]byte, error) {
	if len(sealed) < Overhead || sealed[0] != sealVersion {
		return nil, ErrSealed
	}
	id, rest := sealed[1:sealHeader], sealed[sealHeader:]
	nonce, ciphertext := rest[:chacha20poly1305.NonceSizeX], rest[chacha20poly1305.NonceSizeX:]
	for _, key := range k.ring {
		if !slices.Equal(key.id[:], id) {
			continue
		}
		plaintext, err := key.forPurpose(purpose).aead.Open(nil, nonce, ciphertext, aad)
		if err == nil {
			return plaintext, nil
		}
	}
	return nil, ErrSealed
}

// NeedsReseal reports whether sealed was made under another secret than the first, so that it should be written anew
// before that secret goes.
func (k *Keys) NeedsReseal(sealed []byte) bool {
	return len(sealed) < sealHeader || !slices.Equal(sealed[1:sealHeader], k.ring[0].id[:])
}

// StringNeedsReseal is NeedsReseal for what SealString made. What isn't sealed at all needs it too.
func (k *Keys) StringNeedsReseal(sealed string) bool {
	raw, ok := urlText.decode(sealed)
	return !ok || k.NeedsReseal(raw)
}

// SealString is Seal in base64url, fit for cookies and URLs.
func (k *Keys) SealString(purpose string, plaintext, aad []byte) string {
	return urlText.EncodeToString(k.Seal(purpose, plaintext, aad))
}

// OpenString opens what SealString made.
func (k *Keys) OpenString(purpose, sealed string, aad []byte) ([]byte, error) {
	raw, ok := urlText.decode(sealed)
	if !ok {
		return nil, ErrSealed
	}
	return k.Open(purpose, raw, aad)
}
