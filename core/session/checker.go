package session

import (
	"context"
	"errors"
	"log/slog"
	"math"
	"sync"
	"sync/atomic"
	"time"
)

// Checker answers from memory whether a token is good, and never with an answer
// older than Staleness: a session whose revocation was acknowledged at T is
// refused by every check after T+Staleness, on every node.
//
// Run keeps the memory true: it follows the feed of changes and proves, over
// and over, that the feed has reached a revision read linearizably at a known
// time. While there is no proof younger than Staleness, and without Run at all,
// every check reads the store.
//
// The Facts that Check returns are shared: they must not be changed.
type Checker struct {
	Store Store
	Feed  Feed
	// Staleness bounds the age of an answer; 2s unless set.
	Staleness time.Duration
	// Capacity bounds the number of remembered sessions; 100000 unless set.
	Capacity int
	// Reads bounds the concurrent reads of the store; 64 unless set.
	Reads int
	// Now is time.Now unless set. Its times should carry a monotonic reading.
	Now func() time.Time
	// Logger tells about every loss of the memory; slog.Default unless set.
	Logger *slog.Logger

	once    sync.Once
	cache   *cache
	flights flights
	running atomic.Bool
	// fresh is the time that the memory is proven to be true for; nil = never.
	fresh atomic.Pointer[time.Time]
	// highest is the highest revision of the store seen so far, over all feeds.
	highest atomic.Int64

	misses, unfresh, reads, failures, drops atomic.Uint64
}

// Stats counts what a Checker did.
type Stats struct {
	Hits     uint64 // answered from memory
	Misses   uint64 // not remembered
	Unfresh  uint64 // remembered, but nothing proved the memory to be true
	Reads    uint64 // of the store; concurrent checks of one token share one
	Failures uint64 // reads that failed, and checks refused because too many were waiting
	Drops    uint64 // times that the whole memory was dropped
	Entries  int    // remembered now
	Fresh    bool   // whether the memory is proven to be true now
}

func (c *Checker) init() {
	if c.Staleness <= 0 {
		c.Staleness = 2 * time.Second
	}
	if c.Capacity <= 0 {
		c.Capacity = 100_000
	}
	if c.Reads <= 0 {
		c.Reads = 64
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	c.cache = newCache(c.Capacity)
	c.flights = flights{running: map[TokenHash]*flight{}, slots: make(chan struct{}, c.Reads)}
}

// Check returns the facts behind a token when they authenticate a request now.
// ErrNotFound says that they do not, for whatever reason: unknown, revoked,
// expired, of an inactive identity. ErrUnavailable says that no fresh answer can
// be had within a second.
func (c *Checker) Check(ctx context.Context, h TokenHash) (*Facts, error) {
	c.once.Do(c.init)
	if f := c.remembered(&h); f != nil {
		return f, nil
	}
	return c.read(ctx, h)
}

// remembered answers from memory, or not at all. The order is what makes it
// safe: the proof is loaded before the entry is asked whether it still lives, so
// an invalidation that the proof covers is seen; the clock is read last, so the
// proof is young enough at the moment of the decision, however long the
// scheduler kept us waiting before.
func (c *Checker) remembered(h *TokenHash) *Facts {
	s := c.cache.shard(h)
	e := s.lookup(h)
	if e == nil {
		c.misses.Add(1)
		return nil
	}
	proven := c.fresh.Load()
	if e.dead.Load() || e.epoch != c.cache.epoch.Load() {
		c.misses.Add(1)
		return nil
	}
	now := c.Now()
	if !e.facts.Valid(now) {
		return nil // the store decides: the session may have been extended
	}
	if proven == nil || !c.within(*proven, now) {
		c.unfresh.Add(1)
		return nil
	}
	s.hits.Add(1)
	return e.facts
}

// within tells whether no more than Staleness passed between two times.
func (c *Checker) within(from, to time.Time) bool {
	e := elapsed(from, to)
	return e >= 0 && e <= c.Staleness
}

// elapsed is the time between two readings by the clock that went further: the
// monotonic clock stands still while a virtual machine is suspended, the wall
// clock can be set back.
func elapsed(from, to time.Time) time.Duration {
	return max(to.Sub(from), to.Round(0).Sub(from.Round(0)))
}

// Forget makes this node refuse a session at once that it has just revoked.
// Other nodes, and this one if nobody calls Forget, learn it from the feed.
func (c *Checker) Forget(sessionID string) {
	c.once.Do(c.init)
	c.cache.forget(c.cache.sessions, sessionID)
}

// ForgetIdentity does the same for all sessions of an identity.
func (c *Checker) ForgetIdentity(identityID string) {
	c.once.Do(c.init)
	c.cache.forget(c.cache.identities, identityID)
}

// Stats reads the counters.
func (c *Checker) Stats() Stats {
	c.once.Do(c.init)
	proven := c.fresh.Load()
	return Stats{
		Hits: c.cache.hits(), Misses: c.misses.Load(), Unfresh: c.unfresh.Load(), Reads: c.reads.Load(),
		Failures: c.failures.Load(), Drops: c.drops.Load(), Entries: c.cache.len(),
		Fresh: proven != nil && c.within(*proven, c.Now()),
	}
}

// readTimeout bounds a read of the store for a check. An answer older than
// Staleness would be of no use.
func (c *Checker) readTimeout() time.Duration { return min(time.Second, c.Staleness) }

// never is a revision that no read reaches.
const never = math.MaxInt64

var (
	errRunning    = errors.New("session: the checker runs already")
	errBroken     = errors.New("the feed ended")
	errSilent     = errors.New("the feed proves nothing")
	errRolledBack = errors.New("the store's revision went back, as after restoring a backup")
	errDisorder   = errors.New("the feed delivered a change that it had declared complete")
	errClocks     = errors.New("the wall clock and the monotonic clock disagree")
)
