package session

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// maxFlights bounds the tokens that wait for a read: more are refused, or a
// flood of invented tokens would eat the memory while the store is slow.
const maxFlights = 4096

// rereads bounds how often a read is repeated because its result was overtaken.
const rereads = 3

// flights are the reads of the store under way, one per full token hash.
type flights struct {
	mu      sync.Mutex // guards running
	running map[TokenHash]*flight
	slots   chan struct{}
}

// flight is one read. The fields below done may be read once it is closed.
type flight struct {
	done  chan struct{}
	began time.Time
	facts *Facts
	err   error
}

// read answers from the store. It may share a read that began earlier, so the
// age of the answer is checked last, as with a remembered one.
func (c *Checker) read(ctx context.Context, h TokenHash) (*Facts, error) {
	f := c.join(h)
	if f == nil {
		c.failures.Add(1)
		return nil, fmt.Errorf("%w: too many checks are waiting for it", ErrUnavailable)
	}
	ctx, cancel := context.WithTimeout(ctx, c.readTimeout())
	defer cancel()
	select {
	case <-f.done:
	case <-ctx.Done():
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, ctx.Err())
	}
	if f.err != nil {
		return nil, f.err
	}
	now := c.Now()
	if !f.facts.Valid(now) {
		return nil, ErrNotFound
	}
	if !c.within(f.began, now) {
		return nil, fmt.Errorf("%w: it answered too late", ErrUnavailable)
	}
	return f.facts, nil
}

// join returns the flight of a token, starting it when there is none; nil when
// there are too many. A flight has a goroutine and a deadline of its own: the
// first client's disconnect must not fail the others.
func (c *Checker) join(h TokenHash) *flight {
	c.flights.mu.Lock()
	defer c.flights.mu.Unlock()
	if f := c.flights.running[h]; f != nil {
		return f
	}
	if len(c.flights.running) >= maxFlights {
		return nil
	}
	f := &flight{done: make(chan struct{})}
	c.flights.running[h] = f
	go c.fly(h, f)
	return f
}

func (c *Checker) fly(h TokenHash, f *flight) {
	ctx, cancel := context.WithTimeout(context.Background(), c.readTimeout())
	defer cancel()
	defer func() {
		if r := recover(); r != nil {
			// Outside of a request's goroutine nobody else would catch it.
			f.facts, f.err = nil, fmt.Errorf("%w: reading panicked: %v", ErrUnavailable, r)
			c.Logger.Error("reading a session panicked", "panic", r)
		}
		c.flights.mu.Lock()
		delete(c.flights.running, h)
		c.flights.mu.Unlock()
		close(f.done)
	}()
	select {
	case c.flights.slots <- struct{}{}:
		defer func() { <-c.flights.slots }()
	case <-ctx.Done():
		c.failures.Add(1)
		f.err = fmt.Errorf("%w: too many reads are running", ErrUnavailable)
		return
	}
	for range rereads {
		if !c.fetch(ctx, h, f) {
			return
		}
	}
}

// fetch reads once and remembers what it read. It returns true when the result
// was overtaken meanwhile and a new read would tell more.
func (c *Checker) fetch(ctx context.Context, h TokenHash, f *flight) (overtaken bool) {
	t := c.cache.ticket()
	f.began, f.facts, f.err = c.Now(), nil, nil
	c.reads.Add(1)
	facts, err := c.Store.ByToken(ctx, h)
	switch {
	case errors.Is(err, ErrNotFound), err == nil && !facts.Valid(c.Now()):
		c.cache.discard(h)
		// Not remembered: a token can be created right after it was found missing.
		f.err = ErrNotFound
		return false
	case err != nil:
		c.failures.Add(1)
		f.err = fmt.Errorf("%w: %w", ErrUnavailable, err)
		return false
	}
	f.facts = &facts
	return !c.cache.fill(t, h, &facts)
}
