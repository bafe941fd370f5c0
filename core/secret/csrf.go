package secret

import (
	"crypto/rand"
	"crypto/subtle"
)

const csrfSize = 32

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
	return formText.EncodeToString(token)
}

// CheckCSRF reports whether sent is a form token for secret, or the secret itself as the cookie spells it.
func CheckCSRF(sent string, secret []byte) bool {
	if len(secret) != csrfSize || len(sent) > formText.EncodedLen(2*csrfSize) {
		return false
	}
	token, ok := formText.decode(sent)
	if !ok {
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
func EncodeCSRF(secret []byte) string { return formText.EncodeToString(secret) }

// DecodeCSRF reads a cookie. A malformed one is no secret at all: the caller makes a new one.
func DecodeCSRF(cookie string) (secret []byte, ok bool) {
	if len(cookie) != formText.EncodedLen(csrfSize) {
		return nil, false
	}
	secret, ok = formText.decode(cookie)
	return secret, ok && len(secret) == csrfSize
}
