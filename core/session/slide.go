package session

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"
)

// Slider lets sessions live on that are in use. Seen is cheap enough for every check: it
// compares two times, and only a session in the last stretch of its life waits for Run
// to extend it. Extending is conditional on what was read, so of all requests on all
// nodes one writes, and the extended session is left alone until its next last stretch.
//
// A nil Slider extends nothing.
type Slider struct {
	Store    extender
	Lifespan time.Duration // that an extended session has again
	// Window is the last stretch of a session's life. It is half of Lifespan at most, which
	// is also what 0 means: else sessions that have just been extended would be again.
	Window time.Duration
	Now    func() time.Time
	Logger *slog.Logger

	once  sync.Once
	queue chan *Session

	mu      sync.Mutex          // guards waiting
	waiting map[string]struct{} // ids in the queue or at work
}

// extender is the part of a Registry that a Slider needs.
type extender interface {
	Extend(ctx context.Context, s *Session) error
}

const (
	// slideQueue bounds the sessions that wait. More are dropped: their next request
	// brings them back.
	slideQueue = 1024
	// slideTimeout bounds one extension.
	slideTimeout = 5 * time.Second
)

func (s *Slider) init() {
	s.queue, s.waiting = make(chan *Session, slideQueue), map[string]struct{}{}
	if s.Window <= 0 || s.Window > s.Lifespan/2 {
		s.Window = s.Lifespan / 2
	}
}

// Seen notes that a session authenticates a request. It never blocks.
func (s *Slider) Seen(f *Facts) {
	if s == nil {
		return
	}
	s.once.Do(s.init)
	if f.Session.Extendable(s.Now(), s.Window) {
		s.enqueue(f.Session)
	}
}

func (s *Slider) enqueue(x *Session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, there := s.waiting[x.ID]; there {
		return
	}
	select {
	case s.queue <- x:
		s.waiting[x.ID] = struct{}{}
	default:
	}
}

// Run extends sessions until ctx ends.
func (s *Slider) Run(ctx context.Context) {
	if s == nil {
		return
	}
	s.once.Do(s.init)
	for {
		select {
		case <-ctx.Done():
			return
		case x := <-s.queue:
			s.extend(ctx, x)
		}
	}
}

func (s *Slider) extend(ctx context.Context, seen *Session) {
	defer s.forget(seen.ID)
	limited, cancel := context.WithTimeout(ctx, slideTimeout)
	defer cancel()
	x, now := *seen, s.Now().UTC().Round(0) // the facts are shared: the copy changes
	if !x.Active(now) {
		return
	}
	x.Extend(now, s.Lifespan)
	err := s.Store.Extend(limited, &x)
	// A session that changed was extended by another node, signed in anew, or revoked.
	if err != nil && !errors.Is(err, ErrChanged) && ctx.Err() == nil {
		s.Logger.Warn("a session in use was not extended; its next request tries again", "session", x.ID, "error", err)
	}
}

func (s *Slider) forget(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.waiting, id)
}
