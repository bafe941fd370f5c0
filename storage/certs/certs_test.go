package certs_test

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gatehouse-id/gatehouse/core/secret"
	"github.com/gatehouse-id/gatehouse/storage/certs"
	"github.com/gatehouse-id/gatehouse/storage/etcd"
	"github.com/gatehouse-id/gatehouse/storage/kv"
)

// onEveryStore runs a story in memory and on a real etcd.
func onEveryStore(t *testing.T, story func(t *testing.T, store kv.Store)) {
	t.Run("memory", func(t *testing.T) { story(t, kv.NewMemory()) })
	t.Run("etcd", func(t *testing.T) {
		store, err := etcd.OpenEmbedded(t.Context(), etcd.EmbeddedConfig{Dir: t.TempDir()})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { store.Close() })
		story(t, store)
	})
}

func TestFilesAreKeptAsInAFileSystem(t *testing.T) {
	onEveryStore(t, func(t *testing.T, store kv.Store) {
		ctx, f := t.Context(), &certs.Files{KV: store, Seal: secret.RandomKeys()}
		for _, name := range []string{"certificates/acme-v02.example/a.example/a.example.crt", "certificates/acme-v02.example/a.example/a.example.key", "certificates/acme-v02.example.org/b", "acme/ä ü/x"} {
			if err := f.Store(ctx, name, []byte("of "+name)); err != nil {
				t.Fatal(err)
			}
		}
		got, err := f.Load(ctx, "/certificates/acme-v02.example/a.example/a.example.key")
		if err != nil || string(got) != "of certificates/acme-v02.example/a.example/a.example.key" {
			t.Errorf("loading: %q, %v", got, err)
		}
		if _, err := f.Load(ctx, "certificates/acme-v02.example"); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("loading a directory: %v", err)
		}
		listed := func(dir string, recursive bool, want ...string) {
			t.Helper()
			if got, err := f.List(ctx, dir, recursive); err != nil || !slices.Equal(got, want) {
				t.Errorf("listing %q: got %q, %v, want %q", dir, got, err, want)
			}
		}
		listed("", false, "acme", "certificates")
		listed("certificates", false, "certificates/acme-v02.example", "certificates/acme-v02.example.org")
		listed("certificates/acme-v02.example/", false, "certificates/acme-v02.example/a.example")
		listed("acme", true, "acme/ä ü", "acme/ä ü/x")
		if _, err := f.List(ctx, "nothing", true); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("listing what isn't there: %v", err)
		}
		if i, err := f.Stat(ctx, "certificates"); err != nil || i.File {
			t.Errorf("a directory: %+v, %v", i, err)
		}
		if i, err := f.Stat(ctx, "acme/ä ü/x"); err != nil || !i.File || i.Size != 15 || time.Since(i.Modified) > time.Minute {
			t.Errorf("a file: %+v, %v", i, err)
		}
		if err := f.Delete(ctx, "certificates/acme-v02.example"); err != nil {
			t.Fatal(err)
		}
		if f.Exists(ctx, "certificates/acme-v02.example/a.example/a.example.crt") || !f.Exists(ctx, "certificates/acme-v02.example.org/b") {
			t.Error("deleting a directory took too much or too little")
		}
		if err := f.Delete(ctx, "certificates/acme-v02.example"); err != nil {
			t.Errorf("deleting it again: %v", err)
		}
		if err := f.Store(ctx, "x", make([]byte, certs.MaxValue+1)); err == nil {
			t.Error("a value of any size was taken")
		}
	})
}

func TestNothingIsStoredInClear(t *testing.T) {
	store, keys := kv.NewMemory(), secret.RandomKeys()
	f := &certs.Files{KV: store, Seal: keys}
	if err := f.Store(t.Context(), "a.key", []byte("-----BEGIN PRIVATE KEY-----")); err != nil {
		t.Fatal(err)
	}
	all, err := store.List(t.Context(), "", kv.ListOptions{})
	if err != nil || len(all.Entries) != 1 || bytes.Contains(all.Entries[0].Value, []byte("PRIVATE")) {
		t.Errorf("stored: %v, %v", all.Entries, err)
	}
	stranger := &certs.Files{KV: store, Seal: secret.RandomKeys()}
	if _, err := stranger.Load(t.Context(), "a.key"); !errors.Is(err, certs.ErrDamaged) {
		t.Errorf("with other secrets: %v", err)
	}
}

// TestOneHoldsALock has two nodes with ten askers each.
func TestOneHoldsALock(t *testing.T) {
	onEveryStore(t, func(t *testing.T, store kv.Store) {
		seal := secret.RandomKeys()
		var inside, entered atomic.Int64
		var all sync.WaitGroup
		for range 2 {
			f := &certs.Files{KV: store, Seal: seal}
			var node sync.Mutex // in one process, certmagic asks once for a name
			for range 10 {
				all.Go(func() {
					node.Lock()
					defer node.Unlock()
					if err := f.Lock(t.Context(), "issue a.example"); err != nil {
						t.Error(err)
						return
					}
					if inside.Add(1) != 1 {
						t.Error("two are inside")
					}
					entered.Add(1)
					inside.Add(-1)
					if err := f.Unlock(t.Context(), "issue a.example"); err != nil {
						t.Error(err)
					}
				})
			}
		}
		all.Wait()
		if entered.Load() != 20 {
			t.Errorf("%d got in, want 20", entered.Load())
		}
	})
}

func TestLockOfANodeThatDiedIsTakenOver(t *testing.T) {
	store, seal := kv.NewMemory(), secret.RandomKeys()
	died := &certs.Files{KV: store, Seal: seal}
	if err := died.Lock(t.Context(), "x"); err != nil {
		t.Fatal(err)
	}
	var ahead atomic.Int64
	other := &certs.Files{KV: store, Seal: seal, Now: func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }}
	if got, err := other.TryLock(t.Context(), "x"); got || err != nil {
		t.Fatalf("a lock that is held: %v, %v", got, err)
	}
	short, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if err := other.Lock(short, "x"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("waiting for it: %v", err)
	}
	ahead.Store(int64(time.Minute)) // nobody has spoken for it
	if got, err := other.TryLock(t.Context(), "x"); !got || err != nil {
		t.Fatalf("a lock whose holder died: %v, %v", got, err)
	}
	if err := died.Unlock(t.Context(), "x"); err != nil {
		t.Errorf("the dead node came back: %v", err)
	}
	if got, _ := died.TryLock(t.Context(), "x"); got {
		t.Error("the dead node took the lock of another one away")
	}
	if err := other.Unlock(t.Context(), "x"); err != nil {
		t.Error(err)
	}
	if err := other.Unlock(t.Context(), "x"); !errors.Is(err, certs.ErrNotHeld) {
		t.Errorf("unlocking twice: %v", err)
	}
}
