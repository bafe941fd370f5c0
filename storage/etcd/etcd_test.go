package etcd

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gatehouse-id/gatehouse/internal/faultproxy"
	"github.com/gatehouse-id/gatehouse/storage/kv"
	"github.com/gatehouse-id/gatehouse/storage/kvtest"
)

// patience is how long a test waits for what must happen. A loaded machine
// must not fail it.
const patience = 30 * time.Second

func TestMain(m *testing.M) {
	if dir := os.Getenv(victimDir); dir != "" {
		os.Exit(victim(dir))
	}
	os.Exit(m.Run())
}

// fast is a lone server that elects itself in no time.
func fast(dir string) EmbeddedConfig {
	return EmbeddedConfig{Dir: dir, Heartbeat: 10 * time.Millisecond}
}

func openEmbedded(t testing.TB, c EmbeddedConfig) *Store {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	s, err := OpenEmbedded(ctx, c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func openRemote(t testing.TB, c RemoteConfig) *Store {
	t.Helper()
	s, err := OpenRemote(context.Background(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// socket is the path of a server's unix socket.
func socket(t testing.TB, s *Store) string {
	t.Helper()
	u, err := url.Parse(s.Endpoint())
	if err != nil {
		t.Fatal(err)
	}
	return u.Path
}

// openProxied opens a remote store behind a proxy to the server.
func openProxied(t testing.TB, server *Store, o Options) (*Store, *faultproxy.Proxy) {
	t.Helper()
	p := faultproxy.New(t, "unix", socket(t, server))
	return openRemote(t, RemoteConfig{Endpoints: []string{"http://" + p.Addr()}, Options: o}), p
}

func put(t testing.TB, s *Store, key, value string) int64 {
	t.Helper()
	rev, err := s.Commit(t.Context(), nil, []kv.Op{kv.Put(key, []byte(value))})
	if err != nil {
		t.Fatalf("putting %s: %v", key, err)
	}
	return rev
}

func get(t testing.TB, s *Store, key string) string {
	t.Helper()
	snap, err := s.Get(t.Context(), key)
	if err != nil {
		t.Fatalf("getting %s: %v", key, err)
	}
	return string(snap.Entries[0].Value)
}

func eventually(t testing.TB, what string, done func() bool) {
	t.Helper()
	for start := time.Now(); time.Since(start) < patience; time.Sleep(20 * time.Millisecond) {
		if done() {
			return
		}
	}
	t.Fatalf("did not happen: %s", what)
}

var prefixes atomic.Int64

func nextPrefix() string { return fmt.Sprintf("test/%d/", prefixes.Add(1)) }

// The suite opens many stores; they share one server, each under its prefix.
func TestEmbeddedConforms(t *testing.T) {
	t.Parallel()
	server := openEmbedded(t, fast(t.TempDir()))
	kvtest.Run(t, func(t *testing.T) kv.Store {
		s := newStore(Options{Prefix: nextPrefix()}, nil)
		s.conn.Store(connectEmbedded(server.server.etcd))
		t.Cleanup(func() { s.Close() })
		return s
	})
}

func TestRemoteConforms(t *testing.T) {
	t.Parallel()
	server := openEmbedded(t, fast(t.TempDir()))
	kvtest.Run(t, func(t *testing.T) kv.Store {
		return openRemote(t, RemoteConfig{Endpoints: []string{server.Endpoint()}, Options: Options{Prefix: nextPrefix()}})
	})
}

func TestRemoteThroughProxyConforms(t *testing.T) {
	t.Parallel()
	server := openEmbedded(t, fast(t.TempDir()))
	kvtest.Run(t, func(t *testing.T) kv.Store {
		s, _ := openProxied(t, server, Options{Prefix: nextPrefix()})
		return s
	})
}

func TestEmbeddedWithoutPrefix(t *testing.T) {
	s := openEmbedded(t, fast(t.TempDir()))
	put(t, s, "a", "1")
	put(t, s, "b", "2")
	for _, reverse := range []bool{false, true} {
		snap, err := s.List(t.Context(), "", kv.ListOptions{Reverse: reverse})
		if err != nil || len(snap.Entries) != 2 {
			t.Errorf("listing everything, reverse %v: got %v, %v", reverse, snap.Entries, err)
		}
	}
}

func TestStoresOfOneServerDoNotSeeEachOther(t *testing.T) {
	server := openEmbedded(t, fast(t.TempDir()))
	open := func(prefix string) *Store {
		return openRemote(t, RemoteConfig{Endpoints: []string{server.Endpoint()}, Options: Options{Prefix: prefix}})
	}
	one, two := open("one"), open("one2")
	w, err := two.Watch(t.Context(), "", 0)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	put(t, one, "name", "ann")
	put(t, two, "name", "bob")
	if got, want := get(t, one, "name"), "ann"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if batch := nextBatch(t, w); len(batch.Events) != 1 || batch.Events[0].Key != "name" || string(batch.Events[0].Value) != "bob" {
		t.Errorf("got %+v, want only the store's own change", batch.Events)
	}
	for _, reverse := range []bool{false, true} {
		snap, err := one.List(t.Context(), "", kv.ListOptions{Reverse: reverse})
		if err != nil || len(snap.Entries) != 1 || snap.Entries[0].Key != "name" {
			t.Errorf("listing, reverse %v: got %v, %v, want the own name only", reverse, snap.Entries, err)
		}
	}
	if got, want := get(t, server, "one/name"), "ann"; got != want {
		t.Errorf("the raw key: got %q, want %q", got, want)
	}
}

// nextBatch waits for a batch with events.
func nextBatch(t testing.TB, w kv.Watch) kv.Batch {
	t.Helper()
	for deadline := time.After(patience); ; {
		select {
		case batch, ok := <-w.Batches():
			if !ok {
				t.Fatalf("the watch ended: %v", w.Err())
			}
			if len(batch.Events) > 0 {
				return batch
			}
		case <-deadline:
			t.Fatal("no event came")
		}
	}
}

// ended waits for the end of a watch and returns its reason.
func ended(t testing.TB, w kv.Watch) error {
	t.Helper()
	for deadline := time.After(patience); ; {
		select {
		case _, ok := <-w.Batches():
			if !ok {
				return w.Err()
			}
		case <-deadline:
			t.Fatal("the watch did not end")
		}
	}
}

// TestOneStoreUsedByMany is for the race detector: calls, watches and the
// end of the store at once.
func TestOneStoreUsedByMany(t *testing.T) {
	server := openEmbedded(t, fast(t.TempDir()))
	s, p := openProxied(t, server, Options{ReadTimeout: 200 * time.Millisecond, WriteTimeout: 200 * time.Millisecond})
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	var all sync.WaitGroup
	loop := func(f func(n int)) {
		all.Go(func() {
			for n := 0; ctx.Err() == nil; n++ {
				f(n)
			}
		})
	}
	for i := range 4 {
		loop(func(n int) {
			op := kv.PutTTL(fmt.Sprintf("k%d", (i+n)%8), nil, time.Minute)
			_, _ = s.Commit(ctx, nil, []kv.Op{op})
		})
		loop(func(n int) { _, _ = s.Get(ctx, "k1", "k2"); _, _ = s.List(ctx, "k", kv.ListOptions{Reverse: n%2 == 0}) })
	}
	for range 2 {
		loop(func(int) {
			w, err := s.Watch(ctx, "k", 0)
			if err != nil {
				return
			}
			_ = w.RequestProgress(ctx)
			select {
			case <-w.Batches():
			case <-time.After(20 * time.Millisecond):
			}
			w.Close()
		})
	}
	loop(func(int) { time.Sleep(100 * time.Millisecond); p.Cut() })
	loop(func(int) { s.restart(); time.Sleep(50 * time.Millisecond) })
	all.Wait()
	if err := s.Close(); err != nil {
		t.Errorf("closing: %v", err)
	}
	put(t, server, "still", "alive")
}
