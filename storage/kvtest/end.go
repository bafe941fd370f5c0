package kvtest

import (
	"context"
	"errors"
	"time"

	"github.com/gatehouse-id/gatehouse/storage/kv"
)

var endTests = []test{
	{"WatchClosed", testWatchClosed},
	{"WatchContext", testWatchContext},
	{"CallContext", testCallContext},
	{"StoreClosed", testStoreClosed},
}

// ended waits until the watch's channel is closed, whatever comes before.
func (b *bench) ended(w kv.Watch) {
	b.Helper()
	for deadline := time.After(patience); ; {
		select {
		case _, ok := <-w.Batches():
			if !ok {
				return
			}
		case <-deadline:
			b.Fatal("the watch did not end")
		}
	}
}

func testWatchClosed(b *bench) {
	w := b.watch("", 0)
	b.put("a", "unread")
	if err := w.Err(); err != nil {
		b.Errorf("Err of a running watch: %v", err)
	}
	w.Close()
	w.Close()
	b.ended(w)
	if err := w.Err(); err != nil {
		b.Errorf("Err after Close: got %v, want nil", err)
	}
	if err := w.RequestProgress(b.ctx); err == nil {
		b.Error("RequestProgress after Close: got no error")
	}
}

func testWatchContext(b *bench) {
	ctx, cancel := context.WithCancel(b.ctx)
	w, err := b.Watch(ctx, "", 0)
	if err != nil {
		b.Fatal(err)
	}
	cancel()
	b.ended(w)
	if err := w.Err(); !errors.Is(err, context.Canceled) {
		b.Errorf("got %v, want context.Canceled", err)
	}
	b.put("a", "the store itself still works")
}

func testCallContext(b *bench) {
	ctx, cancel := context.WithCancel(b.ctx)
	cancel()
	_, getErr := b.Get(ctx, "a")
	_, listErr := b.List(ctx, "a", kv.ListOptions{})
	_, commitErr := b.Commit(ctx, nil, []kv.Op{kv.Put("a", nil)})
	_, watchErr := b.Watch(ctx, "a", 0)
	for call, err := range map[string]error{"Get": getErr, "List": listErr, "Commit": commitErr, "Watch": watchErr} {
		if !errors.Is(err, context.Canceled) {
			b.Errorf("%s: got %v, want context.Canceled", call, err)
		}
	}
}

func testStoreClosed(b *bench) {
	w := b.watch("", 0)
	if err := b.Close(); err != nil {
		b.Fatalf("Close: %v", err)
	}
	b.ended(w)
	_, getErr := b.Get(b.ctx, "a")
	_, listErr := b.List(b.ctx, "a", kv.ListOptions{})
	_, commitErr := b.Commit(b.ctx, nil, []kv.Op{kv.Put("a", nil)})
	_, watchErr := b.Watch(b.ctx, "a", 0)
	for call, err := range map[string]error{
		"Get": getErr, "List": listErr, "Commit": commitErr, "Watch": watchErr, "watch.Err": w.Err(),
	} {
		if !errors.Is(err, kv.ErrClosed) {
			b.Errorf("%s after Close: got %v, want ErrClosed", call, err)
		}
	}
}
