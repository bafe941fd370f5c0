package session_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gatehouse-id/gatehouse/core/session"
)

// run starts the checker inside a bubble and stops it with the test.
func run(t *testing.T, c *session.Checker) context.Context {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- c.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run ended with %v, want nil", err)
		}
	})
	synctest.Wait()
	return ctx
}

// allowed checks and insists on a clear answer.
func allowed(t *testing.T, c *session.Checker, h session.TokenHash) bool {
	t.Helper()
	_, err := c.Check(t.Context(), h)
	if err != nil && !errors.Is(err, session.ErrNotFound) {
		t.Fatalf("Check: got %v, want an answer", err)
	}
	return err == nil
}

func TestCheckAnswersFromMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		c, h := w.checker(), w.signIn("s1", "ann")
		run(t, c)
		for range 10 {
			if !allowed(t, c, h) {
				t.Fatal("a good session was refused")
			}
			time.Sleep(time.Second)
		}
		if got := w.readCount(); got != 1 {
			t.Errorf("the store was read %d times, want once", got)
		}
		if s := c.Stats(); s.Hits != 9 || s.Entries != 1 || !s.Fresh {
			t.Errorf("got %+v, want 9 hits, one entry, fresh", s)
		}
	})
}

func TestRevokedSessionIsRefusedOnceTheFeedTells(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		c, h, other := w.checker(), w.signIn("s1", "ann"), w.signIn("s2", "ann")
		run(t, c)
		if !allowed(t, c, h) || !allowed(t, c, other) {
			t.Fatal("good sessions were refused")
		}
		w.revoke(h)
		synctest.Wait()
		if allowed(t, c, h) {
			t.Error("a revoked session was allowed")
		}
		if !allowed(t, c, other) {
			t.Error("another session of the same identity was refused")
		}
	})
}

func TestAllRefusalsLookAlike(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		c := w.checker()
		run(t, c)
		revoked, inactive, expired := w.signIn("s1", "ann"), w.signIn("s2", "bob"), w.signIn("s3", "eve")
		for _, h := range []session.TokenHash{revoked, inactive, expired} {
			if !allowed(t, c, h) {
				t.Fatal("a good session was refused")
			}
		}
		w.revoke(revoked)
		w.deactivate("bob")
		w.set(func() { w.sessions[expired].ExpiresAt = time.Now().Add(time.Minute) })
		time.Sleep(2 * time.Hour)
		for _, h := range []session.TokenHash{revoked, inactive, expired, session.HashToken("invented")} {
			if _, err := c.Check(t.Context(), h); err != session.ErrNotFound {
				t.Errorf("got %v, want ErrNotFound and nothing else", err)
			}
		}
	})
}

func TestTokenCreatedAfterAMissIsFound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		c := w.checker()
		run(t, c)
		if allowed(t, c, session.HashToken("token of s1")) {
			t.Fatal("an unknown token was allowed")
		}
		if h := w.signIn("s1", "ann"); !allowed(t, c, h) {
			t.Error("the session was refused because its token had been unknown before")
		}
	})
}

func TestSilentFeedIsNotTrusted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		c, h := w.checker(), w.signIn("s1", "ann")
		run(t, c)
		allowed(t, c, h)
		w.set(func() { w.silent = true })
		w.revoke(h)
		time.Sleep(c.Staleness + time.Millisecond)
		if allowed(t, c, h) {
			t.Error("a revoked session was allowed after the staleness behind a dead feed")
		}
		if got := c.Stats(); got.Fresh {
			t.Errorf("got %+v, want not fresh", got)
		}
	})
}

func TestStoreDownIsUnavailableOnceNothingIsProven(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		c, h := w.checker(), w.signIn("s1", "ann")
		run(t, c)
		allowed(t, c, h)
		w.set(func() { w.down, w.silent = true, true })
		time.Sleep(c.Staleness + time.Millisecond)
		if _, err := c.Check(t.Context(), h); !errors.Is(err, session.ErrUnavailable) {
			t.Errorf("got %v, want ErrUnavailable", err)
		}
		w.set(func() { w.down, w.silent = false, false })
		time.Sleep(5 * time.Second)
		if !allowed(t, c, h) || !c.Stats().Fresh {
			t.Errorf("got %+v, want a checker that recovered by itself", c.Stats())
		}
	})
}

func TestHangingStoreIsUnavailableAfterASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		c, h := w.checker(), w.signIn("s1", "ann")
		w.onRead = func(ctx context.Context) { <-ctx.Done() }
		began := time.Now()
		if _, err := c.Check(t.Context(), h); !errors.Is(err, session.ErrUnavailable) {
			t.Errorf("got %v, want ErrUnavailable", err)
		}
		if took := time.Since(began); took != time.Second {
			t.Errorf("it took %v, want 1s", took)
		}
	})
}

func TestWithoutRunEveryCheckReadsTheStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		c, h := w.checker(), w.signIn("s1", "ann")
		if !allowed(t, c, h) || !allowed(t, c, h) {
			t.Fatal("a good session was refused")
		}
		w.revoke(h)
		if allowed(t, c, h) {
			t.Error("a revoked session was allowed")
		}
		if got := w.readCount(); got != 3 {
			t.Errorf("the store was read %d times, want 3", got)
		}
	})
}

// A read that began before a revocation must not bring the session back into
// the memory after the feed reported the revocation.
func TestFillThatWasOvertakenIsNotKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		c, h := w.checker(), w.signIn("s1", "ann")
		run(t, c)
		var once sync.Once
		w.onRead = func(context.Context) {
			once.Do(func() {
				w.revoke(h)
				time.Sleep(100 * time.Millisecond) // the feed overtakes the read
			})
		}
		if allowed(t, c, h) {
			t.Error("the overtaken read was used")
		}
		if got := c.Stats().Entries; got != 0 {
			t.Errorf("%d entries are remembered, want none", got)
		}
	})
}

// A read of the time between two feeds is reported by neither.
func TestFillFromBeforeTheFeedIsNotKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		c, h := w.checker(), w.signIn("s1", "ann")
		w.onRead = func(context.Context) { time.Sleep(500 * time.Millisecond) }
		go func() { _, _ = c.Check(t.Context(), h) }()
		synctest.Wait() // the read saw a good session
		w.revoke(h)
		run(t, c) // the feed starts after the revocation
		time.Sleep(time.Second)
		if allowed(t, c, h) {
			t.Error("a session revoked before the feed began was allowed")
		}
	})
}

func TestForgetRefusesAtOnceOnThisNode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		c, h, g := w.checker(), w.signIn("s1", "ann"), w.signIn("s2", "bob")
		run(t, c)
		allowed(t, c, h)
		allowed(t, c, g)
		w.set(func() { w.silent = true })
		w.revoke(h)
		c.Forget("s1")
		w.deactivate("bob")
		c.ForgetIdentity("bob")
		if allowed(t, c, h) || allowed(t, c, g) {
			t.Error("a session was allowed right after this node revoked it")
		}
	})
}

// A read that is under way when this node revokes does not answer with what it saw.
func TestForgetOvertakesReadsUnderWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		c, h := w.checker(), w.signIn("s1", "ann")
		var once sync.Once
		w.onRead = func(context.Context) {
			once.Do(func() { w.revoke(h); c.Forget("s1") })
		}
		if allowed(t, c, h) {
			t.Error("the read from before the revocation was used")
		}
	})
}

func TestDoubtDropsTheMemory(t *testing.T) {
	for name, doubt := range map[string]func(w *world){
		"feed ends":      func(w *world) { w.breakFeeds() },
		"store down":     func(w *world) { w.set(func() { w.down = true }) },
		"revision falls": func(w *world) { w.set(func() { w.revs = func(r int64) (int64, bool) { return r - 1, true } }) },
		"disorder": func(w *world) {
			w.set(func() { w.tamper = func(v *session.Invalidation) { v.Revision = 1 } })
			w.signIn("s9", "zoe")
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld()
				c, h := w.checker(), w.signIn("s1", "ann")
				run(t, c)
				allowed(t, c, h)
				gone, cancel := c.Subscribe(h)
				defer cancel()
				doubt(w)
				time.Sleep(c.Staleness/4 + time.Millisecond)
				select {
				case <-gone:
				default:
					t.Error("an open stream was not told")
				}
				if got := c.Stats(); got.Entries != 0 || got.Drops == 0 {
					t.Errorf("got %+v, want an empty memory", got)
				}
				w.set(func() { w.down, w.revs, w.tamper = false, nil, nil })
				time.Sleep(10 * time.Second)
				reads := w.readCount()
				if !allowed(t, c, h) || !allowed(t, c, h) || w.readCount() > reads+1 {
					t.Errorf("got %+v and %d reads, want a checker that remembers again", c.Stats(), w.readCount()-reads)
				}
			})
		})
	}
}

// A machine that was suspended for an hour has a monotonic clock that says no
// time passed. The wall clock tells.
func TestSuspendedMachineIsNotFresh(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		c, h := w.checker(), w.signIn("s1", "ann")
		var mu sync.Mutex
		wall := time.Now().Round(0) // without a monotonic reading: the worst case
		c.Now = func() time.Time { mu.Lock(); defer mu.Unlock(); return wall }
		run(t, c)
		allowed(t, c, h)
		w.set(func() { w.silent = true })
		w.revoke(h)
		mu.Lock()
		wall = wall.Add(time.Minute)
		mu.Unlock()
		if allowed(t, c, h) {
			t.Error("a session revoked during the suspension was allowed")
		}
	})
}

