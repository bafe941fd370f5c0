package schema

import (
	"regexp"
	"strings"
	"unicode"

	"github.com/santhosh-tekuri/jsonschema/v5"
)

// formats adds to and tightens the formats of the library. A value that isn't a string has every format.
var formats = map[string]func(any) bool{
	"email": isEmail,
	"tel":   isTel,
}

// IsEmail tells whether a text is one address that can be written to.
func IsEmail(text string) bool { return isEmail(text) }

// isEmail also refuses spaces, quotes and brackets that RFC 5322 allows: an address like `"a b"@c.org` would break out of
// headers and pages far from here, and nobody has one.
func isEmail(v any) bool {
	s, ok := v.(string)
	if !ok {
		return true
	}
	odd := func(r rune) bool {
		return unicode.IsSpace(r) || !unicode.IsPrint(r) || strings.ContainsRune("\"<>(),;\\", r)
	}
	return !strings.ContainsFunc(s, odd) && jsonschema.Formats["email"](s)
}

var (
	telPattern    = regexp.MustCompile(`^\+[1-9][0-9]{6,14}$`)
	telSeparators = strings.NewReplacer(" ", "", "-", "", ".", "", "(", "", ")", "", "/", "")
)

// isTel accepts numbers with a country code: without one nobody could call them.
func isTel(v any) bool {
	s, ok := v.(string)
	return !ok || telPattern.MatchString(telSeparators.Replace(s))
}
