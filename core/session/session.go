// Package session issues, checks, extends and revokes sessions and tracks their assurance level.
//
// A session is active while its grant exists in the store, its identity's epoch
// is the one it was made in, it has not expired and its identity is active.
// Revoking deletes the grant or the epoch, so it needs no new data in the store
// and works when the store is full. Only hashes of tokens are stored.
package session

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/gatehouse-id/gatehouse/core/identity"
	"github.com/gatehouse-id/gatehouse/core/secret"
)

// Errors of a Store.
var (
	// ErrNotFound says that no such session exists.
	ErrNotFound = errors.New("session: not found")
	// ErrChanged says that the session was changed or revoked since it was read.
	ErrChanged = errors.New("session: changed by somebody else")
	// ErrUnavailable says that no fresh answer can be had: refuse with 503.
	ErrUnavailable = errors.New("session: the store cannot be reached")
)

// AAL is an authenticator assurance level.
type AAL string

// Assurance levels; they compare as strings (behaviours.md 6.4).
const (
	AAL0 AAL = "aal0"
	AAL1 AAL = "aal1"
	AAL2 AAL = "aal2"
)

// TokenHash is the SHA-256 of a session token, the only form that is stored.
type TokenHash [sha256.Size]byte

// MarshalText writes the hash as hex, its form in stored records.
func (h TokenHash) MarshalText() ([]byte, error) { return hex.AppendEncode(nil, h[:]), nil }

// UnmarshalText reads what MarshalText wrote, and nothing shorter or longer.
func (h *TokenHash) UnmarshalText(text []byte) error {
	if len(text) != hex.EncodedLen(len(h)) {
		return errors.New("session: a token hash has 64 hex digits")
	}
	_, err := hex.Decode(h[:], text)
	return err
}

// HashToken hashes a session token.
func HashToken(token string) TokenHash { return secret.TokenHash(token) }

// AuthenticationMethod is one completed factor (an AMR entry).
type AuthenticationMethod struct {
	Method      string    `json:"method"`
	AAL         AAL       `json:"aal"`
	CompletedAt time.Time `json:"completed_at"`
	// Provider is who has vouched for the person, by its id in the configuration.
	Provider string `json:"provider,omitempty"`
}

// Device is where a session was used to sign in.
type Device struct {
	ID        string `json:"id"`
	IPAddress string `json:"ip_address"`
	UserAgent string `json:"user_agent"`
	Location  string `json:"location"`
}

// Session is a signed-in browser or app. The JSON tags are those of the stored
// record; what an API client sees is made in httpapi.
type Session struct {
	ID              string                 `json:"id"` // UUID v4
	IdentityID      string                 `json:"identity_id"`
	TokenHash       TokenHash              `json:"token_hash"`
	Methods         []AuthenticationMethod `json:"amr"`
	Devices         []Device               `json:"devices,omitempty"`
	IssuedAt        time.Time              `json:"issued_at"`
	AuthenticatedAt time.Time              `json:"authenticated_at"`
	ExpiresAt       time.Time              `json:"expires_at"`

	// Granted tells whether the grant exists and the epoch fits: false after a
	// revocation. Filled by the store.
	Granted bool `json:"-"`
	// Revision is the store's revision of the record as read; 0 = never stored.
	Revision int64 `json:"-"`
}

// AAL computes the level reached, in this one place (threats.md rule 25): a
// first factor alone is aal1, a first and a second aal2. The same factor
// twice stays aal1.
func (s *Session) AAL() AAL {
	var first, second bool
	for _, m := range s.Methods {
		switch m.AAL {
		case AAL1:
			first = true
		case AAL2:
			second = true
		}
	}
	switch {
	case first && second:
		return AAL2
	case first:
		return AAL1
	}
	return AAL0
}

// Active tells whether the session counts at the time now, apart from the
// state of its identity.
func (s *Session) Active(now time.Time) bool { return s.Granted && now.Before(s.ExpiresAt) }

// Facts is a session together with its identity, read at one revision.
type Facts struct {
	Session  *Session
	Identity *identity.Identity
	Revision int64 // of the read
}

// Valid tells whether the facts authenticate a request at the time now.
func (f *Facts) Valid(now time.Time) bool {
	return f != nil && f.Session.Active(now) && f.Identity != nil && f.Identity.State == identity.Active
}

