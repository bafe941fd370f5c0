package etcd

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/gatehouse-id/gatehouse/internal/faultproxy"
	"github.com/gatehouse-id/gatehouse/storage/kv"
)

// within runs a call and tells how it ended and that it took no longer than
// limit, with room for a loaded machine.
func within(t *testing.T, limit time.Duration, what string, call func() error) error {
	t.Helper()
	began := time.Now()
	err := call()
	if took := time.Since(began); took > limit+time.Second {
		t.Errorf("%s took %v, want at most %v", what, took, limit)
	}
	return err
}

func TestSilentConnectionFailsInTime(t *testing.T) {
	o := Options{ReadTimeout: 100 * time.Millisecond, WriteTimeout: 300 * time.Millisecond}
	s, p := openProxied(t, openEmbedded(t, fast(t.TempDir())), o)
	put(t, s, "name", "ann")
	w, err := s.Watch(t.Context(), "", 0)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	p.Pause()
	hasty := func() (context.Context, context.CancelFunc) {
		return context.WithTimeout(t.Context(), 50*time.Millisecond)
	}
	for _, c := range []struct {
		what  string
		limit time.Duration
		call  func() error
	}{
		{"Get", o.ReadTimeout, func() error { _, err := s.Get(t.Context(), "name"); return err }},
		{"Get of two", o.ReadTimeout, func() error { _, err := s.Get(t.Context(), "name", "b"); return err }},
		{"List", o.ReadTimeout, func() error { _, err := s.List(t.Context(), "", kv.ListOptions{}); return err }},
		{"Commit", o.WriteTimeout, func() error {
			_, err := s.Commit(t.Context(), nil, []kv.Op{kv.Put("a", nil)})
			return err
		}},
		{"Commit with a TTL", o.WriteTimeout, func() error {
			_, err := s.Commit(t.Context(), nil, []kv.Op{kv.PutTTL("a", nil, time.Minute)})
			return err
		}},
		{"Watch", o.WriteTimeout, func() error { _, err := s.Watch(t.Context(), "", 0); return err }},
		{"Get with a deadline", 50 * time.Millisecond, func() error {
			ctx, cancel := hasty()
			defer cancel()
			_, err := s.Get(ctx, "name")
			return err
		}},
		{"Commit with a deadline", 50 * time.Millisecond, func() error {
			ctx, cancel := hasty()
			defer cancel()
			_, err := s.Commit(ctx, nil, []kv.Op{kv.Put("a", nil)})
			return err
		}},
	} {
		if err := within(t, c.limit, c.what, c.call); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s: got %v, want context.DeadlineExceeded", c.what, err)
		}
	}
	if err := w.Err(); err != nil {
		t.Errorf("the watch ended with %v; a silent connection is not noticed", err)
	}
	p.Resume()
	eventually(t, "the store answers again", func() bool { _, err := s.Get(t.Context(), "name"); return err == nil })
}

// The claim that the session checker rests on: no progress is reported that a
// silent watch has not made.
func TestProgressProvesFreshness(t *testing.T) {
	server := openEmbedded(t, fast(t.TempDir()))
	s, p := openProxied(t, server, Options{ReadTimeout: 100 * time.Millisecond})
	w, err := s.Watch(t.Context(), "p/", 0)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	before := put(t, server, "outside", "1")
	if rev, events := reaches(t, w, before); rev < before || events != 0 {
		t.Errorf("got revision %d with %d events, want %d and none", rev, events, before)
	}
	p.Pause()
	after := put(t, server, "p/missed", "1")
	for range 3 {
		_ = w.RequestProgress(t.Context()) // it may fail or be lost
		select {
		case batch, open := <-w.Batches():
			if open && batch.Revision >= after {
				t.Fatalf("a cut off watch claims to be complete up to %d", batch.Revision)
			}
		case <-time.After(50 * time.Millisecond):
		}
	}
	p.Resume()
	if rev, events := reaches(t, w, after); rev < after || events != 1 {
		t.Errorf("got revision %d with %d events, want %d with the missed one", rev, events, after)
	}
}

// reaches asks for progress until the watch is complete up to rev.
func reaches(t *testing.T, w kv.Watch, rev int64) (complete int64, events int) {
	t.Helper()
	for start := time.Now(); time.Since(start) < patience; {
		_ = w.RequestProgress(t.Context())
		select {
		case batch, open := <-w.Batches():
			if !open {
				t.Fatalf("the watch ended: %v", w.Err())
			}
			events += len(batch.Events)
			if batch.Revision >= rev {
				return batch.Revision, events
			}
		case <-time.After(100 * time.Millisecond):
		}
	}
	t.Fatalf("the watch did not reach revision %d", rev)
	return 0, 0
}

