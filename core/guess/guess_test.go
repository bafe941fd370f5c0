package guess_test

import (
	"errors"
	"testing"
	"time"

	"github.com/gatehouse-id/gatehouse/core/guess"
)

func TestPeopleMayMistypeWithoutWaiting(t *testing.T) {
	var tally guess.Tally
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for n := range 5 {
		if err := tally.Add(now, guess.Codes); err != nil {
			t.Fatalf("answer %d: got %v, want it to be compared", n+1, err)
		}
	}
	var wait *guess.WaitError
	if err := tally.Add(now, guess.Codes); !errors.As(err, &wait) || wait.Until.Sub(now) != 30*time.Second {
		t.Errorf("answer 6: got %v, want to wait for 30s", err)
	}
	if tally.Count != 5 {
		t.Errorf("an answer that is not compared was counted: %d", tally.Count)
	}
}

func TestWaitGrowsToAnHour(t *testing.T) {
	var tally guess.Tally
	start := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	now, compared := start, 0
	for now.Before(start.Add(30 * 24 * time.Hour)) {
		if tally.Add(now, guess.Codes) != nil {
			t.Fatalf("after %s: the wait is over, and the answer is not compared", now.Sub(start))
		}
		compared++
		next := tally
		var wait *guess.WaitError
		if !errors.As(next.Add(now, guess.Codes), &wait) {
			continue
		}
		if wait.Until.Sub(now) > time.Hour {
			t.Fatalf("the owner has to wait for %s", wait.Until.Sub(now))
		}
		now = wait.Until
	}
	if compared > 5+8+30*24 {
		t.Errorf("%d answers were compared within 30 days, want little more than 24 a day", compared)
	}
}

func TestWrongAnswersAreForgottenInTheEnd(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	tally := guess.Tally{Count: 40, Last: now}
	if tally.Add(now.Add(guess.Codes.Memory), guess.Codes) != nil || tally.Count != 1 {
		t.Errorf("after %s: got %d wrong answers, want 1", guess.Codes.Memory, tally.Count)
	}
}
