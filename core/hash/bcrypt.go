package hash

import (
	"fmt"
	"strings"

	"golang.org/x/crypto/bcrypt"
)

const (
	bcryptMinCost     = 4
	bcryptMaxCost     = 16 // about four seconds; the format goes up to 31, which is a day
	bcryptMaxPassword = 72
	bcryptLength      = 60
	bcryptAlphabet    = "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
)

type bcryptHash struct {
	rounds int // log2
	text   []byte
}

// parseBcrypt reads $2a$<cost>$<22 characters salt><31 characters sum>, also with 2b and 2y.
func parseBcrypt(hash string) (scheme, error) {
	parts, err := fields(hash, 3)
	if err != nil {
		return nil, err
	}
	digits := parts[1]
	if len(hash) != bcryptLength || len(digits) != 2 || strings.Trim(parts[2], bcryptAlphabet) != "" {
		return nil, ErrFormat
	}
	rounds, err := number(strings.TrimPrefix(digits, "0"))
	if err != nil {
		return nil, err
	}
	if err := boundBcrypt(rounds); err != nil {
		return nil, err
	}
	return bcryptHash{rounds: int(rounds), text: []byte(hash)}, nil
}

func boundBcrypt(rounds uint64) error {
	return bound("bcrypt cost", rounds, bcryptMinCost, bcryptMaxCost)
}

func (bcryptHash) cost() cost { return cost{threads: 1} }

// matches does the work for an overlong password too, and then denies it: bcrypt reads 72 bytes only, so what comes after
// them would be no part of the password, and denying at once would tell the accounts with a bcrypt hash from the others.
func (h bcryptHash) matches(password []byte) bool {
	read := password[:min(len(password), bcryptMaxPassword)]
	same := bcrypt.CompareHashAndPassword(h.text, read) == nil
	return same && len(password) <= bcryptMaxPassword
}

func hashBcrypt(password []byte, rounds int) (string, error) {
	text, err := bcrypt.GenerateFromPassword(password, rounds)
	if err != nil {
		return "", fmt.Errorf("hashing with bcrypt: %w", err)
	}
	return string(text), nil
}

// dummyBcrypt spells a hash with a random salt and sum. The last characters of each carry fewer than six bits; "." is
// right in both.
func dummyBcrypt(rounds int) string {
	text := random(53)
	for i, b := range text {
		text[i] = bcryptAlphabet[b%64]
	}
	text[21], text[52] = '.', '.'
	return fmt.Sprintf("$2a$%02d$%s", rounds, text)
}
