// Package etcd implements kv.Store on etcd, embedded or remote.
//
// Both ways share one client: an embedded server is called in process, without
// a gRPC hop, a remote one over gRPC. Reads are linearizable, each call has a
// deadline, each watch has a stream of its own. Nothing here tells whether a
// watch is alive: no etcd option detects a dead one, so freshness must be
// proven by the caller with Watch.RequestProgress and a linearizable Get.
package etcd

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"

	"github.com/gatehouse-id/gatehouse/storage/kv"
)

const (
	defaultReadTimeout  = time.Second
	defaultWriteTimeout = 5 * time.Second
)

// Options are what an embedded and a remote store have in common.
type Options struct {
	// Prefix is put before every key, to share one etcd with others; empty by
	// default. A slash at its end is added: "/gatehouse" must not hold the keys
	// of "/gatehouse2". It is no part of the keys that callers see.
	Prefix string `json:"prefix,omitempty"`
	// ReadTimeout bounds reads whose context has no deadline; 1s by default.
	ReadTimeout time.Duration `json:"read_timeout,omitempty"`
	// WriteTimeout bounds commits whose context has no deadline, and the
	// opening of a watch; 5s by default, for it must outlast an election.
	WriteTimeout time.Duration `json:"write_timeout,omitempty"`
	// Logger receives what etcd's server and client report. By default only
	// errors are written, to stderr.
	Logger *zap.Logger `json:"-"`
}

// Store is a kv.Store in etcd. Use OpenEmbedded or OpenRemote.
type Store struct {
	options Options
	ctx     context.Context // ends with Close
	cancel  context.CancelFunc
	lineage lineage
	leases  *leases
	server  *server // nil when remote

	dial    func(ctx context.Context) (*connection, error)
	dialing chan struct{} // a lock that honours a context; held to set conn
	conn    atomic.Pointer[connection]

	mu      sync.RWMutex        // guards watches and closed
	watches map[*watch]struct{} // running ones
	closed  bool
	running sync.WaitGroup // one per call and watch; none is added once closed
}

// connection is a client and a way to get watchers with a stream of their own.
type connection struct {
	*clientv3.Client
	newWatcher func() clientv3.Watcher
}

func newStore(o Options, dial func(context.Context) (*connection, error)) *Store {
	if o.ReadTimeout <= 0 {
		o.ReadTimeout = defaultReadTimeout
	}
	if o.WriteTimeout <= 0 {
		o.WriteTimeout = defaultWriteTimeout
	}
	if o.Prefix != "" && !strings.HasSuffix(o.Prefix, "/") {
		o.Prefix += "/"
	}
	s := &Store{options: o, dial: dial, dialing: make(chan struct{}, 1), watches: map[*watch]struct{}{}}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.leases = newLeases(s)
	return s
}

// Get implements kv.Store.
func (s *Store) Get(ctx context.Context, keys ...string) (kv.Snapshot, error) {
	if err := kv.CheckKeys(keys); err != nil {
		return kv.Snapshot{}, err
	}
	c, err := s.begin(ctx, s.options.ReadTimeout)
	if err != nil {
		return kv.Snapshot{}, err
	}
	defer c.end()
	ops := make([]clientv3.Op, len(keys))
	for i, key := range keys {
		ops[i] = clientv3.OpGet(s.options.Prefix + key)
	}
	if len(keys) == 1 {
		resp, err := c.Do(c.ctx, ops[0])
		if err != nil {
			return kv.Snapshot{}, c.failed(err)
		}
		return s.snapshot(c, resp.Get().Header, keys, []*clientv3.GetResponse{resp.Get()}), nil
	}
	resp, err := c.Txn(c.ctx).Then(ops...).Commit()
	if err != nil {
		return kv.Snapshot{}, c.failed(err)
	}
	ranges := make([]*clientv3.GetResponse, len(keys))
	for i, r := range resp.Responses {
		ranges[i] = (*clientv3.GetResponse)(r.GetResponseRange())
	}
	return s.snapshot(c, resp.Header, keys, ranges), nil
}

func (s *Store) snapshot(c *call, h *header, keys []string, ranges []*clientv3.GetResponse) kv.Snapshot {
	c.answered(h)
	snap := kv.Snapshot{Revision: h.Revision, Entries: make([]kv.Entry, len(keys))}
	for i, key := range keys {
		snap.Entries[i] = kv.Entry{Key: key}
		if len(ranges[i].Kvs) > 0 {
			snap.Entries[i] = s.entry(ranges[i].Kvs[0])
		}
	}
	return snap
}

// Close implements kv.Store. It stops an embedded server.
func (s *Store) Close() error {
	if !s.shut() {
		return nil
	}
	s.cancel()
	// A call in process must not outlive the server that it runs in.
	s.running.Wait()
	if conn := s.conn.Load(); conn != nil {
		conn.Close() // its error is only that its context has ended
	}
	if s.server != nil {
		return s.server.close()
	}
	return nil
}

// shut ends the watches and refuses new calls. It tells whether it was the first.
func (s *Store) shut() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	s.closed = true
	for w := range s.watches {
		w.cancel(kv.ErrClosed)
	}
	return true
}

// enter counts a call in, unless the store is closed.
func (s *Store) enter() bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if !s.closed {
		s.running.Add(1)
	}
	return !s.closed
}

// connect returns the connection, made at the first use if need be.
func (s *Store) connect(ctx context.Context) (*connection, error) {
	if conn := s.conn.Load(); conn != nil {
		return conn, nil
	}
	select {
	case s.dialing <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	defer func() { <-s.dialing }()
	if conn := s.conn.Load(); conn != nil {
		return conn, nil
	}
	conn, err := s.dial(ctx)
	if err == nil {
		s.conn.Store(conn)
	}
	return conn, err
}

// call is one request: the connection, a context with a deadline, and the
// revision that a linearizable answer must at least have.
type call struct {
	*connection
	store *Store
	ctx   context.Context
	end   func()
	floor int64
}

func (s *Store) begin(ctx context.Context, timeout time.Duration) (*call, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if !s.enter() {
		return nil, kv.ErrClosed
	}
	c := &call{store: s, floor: s.lineage.newest()}
	var cancel context.CancelFunc
	if _, ok := ctx.Deadline(); ok {
		c.ctx, cancel = context.WithCancel(ctx)
	} else {
		c.ctx, cancel = context.WithTimeout(ctx, timeout)
	}
	stop := context.AfterFunc(s.ctx, cancel)
	c.end = func() { stop(); cancel(); s.running.Done() }
	conn, err := s.connect(c.ctx)
	if err != nil {
		defer c.end()
		return nil, c.failed(err)
	}
	c.connection = conn
	return c, nil
}

// answered checks that a linearizable answer continues the known history. If
// not, every watch ends before the caller sees the answer.
func (c *call) answered(h *header) {
	if !c.store.lineage.continues(h, c.floor) {
		c.store.restart()
	}
}

// restart drops what belongs to a history that etcd no longer has.
func (s *Store) restart() {
	s.leases.drop()
	s.mu.Lock()
	defer s.mu.Unlock()
	for w := range s.watches {
		w.cancel(ErrHistoryLost)
	}
}

// failed translates etcd's error.
func (c *call) failed(err error) error {
	if c.store.ctx.Err() != nil {
		return kv.ErrClosed
	}
	if cause := c.ctx.Err(); cause != nil && !errors.Is(err, cause) {
		err = fmt.Errorf("%w: %w", cause, err)
	}
	return translate(err)
}
