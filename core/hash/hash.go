// Package hash hashes and compares passwords, and reads the hash formats an import may carry.
package hash

import (
	"context"
	"errors"
	"fmt"
)

// MaxPassword is the longest password in bytes. Longer ones are refused before any work is done for them.
const MaxPassword = 1024

// The errors a caller may have to tell apart.
var (
	// ErrTooLong: the password is longer than what the algorithm, or MaxPassword, takes.
	ErrTooLong = errors.New("password is too long")
	// ErrBusy: too many passwords are being hashed. The client should come back later (429).
	ErrBusy = errors.New("too many passwords are being hashed")
	// ErrFormat: the text is no hash of a known format.
	ErrFormat = errors.New("unknown hash format")
	// ErrParameters: the hash is of a known format with parameters too weak to be right or too costly to run.
	ErrParameters = errors.New("hash parameters out of bounds")
)

// Hasher hashes with one configuration and compares hashes of every known format. It is safe for concurrent use.
type Hasher struct {
	config  Config
	limiter *Limiter
	dummy   string // a hash that no password has; see CompareUnknown
}

// New returns a Hasher. All Hashers of a process share one limiter.
func New(config Config, limiter *Limiter) (*Hasher, error) {
	if err := config.Validate(); err != nil {
		return nil, fmt.Errorf("checking the hasher configuration: %w", err)
	}
	config = config.withDefaults()
	h := &Hasher{config: config, limiter: limiter, dummy: config.dummy()}
	if err := h.Known(h.dummy); err != nil {
		return nil, fmt.Errorf("checking the hasher configuration: %w", err)
	}
	return h, nil
}

// MaxLength is the longest password in bytes that Hash takes, for the password policy to name.
func (h *Hasher) MaxLength() int {
	if h.config.Algorithm == Bcrypt {
		return bcryptMaxPassword
	}
	return MaxPassword
}

// Hash returns the hash of password with the configured algorithm and parameters. It waits for its turn; ctx ends the
// waiting, not the hashing.
func (h *Hasher) Hash(ctx context.Context, password []byte) (string, error) {
	if len(password) > h.MaxLength() {
		return "", ErrTooLong
	}
	release, err := h.limiter.acquire(ctx, h.config.cost())
	if err != nil {
		return "", err
	}
	defer release()
	return h.config.hash(password)
}

// Compare reports whether hash is a hash of password. A wrong password is no error; errors say that no answer could be
// found: the stored hash is damaged, there was no turn to be had, or the password is too long to be anybody's.
func (h *Hasher) Compare(ctx context.Context, password []byte, hash string) (bool, error) {
	if len(password) > MaxPassword {
		return false, ErrTooLong
	}
	scheme, err := parse(hash)
	if err != nil {
		return false, fmt.Errorf("reading a stored hash: %w", err)
	}
	release, err := h.limiter.acquire(ctx, scheme.cost())
	if err != nil {
		return false, err
	}
	defer release()
	return scheme.matches(password), nil
}

// CompareUnknown does for an account that does not exist, or has no password, what Compare does for one that has: the same
// work, the same waiting, the same errors. Without it the time of the answer would tell which accounts there are.
func (h *Hasher) CompareUnknown(ctx context.Context, password []byte) error {
	_, err := h.Compare(ctx, password, h.dummy)
	return err
}

// NeedsRehash reports whether hash was made with another algorithm or other parameters than configured. The moment to
// replace it is after a match, when the password is at hand. Hash may still refuse that password as too long; then the
// old hash stays.
func (h *Hasher) NeedsRehash(hash string) bool {
	scheme, err := parse(hash)
	return err != nil || !h.config.made(scheme)
}

// Known reports whether Compare could work with hash: nil, ErrFormat or ErrParameters. An import asks it first, because
// whoever writes hashes would otherwise choose how much memory and time every login takes.
func (h *Hasher) Known(hash string) error {
	scheme, err := parse(hash)
	if err != nil {
		return err
	}
	return h.limiter.fits(scheme.cost())
}
