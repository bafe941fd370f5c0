package wasm

import (
	"context"

	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"
)

// sampling is how many entries of short functions pass between two looks at the clock.
const sampling = 16

// watch puts the deadline check at the entry of the functions that inspect picked. A listener costs about 0.2 us per
// entry, so the functions that cannot run long get none.
func (m *module) watch(ctx context.Context) context.Context {
	return experimental.WithFunctionListenerFactory(ctx, experimental.FunctionListenerFactoryFunc(
		func(def api.FunctionDefinition) experimental.FunctionListener {
			i := def.Index()
			if i < m.imported || int(i-m.imported) >= len(m.functions) {
				return nil // host functions look at the deadline themselves
			}
			switch m.functions[i-m.imported] {
			case checkAlways:
				return experimental.FunctionListenerFunc(checkEntry)
			case checkSampled:
				return experimental.FunctionListenerFunc(sampleEntry)
			}
			return nil
		}))
}

func checkEntry(ctx context.Context, _ api.Module, _ api.FunctionDefinition, _ []uint64, _ experimental.StackIterator) {
	callOf(ctx).check()
}

func sampleEntry(ctx context.Context, _ api.Module, _ api.FunctionDefinition, _ []uint64, _ experimental.StackIterator) {
	c := callOf(ctx)
	if c.entries++; c.entries%sampling == 0 {
		c.check()
	}
}
