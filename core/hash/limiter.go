package hash

import (
	"container/list"
	"context"
	"fmt"
	"math"
	"runtime"
	"runtime/debug"
	"sync"
	"time"
)

// Limits bounds what all password hashing of a process takes together. The zero value fits most machines.
type Limits struct {
	Memory uint64        `json:"memory,omitempty"` // KiB in use at once; default a quarter of Go's memory limit, at most 512 MiB
	CPUs   int           `json:"cpus,omitempty"`   // threads in use at once; default all CPUs
	Queue  int           `json:"queue,omitempty"`  // callers waiting at once; default 64 for each of CPUs
	Wait   time.Duration `json:"wait,omitempty"`   // the longest a caller waits; default 5s
}

// Limiter lets callers hash while memory and CPUs last, lets some more wait in line, and sends the others away. A burst of
// logins can then neither exhaust the memory nor pile up.
type Limiter struct {
	limits Limits

	mu      sync.Mutex // guards what follows
	used    cost
	waiting list.List // of *waiter, first come first served
}

type waiter struct {
	need  cost
	ready chan struct{} // closed when need is taken for the waiter
}

// NewLimiter returns a Limiter. A process needs one.
func NewLimiter(limits Limits) *Limiter {
	limits.Memory = or(limits.Memory, defaultMemory())
	limits.CPUs = or(limits.CPUs, runtime.GOMAXPROCS(0))
	limits.Queue = or(limits.Queue, 64*limits.CPUs)
	limits.Wait = or(limits.Wait, 5*time.Second)
	return &Limiter{limits: limits}
}

// defaultMemory leaves three quarters of the memory limit to the rest: the collector gives back the memory of finished
// hashes a little later than they finish.
func defaultMemory() uint64 {
	const most = 512 * 1024
	limit := debug.SetMemoryLimit(-1) // a negative limit only asks
	if limit == math.MaxInt64 {
		return most
	}
	return min(most, uint64(limit)/1024/4)
}

// fits reports whether a hash of this cost can ever have its turn.
func (l *Limiter) fits(need cost) error {
	if need.memory > l.limits.Memory {
		return fmt.Errorf("%w: it takes %d KiB of memory, all hashing together may take %d",
			ErrParameters, need.memory, l.limits.Memory)
	}
	return nil
}

// acquire takes need and returns the function that gives it back. It waits in line when there isn't enough left; ErrBusy
// says that the line is full or was too slow. When ctx ended first, the error is that of ctx too.
func (l *Limiter) acquire(ctx context.Context, need cost) (release func(), err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := l.fits(need); err != nil {
		return nil, err
	}
	// Threads beyond the CPUs make nothing faster: such a hash has the machine to itself.
	need.threads = min(need.threads, l.limits.CPUs)
	element, err := l.enter(need)
	if err != nil {
		return nil, err
	}
	if element != nil {
		if err := l.wait(ctx, element); err != nil {
			return nil, err
		}
	}
	return func() { l.release(need) }, nil
}

// enter takes need at once, or gets in line.
func (l *Limiter) enter(need cost) (*list.Element, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.waiting.Len() == 0 && l.hasRoom(need) { // nobody overtakes the line
		l.take(need)
		return nil, nil
	}
	if l.waiting.Len() >= l.limits.Queue {
		return nil, ErrBusy
	}
	return l.waiting.PushBack(&waiter{need: need, ready: make(chan struct{})}), nil
}

func (l *Limiter) wait(ctx context.Context, element *list.Element) error {
	patience := time.NewTimer(l.limits.Wait)
	defer patience.Stop()
	w := element.Value.(*waiter)
	select {
	case <-w.ready:
		return nil
	case <-ctx.Done():
		l.leave(element)
		return fmt.Errorf("%w: %w", ErrBusy, ctx.Err())
	case <-patience.C:
		l.leave(element)
		return ErrBusy
	}
}

// leave gives up a place in line, or the turn that came in the same moment.
func (l *Limiter) leave(element *list.Element) {
	w := element.Value.(*waiter)
	l.mu.Lock()
	defer l.mu.Unlock()
	select {
	case <-w.ready:
		l.give(w.need)
	default:
		l.waiting.Remove(element)
	}
	l.admit() // who left may have been what the others waited behind
}

func (l *Limiter) release(need cost) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.give(need)
	l.admit()
}

// The rest is called with mu held.

func (l *Limiter) admit() {
	for {
		first := l.waiting.Front()
		if first == nil {
			return
		}
		w := first.Value.(*waiter)
		if !l.hasRoom(w.need) {
			return
		}
		l.waiting.Remove(first)
		l.take(w.need)
		close(w.ready)
	}
}

func (l *Limiter) hasRoom(need cost) bool {
	return l.used.memory+need.memory <= l.limits.Memory && l.used.threads+need.threads <= l.limits.CPUs
}

func (l *Limiter) take(need cost) {
	l.used.memory += need.memory
	l.used.threads += need.threads
}

func (l *Limiter) give(need cost) {
	l.used.memory -= need.memory
	l.used.threads -= need.threads
}
