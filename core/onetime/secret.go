// Package onetime holds the links and codes that prove a mailbox: how they are made, what is stored of them, and how long they count.
//
// What is sent is a Token or a Code; what is stored is a Pass with a keyed hash of
// it. A Pass belongs to one flow, and is used up by the commit of what it is for.
package onetime

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"strings"
)

// Token is the secret of a link: 32 random bytes in base64url, for example
// "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2U".
type Token string

// Code is a secret that people can type: six digits, for example "048213".
type Code string

const (
	tokenBytes = 32
	codeDigits = 6
)

// tokenText refuses a last letter with bits that belong to no byte, so that a token has one spelling.
var tokenText = base64.RawURLEncoding.Strict()

// NewToken makes a token that nobody can guess.
func NewToken() Token {
	var b [tokenBytes]byte
	rand.Read(b[:])
	return Token(tokenText.EncodeToString(b[:]))
}

// ParseToken reads the token of a link; ok is false for what NewToken can't have made.
func ParseToken(text string) (t Token, ok bool) {
	if len(text) != tokenText.EncodedLen(tokenBytes) || strings.ContainsAny(text, "\r\n") {
		return "", false // the decoder would pass over line breaks
	}
	b, err := tokenText.DecodeString(text)
	return Token(text), err == nil && len(b) == tokenBytes
}

// NewCode makes a code. All are equally likely: numbers at the top of the range, of
// which the remainder would favour some codes, are thrown away.
func NewCode() Code {
	const all = 1_000_000
	const fair = (1<<32 - 1) - (1<<32-1)%all
	for {
		var b [4]byte
		rand.Read(b[:])
		if n := binary.BigEndian.Uint32(b[:]); n < fair {
			return Code(fmt.Sprintf("%0*d", codeDigits, n%all))
		}
	}
}

// separators are what people and mail programs put between or around the digits.
var separators = strings.NewReplacer(" ", "", "-", "", "\u00a0", "", "\t", "")

// ParseCode reads a code as somebody typed it; ok is false for what isn't six digits.
func ParseCode(text string) (c Code, ok bool) {
	if len(text) > 64 {
		return "", false
	}
	text = separators.Replace(text)
	if len(text) != codeDigits || strings.Trim(text, "0123456789") != "" {
		return "", false
	}
	return Code(text), true
}
