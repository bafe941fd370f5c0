package hash

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

var one = cost{memory: 100, threads: 1}

// free fails the test when something is still taken or waiting.
func free(t *testing.T, l *Limiter) {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.used != (cost{}) || l.waiting.Len() != 0 {
		t.Errorf("%+v is in use and %d wait, want nothing and nobody", l.used, l.waiting.Len())
	}
}

func take(t *testing.T, l *Limiter, need cost) (release func()) {
	t.Helper()
	release, err := l.acquire(t.Context(), need)
	if err != nil {
		t.Fatalf("acquiring %+v: %v", need, err)
	}
	return release
}

// TestLimiterKeepsItsBudget hammers a limiter with callers of all sizes and patience, and counts for itself.
func TestLimiterKeepsItsBudget(t *testing.T) {
	limits := Limits{Memory: 1000, CPUs: 4, Queue: 50, Wait: time.Second}
	l := NewLimiter(limits)
	var memory, threads, done atomic.Int64
	var all sync.WaitGroup
	for range 32 {
		all.Go(func() {
			for range 200 {
				need := cost{memory: rand.Uint64N(1000), threads: 1 + rand.IntN(4)}
				ctx, cancel := context.WithTimeout(t.Context(), time.Duration(rand.IntN(2000))*time.Microsecond)
				release, err := l.acquire(ctx, need)
				cancel()
				if err != nil {
					if !errors.Is(err, ErrBusy) && !errors.Is(err, context.DeadlineExceeded) {
						t.Errorf("got %v, want ErrBusy or the end of the context", err)
					}
					continue
				}
				if m, c := memory.Add(int64(need.memory)), threads.Add(int64(need.threads)); m > 1000 || c > 4 {
					t.Errorf("%d KiB and %d threads are in use, of 1000 and 4", m, c)
				}
				memory.Add(-int64(need.memory))
				threads.Add(-int64(need.threads))
				release()
				done.Add(1)
			}
		})
	}
	all.Wait()
	free(t, l)
	if done.Load() == 0 {
		t.Error("nobody had a turn")
	}
}

func TestLimiterSendsAwayWhoWaitsTooLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := NewLimiter(Limits{Memory: 100, CPUs: 1, Wait: 3 * time.Second})
		release := take(t, l, one)
		began := time.Now()
		_, err := l.acquire(t.Context(), one)
		if !errors.Is(err, ErrBusy) || time.Since(began) != 3*time.Second {
			t.Errorf("got %v after %v, want ErrBusy after 3s", err, time.Since(began))
		}
		release()
		free(t, l)
		take(t, l, one)()
	})
}

func TestLimiterSendsAwayWhoFindsTheLineFull(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := NewLimiter(Limits{Memory: 100, CPUs: 1, Queue: 2})
		release := take(t, l, one)
		var waiting sync.WaitGroup
		for range 2 {
			waiting.Go(func() { take(t, l, one)() })
		}
		synctest.Wait()
		began := time.Now()
		if _, err := l.acquire(t.Context(), one); !errors.Is(err, ErrBusy) || time.Since(began) != 0 {
			t.Errorf("got %v after %v, want ErrBusy at once", err, time.Since(began))
		}
		release()
		waiting.Wait()
		free(t, l)
	})
}

func TestLimiterForgetsWhoLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := NewLimiter(Limits{Memory: 1000, CPUs: 8})
		release := take(t, l, cost{memory: 600, threads: 1})
		ctx, leave := context.WithCancel(t.Context())
		var left error
		go func() { _, left = l.acquire(ctx, cost{memory: 500, threads: 1}) }()
		synctest.Wait()
		var behind bool
		go func() { take(t, l, cost{memory: 400, threads: 1})(); behind = true }()
		synctest.Wait()
		if behind {
			t.Fatal("somebody overtook the line")
		}
		leave()
		synctest.Wait()
		if !errors.Is(left, ErrBusy) || !errors.Is(left, context.Canceled) {
			t.Errorf("who left: got %v, want ErrBusy for the client and context.Canceled for the log", left)
		}
		if !behind {
			t.Error("who left still holds up the one behind")
		}
		release()
		free(t, l)
	})
}

