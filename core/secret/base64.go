package secret

import (
	"encoding/base64"
	"strings"
)

// spelling is base64 in which a value has one spelling. Strict alone still reads past line breaks, so that one cookie could
// be written in any number of ways.
type spelling struct{ *base64.Encoding }

var (
	urlText  = spelling{base64.RawURLEncoding.Strict()} // cookies and URLs
	formText = spelling{base64.StdEncoding.Strict()}    // anti-CSRF tokens, whose spelling clients know
)

func (e spelling) decode(s string) ([]byte, bool) {
	if strings.ContainsAny(s, "\r\n") {
		return nil, false
	}
	b, err := e.DecodeString(s)
	return b, err == nil
}
