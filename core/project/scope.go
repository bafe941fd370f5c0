package project

import (
	"fmt"
	"slices"
	"strings"
)

// Scope says what a token may do: "admin" is everything, "<area>:read" looks at an
// area of the admin API, "<area>:write" changes it as well, for example
// "identities:read".
type Scope string

// Admin is the scope that opens everything.
const Admin Scope = "admin"

// Areas are the parts of the admin API that have scopes of their own, each the first
// segment of its paths.
//
// Some are worth as much as "admin" to somebody who means harm: "recovery:write" makes
// links into every account, "courier:read" reads those that were sent.
var Areas = []string{"courier", "identities", "projects", "recovery", "sessions", "tokens"}

// access levels of an area.
const (
	read  = "read"
	write = "write"
)

// Needed is the scope that an operation asks for.
func Needed(area string, changes bool) Scope {
	if changes {
		return Scope(area + ":" + write)
	}
	return Scope(area + ":" + read)
}

// Allows tells whether the token has a scope, by itself or as a part of a larger one.
func (t *Token) Allows(needed Scope) bool {
	return slices.ContainsFunc(t.Scopes, func(s Scope) bool { return s.covers(needed) })
}

func (s Scope) covers(needed Scope) bool {
	if s == Admin || s == needed {
		return true
	}
	area, level, _ := strings.Cut(string(s), ":")
	return level == write && needed == Needed(area, false)
}

func (s Scope) check() error {
	area, level, _ := strings.Cut(string(s), ":")
	if s != Admin && (!slices.Contains(Areas, area) || level != read && level != write) {
		return fmt.Errorf("%q is no scope: use %s, or one of %s with :%s or :%s, such as identities:read",
			cut(string(s)), Admin, strings.Join(Areas, ", "), read, write)
	}
	return nil
}

// cut keeps a text that somebody sent short enough to repeat.
func cut(s string) string {
	const enough = 40
	if len(s) > enough {
		return strings.ToValidUTF8(s[:enough], "") + "…"
	}
	return s
}
