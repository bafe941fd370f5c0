package secret

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
)

const mask = "***"

// Masked is a string that is printed, logged and encoded as "***", such as a configured password. It is decoded like any
// string. Reveal gives the value to the one place that needs it.
type Masked string

// The interfaces through which a value could get out by accident.
var (
	_ fmt.Formatter  = Masked("")
	_ fmt.Stringer   = Masked("")
	_ fmt.GoStringer = Masked("")
	_ json.Marshaler = Masked("")
	_ slog.LogValuer = Masked("")
)

// Reveal returns the value.
func (m Masked) Reveal() string { return string(m) }

// String returns "***".
func (Masked) String() string { return mask }

// GoString returns "***".
func (Masked) GoString() string { return mask }

// Format writes "***" for every verb: %x and %q would print the value without it.
func (Masked) Format(state fmt.State, _ rune) { _, _ = io.WriteString(state, mask) }

// MarshalJSON writes "***".
func (Masked) MarshalJSON() ([]byte, error) { return json.Marshal(mask) }

// MarshalText writes "***" for other encodings, such as YAML. (Keys of a JSON map don't ask: don't use Masked there.)
func (Masked) MarshalText() ([]byte, error) { return []byte(mask), nil }

// LogValue is "***".
func (Masked) LogValue() slog.Value { return slog.StringValue(mask) }
