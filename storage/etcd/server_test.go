package etcd

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gatehouse-id/gatehouse/storage/kv"
)

func TestRestartKeepsDataAndRevision(t *testing.T) {
	dir := t.TempDir()
	s := openEmbedded(t, fast(dir))
	rev := put(t, s, "name", "ann")
	if err := s.Close(); err != nil {
		t.Fatalf("closing: %v", err)
	}
	s = openEmbedded(t, fast(dir))
	snap, err := s.Get(t.Context(), "name")
	if err != nil {
		t.Fatal(err)
	}
	if e := snap.Entries[0]; string(e.Value) != "ann" || e.CreateRevision != rev || snap.Revision != rev {
		t.Errorf("got %+v at revision %d, want ann of revision %d", e, snap.Revision, rev)
	}
	if next := put(t, s, "name", "bob"); next <= rev {
		t.Errorf("got revision %d after %d, want it to grow", next, rev)
	}
}

func TestDirectoryInUseIsRefused(t *testing.T) {
	dir := t.TempDir()
	first := openEmbedded(t, fast(dir))
	second, err := OpenEmbedded(t.Context(), fast(dir))
	if !errors.Is(err, ErrInUse) {
		t.Fatalf("got %v, %v, want ErrInUse", second, err)
	}
	if !strings.Contains(err.Error(), dir) {
		t.Errorf("got %q, want it to name the directory", err)
	}
	put(t, first, "still", "alive")
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	put(t, openEmbedded(t, fast(dir)), "free", "again")
}

// An etcd that was started by other means holds no lock of ours.
func TestDirectoryOfAnotherEtcdIsRefused(t *testing.T) {
	dir := t.TempDir()
	openEmbedded(t, fast(dir))
	if err := os.Remove(filepath.Join(dir, lockFile)); err != nil {
		t.Fatal(err)
	}
	if s, err := OpenEmbedded(t.Context(), fast(dir)); !errors.Is(err, ErrInUse) {
		t.Errorf("got %v, %v, want ErrInUse", s, err)
	}
}

func TestDirectoryIsClosedToOthers(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	openEmbedded(t, fast(dir))
	info, err := os.Stat(dir)
	if err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("got mode %v, %v, want 0700", info.Mode(), err)
	}
}

func TestUnusableDirectory(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{"", file, filepath.Join(file, "below")} {
		if s, err := OpenEmbedded(t.Context(), fast(dir)); err == nil {
			s.Close()
			t.Errorf("directory %q: got a store, want an error", dir)
		}
	}
}

func TestOpeningHonoursItsContext(t *testing.T) {
	c := fast(t.TempDir())
	// Two members, of which one never comes: there is no majority.
	c.Name, c.ListenPeerURLs = "a", []string{"http://127.0.0.1:0"}
	c.InitialCluster = "a=http://127.0.0.1:0,b=http://127.0.0.1:1"
	open := func() error {
		ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
		defer cancel()
		s, err := OpenEmbedded(ctx, c)
		if err == nil {
			s.Close()
		}
		return err
	}
	if err := open(); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want context.DeadlineExceeded", err)
	}
	// What was begun is undone, so the next start fails for the same reason only.
	eventually(t, "the directory is free", func() bool { return !errors.Is(open(), ErrInUse) })
}

// A unix socket's address has room for 107 bytes; a data directory may be deeper.
func TestDeepDirectory(t *testing.T) {
	dir := filepath.Join(t.TempDir(), strings.Repeat("deep/", 30))
	s := openEmbedded(t, fast(dir))
	path := socket(t, s)
	if len(path) > maxSocketPath {
		t.Errorf("the socket's path has %d bytes", len(path))
	}
	other := openRemote(t, RemoteConfig{Endpoints: []string{s.Endpoint()}})
	put(t, other, "name", "ann")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Dir(path)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the directory of the sockets is still there: %v", err)
	}
}

func TestNoPlaceForSocketsIsSaid(t *testing.T) {
	deep := filepath.Join(t.TempDir(), strings.Repeat("deep/", 30))
	if err := os.MkdirAll(deep, 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("TMPDIR", deep)
	s, err := OpenEmbedded(t.Context(), fast(filepath.Join(deep, "data")))
	if err == nil {
		s.Close()
		t.Fatal("got a store, want an error")
	}
	for _, want := range []string{"107", "TMPDIR"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("got %q, want it to mention %s", err, want)
		}
	}
	if left, _ := filepath.Glob(filepath.Join(deep, "gatehouse-etcd-*")); len(left) > 0 {
		t.Errorf("%q were left behind", left)
	}
}

