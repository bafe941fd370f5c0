package onetime

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/gatehouse-id/gatehouse/core/secret"
)

// Purpose says what a pass is good for. One for recovery verifies nothing, and the other way round.
type Purpose string

// Purposes of a pass.
const (
	Recovery     Purpose = "recovery"
	Verification Purpose = "verification"
	Login        Purpose = "login"
	Registration Purpose = "registration"
)

// Pass is what is stored of a link or code, as JSON. A flow has one at most: a new
// one takes the place of the old one.
type Pass struct {
	FlowID  string  `json:"flow_id"`
	Purpose Purpose `json:"purpose"`
	Method  string  `json:"method"` // that made it: "link" or "code"
	// Hash is a MAC of the secret together with everything above and below that it
	// must not be used without. It is keyed because a stored code could be found by
	// trying all there are.
	Hash       []byte `json:"hash"`
	IdentityID string `json:"identity_id"` // of an address that nobody has: of an identity that doesn't exist
	Via        string `json:"via,omitempty"`
	Address    string `json:"address,omitempty"` // where it was sent; "" when an administrator handed it over
	// Stamp is the state of the account's access when the pass was made: a new password,
	// another address or another recovery ends it. Before there is an account, it stands for
	// what was entered about it.
	Stamp     string    `json:"stamp,omitempty"`
	Attempts  int       `json:"attempts,omitempty"` // answers that were compared, of all passes of the flow
	ExpiresAt time.Time `json:"expires_at"`
}

// Errors of a Store.
var (
	// ErrNotFound says that the flow has no pass, or none any more.
	ErrNotFound = errors.New("onetime: no pass")
	// ErrExhausted says that too many answers were wrong: the flow is dead.
	ErrExhausted = errors.New("onetime: no attempts are left")
	// ErrSpent says that somebody else has used the pass, or that another took its place.
	ErrSpent = errors.New("onetime: the pass is spent")
	// ErrTooMany says that the address has been sent enough for now.
	ErrTooMany = errors.New("onetime: too many messages to one address")
)

// Store keeps passes. They are made and spent by a flow.Changes.
type Store interface {
	// Pass reads the pass of a flow; ErrNotFound.
	Pass(ctx context.Context, flowID string) (*Pass, error)
	// CountAttempt raises the number of attempts and returns the pass as it is then.
	// ErrExhausted when max have been made; ErrNotFound. Only what was counted may be
	// compared, so answers that come at the same time don't get more.
	CountAttempt(ctx context.Context, flowID string, max int) (*Pass, error)
}

const macPurpose = "one-time secret"

// Seal makes the pass one for the secret. All other fields but Attempts must be set.
func (p *Pass) Seal(k *secret.Keys, s string) { p.Hash = k.MAC(macPurpose, p.sealed(s)) }

// Opens tells whether the secret is the one of the pass.
func (p *Pass) Opens(k *secret.Keys, s string) bool { return k.Verify(macPurpose, p.sealed(s), p.Hash) }

// sealed is what the hash is over. No field can hold the separator.
func (p *Pass) sealed(s string) []byte {
	return []byte(strings.Join([]string{string(p.Purpose), p.Method, p.FlowID, p.IdentityID, p.Via, p.Address, p.Stamp, s}, "\x00"))
}

// Expired tells whether the pass counts no more at the time now.
func (p *Pass) Expired(now time.Time) bool { return !now.Before(p.ExpiresAt) }

// Mailing is a message to somebody who was named by anybody.
type Mailing struct {
	Via     string
	Address string // normalised
	At      time.Time
}

// MaxMailings is how many of them one address gets within MailingWindow. With five
// attempts per code it is also what bounds guessing: 25 of a million codes in an hour.
const MaxMailings = 5

// MailingWindow is the time that MaxMailings is about.
const MailingWindow = time.Hour
