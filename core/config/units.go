package config

import (
	"encoding/json"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Duration is a span of time, written like "1h" or "90s" in a document.
type Duration time.Duration

// Std is d as the standard library has it.
func (d Duration) Std() time.Duration { return time.Duration(d) }

// String is d as a document has it, like "1h0m0s".
func (d Duration) String() string { return time.Duration(d).String() }

// MarshalJSON writes the string form.
func (d Duration) MarshalJSON() ([]byte, error) { return json.Marshal(d.String()) }

// UnmarshalJSON reads a string like "1h", or a whole number of nanoseconds.
func (d *Duration) UnmarshalJSON(data []byte) error {
	parsed, err := parseDuration(strings.Trim(string(data), `"`))
	if err != nil {
		return err
	}
	*d = parsed
	return nil
}

func parseDuration(text string) (Duration, error) {
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		return Duration(n), nil
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		return 0, fmt.Errorf("%q is not a duration such as 90s, 15m or 24h", text)
	}
	return Duration(d), nil
}

// ByteSize counts bytes, written like "64MiB", "128MB" or a plain number.
type ByteSize uint64

var (
	byteSizePattern = regexp.MustCompile(`^([0-9]{1,18}(?:\.[0-9]{1,9})?)\s*([a-zA-Z]*)$`)

	byteUnits = map[string]uint64{
		"": 1, "b": 1,
		"k": 1e3, "kb": 1e3, "kib": 1 << 10,
		"m": 1e6, "mb": 1e6, "mib": 1 << 20,
		"g": 1e9, "gb": 1e9, "gib": 1 << 30,
		"t": 1e12, "tb": 1e12, "tib": 1 << 40,
	}
)

// String is b with the largest binary unit that fits evenly, like "64MiB".
func (b ByteSize) String() string {
	for _, u := range []struct {
		name string
		size ByteSize
	}{{"TiB", 1 << 40}, {"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}} {
		if b >= u.size && b%u.size == 0 {
			return strconv.FormatUint(uint64(b/u.size), 10) + u.name
		}
	}
	return strconv.FormatUint(uint64(b), 10) + "B"
}

// MarshalJSON writes the string form.
func (b ByteSize) MarshalJSON() ([]byte, error) { return json.Marshal(b.String()) }

// UnmarshalJSON reads a string like "64MiB" or a number of bytes.
func (b *ByteSize) UnmarshalJSON(data []byte) error {
	parsed, err := parseByteSize(strings.Trim(string(data), `"`))
	if err != nil {
		return err
	}
	*b = parsed
	return nil
}

func parseByteSize(text string) (ByteSize, error) {
	m := byteSizePattern.FindStringSubmatch(strings.TrimSpace(text))
	if m == nil {
		return 0, fmt.Errorf("%q is not a size such as 64MiB or 128MB", text)
	}
	unit, ok := byteUnits[strings.ToLower(m[2])]
	if !ok {
		return 0, fmt.Errorf("%q has an unknown unit %q: write B, KB, MB, GB, TB, KiB, MiB, GiB or TiB", text, m[2])
	}
	n, err := strconv.ParseFloat(m[1], 64)
	if err != nil || n*float64(unit) >= math.MaxInt64 {
		return 0, fmt.Errorf("%q is too large for a size", text)
	}
	return ByteSize(n * float64(unit)), nil
}
