// Package guess bounds how often secrets that people type can be guessed.
//
// Codes are counted before they are compared, so answers that come at the same time, to
// whichever node, don't get more tries than others. Passwords are counted when they were
// wrong, because programs sign in many times at once: a Gate keeps the answers few that
// are compared at the same time.
package guess

import (
	"context"
	"errors"
	"time"
)

// Guess is an answer that is about to be compared.
type Guess struct {
	At         time.Time
	IdentityID string // whose secret it has to be; of an account that doesn't exist, a name for it
	Method     string // which of the identity's secrets, for example "totp"
	Source     string // where it comes from, when guesses from there are counted apart
	Limit      Limit

	// FlowID is where it was entered; "" when flows take any number.
	FlowID   string
	FlowEnds time.Time
	PerFlow  int // how many answers the flow takes
}

// Limit says how soon somebody who is wrong has to wait.
type Limit struct {
	Free   int           // how often somebody may be wrong, one after the other, without having to wait
	Memory time.Duration // how long wrong answers count after the last of them
}

// Limits of what people type.
var (
	// Codes are short, so few may be tried. People mistype them.
	Codes = Limit{Free: 5, Memory: 24 * time.Hour}
	// Passwords are long. Anybody can guess at accounts that don't exist, and these
	// wrong answers are stored too, so they are not kept for a day.
	Passwords = Limit{Free: 10, Memory: 3 * time.Hour}
)

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
	// WrongGuesses tells how many answers were wrong, one after the other, and counts
	// nothing; a *WaitError when no other may be compared now.
	WrongGuesses(ctx context.Context, g *Guess) (int, error)
}

const (
	// firstWait is the wait after the answers that are free; it doubles with each wrong
	// answer up to maxWait, which is 24 tries a day for three codes in a million.
	firstWait = 30 * time.Second
	maxWait   = time.Hour
)

// Tally is what is remembered of the answers that were not known to be right, as JSON.
type Tally struct {
	Count int       `json:"count"`
	Last  time.Time `json:"last,omitzero"`
}

// Add counts an answer; a *WaitError when it comes too early.
func (t *Tally) Add(at time.Time, l Limit) error {
	n, err := t.Wrong(at, l)
	if err != nil {
		return err
	}
	t.Count, t.Last = n+1, at.UTC()
	return nil
}

// Wrong tells how many answers count; a *WaitError when another one comes too early.
func (t *Tally) Wrong(at time.Time, l Limit) (int, error) {
	if !at.Before(t.Last.Add(l.Memory)) {
		return 0, nil
	}
	if t.Count >= l.Free {
		if next := t.Last.Add(wait(t.Count - l.Free)); at.Before(next) {
			return t.Count, &WaitError{Until: next}
		}
	}
	return t.Count, nil
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
