package session

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"
)

// Back-off between two feeds.
const (
	minBackoff = 50 * time.Millisecond
	maxBackoff = 2 * time.Second
)

// Run follows the feed and proves the memory to be true until ctx ends. Any
// doubt drops the whole memory, after which Run starts over with a new feed.
func (c *Checker) Run(ctx context.Context) error {
	c.once.Do(c.init)
	if !c.running.CompareAndSwap(false, true) {
		return errRunning
	}
	defer c.running.Store(false)
	wait := minBackoff
	for {
		began := c.Now()
		err := c.follow(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if elapsed(began, c.Now()) > 10*c.Staleness {
			wait = minBackoff // that one worked for a while
		}
		c.Logger.Warn("the session cache was dropped", "reason", err, "retry_in", wait)
		// Jitter, or all nodes would come back to a recovering store at once.
		t := time.NewTimer(wait/2 + rand.N(wait))
		select {
		case <-ctx.Done():
			t.Stop()
			return nil
		case <-t.C:
		}
		wait = min(2*wait, maxBackoff)
	}
}

// life is one feed from its start to its first doubt.
type life struct {
	c    *Checker
	feed Invalidations

	mu     sync.Mutex // guards the fields below and, with over, that nothing is proven after the end
	over   bool
	seen   int64      // the feed is applied up to this revision
	asked  []question // not answered yet, oldest first
	proven time.Time  // of the last proof
	clock  time.Time  // of the last question
}

// question is a revision that was read linearizably after a time: once the feed
// has reached it, the memory is true for that time.
type question struct {
	revision int64
	at       time.Time
}

// follow lives one life; it returns the reason of its end with the memory dropped.
func (c *Checker) follow(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	at := c.Now()
	revision, err := c.revision(ctx)
	if err != nil {
		return err
	}
	feed, err := c.Feed.Invalidations(ctx, revision)
	if err != nil {
		return fmt.Errorf("starting the feed: %w", err)
	}
	defer feed.Close()
	l := &life{c: c, feed: feed, seen: revision, proven: at, clock: at}
	c.cache.open(revision)
	l.ask(question{revision, at})

	ended := make(chan error, 1)
	go func() { ended <- l.prove(ctx) }()
	err, waiting := l.apply(ended)
	l.end()
	cancel()
	if waiting {
		_ = <-ended // apply has the reason already
	}
	return err
}

// apply applies the feed until it breaks or the prover gives up; waiting tells
// that the prover is still at work.
func (l *life) apply(ended <-chan error) (err error, waiting bool) {
	for {
		select {
		case v, open := <-l.feed.C():
			if !open {
				return errBroken, true
			}
			if err := l.advance(v); err != nil {
				return err, true
			}
		case err := <-ended:
			return err, false
		}
	}
}

// advance applies one batch. The entries go before the feed counts as further.
func (l *life) advance(v Invalidation) error {
	changes := len(v.Sessions)+len(v.Identities) > 0
	l.mu.Lock()
	disorder := changes && v.Revision <= l.seen
	l.mu.Unlock()
	if disorder {
		return errDisorder
	}
	l.c.cache.invalidate(v)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.seen = max(l.seen, v.Revision)
	l.settle()
	return nil
}

// prove asks again and again how far the feed is.
func (l *life) prove(ctx context.Context) error {
	ticker := time.NewTicker(max(l.c.Staleness/4, time.Millisecond))
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-ticker.C:
		}
		if err := l.probe(ctx); err != nil {
			return err
		}
	}
}

// probe asks one question.
func (l *life) probe(ctx context.Context) error {
	at := l.c.Now()
	if err := l.watchClocks(at); err != nil {
		return err
	}
	revision, err := l.c.revision(ctx)
	if err != nil {
		return err
	}
	if l.ask(question{revision, at}) {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, l.c.readTimeout())
	defer cancel()
	if err := l.feed.RequestProgress(ctx); err != nil {
		return fmt.Errorf("asking the feed for progress: %w", err)
	}
	return nil
}

// watchClocks finds two reasons for doubt: a feed that has proven nothing for
// long (a dead connection says nothing at all), and a suspended machine.
func (l *life) watchClocks(at time.Time) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	mono, wall := at.Sub(l.clock), at.Round(0).Sub(l.clock.Round(0))
	l.clock = at
	if (mono - wall).Abs() > l.c.Staleness/2 {
		return errClocks
	}
	if elapsed(l.proven, at) > 2*l.c.Staleness {
		return errSilent
	}
	return nil
}

// ask notes a question and tells whether it is answered already.
func (l *life) ask(q question) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.asked = append(l.asked, q)
	l.settle()
	return len(l.asked) == 0
}

// settle turns the questions that the feed has reached into the proof of the
// latest of them. They are in order of time and revision. It needs mu.
func (l *life) settle() {
	answered := 0
	for answered < len(l.asked) && l.asked[answered].revision <= l.seen {
		answered++
	}
	if answered == 0 || l.over {
		return
	}
	at := l.asked[answered-1].at
	l.asked = append(l.asked[:0], l.asked[answered:]...)
	l.proven = at
	l.c.fresh.Store(&at)
}

// end withdraws the proof first and drops the memory then.
func (l *life) end() {
	l.mu.Lock()
	l.over = true
	l.c.fresh.Store(nil)
	l.mu.Unlock()
	l.c.cache.drop()
	l.c.drops.Add(1)
}

// revision reads the store's revision and notices when it goes back. The lower
// one counts from then on, or the checker would never come back to work.
func (c *Checker) revision(ctx context.Context) (int64, error) {
	ctx, cancel := context.WithTimeout(ctx, c.readTimeout())
	defer cancel()
	r, err := c.Feed.Revision(ctx)
	if err != nil {
		return 0, fmt.Errorf("reading the store's revision: %w", err)
	}
	if before := c.highest.Swap(r); r < before {
		return 0, fmt.Errorf("from %d to %d: %w", before, r, errRolledBack)
	}
	return r, nil
}
