package wasm

import (
	"context"
	"encoding/json"
	"log/slog"
	"time"

	"github.com/gatehouse-id/gatehouse/hooks/abi"
)

// call is what the host knows while guest code runs: one event, or the initialization of an instance. It travels in
// the context because wazero hands host functions nothing else. One goroutine uses it at a time.
type call struct {
	plugin   *Plugin
	event    abi.Event // empty during initialization
	in       *abi.Context
	deadline time.Time
	ctx      context.Context // of this call only, so that a waiting host function can end with it

	entries uint32 // function entries seen, to look at the clock now and then
	input   []byte // in as JSON, once it was asked for
	last    []byte // the latest variable-length result
	output  []byte
	outputs int
	log     guestLog
}

type callKey struct{}

// newCall attaches a call to a context with a deadline.
func newCall(ctx context.Context, p *Plugin, logger *slog.Logger, event abi.Event, in *abi.Context) (*call, context.Context) {
	c := &call{plugin: p, event: event, in: in}
	c.deadline, _ = ctx.Deadline()
	c.log = guestLog{ctx: ctx, logger: logger, plugin: p.config.Name, event: event}
	c.ctx = context.WithValue(ctx, callKey{}, c)
	return c, c.ctx
}

func callOf(ctx context.Context) *call {
	c, ok := ctx.Value(callKey{}).(*call)
	if !ok {
		halt(KindTrap, "guest code runs outside of a call")
	}
	return c
}

// check ends the guest when its time is over. It reads the clock itself: while a guest runs, the goroutine that would
// close a done channel may have no processor to run on.
func (c *call) check() {
	if !c.deadline.IsZero() && !time.Now().Before(c.deadline) {
		panic(&stop{KindDeadline, context.DeadlineExceeded})
	}
	if err := c.ctx.Err(); err != nil {
		panic(&stop{KindDeadline, err})
	}
}

// document is the whole context as JSON.
func (c *call) document() []byte {
	if c.input != nil {
		return c.input
	}
	encoded, err := json.Marshal(c.in)
	if err != nil {
		halt(KindInput, "encoding the context: %v", err)
	}
	if len(encoded) > abi.MaxInput {
		// Ends the call instead of returning a code: whoever can send a large form must not make the plugin decide
		// without having seen it.
		halt(KindInput, "the context has %d bytes, the limit is %d", len(encoded), abi.MaxInput)
	}
	c.input = encoded
	return encoded
}
