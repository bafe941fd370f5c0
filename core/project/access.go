package project

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"
)

// Access answers which record a presented token belongs to, from memory where it can.
//
// What a read found counts for Staleness from before the read, and no longer. So a
// token that was revoked at T is refused everywhere after T+Staleness, whatever else
// fails; Run only makes that sooner. Sessions have a stricter memory, which needs no
// read as long as nothing changes: they are checked a thousand times as often.
type Access struct {
	Store Store
	Feed  Feed
	// Staleness bounds the age of an answer; 2s unless set.
	Staleness time.Duration
	Now       func() time.Time // time.Now unless set
	Logger    *slog.Logger     // slog.Default unless set

	once  sync.Once
	slots chan struct{} // bounds the reads of the store

	mu      sync.Mutex // guards the fields below
	known   map[Hash]memory
	forgets uint64 // how often something was forgotten: reads that began earlier aren't kept
}

// Feed tells the ids of tokens that change from now on. The channel is closed when ctx
// ends or when it may miss some.
type Feed interface {
	AccessTokenChanges(ctx context.Context) (<-chan string, error)
}

// memory is what a read found.
type memory struct {
	token *Token
	began time.Time // of the read
}

const (
	// maxKnown bounds the memory. Only tokens that exist get into it.
	maxKnown = 1000
	// maxReads bounds what invented tokens can do to the store.
	maxReads = 16
	// readTime is how long a read may take.
	readTime = time.Second
)

func (a *Access) init() {
	if a.Staleness <= 0 {
		a.Staleness = 2 * time.Second
	}
	if a.Now == nil {
		a.Now = time.Now
	}
	if a.Logger == nil {
		a.Logger = slog.Default()
	}
	a.slots, a.known = make(chan struct{}, maxReads), map[Hash]memory{}
}

// Check returns the record of a token that is good now. ErrNotFound says that it is
// not, for whatever reason; ErrUnavailable that nobody can tell. The record is shared:
// it must not be changed.
func (a *Access) Check(ctx context.Context, presented string) (*Token, error) {
	a.once.Do(a.init)
	h, err := HashOf(presented)
	if err != nil {
		return nil, err
	}
	if t := a.remembered(h); t != nil {
		return t, nil
	}
	ctx, cancel := context.WithTimeout(ctx, readTime)
	defer cancel()
	select {
	case a.slots <- struct{}{}:
		defer func() { <-a.slots }()
	case <-ctx.Done():
		return nil, fmt.Errorf("%w: too many tokens are being checked", ErrUnavailable)
	}
	if t := a.remembered(h); t != nil { // somebody has read it while we waited
		return t, nil
	}
	return a.read(ctx, h)
}

func (a *Access) remembered(h Hash) *Token {
	a.mu.Lock()
	defer a.mu.Unlock()
	m, ok := a.known[h]
	if !ok {
		return nil
	}
	now := a.Now()
	if age := elapsed(m.began, now); age < 0 || age > a.Staleness || m.token.Expired(now) {
		delete(a.known, h)
		return nil
	}
	return m.token
}

// elapsed is the time between two readings by the clock that went further: the
// monotonic clock stands still while a virtual machine is suspended, the wall clock
// can be set back.
func elapsed(from, to time.Time) time.Duration {
	return max(to.Sub(from), to.Round(0).Sub(from.Round(0)))
}

func (a *Access) read(ctx context.Context, h Hash) (*Token, error) {
	began, forgets := a.Now(), a.forgotten()
	t, err := a.Store.AccessToken(ctx, h.id())
	switch {
	case errors.Is(err, ErrNotFound):
		return nil, ErrNotFound
	case err != nil:
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	now := a.Now()
	if !t.Opens(h, now) {
		return nil, ErrNotFound
	}
	if elapsed(began, now) > a.Staleness {
		return nil, fmt.Errorf("%w: it answered too late", ErrUnavailable)
	}
	a.remember(h, memory{token: t, began: began}, forgets)
	return t, nil
}

func (a *Access) forgotten() uint64 {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.forgets
}

// remember keeps what was read, unless something was forgotten since the read began: it
// may be this very token.
func (a *Access) remember(h Hash, m memory, forgets uint64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.forgets != forgets {
		return
	}
	if len(a.known) >= maxKnown {
		clear(a.known)
	}
	a.known[h] = m
}

// Forget drops what is remembered of a token, so that this node refuses at once what
// it has just revoked.
func (a *Access) Forget(id string) {
	a.once.Do(a.init)
	a.mu.Lock()
	defer a.mu.Unlock()
	a.forgets++
	for h, m := range a.known {
		if m.token.ID == id {
			delete(a.known, h)
		}
	}
}

// Run forgets tokens that change on any node, until ctx ends.
func (a *Access) Run(ctx context.Context) {
	a.once.Do(a.init)
	for ctx.Err() == nil {
		if err := a.follow(ctx); ctx.Err() == nil {
			a.Logger.Debug("changes of access tokens can't be followed, and count when the memory of them ends", "error", err)
		}
		pause(ctx, a.Staleness)
	}
}

func (a *Access) follow(ctx context.Context) error {
	changed, err := a.Feed.AccessTokenChanges(ctx)
	if err != nil {
		return err
	}
	for id := range changed {
		a.Forget(id)
	}
	return errors.New("the feed ended")
}

// pause waits for up to d, with jitter: all nodes lose a store at the same time.
func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d/2 + rand.N(d/2+1))
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}