func TestChecksOfOneTokenShareARead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		c, h := w.checker(), w.signIn("s1", "ann")
		w.onRead = func(context.Context) { time.Sleep(100 * time.Millisecond) }
		var all sync.WaitGroup
		for range 50 {
			all.Go(func() {
				if !allowed(t, c, h) {
					t.Error("a good session was refused")
				}
			})
		}
		all.Wait()
		if got := w.readCount(); got != 1 {
			t.Errorf("the store was read %d times, want once", got)
		}
	})
}

func TestMemoryIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		c := w.checker()
		c.Capacity = 10
		run(t, c)
		for n := range 100 {
			if !allowed(t, c, w.signIn(fmt.Sprint("s", n), fmt.Sprint("i", n))) {
				t.Fatal("a good session was refused")
			}
		}
		if got := c.Stats().Entries; got != 10 {
			t.Errorf("%d entries are remembered, want 10", got)
		}
	})
}

func TestHoldCutsTheStreamOfARevokedSession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		c, h := w.checker(), w.signIn("s1", "ann")
		run(t, c)
		var err error
		var cut time.Time
		done := make(chan struct{})
		go func() { defer close(done); err = c.Hold(t.Context(), h); cut = time.Now() }()
		time.Sleep(time.Minute)
		reads, revoked := w.readCount(), time.Now()
		w.revoke(h)
		<-done
		if !errors.Is(err, session.ErrNotFound) || cut.Sub(revoked) > 10*time.Millisecond {
			t.Errorf("got %v after %v, want ErrNotFound at once", err, cut.Sub(revoked))
		}
		if reads != 1 {
			t.Errorf("the store was read %d times in a minute, want once", reads)
		}
	})
}

func TestHoldSurvivesAShortOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		c, h := w.checker(), w.signIn("s1", "ann")
		run(t, c)
		done := make(chan error, 1)
		go func() { done <- c.Hold(t.Context(), h) }()
		time.Sleep(10*time.Second + c.Staleness/16) // between two checks, or the scheduler decides which one sees the outage
		w.set(func() { w.down = true })
		time.Sleep(c.Staleness / 2)
		w.set(func() { w.down = false })
		time.Sleep(10 * time.Second)
		select {
		case err := <-done:
			t.Fatalf("the stream was cut with %v", err)
		default:
		}
		w.set(func() { w.down = true })
		if err := <-done; !errors.Is(err, session.ErrUnavailable) {
			t.Errorf("got %v, want ErrUnavailable", err)
		}
	})
}

// The claim itself, over random histories: after T+Staleness nobody is allowed
// who was revoked at T, whatever feed, store and delays do meanwhile.
func TestNeverAllowedAfterStaleness(t *testing.T) {
	for seed := range uint64(60) {
		synctest.Test(t, func(t *testing.T) { simulate(t, seed) })
	}
}

func simulate(t *testing.T, seed uint64) {
	rng := rand.New(rand.NewPCG(seed, 7))
	var rngMu sync.Mutex
	random := func(n time.Duration) time.Duration {
		rngMu.Lock()
		defer rngMu.Unlock()
		return time.Duration(rng.Int64N(int64(n)))
	}
	w := newWorld()
	c := w.checker()
	var hashes []session.TokenHash
	for n := range 8 {
		hashes = append(hashes, w.signIn(fmt.Sprint("s", n), fmt.Sprint("i", n%3)))
	}
	w.delay = func() time.Duration { return random(400 * time.Millisecond) }
	w.onRead = func(context.Context) { time.Sleep(random(600 * time.Millisecond)) }
	ctx := run(t, c)

	var mu sync.Mutex
	revoked := map[session.TokenHash]time.Time{} // acknowledged at
	var all sync.WaitGroup
	for n := range 6 {
		all.Go(func() {
			for range 200 {
				h := hashes[(n+int(random(8)))%len(hashes)]
				_, err := c.Check(ctx, h)
				now := time.Now()
				mu.Lock()
				at, dead := revoked[h]
				mu.Unlock()
				if err == nil && dead && now.Sub(at) > c.Staleness {
					t.Errorf("seed %d: allowed %v after the revocation", seed, now.Sub(at))
				}
				time.Sleep(random(200 * time.Millisecond))
			}
		})
	}
	all.Go(func() {
		for range 60 {
			time.Sleep(random(800 * time.Millisecond))
			h := hashes[random(8)]
			switch random(7) {
			case 0, 1:
				w.revoke(h)
				mu.Lock()
				revoked[h] = time.Now()
				mu.Unlock()
			case 2:
				mu.Lock()
				delete(revoked, h)
				mu.Unlock()
				w.grantAgain(h)
			case 3:
				w.breakFeeds()
			case 4:
				w.set(func() { w.silent = !w.silent })
			case 5:
				w.set(func() { w.down = !w.down })
			}
		}
	})
	all.Wait()
}
