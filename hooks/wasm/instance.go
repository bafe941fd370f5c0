package wasm

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/gatehouse-id/gatehouse/hooks/abi"
	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/sys"
)

// instance is one copy of the plugin with a memory of its own, initialized and not used yet.
//
// It serves one call. Restoring its memory for a second one would be faster for large guests, and would need globals
// and tables restored too, which wazero gives no access to. A new instance is right by construction; the time it takes
// is hidden by making some in advance.
type instance struct {
	module api.Module
	limit  uint64
	budget *Budget
}

// instantiate makes an instance and runs its initialization. The caller has taken its memory from the budget; it goes
// back with the instance, or now when there is none.
func (p *Plugin) instantiate(ctx context.Context, logger *slog.Logger) (i *instance, err error) {
	defer func() {
		if err != nil {
			p.config.Budget.give(p.config.Memory)
		}
	}()
	defer recovered(&err)
	ctx, cancel := context.WithTimeout(ctx, initTime)
	defer cancel()
	c, ctx := newCall(ctx, p, logger, "", nil)
	defer c.log.flush()
	// No start functions: wazero would run _start of a program. No name: many instances of one module.
	module, err := p.runtime.InstantiateModule(ctx, p.compiled, wazero.NewModuleConfig().WithName("").WithStartFunctions())
	if err != nil {
		return nil, fmt.Errorf("instantiating: %w", err)
	}
	i = &instance{module: module, limit: p.config.Memory, budget: p.config.Budget}
	for _, name := range []string{abi.ExportInitialize, abi.ExportInit} {
		if module.ExportedFunction(name) == nil {
			continue
		}
		if err := i.invoke(ctx, name); err != nil {
			_ = module.Close(context.Background())
			return nil, fmt.Errorf("running %s: %w", name, c.log.because(err))
		}
	}
	return i, nil
}

// invoke runs an export. A result other than zero is the guest saying that it failed.
func (i *instance) invoke(ctx context.Context, name string, params ...uint64) (err error) {
	defer recovered(&err)
	results, err := i.module.ExportedFunction(name).Call(ctx, params...)
	if err != nil {
		return i.explain(err)
	}
	// A guest that is done after its deadline has still missed it.
	if err := ctx.Err(); err != nil {
		return &stop{KindDeadline, err}
	}
	if len(results) > 0 && uint32(results[0]) != 0 {
		return &stop{KindExit, fmt.Errorf("%s returned %d", name, int32(uint32(results[0])))}
	}
	return nil
}

// explain tells a guest that ran out of memory from other traps: a runtime traps when memory.grow refuses, and the
// reason is worth saying because it has a cure.
func (i *instance) explain(err error) error {
	var stopped *stop
	var exit *sys.ExitError
	if errors.As(err, &stopped) || errors.As(err, &exit) {
		return err
	}
	memory := i.module.Memory()
	if memory == nil || uint64(memory.Size())+pageSize <= i.limit {
		return err
	}
	return &stop{KindMemory, fmt.Errorf("the memory of %d KiB is used up: %w", i.limit>>10, err)}
}

// close frees the instance. The guest is not running.
func (i *instance) close() {
	_ = i.module.Close(context.Background())
	i.budget.give(i.limit)
}

// start begins to keep instances ready.
func (p *Plugin) start() {
	ctx, stop := context.WithCancel(context.Background())
	p.stop = stop
	p.running.Go(func() { p.refill(ctx) })
	p.want()
}

// want wakes refill; one pending wake-up is enough.
func (p *Plugin) want() {
	select {
	case p.wanted <- struct{}{}:
	default:
	}
}

// take gets an instance: one that is ready, or a new one within the time of the call.
func (p *Plugin) take(ctx context.Context) (*instance, error) {
	defer p.want()
	select {
	case i := <-p.ready:
		return i, nil
	default:
	}
	if err := p.config.Budget.take(ctx, p.config.Memory); err != nil {
		return nil, err
	}
	return p.instantiate(ctx, silent)
}

// refill keeps ready full until ctx ends, as long as the budget has memory to spare. It is the only sender on ready.
func (p *Plugin) refill(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-p.wanted:
		}
		for len(p.ready) < cap(p.ready) && ctx.Err() == nil && p.config.Budget.spare(p.config.Memory) {
			i, err := p.instantiate(ctx, silent)
			if err != nil {
				// The next call tries again, and reports what it finds.
				break
			}
			p.ready <- i
		}
	}
}
