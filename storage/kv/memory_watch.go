package kv

import (
	"context"
	"errors"
	"strings"
	"sync"
)

// errWatchClosed ends a watch whose owner closed it: no error to anybody.
var errWatchClosed = errors.New("kv: the watch is closed")

// memoryWatch reads the store's log from where it stands, so a slow reader
// costs no memory: when the log has moved past it, it ends with ErrCompacted.
type memoryWatch struct {
	m       *Memory
	prefix  string
	ctx     context.Context
	cancel  context.CancelCauseFunc
	wakeup  chan struct{} // holds one token when there may be something to deliver
	batches chan Batch

	seen  int64 // guarded by m.mu: every change up to here is delivered or on its way
	asked bool  // guarded by m.mu: a progress batch is wanted

	errMu sync.Mutex // guards err
	err   error
}

// Watch implements Store.
func (m *Memory) Watch(ctx context.Context, prefix string, from int64) (Watch, error) {
	if err := CheckWatch(prefix, from); err != nil {
		return nil, err
	}
	if err := m.enter(ctx); err != nil {
		return nil, err
	}
	defer m.mu.Unlock()
	if from == 0 {
		from = m.rev
	}
	w := &memoryWatch{m: m, prefix: prefix, seen: from, wakeup: make(chan struct{}, 1), batches: make(chan Batch)}
	w.ctx, w.cancel = context.WithCancelCause(ctx)
	m.watches[w] = struct{}{}
	go w.run()
	return w, nil
}

// wake tells the watches that there are changes; m.mu is held.
func (m *Memory) wake() {
	for w := range m.watches {
		w.wake()
	}
}

func (w *memoryWatch) wake() {
	select {
	case w.wakeup <- struct{}{}:
	default:
	}
}

// Batches implements Watch.
func (w *memoryWatch) Batches() <-chan Batch { return w.batches }

// RequestProgress implements Watch.
func (w *memoryWatch) RequestProgress(ctx context.Context) error {
	if w.ctx.Err() != nil {
		return context.Cause(w.ctx)
	}
	if err := w.m.enter(ctx); err != nil {
		return err
	}
	defer w.m.mu.Unlock()
	w.asked = true
	w.wake()
	return nil
}

// Err implements Watch.
func (w *memoryWatch) Err() error {
	w.errMu.Lock()
	defer w.errMu.Unlock()
	return w.err
}

// Close implements Watch.
func (w *memoryWatch) Close() { w.cancel(errWatchClosed) }

func (w *memoryWatch) run() {
	defer close(w.batches)
	w.end(w.deliver())
}

func (w *memoryWatch) deliver() error {
	for {
		batch, wanted, err := w.next()
		if err != nil {
			return err
		}
		if wanted {
			select {
			case w.batches <- batch:
			case <-w.ctx.Done():
				return context.Cause(w.ctx)
			}
		}
		select {
		case <-w.wakeup:
		case <-w.ctx.Done():
			return context.Cause(w.ctx)
		}
	}
}

// next collects what happened since the last batch, whole commits only.
func (w *memoryWatch) next() (batch Batch, wanted bool, err error) {
	m := w.m
	m.mu.Lock()
	defer m.mu.Unlock()
	if w.seen < m.compacted {
		return Batch{}, false, ErrCompacted
	}
	if w.seen > m.rev {
		return Batch{}, false, nil
	}
	batch.Revision = m.rev
	for _, c := range m.after(w.seen) {
		if strings.HasPrefix(c.event.Key, w.prefix) {
			batch.Events = append(batch.Events, c.event)
		}
	}
	wanted = w.asked || len(batch.Events) > 0
	w.seen, w.asked = m.rev, false
	return batch, wanted, nil
}

// end records why the watch ended and releases it.
func (w *memoryWatch) end(err error) {
	w.cancel(err)
	w.m.mu.Lock()
	delete(w.m.watches, w)
	w.m.mu.Unlock()
	if errors.Is(err, errWatchClosed) {
		err = nil
	}
	w.errMu.Lock()
	w.err = err
	w.errMu.Unlock()
}
