package etcd

import (
	"context"
	"fmt"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gatehouse-id/gatehouse/storage/kv"
	"github.com/gatehouse-id/gatehouse/storage/kvtest"
)

// fast is a lone server that elects itself in no time.
func fast(dir string) EmbeddedConfig {
	return EmbeddedConfig{Dir: dir, Heartbeat: 10 * time.Millisecond}
}

func openEmbedded(t *testing.T, c EmbeddedConfig) *Store {
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

func openRemote(t *testing.T, c RemoteConfig) *Store {
	t.Helper()
	s, err := OpenRemote(context.Background(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// freeAddress returns a TCP address nobody listens on.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func put(t *testing.T, s *Store, key, value string) int64 {
	t.Helper()
	rev, err := s.Commit(t.Context(), nil, []kv.Op{kv.Put(key, []byte(value))})
	if err != nil {
		t.Fatalf("putting %s: %v", key, err)
	}
	return rev
}

func get(t *testing.T, s *Store, key string) string {
	t.Helper()
	snap, err := s.Get(t.Context(), key)
	if err != nil {
		t.Fatalf("getting %s: %v", key, err)
	}
	return string(snap.Entries[0].Value)
}

func eventually(t *testing.T, what string, done func() bool) {
	t.Helper()
	for start := time.Now(); time.Since(start) < 30*time.Second; time.Sleep(20 * time.Millisecond) {
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
	server := openEmbedded(t, fast(t.TempDir()))
	kvtest.Run(t, func(t *testing.T) kv.Store {
		s := newStore(Options{Prefix: nextPrefix()}, nil)
		s.conn.Store(connectEmbedded(server.server.etcd))
		t.Cleanup(func() { s.Close() })
		return s
	})
}

func TestRemoteConforms(t *testing.T) {
	c := fast(t.TempDir())
	c.ListenClientURLs = []string{"http://" + freeAddress(t)}
	openEmbedded(t, c)
	kvtest.Run(t, func(t *testing.T) kv.Store {
		return openRemote(t, RemoteConfig{Endpoints: c.ListenClientURLs, Options: Options{Prefix: nextPrefix()}})
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