// TestLimiterTakesBackATurnThatCameTooLate plays the race between giving a turn and leaving, with leaving second.
func TestLimiterTakesBackATurnThatCameTooLate(t *testing.T) {
	l := NewLimiter(Limits{Memory: 100, CPUs: 1})
	release := take(t, l, one)
	element, err := l.enter(one)
	if err != nil || element == nil {
		t.Fatalf("got %v, %v, want a place in line", element, err)
	}
	release()
	l.leave(element)
	free(t, l)
}

func TestLimiterServesInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := NewLimiter(Limits{Memory: 1000, CPUs: 1})
		release := take(t, l, one)
		var order []int
		var all sync.WaitGroup
		for i := range 10 {
			all.Go(func() {
				release := take(t, l, cost{memory: uint64(1000 - 99*i), threads: 1})
				order = append(order, i) // one at a time: there is one CPU
				release()
			})
			synctest.Wait() // in line before the next comes
		}
		release()
		all.Wait()
		if !slices.IsSorted(order) || len(order) != 10 {
			t.Errorf("got %v, want them as they came, small or large", order)
		}
		free(t, l)
	})
}

func TestLimiterGivesTheMachineToAHashWithManyThreads(t *testing.T) {
	l := NewLimiter(Limits{Memory: 1000, CPUs: 2, Wait: time.Millisecond})
	release := take(t, l, cost{memory: 100, threads: 64})
	if _, err := l.acquire(t.Context(), one); !errors.Is(err, ErrBusy) {
		t.Errorf("beside it: got %v, want ErrBusy", err)
	}
	release()
	free(t, l)
}

func TestLimiterRefusesWhatNeverFits(t *testing.T) {
	l := NewLimiter(Limits{Memory: 100})
	if _, err := l.acquire(t.Context(), cost{memory: 101, threads: 1}); !errors.Is(err, ErrParameters) {
		t.Errorf("got %v, want ErrParameters at once and not ErrBusy for ever", err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := l.acquire(ended, one); !errors.Is(err, context.Canceled) {
		t.Errorf("after the end of the context: got %v, want its error", err)
	}
	free(t, l)
}

// TestHashersShareOneLimiter holds the whole budget and asks every kind of work for a turn: none may go past the line.
func TestHashersShareOneLimiter(t *testing.T) {
	l := NewLimiter(Limits{CPUs: 1, Wait: time.Millisecond})
	argon, err := New(Config{Argon2: Argon2Config{Memory: 64, Iterations: 1, Parallelism: 1}}, l)
	if err != nil {
		t.Fatal(err)
	}
	crypt, err := New(Config{Algorithm: Bcrypt, BcryptCost: 4}, l)
	if err != nil {
		t.Fatal(err)
	}
	release := take(t, l, one)
	for i, h := range []*Hasher{argon, crypt} {
		_, hashed := h.Hash(t.Context(), []byte("secret"))
		_, compared := h.Compare(t.Context(), []byte("secret"), crypt.dummy)
		for what, err := range map[string]error{"Hash": hashed, "Compare": compared, "CompareUnknown": h.CompareUnknown(t.Context(), []byte("secret"))} {
			if !errors.Is(err, ErrBusy) {
				t.Errorf("%s of hasher %d: got %v, want ErrBusy", what, i, err)
			}
		}
	}
	release()
	if err := argon.CompareUnknown(t.Context(), []byte("secret")); err != nil {
		t.Errorf("with a free limiter: %v", err)
	}
	free(t, l)
}

func BenchmarkLimiter(b *testing.B) {
	for _, callers := range []int{1, 16} {
		b.Run(fmt.Sprint(callers, " callers per CPU"), func(b *testing.B) {
			l := NewLimiter(Limits{})
			b.SetParallelism(callers)
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					release, err := l.acquire(b.Context(), one)
					if err != nil {
						b.Error(err)
						return
					}
					release()
				}
			})
		})
	}
}
