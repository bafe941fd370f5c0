package etcd

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gatehouse-id/gatehouse/storage/kv"
)

// BenchmarkEmbeddedOverRemote compares a server called in process with the
// same server over gRPC and a unix socket. Both take turns within one run, so
// that the ratio means something on a machine with other work.
func BenchmarkEmbeddedOverRemote(b *testing.B) {
	server := openEmbedded(b, EmbeddedConfig{Dir: b.TempDir()})
	remote := openRemote(b, RemoteConfig{Endpoints: []string{server.Endpoint()}})
	put(b, server, "record", "value")
	value := make([]byte, 512)
	for _, work := range []struct {
		name string
		do   func(ctx context.Context, s *Store, n int64) error
	}{
		{"writes", func(ctx context.Context, s *Store, n int64) error {
			_, err := s.Commit(ctx, nil, []kv.Op{kv.Put(fmt.Sprint("w/", n%10_000), value)})
			return err
		}},
		{"reads", func(ctx context.Context, s *Store, _ int64) error { _, err := s.Get(ctx, "record"); return err }},
	} {
		b.Run(work.name, func(b *testing.B) {
			var inProcess, overGRPC float64
			for b.Loop() {
				inProcess += perSecond(b, func(ctx context.Context, n int64) error { return work.do(ctx, server, n) })
				overGRPC += perSecond(b, func(ctx context.Context, n int64) error { return work.do(ctx, remote, n) })
			}
			b.ReportMetric(inProcess/float64(b.N), "embedded/s")
			b.ReportMetric(overGRPC/float64(b.N), "remote/s")
			b.ReportMetric(inProcess/overGRPC, "embedded/remote")
		})
	}
}

// perSecond measures how often 128 goroutines together do something.
func perSecond(b *testing.B, do func(ctx context.Context, n int64) error) float64 {
	const span = 500 * time.Millisecond
	ctx, cancel := context.WithCancel(b.Context())
	time.AfterFunc(span, cancel)
	var count atomic.Int64
	var all sync.WaitGroup
	began := time.Now()
	for range 128 {
		all.Go(func() {
			for ctx.Err() == nil {
				// Not ctx: what has begun is finished, and counts.
				if err := do(context.Background(), count.Add(1)); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
	return float64(count.Load()) / time.Since(began).Seconds()
}
