package session

import (
	"context"
	"errors"
	"time"
)

// closed is what Subscribe returns when nothing is remembered.
var closed = func() chan struct{} { c := make(chan struct{}); close(c); return c }()

// Subscribe returns a channel that is closed when the facts behind a token may
// not be true any more: ask Check again then. It is closed at once when nothing
// is remembered, and may be closed without a change when the memory makes room
// or is dropped. The cancel func releases it.
func (c *Checker) Subscribe(h TokenHash) (<-chan struct{}, func()) {
	c.once.Do(c.init)
	if gone := c.gone(&h); gone != nil {
		return gone, func() {} // the channel belongs to the entry and goes with it
	}
	return closed, func() {}
}

// Hold returns when an open stream that was let in by a token has to be cut:
// with ErrNotFound once the session does not count any more, with
// ErrUnavailable when that could not be checked for Staleness, with the error of
// ctx when the stream ended by itself.
//
// It checks again at every change and every Staleness/2 at the latest, so a
// stream outlives its session by two Staleness at most, usually by milliseconds.
func (c *Checker) Hold(ctx context.Context, h TokenHash) error {
	c.once.Do(c.init)
	good := c.Now()
	for {
		step := c.Staleness / 2
		gone := c.gone(&h) // before the check, or a change in between would be missed
		_, err := c.Check(ctx, h)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err == nil:
			good = c.Now()
		case errors.Is(err, ErrNotFound) || elapsed(good, c.Now()) >= c.Staleness:
			return err
		default:
			step = c.Staleness / 8
		}
		if gone == nil && c.gone(&h) != nil {
			continue // the check has just remembered the session: hang on to that
		}
		pause(ctx, gone, step)
	}
}

// gone is the channel of a token's entry; nil, which never fires, when there is none.
func (c *Checker) gone(h *TokenHash) <-chan struct{} {
	if e := c.cache.shard(h).lookup(h); e != nil {
		return e.gone
	}
	return nil
}

// pause waits for a change, for ctx, or for a step.
func pause(ctx context.Context, gone <-chan struct{}, step time.Duration) {
	t := time.NewTimer(step)
	defer t.Stop()
	select {
	case <-gone:
	case <-t.C:
	case <-ctx.Done():
	}
}
