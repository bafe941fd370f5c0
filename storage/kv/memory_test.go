package kv_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/gatehouse-id/gatehouse/storage/kv"
	"github.com/gatehouse-id/gatehouse/storage/kvtest"
)

func open(t *testing.T) kv.Store {
	m := kv.NewMemory()
	t.Cleanup(func() { m.Close() })
	return m
}

func TestMemory(t *testing.T) { kvtest.Run(t, open) }

func put(t *testing.T, m *kv.Memory, op kv.Op) int64 {
	t.Helper()
	rev, err := m.Commit(context.Background(), nil, []kv.Op{op})
	if err != nil {
		t.Fatal(err)
	}
	return rev
}

func TestMemoryForgetsWhenTimeHasCome(t *testing.T) {
	now := time.Unix(1000, 0)
	m := kv.NewMemory()
	m.Now = func() time.Time { return now }
	put(t, m, kv.PutTTL("a", nil, time.Minute))
	for _, tt := range []struct {
		after time.Duration
		want  bool
	}{{time.Minute - 1, true}, {time.Minute, false}} {
		now = time.Unix(1000, 0).Add(tt.after)
		snap, err := m.Get(context.Background(), "a")
		if err != nil || snap.Entries[0].Exists() != tt.want {
			t.Errorf("after %v: got %v, %v, want existing %v", tt.after, snap.Entries, err, tt.want)
		}
	}
}

func TestMemoryCompactsItsHistory(t *testing.T) {
	ctx := context.Background()
	m := kv.NewMemory()
	m.History = 10
	defer m.Close()
	first := put(t, m, kv.Put("a", []byte("0")))
	var last int64
	for i := range 100 {
		last = put(t, m, kv.Put("a", fmt.Append(nil, i)))
	}
	if _, err := m.List(ctx, "a", kv.ListOptions{Revision: first}); !errors.Is(err, kv.ErrCompacted) {
		t.Errorf("List at a compacted revision: got %v, want ErrCompacted", err)
	}
	if _, err := m.List(ctx, "a", kv.ListOptions{Revision: last - 10}); err != nil {
		t.Errorf("List within the kept history: %v", err)
	}
	w, err := m.Watch(ctx, "a", first)
	if err != nil {
		t.Fatal(err)
	}
	for range w.Batches() {
		t.Error("got a batch of a compacted watch")
	}
	if !errors.Is(w.Err(), kv.ErrCompacted) {
		t.Errorf("got %v, want ErrCompacted", w.Err())
	}
}
