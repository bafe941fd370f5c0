package session_test

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gatehouse-id/gatehouse/core/session"
)

// shelf holds one session as a store does: an extension counts once per revision.
type shelf struct {
	mu     sync.Mutex
	kept   session.Session
	writes int
	tries  int
	err    error
}

func (s *shelf) Extend(_ context.Context, x *session.Session) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tries++
	if s.err != nil {
		return s.err
	}
	if x.Revision != s.kept.Revision {
		return session.ErrChanged
	}
	s.kept = *x
	s.kept.Revision++
	s.writes++
	return nil
}

// facts are what a node reads now.
func (s *shelf) facts() *session.Facts {
	s.mu.Lock()
	defer s.mu.Unlock()
	kept := s.kept
	return &session.Facts{Session: &kept}
}

// slid runs a story with a slider for hours of use, in no time.
func slid(t *testing.T, window time.Duration, story func(s *session.Slider, store *shelf)) {
	synctest.Test(t, func(t *testing.T) {
		now := time.Now()
		store := &shelf{kept: *session.New("ann", "token", session.AuthenticationMethod{AAL: session.AAL1}, now, 4*time.Hour)}
		s := &session.Slider{Store: store, Lifespan: 4 * time.Hour, Window: window, Now: time.Now, Logger: slog.New(slog.DiscardHandler)}
		ctx, stop := context.WithCancel(t.Context())
		var runs sync.WaitGroup
		runs.Go(func() { s.Run(ctx) })
		story(s, store)
		stop()
		runs.Wait()
	})
}

// TestSessionsInUseLiveOn: a day of a request per second costs one write per window.
func TestSessionsInUseLiveOn(t *testing.T) {
	for _, window := range []time.Duration{0, time.Hour, 100 * time.Hour} {
		slid(t, window, func(s *session.Slider, store *shelf) {
			authenticated := store.kept.AuthenticatedAt
			for range 24 * 60 * 60 {
				f := store.facts()
				if !f.Session.Active(time.Now()) {
					t.Fatal("it ended while it was in use")
				}
				s.Seen(f)
				time.Sleep(time.Second)
			}
			if most := 12; store.writes > most || store.writes < 7 {
				t.Errorf("window %v: %d writes in a day, want 7 to %d", window, store.writes, most)
			}
			if !store.kept.AuthenticatedAt.Equal(authenticated) {
				t.Error("being used is not signing in")
			}
		})
	}
}

// TestManyRequestsExtendOnce: until the nodes hear of the extension, they all see the
// session near its end.
func TestManyRequestsExtendOnce(t *testing.T) {
	slid(t, time.Hour, func(s *session.Slider, store *shelf) {
		time.Sleep(3*time.Hour + time.Minute)
		old := store.facts()
		for range 100 {
			for range 100 {
				go s.Seen(old)
			}
			synctest.Wait()
		}
		if store.writes != 1 {
			t.Errorf("%d writes, want 1", store.writes)
		}
	})
}

func TestWhatIsNotExtended(t *testing.T) {
	slid(t, time.Hour, func(s *session.Slider, store *shelf) {
		s.Seen(store.facts()) // long before its end
		time.Sleep(3*time.Hour + time.Minute)
		revoked := store.facts()
		revoked.Session.Granted = false
		s.Seen(revoked)
		time.Sleep(time.Hour)
		s.Seen(store.facts()) // it has ended
		synctest.Wait()
		if store.tries != 0 {
			t.Errorf("%d tries, want none", store.tries)
		}
	})
	var off *session.Slider
	off.Seen(&session.Facts{})
	off.Run(t.Context())
}

// TestAStoreThatFailsIsTriedAgain by the next request, and by no loop.
func TestAStoreThatFailsIsTriedAgain(t *testing.T) {
	slid(t, time.Hour, func(s *session.Slider, store *shelf) {
		time.Sleep(3*time.Hour + time.Minute)
		store.err = errors.New("no quorum")
		s.Seen(store.facts())
		synctest.Wait()
		store.mu.Lock()
		store.err = nil
		store.mu.Unlock()
		s.Seen(store.facts())
		synctest.Wait()
		if store.tries != 2 || store.writes != 1 {
			t.Errorf("%d tries and %d writes, want 2 and 1", store.tries, store.writes)
		}
	})
}
