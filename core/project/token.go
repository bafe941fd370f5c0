// Package project holds projects, their configuration revisions, members and personal access tokens.
//
// Token and Access are about who may use the admin API, Project and Revision are what
// it keeps of each user pool, and Office is what may be done with them by whom.
package project

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/gatehouse-id/gatehouse/core/secret"
)

// Errors about tokens.
var (
	// ErrNotFound says that a token opens nothing: it is malformed, unknown, revoked or expired.
	ErrNotFound = errors.New("project: no such token")
	// ErrUnavailable says that no fresh answer can be had: refuse with 503.
	ErrUnavailable = errors.New("project: the store cannot be reached")
)

// Token is a personal access token as it is stored: who has read the store can't
// use it. The JSON tags are those of the stored record.
type Token struct {
	// ID is made of the hash, so that one record is found by id and by token.
	ID        string    `json:"id"`
	Name      string    `json:"name"` // for people, for example "deploy script"
	Hash      Hash      `json:"hash"`
	Scopes    []Scope   `json:"scopes"`
	CreatedAt time.Time `json:"created_at"`
	ExpiresAt time.Time `json:"expires_at,omitzero"` // zero: it does not expire
	// IdentityID is the person that the token stands for; empty when it is the operator's.
	// Only the project API asks: what somebody may do there depends on where they are a member.
	IdentityID string `json:"identity_id,omitempty"`
}

// Hash is the SHA-256 of a token, the only form that is stored.
type Hash [sha256.Size]byte

// MarshalText writes the hash as hex, its form in stored records.
func (h Hash) MarshalText() ([]byte, error) { return hex.AppendEncode(nil, h[:]), nil }

// UnmarshalText reads what MarshalText wrote, and nothing shorter or longer.
func (h *Hash) UnmarshalText(text []byte) error {
	if len(text) != hex.EncodedLen(len(h)) {
		return errors.New("project: a token hash has 64 hex digits")
	}
	_, err := hex.Decode(h[:], text)
	return err
}

// id is a UUID of version 8, whose 122 bits are the maker's business.
func (h Hash) id() string {
	var id uuid.UUID
	copy(id[:], h[:])
	id[6], id[8] = id[6]&0x0f|0x80, id[8]&0x3f|0x80
	return id.String()
}

// HashOf hashes a presented token; it returns ErrNotFound for what can't be one, so
// that truncated and mistyped tokens, and those for other things, cost no read.
func HashOf(presented string) (Hash, error) {
	if !secret.IsToken(presented, secret.AccessPrefix) {
		return Hash{}, ErrNotFound
	}
	return Hash(secret.TokenHash(presented)), nil
}

// Opens tells whether the token with this hash is the record's, and still good.
func (t *Token) Opens(h Hash, now time.Time) bool {
	return subtle.ConstantTimeCompare(t.Hash[:], h[:]) == 1 && !t.Expired(now)
}

// Expired tells whether the token's time is over.
func (t *Token) Expired(now time.Time) bool { return !t.ExpiresAt.IsZero() && !now.Before(t.ExpiresAt) }

// Limits of a token.
const (
	MaxName   = 100 // characters
	MaxScopes = 32
)

// NewToken makes a token and its record. It is the only time that the token is there to be seen.
func NewToken(name string, scopes []Scope, now, expires time.Time) (string, *Token, error) {
	made := secret.NewToken(secret.AccessPrefix)
	h := Hash(secret.TokenHash(made))
	t := &Token{ID: h.id(), Name: strings.TrimSpace(name), Hash: h, Scopes: scopes, CreatedAt: now.UTC(), ExpiresAt: expires.UTC()}
	if expires.IsZero() {
		t.ExpiresAt = time.Time{}
	}
	if err := t.check(now); err != nil {
		return "", nil, err
	}
	return made, t, nil
}

// check finds what people get wrong; its errors are meant for them.
func (t *Token) check(now time.Time) error {
	switch {
	case t.Name == "" || len([]rune(t.Name)) > MaxName || strings.ContainsFunc(t.Name, unprintable):
		return fmt.Errorf("the name of a token has 1 to %d printable characters", MaxName)
	case len(t.Scopes) == 0 || len(t.Scopes) > MaxScopes:
		return fmt.Errorf("a token has 1 to %d scopes, such as %s", MaxScopes, Admin)
	case t.Expired(now):
		return errors.New("the token would have expired already")
	}
	for _, s := range t.Scopes {
		if err := s.check(); err != nil {
			return err
		}
	}
	return nil
}

// unprintable keeps control characters out of the terminals that list tokens.
func unprintable(r rune) bool { return r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 || r == '\ufffd' }

// Store keeps the tokens of a project.
type Store interface {
	// AccessToken reads a token by its id; ErrNotFound when there is none. An expired
	// one may still be there.
	AccessToken(ctx context.Context, id string) (*Token, error)
	// AccessTokens lists all, expired ones as well, in the order of their ids.
	AccessTokens(ctx context.Context) ([]*Token, error)
	// CreateAccessToken stores a new token.
	CreateAccessToken(ctx context.Context, t *Token) error
	// CreateFirstAccessToken stores a new token unless this was done before, ever and on
	// whichever node; it tells whether it did.
	CreateFirstAccessToken(ctx context.Context, t *Token) (bool, error)
	// RevokeAccessToken ends a token; one that does not exist is none of its business.
	RevokeAccessToken(ctx context.Context, id string) error
}