func TestWatchSurvivesLostConnections(t *testing.T) {
	server := openEmbedded(t, fast(t.TempDir()))
	s, p := openProxied(t, server, Options{})
	w, err := s.Watch(t.Context(), "n/", 0)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	for i := range 3 {
		p.Refuse(true)
		key := fmt.Sprintf("n/%d", i)
		put(t, server, key, "missed meanwhile")
		p.Refuse(false)
		if got := nextBatch(t, w).Events; len(got) != 1 || got[0].Key != key {
			t.Fatalf("got %+v, want %s once", got, key)
		}
	}
}

// restartable is an embedded server whose unix socket stays where it is.
type restartable struct {
	t     *testing.T
	dir   string
	store *Store
}

func startServing(t *testing.T) *restartable {
	r := &restartable{t: t, dir: t.TempDir()}
	r.start()
	return r
}

func (r *restartable) start() { r.store = openEmbedded(r.t, fast(r.dir)) }

func (r *restartable) stop() {
	r.t.Helper()
	if err := r.store.Close(); err != nil {
		r.t.Fatalf("stopping the server: %v", err)
	}
}

// wipe replaces the data by those of another directory, or by none.
func (r *restartable) wipe(with string) {
	r.t.Helper()
	member := filepath.Join(r.dir, "member")
	if err := os.RemoveAll(member); err != nil {
		r.t.Fatal(err)
	}
	if with == "" {
		return
	}
	if err := os.CopyFS(member, os.DirFS(with)); err != nil {
		r.t.Fatal(err)
	}
}

func (r *restartable) client() *Store {
	return openRemote(r.t, RemoteConfig{Endpoints: []string{r.store.Endpoint()}})
}

func TestWatchSurvivesServerRestart(t *testing.T) {
	r := startServing(t)
	s := r.client()
	put(t, s, "n/1", "before")
	w, err := s.Watch(t.Context(), "n/", 0)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	r.stop()
	if _, err := s.Get(t.Context(), "n/1"); err == nil {
		t.Error("a read without a server succeeded")
	}
	r.start()
	put(t, r.store, "n/2", "after")
	if got := nextBatch(t, w).Events; len(got) != 1 || got[0].Key != "n/2" {
		t.Errorf("got %+v, want n/2", got)
	}
	if got := get(t, s, "n/1"); got != "before" {
		t.Errorf("got %q, want what was written before", got)
	}
}

func TestReplacedClusterEndsWatches(t *testing.T) {
	r := startServing(t)
	s := r.client()
	for range 10 {
		put(t, s, "name", "ann")
	}
	w, err := s.Watch(t.Context(), "", 0)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	r.stop()
	r.wipe("")
	r.start()
	eventually(t, "the new cluster answers", func() bool { _, err := s.Get(t.Context(), "name"); return err == nil })
	if err := ended(t, w); !errors.Is(err, ErrHistoryLost) {
		t.Errorf("got %v, want ErrHistoryLost", err)
	}
	usableAgain(t, s)
}

func TestRestoredBackupEndsWatches(t *testing.T) {
	r := startServing(t)
	s := r.client()
	put(t, s, "name", "ann")
	r.stop()
	backup := t.TempDir()
	if err := os.CopyFS(filepath.Join(backup, "member"), os.DirFS(filepath.Join(r.dir, "member"))); err != nil {
		t.Fatal(err)
	}
	r.start()
	eventually(t, "the server is back", func() bool { _, err := s.Get(t.Context(), "name"); return err == nil })
	for range 10 {
		put(t, s, "name", "bob")
	}
	w, err := s.Watch(t.Context(), "", 0)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	r.stop()
	r.wipe(filepath.Join(backup, "member"))
	r.start()
	eventually(t, "the restored server answers", func() bool { _, err := s.Get(t.Context(), "name"); return err == nil })
	if err := ended(t, w); !errors.Is(err, ErrHistoryLost) {
		t.Errorf("got %v, want ErrHistoryLost", err)
	}
	if got := get(t, s, "name"); got != "ann" {
		t.Errorf("got %q, want what the backup holds", got)
	}
	usableAgain(t, s)
}

// usableAgain checks that a store goes on in the new history: with watches, and
// with leases, of which the new cluster knows none.
func usableAgain(t *testing.T, s *Store) {
	t.Helper()
	w, err := s.Watch(t.Context(), "again/", 0)
	if err != nil {
		t.Fatalf("watching the new history: %v", err)
	}
	defer w.Close()
	if _, err := s.Commit(t.Context(), nil, []kv.Op{kv.PutTTL("again/1", nil, time.Minute)}); err != nil {
		t.Fatalf("writing with a lease: %v", err)
	}
	nextBatch(t, w)
}

