package wasm

import (
	"context"
	"fmt"
	"sync"
)

// Budget bounds the linear memory of the instances of many plugins together. Each instance counts with all it may
// grow to, so plugins that grow at the same moment still fit. The call stack of a guest that recurses comes on top:
// wazero lets it have 50 MB, and takes it back after the call.
type Budget struct {
	total uint64

	mu    sync.Mutex    // guards the fields below
	used  uint64        // bytes
	given chan struct{} // closed and replaced when memory is given back
}

// DefaultBudget is what plugins without a Budget of their own share: memory belongs to the process, and plugins
// outlive the configuration that loads them.
var DefaultBudget = NewBudget(1 << 30)

// NewBudget makes a budget of so many bytes.
func NewBudget(bytes uint64) *Budget {
	return &Budget{total: bytes, given: make(chan struct{})}
}

// take waits for n bytes until ctx ends.
func (b *Budget) take(ctx context.Context, n uint64) error {
	for {
		given, ok := b.try(n, b.total)
		if ok {
			return nil
		}
		select {
		case <-given:
		case <-ctx.Done():
			return &stop{KindBusy, fmt.Errorf("the %d MiB for the instances of all plugins are in use", b.total>>20)}
		}
	}
}

// spare takes n bytes for an instance that nobody waits for. It leaves half of the budget to calls, so that plugins
// at rest cannot starve a busy one.
func (b *Budget) spare(n uint64) bool {
	_, ok := b.try(n, b.total/2)
	return ok
}

// try takes n bytes unless more than limit would be in use then. The channel is closed at the next chance.
func (b *Budget) try(n, limit uint64) (given <-chan struct{}, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.used+n > limit {
		return b.given, false
	}
	b.used += n
	return nil, true
}

// give returns n bytes.
func (b *Budget) give(n uint64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.used -= n
	close(b.given)
	b.given = make(chan struct{})
}
