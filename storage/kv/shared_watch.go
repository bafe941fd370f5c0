package kv

import (
	"context"
	"errors"
	"strings"
	"sync"
)

// sharedWatch is one reader of a hub.
type sharedWatch struct {
	hub     *hub
	prefix  string
	from    int64
	ctx     context.Context
	cancel  context.CancelCauseFunc
	batches chan Batch
	wakeup  chan struct{} // holds one token when there may be something to deliver

	pending []Event // guarded by hub.mu

	errMu sync.Mutex // guards err
	err   error
}

// Batches implements Watch.
func (w *sharedWatch) Batches() <-chan Batch { return w.batches }

// Err implements Watch.
func (w *sharedWatch) Err() error {
	w.errMu.Lock()
	defer w.errMu.Unlock()
	return w.err
}

// Close implements Watch.
func (w *sharedWatch) Close() { w.cancel(errWatchClosed) }

// end ends the watch because the one below has ended.
func (w *sharedWatch) end(err error) {
	if err == nil {
		err = ErrClosed
	}
	w.cancel(err)
}

// RequestProgress implements Watch.
func (w *sharedWatch) RequestProgress(ctx context.Context) error {
	if w.ctx.Err() != nil {
		return context.Cause(w.ctx)
	}
	return w.hub.ask(ctx, w)
}

// offer takes an event if it is the watch's. It needs hub.mu.
func (w *sharedWatch) offer(e Event) {
	if e.ModRevision <= w.from || !strings.HasPrefix(e.Key, w.prefix) {
		return
	}
	if len(w.pending) >= backlog {
		w.cancel(ErrCompacted)
		return
	}
	w.pending = append(w.pending, e)
	w.wake()
}

func (w *sharedWatch) wake() {
	select {
	case w.wakeup <- struct{}{}:
	default:
	}
}

func (w *sharedWatch) run() {
	defer w.finish()
	for {
		select {
		case <-w.ctx.Done():
			return
		case <-w.wakeup:
		}
		b, ok := w.next()
		if !ok {
			continue
		}
		select {
		case <-w.ctx.Done():
			return
		case w.batches <- b:
		}
	}
}

// next takes what there is to deliver: whole commits, and how far the hub is.
func (w *sharedWatch) next() (Batch, bool) {
	h := w.hub
	h.mu.Lock()
	defer h.mu.Unlock()
	_, asked := h.askers[w]
	if len(w.pending) == 0 && !asked || h.seen < w.from {
		return Batch{}, false
	}
	b := Batch{Revision: h.seen, Events: w.pending}
	w.pending = nil
	delete(h.askers, w)
	return b, true
}

func (w *sharedWatch) finish() {
	cause := context.Cause(w.ctx)
	w.cancel(cause)
	w.errMu.Lock()
	if !errors.Is(cause, errWatchClosed) {
		w.err = cause
	}
	w.errMu.Unlock()
	w.hub.unsubscribe(w)
	close(w.batches)
}
