package secret

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
)

const csrfSize = 32

var csrfText = base64.StdEncoding.Strict()

// NewCSRF returns the secret that an anti-CSRF cookie carries.
func NewCSRF() []byte {
	secret := make([]byte, csrfSize)
	rand.Read(secret)
	return secret
}

// MaskCSRF returns the form token for secret. Every call gives another one, so that a compressed page doesn't let the
// secret be guessed letter by letter from its length (BREACH).
func MaskCSRF(secret []byte) string {
	token := make([]byte, 2*len(secret))
	pad := token[:len(secret)]
	rand.Read(pad)
	subtle.XORBytes(token[len(secret):], pad, secret)
	return csrfText.EncodeToString(token)
}

// CheckCSRF reports whether sent is a form token for secret, or the secret itself as the cookie spells it.
func CheckCSRF(sent string, secret []byte) bool {
	if len(secret) != csrfSize || len(sent) > csrfText.EncodedLen(2*csrfSize) {
		return false
	}
	token, err := csrfText.DecodeString(sent)
	if err != nil {
		return false
	}
	if len(token) == 2*csrfSize {
		plain := make([]byte, csrfSize)
		subtle.XORBytes(plain, token[:csrfSize], token[csrfSize:])
		token = plain
	}
	return subtle.ConstantTimeCompare(token, secret) == 1
}

// EncodeCSRF is how the cookie spells secret.
func EncodeCSRF(secret []byte) string { return csrfText.EncodeToString(secret) }

// DecodeCSRF reads a cookie. A malformed one is no secret at all: the caller makes a new one.
func DecodeCSRF(cookie string) (secret []byte, ok bool) {
	if len(cookie) != csrfText.EncodedLen(csrfSize) {
		return nil, false
	}
	secret, err := csrfText.DecodeString(cookie)
	return secret, err == nil && len(secret) == csrfSize
}
