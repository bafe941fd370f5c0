package storage

import (
	"context"
	"fmt"
	"strings"

	"github.com/gatehouse-id/gatehouse/core/session"
	"github.com/gatehouse-id/gatehouse/storage/kv"
)

// Revision reads the store's revision linearizably, by a key that is never there.
func (s *Store) Revision(ctx context.Context) (int64, error) {
	snap, err := s.getAll(ctx, s.keys.probe())
	return snap.Revision, err
}

// Invalidations tells which sessions and identities changed after a revision.
func (s *Store) Invalidations(ctx context.Context, from int64) (session.Invalidations, error) {
	ctx, cancel := context.WithCancel(ctx)
	w, err := s.KV.Watch(ctx, s.keys.prefix, from)
	if err != nil {
		cancel()
		return nil, fmt.Errorf("watching %q: %w", s.keys.prefix, err)
	}
	f := &feed{watch: w, keys: s.keys, out: make(chan session.Invalidation, 64), cancel: cancel}
	go f.run(ctx)
	return f, nil
}

// feed turns a watch of keys into one of sessions and identities. Its goroutine
// ends with the context, with Close or with the watch.
type feed struct {
	watch  kv.Watch
	keys   keys
	out    chan session.Invalidation
	cancel context.CancelFunc
}

// C delivers the changes; it is closed when the feed breaks.
func (f *feed) C() <-chan session.Invalidation { return f.out }

// RequestProgress asks for proof of how far the feed is.
func (f *feed) RequestProgress(ctx context.Context) error { return f.watch.RequestProgress(ctx) }

// Close ends the feed.
func (f *feed) Close() { f.cancel() }

func (f *feed) run(ctx context.Context) {
	defer close(f.out)
	defer f.watch.Close()
	defer f.cancel()
	for {
		select {
		case <-ctx.Done():
			return
		case b, open := <-f.watch.Batches():
			if !open {
				return
			}
			select {
			case f.out <- f.translate(b):
			case <-ctx.Done():
				return
			}
		}
	}
}

// translate keeps every batch, those that concern nobody too: their revision
// proves how far the feed is.
func (f *feed) translate(b kv.Batch) session.Invalidation {
	inv := session.Invalidation{Revision: b.Revision}
	sessions, identities := map[string]bool{}, map[string]bool{}
	for _, e := range b.Events {
		family, rest, _ := strings.Cut(strings.TrimPrefix(e.Key, f.keys.prefix), "/")
		switch family + "/" {
		case familyGrants, familySessions:
			add(&inv.Sessions, sessions, rest)
		case familyEpochs, familyIdentities:
			add(&inv.Identities, identities, rest)
		case familyTokens:
			// A removed token has no value to tell its session, but is only ever removed
			// together with a put of that session, or expires with it.
			var t tokenRecord
			if !e.Deleted && decode(e.Key, e.Value, &t) == nil {
				add(&inv.Sessions, sessions, t.SessionID)
			}
		}
	}
	return inv
}

func add(list *[]string, seen map[string]bool, id string) {
	if !seen[id] {
		seen[id] = true
		*list = append(*list, id)
	}
}
