package harness

import (
	"context"
	"path/filepath"
	"strings"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"

	"github.com/gatehouse-id/gatehouse/internal/faultproxy"
	"github.com/gatehouse-id/gatehouse/storage/etcd"
)

// Etcd is a real etcd server that processes can share.
type Etcd struct {
	endpoint string // of its unix socket
}

// StartEtcd starts an etcd server that ends with the test.
func StartEtcd(tb testing.TB) *Etcd {
	tb.Helper()
	store, err := etcd.OpenEmbedded(tb.Context(), etcd.EmbeddedConfig{Dir: tb.TempDir(), Heartbeat: 20 * time.Millisecond})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { store.Close() })
	return &Etcd{endpoint: store.Endpoint()}
}

// Link is a way to the server, with an address of its own, that can be paused and cut.
func (e *Etcd) Link(tb testing.TB) *faultproxy.Proxy {
	tb.Helper()
	return faultproxy.New(tb, "unix", strings.TrimPrefix(e.endpoint, "unix://"))
}

// Keys counts the keys of the server.
func (e *Etcd) Keys(tb testing.TB) int64 {
	tb.Helper()
	return keys(tb, e.endpoint)
}

// Keys counts the keys in the embedded etcd of the process.
func (p *Process) Keys(tb testing.TB) int64 {
	tb.Helper()
	return keys(tb, p.etcd())
}

// KeysBelow counts those with a prefix.
func (p *Process) KeysBelow(tb testing.TB, prefix string) int64 {
	tb.Helper()
	return count(tb, p.etcd(), prefix, clientv3.WithPrefix())
}

func (p *Process) etcd() string {
	return "unix://" + filepath.Join(p.Dir, "data", "caddy", "gatehouse", "etcd", "client.sock")
}

// keys counts the whole range of keys, whatever prefix the processes use.
func keys(tb testing.TB, endpoint string) int64 {
	tb.Helper()
	return count(tb, endpoint, "\x00", clientv3.WithFromKey())
}

func count(tb testing.TB, endpoint, from string, which clientv3.OpOption) int64 {
	tb.Helper()
	client, err := clientv3.New(clientv3.Config{Endpoints: []string{endpoint}, DialTimeout: patience, Logger: zap.NewNop()})
	if err != nil {
		tb.Fatal(err)
	}
	defer client.Close()
	// Not the test's context: tests count when they end, too.
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	all, err := client.Get(ctx, from, which, clientv3.WithCountOnly())
	if err != nil {
		tb.Fatalf("counting the keys of %s: %v", endpoint, err)
	}
	return all.Count
}
