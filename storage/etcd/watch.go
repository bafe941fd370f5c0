package etcd

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
	"google.golang.org/grpc/metadata"

	"github.com/gatehouse-id/gatehouse/storage/kv"
)

// watch is one etcd watcher on a stream of its own: on a shared stream one
// lagging watcher would withhold the progress of all.
type watch struct {
	store   *Store
	ctx     context.Context
	cancel  context.CancelCauseFunc
	watcher clientv3.Watcher
	batches chan kv.Batch
	seen    int64 // only run uses it: everything up to here is delivered

	mu  sync.Mutex // guards err
	err error
}

// Watch implements kv.Store.
func (s *Store) Watch(ctx context.Context, prefix string, from int64) (kv.Watch, error) {
	if err := kv.CheckWatch(prefix, from); err != nil {
		return nil, err
	}
	c, err := s.begin(ctx, s.options.WriteTimeout)
	if err != nil {
		return nil, err
	}
	defer c.end()
	w := &watch{store: s, watcher: c.newWatcher(), batches: make(chan kv.Batch), seen: from}
	w.ctx, w.cancel = context.WithCancelCause(ctx)
	if !s.add(w) {
		w.cancel(kv.ErrClosed)
		return nil, kv.ErrClosed
	}
	// The watch must outlive the call, but opening it must not.
	stop := context.AfterFunc(c.ctx, func() { w.cancel(c.ctx.Err()) })
	responses, err := w.open(s.options.Prefix+prefix, from)
	if !stop() && err == nil {
		err = c.ctx.Err()
	}
	if err != nil {
		w.end(err)
		return nil, c.failed(err)
	}
	go w.run(responses)
	return w, nil
}

// add registers a watch, unless the store is closing.
func (s *Store) add(w *watch) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	s.watches[w] = struct{}{}
	s.running.Add(1)
	return true
}

// streamContext has the metadata by which the etcd client finds the stream of
// a watcher: those of the watch and of its progress requests must be equal.
// Whatever the caller's context carries is replaced.
func streamContext(ctx context.Context) context.Context {
	return metadata.NewOutgoingContext(ctx, metadata.Pairs(rpctypes.MetadataRequireLeaderKey, rpctypes.MetadataHasLeader))
}

// open starts the watcher and waits until etcd has confirmed it.
func (w *watch) open(prefix string, from int64) (clientv3.WatchChan, error) {
	options := []clientv3.OpOption{clientv3.WithPrefix(), clientv3.WithCreatedNotify(), clientv3.WithProgressNotify()}
	if from > 0 {
		options = append(options, clientv3.WithRev(from+1))
	}
	responses := w.watcher.Watch(streamContext(w.ctx), prefix, options...)
	resp, ok := <-responses
	if !ok {
		return nil, w.stopped()
	}
	if err := resp.Err(); err != nil {
		return nil, err
	}
	if from == 0 {
		w.seen = resp.Header.Revision
	}
	return responses, nil
}

// Batches implements kv.Watch.
func (w *watch) Batches() <-chan kv.Batch { return w.batches }

// RequestProgress implements kv.Watch.
func (w *watch) RequestProgress(ctx context.Context) error {
	if w.ctx.Err() != nil {
		return context.Cause(w.ctx)
	}
	c, err := w.store.begin(ctx, w.store.options.ReadTimeout)
	if err != nil {
		return err
	}
	defer c.end()
	if err := w.watcher.RequestProgress(streamContext(c.ctx)); err != nil {
		return c.failed(fmt.Errorf("requesting progress: %w", err))
	}
	return nil
}

// Err implements kv.Watch.
func (w *watch) Err() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.err
}

// Close implements kv.Watch.
func (w *watch) Close() { w.cancel(errWatchClosed) }

func (w *watch) run(responses clientv3.WatchChan) {
	w.end(w.deliver(responses))
}

func (w *watch) deliver(responses clientv3.WatchChan) error {
	for resp := range responses {
		batch, err := w.batch(&resp)
		if err != nil {
			return err
		}
		if len(batch.Events) == 0 && !resp.IsProgressNotify() {
			continue
		}
		select {
		case w.batches <- batch:
		case <-w.ctx.Done():
			return w.stopped()
		}
	}
	return w.stopped()
}

// batch translates a response. An answer with events is complete only up to
// the last of them, whatever its header says; a commit is never split, because
// fragments are not asked for. An answer to a progress request is complete up
// to its header: the server gives none while it has anything to deliver.
func (w *watch) batch(resp *clientv3.WatchResponse) (kv.Batch, error) {
	if err := resp.Err(); err != nil {
		return kv.Batch{}, translate(err)
	}
	if !w.store.lineage.same(resp.Header) {
		w.store.restart()
		return kv.Batch{}, ErrHistoryLost
	}
	batch := kv.Batch{Revision: w.seen}
	for _, ev := range resp.Events {
		if ev.Kv.ModRevision > w.seen { // a resumed stream may repeat
			batch.Events = append(batch.Events, w.event(ev))
			batch.Revision = ev.Kv.ModRevision
		}
	}
	if resp.IsProgressNotify() {
		if resp.Header.Revision < w.seen {
			return kv.Batch{}, ErrHistoryLost
		}
		batch.Revision = resp.Header.Revision
	}
	w.seen = batch.Revision
	return batch, nil
}

func (w *watch) event(ev *clientv3.Event) kv.Event {
	if ev.Type == clientv3.EventTypeDelete {
		key := strings.TrimPrefix(string(ev.Kv.Key), w.store.options.Prefix)
		return kv.Event{Entry: kv.Entry{Key: key, ModRevision: ev.Kv.ModRevision}, Deleted: true}
	}
	return kv.Event{Entry: w.store.entry(ev.Kv)}
}

// stopped tells why the stream ended without an error of its own.
func (w *watch) stopped() error {
	// The end of the client, not of our context, can come first at shutdown.
	select {
	case <-w.ctx.Done():
		return context.Cause(w.ctx)
	case <-time.After(10 * time.Millisecond):
		return errors.New("etcd: the watch stream ended")
	}
}

// end records why the watch ended and releases it.
func (w *watch) end(err error) {
	if cause := context.Cause(w.ctx); cause != nil {
		err = cause // what etcd says then is only a consequence
	}
	w.cancel(err)
	w.watcher.Close()
	if errors.Is(err, errWatchClosed) {
		err = nil
	}
	w.mu.Lock()
	w.err = err
	w.mu.Unlock()
	close(w.batches)
	w.store.mu.Lock()
	delete(w.store.watches, w)
	w.store.mu.Unlock()
	w.store.running.Done()
}