// Store keeps sessions.
type Store interface {
	// ByToken reads the session with that token and its identity, linearizably
	// and at one revision. A revoked session is returned with Granted false;
	// ErrNotFound when the token was never issued or is forgotten. With
	// ErrNotFound the revision of the read is still filled in.
	ByToken(ctx context.Context, h TokenHash) (Facts, error)
	// Session reads one session by id; ErrNotFound.
	Session(ctx context.Context, id string) (*Session, error)
	// Sessions lists the sessions of an identity, newest first, revoked ones included.
	Sessions(ctx context.Context, identityID string) ([]*Session, error)
	// Revoke ends one session. It returns after the commit; ending an ended or
	// unknown session is no error. The transaction deletes only.
	Revoke(ctx context.Context, id string) error
	// RevokeAll ends all sessions of an identity by deleting its epoch.
	RevokeAll(ctx context.Context, identityID string) error
}

// Registry is a Store that an administrator looks through.
type Registry interface {
	Store
	// AllSessions lists sessions in the order of their ids, revoked ones included.
	// more tells that others follow.
	AllSessions(ctx context.Context, p Page) (all []*Session, more bool, err error)
	// Erase ends all sessions of an identity and forgets them, and returns how many
	// it has forgotten. The transactions delete only.
	Erase(ctx context.Context, identityID string) (int, error)
	// Extend stores another end of a session; ErrChanged when it was revoked or
	// changed since it was read, or had ended.
	Extend(ctx context.Context, s *Session) error
}

// Page selects a part of a listing.
type Page struct {
	After string // id of the last session of the previous page, or empty
	Limit int    // 1..1000
}

// Invalidation names what changed: sessions and identities whose cached facts
// are not true any more. Revision is the one up to which the feed is complete.
type Invalidation struct {
	Revision   int64
	Sessions   []string
	Identities []string
}

// Feed tells about changes; it is what keeps a cache of facts honest.
type Feed interface {
	// Invalidations delivers changes made after revision from until ctx ends.
	// The channel is closed when the feed breaks; whatever was cached must go.
	Invalidations(ctx context.Context, from int64) (Invalidations, error)
	// Revision is a linearizable read of the store's revision.
	Revision(ctx context.Context) (int64, error)
}

// Invalidations is a running feed.
type Invalidations interface {
	C() <-chan Invalidation
	// RequestProgress asks for an Invalidation that proves how far the feed is.
	RequestProgress(ctx context.Context) error
	Close()
}

// New makes a session that is not stored yet.
func New(identityID, token string, amr AuthenticationMethod, now time.Time, lifespan time.Duration) *Session {
	return &Session{
		ID: uuid.NewString(), IdentityID: identityID, TokenHash: HashToken(token),
		Methods: []AuthenticationMethod{amr}, IssuedAt: now, AuthenticatedAt: now, ExpiresAt: now.Add(lifespan),
		Granted: true,
	}
}

// maxHistory bounds what a session remembers of earlier factors and devices: one
// that is renewed for years must still fit into a record.
const maxHistory = 50

// Renew records another completed factor: the session keeps its id and lives
// for a full lifespan again (behaviours.md 6.5).
func (s *Session) Renew(amr AuthenticationMethod, now time.Time, lifespan time.Duration) {
	s.Methods = withFactor(s.Methods, amr)
	s.IssuedAt, s.AuthenticatedAt, s.ExpiresAt = now, now, now.Add(lifespan)
}

// AddFactor records a factor that was set up in this session: who did so has it at hand. The
// session lives no longer for it, and nobody has signed in anew.
func (s *Session) AddFactor(amr AuthenticationMethod) { s.Methods = withFactor(s.Methods, amr) }

// withFactor adds to a copy of a history. One that is full forgets its oldest factor that was
// shown again since, so that the level it makes stays.
func withFactor(history []AuthenticationMethod, amr AuthenticationMethod) []AuthenticationMethod {
	next := append(slices.Clone(history), amr)
	if len(next) <= maxHistory {
		return next
	}
	for n, old := range next {
		again := func(m AuthenticationMethod) bool { return m.Method == old.Method && m.AAL == old.AAL }
		if slices.ContainsFunc(next[n+1:], again) {
			return slices.Delete(next, n, n+1)
		}
	}
	return next
}

// recent copies a history, and leaves room for one entry.
func recent[T any](history []T) []T {
	return slices.Clone(history[max(0, len(history)+1-maxHistory):])
}

// AddDevice notes where the session is used from; a device that is known is
// not noted again.
func (s *Session) AddDevice(ip, userAgent string) {
	if len(userAgent) > 512 { // not in the middle of a character
		userAgent = strings.ToValidUTF8(userAgent[:512], "")
	}
	if slices.ContainsFunc(s.Devices, func(d Device) bool { return d.IPAddress == ip && d.UserAgent == userAgent }) {
		return
	}
	s.Devices = append(recent(s.Devices), Device{ID: uuid.NewString(), IPAddress: ip, UserAgent: userAgent})
}
