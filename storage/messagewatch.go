package storage

import (
	"context"
	"fmt"
	"time"

	"github.com/gatehouse-id/gatehouse/storage/kv"
)

// Arrivals tells when messages that come into the outbox of a channel are due.
// Times that nobody has fetched yet become one: the earliest. The channel is
// closed when ctx ends or the watch breaks.
func (s *Store) Arrivals(ctx context.Context, channel string) (<-chan time.Time, error) {
	prefix := s.keys.outbox(channel)
	// From a revision that was read: a watch "from now on" may begin after a
	// message that its reader, who lists the outbox next, doesn't see either.
	revision, err := s.Revision(ctx)
	if err != nil {
		return nil, err
	}
	w, err := s.KV.Watch(ctx, prefix, revision)
	if err != nil {
		return nil, fmt.Errorf("watching %q: %w", prefix, err)
	}
	a := &arrivals{watch: w, prefix: prefix, out: make(chan time.Time)}
	go a.run(ctx)
	return a.out, nil
}

// arrivals turns a watch of places into times. Its goroutine ends with the
// context or with the watch.
type arrivals struct {
	watch  kv.Watch
	prefix string
	out    chan time.Time

	earliest time.Time // not told yet; zero = none
}

func (a *arrivals) run(ctx context.Context) {
	defer close(a.out)
	defer a.watch.Close()
	for {
		var out chan time.Time // nil, which is never ready, while there is nothing to tell
		if !a.earliest.IsZero() {
			out = a.out
		}
		select {
		case <-ctx.Done():
			return
		case out <- a.earliest:
			a.earliest = time.Time{}
		case b, open := <-a.watch.Batches():
			if !open {
				return
			}
			a.take(b)
		}
	}
}

func (a *arrivals) take(b kv.Batch) {
	for _, e := range b.Events {
		if e.Deleted {
			continue
		}
		place, ok := waitingAt(e.Key, a.prefix)
		if ok && (a.earliest.IsZero() || place.DueAt.Before(a.earliest)) {
			a.earliest = place.DueAt
		}
	}
}
