package kvtest

import (
	"fmt"
	"slices"
	"time"

	"github.com/gatehouse-id/gatehouse/storage/kv"
)

var watchTests = []test{
	{"Events", testWatchEvents},
	{"Order", testWatchOrder},
	{"WholeCommits", testWatchWholeCommits},
	{"FromRevision", testWatchFromRevision},
	{"Prefix", testWatchPrefix},
	{"Progress", testWatchProgress},
	{"ProgressIsNeverAhead", testWatchProgressIsNeverAhead},
	{"TwoWatches", testTwoWatches},
}

// watch opens a watch that the end of the test closes.
func (b *bench) watch(prefix string, from int64) kv.Watch {
	b.Helper()
	w, err := b.Watch(b.ctx, prefix, from)
	if err != nil {
		b.Fatalf("Watch(%q, %d): %v", prefix, from, err)
	}
	b.Cleanup(w.Close)
	return w
}

// next waits for a batch and checks what holds for every batch: events in
// order, none beyond what the batch claims.
func (b *bench) next(w kv.Watch) kv.Batch {
	b.Helper()
	select {
	case batch, ok := <-w.Batches():
		if !ok {
			b.Fatalf("the watch ended: %v", w.Err())
		}
		last := int64(0)
		for _, ev := range batch.Events {
			if ev.ModRevision < last || ev.ModRevision > batch.Revision {
				b.Fatalf("event at %d after %d in a batch of %d", ev.ModRevision, last, batch.Revision)
			}
			last = ev.ModRevision
		}
		return batch
	case <-time.After(patience):
		b.Fatal("no batch came")
	}
	return kv.Batch{}
}

// events collects n events.
func (b *bench) events(w kv.Watch, n int) []kv.Event {
	b.Helper()
	var got []kv.Event
	done := int64(0)
	for len(got) < n {
		batch := b.next(w)
		if len(batch.Events) > 0 && batch.Events[0].ModRevision <= done {
			b.Fatalf("event at %d after the watch claimed to be complete up to %d", batch.Events[0].ModRevision, done)
		}
		done = batch.Revision
		got = append(got, batch.Events...)
	}
	return got
}

func describe(events []kv.Event) []string {
	var got []string
	for _, ev := range events {
		s := "put " + ev.Key + "=" + string(ev.Value)
		if ev.Deleted {
			s = "delete " + ev.Key
		}
		got = append(got, s)
	}
	return got
}

func testWatchEvents(b *bench) {
	w := b.watch("", 0)
	made := b.put("a", "1")
	changed := b.put("a", "2")
	gone := b.commit(nil, kv.Delete("a"))
	events := b.events(w, 3)
	if got, want := describe(events), []string{"put a=1", "put a=2", "delete a"}; !slices.Equal(got, want) {
		b.Fatalf("got %q, want %q", got, want)
	}
	if e := events[1]; e.CreateRevision != made || e.ModRevision != changed {
		b.Errorf("got %+v, want created %d, changed %d", e, made, changed)
	}
	if e := events[2]; e.CreateRevision != 0 || e.ModRevision != gone || len(e.Value) != 0 {
		b.Errorf("got %+v, want a delete at %d", e, gone)
	}
}

func testWatchOrder(b *bench) {
	w := b.watch("k", 0)
	var want []string
	for i := range 200 {
		key := fmt.Sprintf("k%d", (i*7)%10)
		b.put(key, fmt.Sprint(i))
		want = append(want, fmt.Sprintf("put %s=%d", key, i))
	}
	if got := describe(b.events(w, len(want))); !slices.Equal(got, want) {
		b.Errorf("got %q, want %q", got, want)
	}
}

func testWatchWholeCommits(b *bench) {
	from := b.put("x", "")
	for i := range 20 {
		value := []byte(fmt.Sprint(i))
		b.commit(nil, kv.Put("w/1", value), kv.Put("w/2", value), kv.Put("w/3", value))
	}
	w := b.watch("w/", from)
	for seen := 0; seen < 60; {
		batch := b.next(w)
		if len(batch.Events)%3 != 0 {
			b.Fatalf("got a batch of %d events, want whole commits of 3", len(batch.Events))
		}
		seen += len(batch.Events)
	}
}

func testWatchFromRevision(b *bench) {
	b.put("a", "0")
	from := b.put("a", "1")
	b.put("a", "2")
	b.commit(nil, kv.Delete("a"))
	w := b.watch("a", from)
	b.put("a", "3")
	want := []string{"put a=2", "delete a", "put a=3"}
	if got := describe(b.events(w, 3)); !slices.Equal(got, want) {
		b.Errorf("got %q, want %q", got, want)
	}
}

func testWatchPrefix(b *bench) {
	w := b.watch("p/", 0)
	b.put("p", "no")
	b.put("p/1", "yes")
	b.put("p0", "no")
	b.commit(nil, kv.Put("q", nil), kv.Put("p/2", []byte("yes")))
	if got, want := describe(b.events(w, 2)), []string{"put p/1=yes", "put p/2=yes"}; !slices.Equal(got, want) {
		b.Errorf("got %q, want %q", got, want)
	}
}

// progress asks until the watch says that it is complete up to rev, as a
// freshness prover does, and returns the events seen on the way.
func (b *bench) progress(w kv.Watch, rev int64) []kv.Event {
	b.Helper()
	var events []kv.Event
	deadline := time.After(patience)
	for {
		if err := w.RequestProgress(b.ctx); err != nil {
			b.Fatalf("RequestProgress: %v", err)
		}
		select {
		case batch, ok := <-w.Batches():
			if !ok {
				b.Fatalf("the watch ended: %v", w.Err())
			}
			events = append(events, batch.Events...)
			if batch.Revision >= rev {
				return events
			}
		case <-time.After(200 * time.Millisecond): // a request may be dropped
		case <-deadline:
			b.Fatalf("the watch did not reach revision %d", rev)
		}
	}
}

func testWatchProgress(b *bench) {
	w := b.watch("p/", 0)
	for i := range 10 {
		rev := b.put("outside", fmt.Sprint(i))
		if events := b.progress(w, rev); len(events) != 0 {
			b.Fatalf("got %q from outside the prefix", describe(events))
		}
	}
	old := b.watch("p/", 1)
	b.progress(old, b.put("outside", "last"))
}

// The promise of Batch.Revision: what a batch claims complete has been delivered.
func testWatchProgressIsNeverAhead(b *bench) {
	w := b.watch("p/", 0)
	for i := range 100 {
		want := fmt.Sprintf("put p/%d=", i)
		rev := b.put(fmt.Sprintf("p/%d", i), "")
		b.put("outside", "")
		events := b.progress(w, rev)
		if got := describe(events); !slices.Contains(got, want) {
			b.Fatalf("complete up to %d, but got %q, want %q", rev, got, want)
		}
		b.progress(w, b.snapshot("outside").Revision)
	}
}

func testTwoWatches(b *bench) {
	one, two := b.watch("1/", 0), b.watch("2/", 0)
	b.put("1/a", "")
	b.put("2/a", "")
	one.Close()
	b.put("2/b", "")
	if got, want := describe(b.events(two, 2)), []string{"put 2/a=", "put 2/b="}; !slices.Equal(got, want) {
		b.Errorf("got %q, want %q", got, want)
	}
	b.progress(two, b.put("1/b", ""))
}
