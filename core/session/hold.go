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
	if e := c.cache.shard(&h).lookup(&h); e != nil {
		return e.gone, func() {} // the channel belongs to the entry and goes with it
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
	good, step := c.Now(), c.Staleness/2
	for {
		_, err := c.Check(ctx, h)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err == nil:
			good, step = c.Now(), c.Staleness/2
		case errors.Is(err, ErrNotFound) || elapsed(good, c.Now()) >= c.Staleness:
			return err
		default:
			step = c.Staleness / 8
		}
		c.pause(ctx, h, step)
	}
}

// pause waits for a change, or for a step when nothing is remembered that could
// tell of one.
func (c *Checker) pause(ctx context.Context, h TokenHash, step time.Duration) {
	var gone <-chan struct{}
	if e := c.cache.shard(&h).lookup(&h); e != nil {
		gone = e.gone
	}
	t := time.NewTimer(step)
	defer t.Stop()
	select {
	case <-gone:
	case <-t.C:
	case <-ctx.Done():
	}
}
