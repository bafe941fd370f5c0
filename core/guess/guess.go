// Package guess bounds how often secrets that people type can be guessed.
//
// Every answer is counted before it is compared, so answers that come at the same
// time, to whichever node, don't get more tries than others.
package guess

import (
	"context"
	"errors"
	"time"
)

// Guess is an answer that is about to be compared.
type Guess struct {
	At         time.Time
	IdentityID string // whose secret it has to be
	Method     string // which of the identity's secrets, for example "totp"
	FlowID     string // where it was entered
	FlowEnds   time.Time
	PerFlow    int // how many answers one flow takes
}

// ErrFlowOver says that the flow has taken as many answers as it takes.
var ErrFlowOver = errors.New("guess: the flow takes no more answers")

// WaitError says that too many answers were wrong: no other is compared for a while.
type WaitError struct{ Until time.Time }

func (e *WaitError) Error() string { return "guess: the next answer has to wait" }

// Store counts guesses. A right answer is forgotten, with those before it, by the
// flow.Changes of its commit.
type Store interface {
	// CountGuess counts an answer that is about to be compared; ErrFlowOver or a
	// *WaitError when it must not be.
	CountGuess(ctx context.Context, g *Guess) error
}

const (
	// free is how often somebody may be wrong without having to wait: people mistype.
	free = 5
	// firstWait is the wait after that; it doubles with each wrong answer up to maxWait,
	// which is 24 tries a day for three codes in a million.
	firstWait = 30 * time.Second
	maxWait   = time.Hour
	// Memory is how long wrong answers count after the last of them.
	Memory = 24 * time.Hour
)

// Tally is what is remembered of the answers that were not known to be right, as JSON.
type Tally struct {
	Count int       `json:"count"`
	Last  time.Time `json:"last,omitzero"`
}

// Add counts an answer; a *WaitError when it comes too early.
func (t *Tally) Add(at time.Time) error {
	if !at.Before(t.Last.Add(Memory)) {
		t.Count = 0
	}
	if t.Count >= free {
		if next := t.Last.Add(wait(t.Count - free)); at.Before(next) {
			return &WaitError{Until: next}
		}
	}
	t.Count, t.Last = t.Count+1, at.UTC()
	return nil
}

func wait(doublings int) time.Duration {
	w := firstWait
	for range doublings {
		if w *= 2; w >= maxWait {
			return maxWait
		}
	}
	return w
}
