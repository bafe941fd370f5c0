package hooks

import (
	"context"
	"sync"
	"time"
)

// background runs what nobody waits for. The zero value is usable.
type background struct {
	mu      sync.Mutex
	pending int  // guarded by mu
	closed  bool // guarded by mu
	done    sync.WaitGroup

	once  sync.Once
	slots chan struct{} // one for each job that runs
	// ctx ends when the jobs have to; it is the life of the whole, not of one call.
	ctx    context.Context
	cancel context.CancelFunc
}

const (
	maxRunning = 32
	maxPending = 1000
)

func (b *background) init() {
	b.once.Do(func() {
		b.slots = make(chan struct{}, maxRunning)
		b.ctx, b.cancel = context.WithCancel(context.Background())
	})
}

// start runs a job soon; false when too many are waiting or the end has come.
func (b *background) start(job func(ctx context.Context)) bool {
	b.init()
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed || b.pending >= maxPending {
		return false
	}
	b.pending++
	b.done.Go(func() {
		b.run(job)
		b.mu.Lock()
		b.pending--
		b.mu.Unlock()
	})
	return true
}

func (b *background) run(job func(ctx context.Context)) {
	select {
	case b.slots <- struct{}{}:
		defer func() { <-b.slots }()
		job(b.ctx)
	case <-b.ctx.Done():
	}
}

// close takes no new jobs, waits for those there are, and stops them after the grace time.
func (b *background) close(grace time.Duration) {
	b.init()
	b.mu.Lock()
	b.closed = true
	b.mu.Unlock()
	defer b.cancel()
	defer time.AfterFunc(grace, b.cancel).Stop()
	b.done.Wait()
}
