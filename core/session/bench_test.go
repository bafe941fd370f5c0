package session_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/gatehouse-id/gatehouse/core/session"
)

// started runs the checker on real time and waits for its first proof.
func started(tb testing.TB, c *session.Checker) {
	tb.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- c.Run(ctx) }()
	tb.Cleanup(func() { cancel(); _ = <-done })
	for !c.Stats().Fresh {
		time.Sleep(time.Millisecond)
	}
}

// BenchmarkCheckHit is the price of promise 1: the session check costs nothing.
func BenchmarkCheckHit(b *testing.B) {
	w := newWorld()
	c := w.checker()
	var hashes []session.TokenHash
	for n := range 1000 {
		hashes = append(hashes, w.signIn(fmt.Sprint("s", n), fmt.Sprint("i", n)))
	}
	started(b, c)
	for _, h := range hashes {
		if _, err := c.Check(b.Context(), h); err != nil {
			b.Fatal(err)
		}
	}
	ctx := b.Context()
	b.Run("serial", func(b *testing.B) {
		b.ReportAllocs()
		n := 0
		for b.Loop() {
			n++
			if _, err := c.Check(ctx, hashes[n%len(hashes)]); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("parallel", func(b *testing.B) {
		b.ReportAllocs()
		b.RunParallel(func(p *testing.PB) {
			for n := 0; p.Next(); n++ {
				if _, err := c.Check(ctx, hashes[n%len(hashes)]); err != nil {
					b.Error(err)
				}
			}
		})
	})
}

func TestCheckHitAllocatesNothing(t *testing.T) {
	w := newWorld()
	c, h := w.checker(), w.signIn("s1", "ann")
	c.Staleness = time.Minute
	started(t, c)
	if _, err := c.Check(t.Context(), h); err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	if got := testing.AllocsPerRun(100, func() { _, _ = c.Check(ctx, h) }); got != 0 {
		t.Errorf("got %v allocations per check, want 0", got)
	}
}

// TestCheckerHammer is for the race detector: everything at once.
func TestCheckerHammer(t *testing.T) {
	w := newWorld()
	c := w.checker()
	c.Capacity, c.Staleness = 16, 20*time.Millisecond
	started(t, c)
	var hashes []session.TokenHash
	for n := range 32 {
		hashes = append(hashes, w.signIn(fmt.Sprint("s", n), fmt.Sprint("i", n%5)))
	}
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	var all sync.WaitGroup
	loop := func(f func(n int)) {
		all.Go(func() {
			for n := 0; ctx.Err() == nil; n++ {
				f(n)
			}
		})
	}
	for range 4 {
		loop(func(n int) { _, _ = c.Check(ctx, hashes[n%len(hashes)]) })
	}
	loop(func(n int) { w.grantAgain(hashes[n%len(hashes)]); time.Sleep(time.Millisecond) })
	loop(func(n int) { w.revoke(hashes[n%7]); c.Forget(fmt.Sprint("s", n%7)); time.Sleep(time.Millisecond) })
	loop(func(n int) { c.ForgetIdentity(fmt.Sprint("i", n%5)); time.Sleep(5 * time.Millisecond) })
	loop(func(int) { w.breakFeeds(); time.Sleep(30 * time.Millisecond) })
	loop(func(int) { _ = c.Stats() })
	for _, h := range hashes[:4] {
		all.Go(func() { _ = c.Hold(ctx, h) })
	}
	all.Wait()
}

func TestRunIsExclusive(t *testing.T) {
	w := newWorld()
	c := w.checker()
	started(t, c)
	if err := c.Run(t.Context()); err == nil {
		t.Error("a second Run was accepted")
	}
}
