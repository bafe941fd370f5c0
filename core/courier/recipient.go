package courier

import (
	"errors"
	"net/mail"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// ErrRecipient says that a text is not exactly one address of its channel.
var ErrRecipient = errors.New("courier: the recipient is not one address")

// maxAddress is the longest address: 64 bytes, "@" and 255. It also keeps the
// parser away from addresses made to keep it busy.
const maxAddress = 320

var phonePattern = regexp.MustCompile(`^\+?[0-9][0-9 ()./-]{2,39}$`)

// checkRecipient insists on one address, bare: what a header or a command of
// SMTP would read as more must never get there.
func checkRecipient(channel, to string) error {
	if to == "" || len(to) > maxAddress || !utf8.ValidString(to) || strings.ContainsFunc(to, unicode.IsControl) {
		return ErrRecipient
	}
	switch channel {
	case ChannelEmail:
		if !bareAddress(to) {
			return ErrRecipient
		}
	case ChannelSMS:
		if !phonePattern.MatchString(to) {
			return ErrRecipient
		}
	}
	return nil
}

// bareAddress tells whether a text is one e-mail address, without a name,
// brackets, comments or quotes: those are valid and nobody has them.
func bareAddress(text string) bool {
	a, err := mail.ParseAddress(text)
	return err == nil && a.Name == "" && a.Address == text && !strings.ContainsAny(text, "\"<>(),;:\\ ")
}

// singleLine tells whether a text can stand in a header.
func singleLine(text string) bool {
	return utf8.ValidString(text) && !strings.ContainsFunc(text, unicode.IsControl)
}
