package secret

import (
	"encoding"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
)

const mask = "***"

// Masked is a text that is printed, logged and encoded as "***", such as a configured password. It is decoded like any
// string. Reveal gives the text to the one place that needs it. The zero value holds "".
//
// The text is behind a pointer because fmt can't call methods on unexported fields and prints what they hold: then it is
// an address that shows.
type Masked struct{ text *string }

// The interfaces through which a value could get out by accident, and the one by which it gets in.
var (
	_ fmt.Formatter            = Masked{}
	_ fmt.Stringer             = Masked{}
	_ fmt.GoStringer           = Masked{}
	_ json.Marshaler           = Masked{}
	_ encoding.TextMarshaler   = Masked{}
	_ slog.LogValuer           = Masked{}
	_ encoding.TextUnmarshaler = (*Masked)(nil)
)

// Mask hides text.
func Mask(text string) Masked { return Masked{&text} }

// Reveal returns the text.
func (m Masked) Reveal() string {
	if m.text == nil {
		return ""
	}
	return *m.text
}

// UnmarshalText reads the text; JSON strings come here too.
func (m *Masked) UnmarshalText(text []byte) error {
	*m = Mask(string(text))
	return nil
}

// String returns "***".
func (Masked) String() string { return mask }

// GoString returns "***".
func (Masked) GoString() string { return mask }

// Format writes "***" for every verb: %x and %q would print the text without it.
func (Masked) Format(state fmt.State, _ rune) { _, _ = io.WriteString(state, mask) }

// MarshalJSON writes "***".
func (Masked) MarshalJSON() ([]byte, error) { return json.Marshal(mask) }

// MarshalText writes "***" for other encodings, such as YAML and the keys of a map.
func (Masked) MarshalText() ([]byte, error) { return []byte(mask), nil }

// LogValue is "***".
func (Masked) LogValue() slog.Value { return slog.StringValue(mask) }
