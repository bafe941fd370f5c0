package storage

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gatehouse-id/gatehouse/core/flow"
	"github.com/gatehouse-id/gatehouse/core/guess"
)

func guessIn(flowID string, at time.Time) *guess.Guess {
	return &guess.Guess{At: at, IdentityID: "i1", Method: "totp", Limit: guess.Codes, FlowID: flowID, FlowEnds: at.Add(time.Hour), PerFlow: 3}
}

func TestFlowTakesAFewGuesses(t *testing.T) {
	everywhere(t, func(t *testing.T, s *Store) {
		now := s.Now()
		for n := range 3 {
			if err := s.CountGuess(t.Context(), guessIn("f1", now)); err != nil {
				t.Fatalf("answer %d: %v", n+1, err)
			}
		}
		if err := s.CountGuess(t.Context(), guessIn("f1", now)); !errors.Is(err, guess.ErrFlowOver) {
			t.Errorf("answer 4: got %v, want %v", err, guess.ErrFlowOver)
		}
		if err := s.CountGuess(t.Context(), guessIn("f2", now)); err != nil {
			t.Errorf("another flow: %v", err)
		}
	})
}

func TestRightAnswerForgetsTheWrongOnes(t *testing.T) {
	everywhere(t, func(t *testing.T, s *Store) {
		now, wait := s.Now(), &guess.WaitError{}
		for n := range 5 {
			if err := s.CountGuess(t.Context(), guessIn("f"+string(rune('0'+n)), now)); err != nil {
				t.Fatalf("answer %d: %v", n+1, err)
			}
		}
		last := guessIn("f9", now)
		if err := s.CountGuess(t.Context(), last); !errors.As(err, &wait) {
			t.Fatalf("answer 6: got %v, want to wait", err)
		}
		if err := s.Commit(t.Context(), &flow.Changes{ForgetGuess: last}); err != nil {
			t.Fatal(err)
		}
		if err := s.CountGuess(t.Context(), last); err != nil {
			t.Errorf("after a right one: %v", err)
		}
	})
}

// TestGuessesAtOnceGetNoMoreTries: whoever sends a hundred answers at the same time gets
// as many of them compared as somebody who sends one after the other.
func TestGuessesAtOnceGetNoMoreTries(t *testing.T) {
	everywhere(t, func(t *testing.T, s *Store) {
		var all sync.WaitGroup
		var compared atomic.Int64
		now := s.Now()
		for n := range 100 {
			all.Go(func() {
				if s.CountGuess(t.Context(), guessIn("f"+string(rune('a'+n%26)), now)) == nil {
					compared.Add(1)
				}
			})
		}
		all.Wait()
		if got := compared.Load(); got == 0 || got > 5 {
			t.Errorf("%d answers may be compared, want up to 5", got)
		}
	})
}
