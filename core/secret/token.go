package secret

import (
	"crypto/rand"
	"crypto/sha256"
	"strings"
)

// The prefixes tell people, and secret scanners, what they are looking at.
const (
	SessionPrefix = "ory_st_"  // session tokens
	LogoutPrefix  = "ory_lo_"  // logout tokens
	AccessPrefix  = "ory_pat_" // personal access tokens
)

const (
	alphabet    = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
	tokenLength = 32 // of the random part: 190 bits
)

// NewToken returns prefix and 32 random letters and digits.
func NewToken(prefix string) string {
	token := make([]byte, 0, len(prefix)+tokenLength)
	token = append(token, prefix...)
	var random [48]byte
	for len(token) < cap(token) {
		rand.Read(random[:])
		token = appendLetters(token, random[:])
	}
	return string(token)
}

// IsToken tells whether a text has the form that NewToken gives to tokens with this
// prefix.
func IsToken(text, prefix string) bool {
	random, ok := strings.CutPrefix(text, prefix)
	return ok && len(random) == tokenLength && strings.Trim(random, alphabet) == ""
}

// appendLetters skips the bytes at the top of the range, because taking the remainder of them would make the first letters
// of the alphabet likelier than the others.
func appendLetters(token, random []byte) []byte {
	const fair = 256 - 256%len(alphabet)
	for _, b := range random {
		if len(token) == cap(token) {
			break
		}
		if int(b) < fair {
			token = append(token, alphabet[int(b)%len(alphabet)])
		}
	}
	return token
}

// TokenHash is what is stored in place of a token: who reads the store can't sign in with what is there. The token is
// random and long, so a fast hash without salt is enough, and finding the record by it needs no comparison.
func TokenHash(token string) [sha256.Size]byte {
	var onStack [64]byte // every guarded request comes here; a plain conversion would allocate
	return sha256.Sum256(append(onStack[:0], token...))
}