// A lease that etcd lost, which another client may revoke, is replaced.
func TestLostLeaseIsReplaced(t *testing.T) {
	server := openEmbedded(t, fast(t.TempDir()))
	put := func() error {
		_, err := server.Commit(t.Context(), nil, []kv.Op{kv.PutTTL("a", nil, time.Hour)})
		return err
	}
	if err := put(); err != nil {
		t.Fatal(err)
	}
	client := server.conn.Load().Client
	leases, err := client.Leases(t.Context())
	if err != nil || len(leases.Leases) != 1 {
		t.Fatalf("got leases %v, %v, want one", leases, err)
	}
	if _, err := client.Revoke(t.Context(), leases.Leases[0].ID); err != nil {
		t.Fatal(err)
	}
	if err := put(); err != nil {
		t.Errorf("writing after the lease was lost: %v", err)
	}
}

func TestManyRecordsShareFewLeases(t *testing.T) {
	s := openEmbedded(t, fast(t.TempDir()))
	const records = 200
	for i := range records {
		op := kv.PutTTL(fmt.Sprint("k", i), nil, time.Hour+time.Duration(i)*time.Second)
		if _, err := s.Commit(t.Context(), nil, []kv.Op{op}); err != nil {
			t.Fatal(err)
		}
	}
	leases, err := s.conn.Load().Leases(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if n := len(leases.Leases); n > 3 {
		t.Errorf("%d records within 200 seconds hang on %d leases, want 3 at most", records, n)
	}
}

func TestCompactedHistory(t *testing.T) {
	server := openEmbedded(t, fast(t.TempDir()))
	s, p := openProxied(t, server, Options{})
	old := put(t, s, "n/1", "1")
	w, err := s.Watch(t.Context(), "n/", 0)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	p.Refuse(true)
	for i := range 10 {
		put(t, server, fmt.Sprint("n/", i), "missed")
	}
	newest := put(t, server, "n/1", "newest")
	if _, err := server.conn.Load().Compact(t.Context(), newest); err != nil {
		t.Fatal(err)
	}
	p.Refuse(false)
	if err := ended(t, w); !errors.Is(err, kv.ErrCompacted) {
		t.Errorf("a watch that missed compacted changes: got %v, want ErrCompacted", err)
	}
	if _, err := s.List(t.Context(), "n/", kv.ListOptions{Revision: old}); !errors.Is(err, kv.ErrCompacted) {
		t.Errorf("a listing at a compacted revision: got %v, want ErrCompacted", err)
	}
	if w, err := s.Watch(t.Context(), "n/", old); err == nil {
		defer w.Close()
		err = ended(t, w)
		if !errors.Is(err, kv.ErrCompacted) {
			t.Errorf("a watch from a compacted revision: got %v, want ErrCompacted", err)
		}
	} else if !errors.Is(err, kv.ErrCompacted) {
		t.Errorf("a watch from a compacted revision: got %v, want ErrCompacted", err)
	}
}

func TestRemoteOpensWhileEtcdIsAway(t *testing.T) {
	r := startServing(t)
	endpoint := r.store.Endpoint()
	r.stop()
	s := openRemote(t, RemoteConfig{Endpoints: []string{endpoint}, Options: Options{ReadTimeout: 100 * time.Millisecond}})
	if err := within(t, 100*time.Millisecond, "Get", func() error { _, err := s.Get(t.Context(), "a"); return err }); err == nil {
		t.Error("a read without a server succeeded")
	}
	r.start()
	eventually(t, "the store works", func() bool { _, err := s.Get(t.Context(), "a"); return err == nil })
}

func TestSecondEndpointTakesOver(t *testing.T) {
	server := openEmbedded(t, fast(t.TempDir()))
	u, err := url.Parse(server.Endpoint())
	if err != nil {
		t.Fatal(err)
	}
	one, two := faultproxy.New(t, "unix", u.Path), faultproxy.New(t, "unix", u.Path)
	s := openRemote(t, RemoteConfig{Endpoints: []string{"http://" + one.Addr(), "http://" + two.Addr()}})
	put(t, s, "name", "ann")
	for _, p := range []*faultproxy.Proxy{one, two} {
		p.Refuse(true)
		eventually(t, "the other endpoint answers", func() bool { _, err := s.Get(t.Context(), "name"); return err == nil })
		p.Refuse(false)
	}
}

func TestRemoteWithoutEndpoints(t *testing.T) {
	if s, err := OpenRemote(t.Context(), RemoteConfig{}); err == nil {
		s.Close()
		t.Error("got a store, want an error")
	}
}