func TestFullStoreStillForgets(t *testing.T) {
	c := fast(t.TempDir())
	c.QuotaBytes = 4 << 20
	s := openEmbedded(t, c)
	put(t, s, "grant", "s1")
	if alarms, err := s.Alarms(t.Context()); err != nil || len(alarms) != 0 {
		t.Fatalf("alarms of a fresh store: got %v, %v", alarms, err)
	}
	fill(t, s)
	if _, err := s.Commit(t.Context(), nil, []kv.Op{kv.PutTTL("small", nil, time.Minute)}); !errors.Is(err, kv.ErrNoSpace) {
		t.Errorf("a put with a TTL: got %v, want ErrNoSpace", err)
	}
	if _, err := s.Commit(t.Context(), nil, []kv.Op{kv.Delete("grant")}); err != nil {
		t.Errorf("a delete: got %v, want it to work", err)
	}
	if got := get(t, s, "grant"); got != "" {
		t.Errorf("got %q, want the grant gone", got)
	}
	alarms, err := s.Alarms(t.Context())
	if err != nil || len(alarms) != 1 || alarms[0] != "NOSPACE" {
		t.Errorf("alarms: got %v, %v, want NOSPACE", alarms, err)
	}
	if size, quota, err := s.Usage(t.Context()); err != nil || quota != c.QuotaBytes || size < quota/2 {
		t.Errorf("usage: got %d of %d, %v", size, quota, err)
	}
}

// fill puts until the store is full.
func fill(t *testing.T, s *Store) {
	t.Helper()
	for i := range 100 {
		_, err := s.Commit(t.Context(), nil, []kv.Op{kv.Put(fmt.Sprintf("fill/%d", i), make([]byte, 512<<10))})
		if errors.Is(err, kv.ErrNoSpace) {
			return
		}
		if err != nil {
			t.Fatalf("filling: got %v, want ErrNoSpace", err)
		}
	}
	t.Fatal("the store did not get full")
}

// victimDir names the environment variable that turns this test binary into a
// process that writes until it is killed.
const victimDir = "GATEHOUSE_TEST_VICTIM"

// victim writes numbered keys from several goroutines and says which are
// acknowledged. It does not return.
func victim(dir string) int {
	s, err := OpenEmbedded(context.Background(), fast(dir))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	var said sync.Mutex // lines must not mix
	for writer := range 8 {
		go func() {
			for n := 0; ; n++ {
				key := fmt.Sprintf("w/%d/%06d", writer, n)
				if _, err := s.Commit(context.Background(), nil, []kv.Op{kv.Put(key, []byte(key))}); err != nil {
					fmt.Fprintln(os.Stderr, err)
					os.Exit(1)
				}
				said.Lock()
				fmt.Println(key)
				said.Unlock()
			}
		}()
	}
	select {}
}

func TestKillLosesNoAcknowledgedCommit(t *testing.T) {
	dir := t.TempDir()
	var acked []string
	for range 2 { // the second start is one after a kill
		acked = append(acked, killedAfter(t, dir, 300)...)
	}
	s := openEmbedded(t, fast(dir))
	for _, key := range acked {
		if got := get(t, s, key); got != key {
			t.Fatalf("%s was acknowledged before the kill, but is %q now", key, got)
		}
	}
}

// killedAfter runs a victim, kills it after some acknowledged writes and
// returns all that it acknowledged.
func killedAfter(t *testing.T, dir string, writes int) []string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), victimDir+"="+dir)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var acked []string
	for lines := bufio.NewScanner(out); lines.Scan(); {
		acked = append(acked, lines.Text())
		if len(acked) == writes {
			if err := cmd.Process.Kill(); err != nil { // SIGKILL
				t.Fatal(err)
			}
		}
	}
	_ = cmd.Wait() // it was killed
	if len(acked) < writes {
		t.Fatalf("the victim ended by itself after %d writes", len(acked))
	}
	return acked
}

// A lone server must not be reachable from outside.
func TestLoneServerListensOnSocketsOnly(t *testing.T) {
	s := openEmbedded(t, fast(t.TempDir()))
	for _, c := range s.server.etcd.Clients {
		if c.Addr().Network() != "unix" {
			t.Errorf("it serves clients at %v", c.Addr())
		}
	}
	for _, p := range s.server.etcd.Peers {
		if network := p.Addr().Network(); network != "unix" {
			t.Errorf("it serves peers at %s %v", network, p.Addr())
		}
	}
	c, err := net.Dial("unix", socket(t, s))
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
}
