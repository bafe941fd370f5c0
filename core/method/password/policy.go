package password

import (
	"context"
	"strings"

	"github.com/gatehouse-id/gatehouse/core/ui"
)

// Policy says which new passwords are good enough (behaviours.md 17.1). It asks
// for no mixture of characters, as NIST SP 800-63B advises.
type Policy struct {
	MinLength int  // in bytes; 0 means 8
	Similar   bool // refuse passwords that resemble an identifier
	// Breaches looks the password up in known breaches; nil = don't.
	// It returns how often it was found.
	Breaches    func(ctx context.Context, password string) (int, error)
	MaxBreaches int
	// IgnoreErrors lets a password pass when Breaches fails.
	IgnoreErrors bool
}

// Check returns what is wrong with a new password, or nil. The error is a failure
// of the breach lookup that must not be ignored.
func (p Policy) Check(ctx context.Context, password string, identifiers []string) (*ui.Message, error) {
	least := p.MinLength
	if least == 0 {
		least = 8
	}
	if len(password) < least {
		m := ui.PasswordTooShort(least, len(password))
		return &m, nil
	}
	for _, id := range identifiers {
		if p.Similar && similar(id, password) {
			m := ui.MsgPasswordSimilar.Message()
			return &m, nil
		}
	}
	return p.breached(ctx, password)
}

func (p Policy) breached(ctx context.Context, password string) (*ui.Message, error) {
	if p.Breaches == nil {
		return nil, nil
	}
	n, err := p.Breaches(ctx, password)
	if err != nil {
		if p.IgnoreErrors {
			return nil, nil
		}
		return nil, err
	}
	if n > p.MaxBreaches {
		m := ui.MsgPasswordBreached.Message()
		return &m, nil
	}
	return nil, nil
}

// similarLimit bounds the quadratic comparison; longer texts are compared by
// their beginnings.
const similarLimit = 256

// similar compares ignoring case: a Levenshtein distance below 5, or a common
// substring of more than half the password.
func similar(identifier, password string) bool {
	a, b := []rune(strings.ToLower(identifier)), []rune(strings.ToLower(password))
	a, b = a[:min(len(a), similarLimit)], b[:min(len(b), similarLimit)]
	return distance(a, b) < 5 || 2*commonSubstring(a, b) > len(b)
}

// distance is the Levenshtein distance.
func distance(a, b []rune) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i, ca := range a {
		diagonal := row[0]
		row[0] = i + 1
		for j, cb := range b {
			cost := diagonal
			if ca != cb {
				cost++
			}
			diagonal, row[j+1] = row[j+1], min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}

// commonSubstring is the length of the longest text both contain.
func commonSubstring(a, b []rune) int {
	longest, row := 0, make([]int, len(b)+1)
	for _, ca := range a {
		for j := len(b); j > 0; j-- {
			if ca == b[j-1] {
				row[j] = row[j-1] + 1
				longest = max(longest, row[j])
			} else {
				row[j] = 0
			}
		}
	}
	return longest
}
