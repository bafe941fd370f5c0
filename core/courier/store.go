package courier

import (
	"context"
	"time"
)

// Retention is how long a message is kept after its last change. What nobody
// could send for so long is forgotten, so an outbox without a mail server is bounded.
const Retention = 7 * 24 * time.Hour

// Waiting is a place in the outbox.
type Waiting struct {
	MessageID string
	DueAt     time.Time // to the millisecond
}

// Store keeps the outbox. Claim and Settle compare and swap, so of several nodes
// one succeeds; none of them waits for another.
type Store interface {
	// Outbox tells what waits in a channel, first due first; what is due later
	// comes last.
	Outbox(ctx context.Context, channel string, limit int) ([]Waiting, error)
	// Arrivals tells when messages are due that come into the outbox from now on.
	// The channel is closed when ctx ends, or when the watch breaks.
	Arrivals(ctx context.Context, channel string) (<-chan time.Time, error)
	// Claim takes a message for an attempt with a name, which raises SendCount.
	// Unless it is settled until the time, others may take it over. ErrNotDue when the message isn't
	// at that place any more, ErrNotFound when it is forgotten.
	Claim(ctx context.Context, w Waiting, claim string, until time.Time) (*Message, error)
	// Settle stores the outcome of the attempt that m.Claim names; ErrClaimLost
	// when another one is under way or has ended.
	Settle(ctx context.Context, m *Message) error
	// Drop removes a place whose message is forgotten.
	Drop(ctx context.Context, channel string, w Waiting) error
}

// Waits tells whether the message has a place in the outbox.
func (m *Message) Waits() bool { return m.Status == Queued || m.Status == Processing }

// Wants tells whether the filter lets a message through.
func (f Filter) Wants(m *Message) bool {
	return (f.Status == "" || f.Status == m.Status) && (f.Recipient == "" || f.Recipient == m.Recipient)
}
