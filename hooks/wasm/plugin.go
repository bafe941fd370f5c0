package wasm

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"

	"github.com/gatehouse-id/gatehouse/hooks/abi"
	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/sys"
)

// Plugin is a loaded plugin. It is safe for concurrent use and lives until Close, over any number of configurations.
type Plugin struct {
	config   Config
	settings map[string]json.RawMessage // config.Config by key
	hooks    []string                   // the hook functions it exports
	reseeds  bool                       // it exports hook_reseed

	// One runtime per plugin: memory limits and host modules are per runtime, and wazero 1.12 confuses compiled
	// modules that two runtimes share.
	runtime  wazero.Runtime
	cache    wazero.CompilationCache
	compiled wazero.CompiledModule

	slots  chan struct{}  // one element per running call
	ready  chan *instance // made in advance, each for one call
	wanted chan struct{}  // wakes the goroutine that refills ready
	gone   chan struct{}  // closed when everything is released

	mu      sync.Mutex // guards closed, and closed against running.Add
	closed  bool
	running sync.WaitGroup // calls, and the goroutine that refills
	stop    context.CancelFunc
}

// Call asks the plugin about an event. Without an error the output is one the contract allows for the event. The
// error is a *Failure, and what it means for the person is for the caller to say.
func (p *Plugin) Call(ctx context.Context, event abi.Event, in *abi.Context) (abi.Output, error) {
	return p.WithLogger(p.config.Logger).Call(ctx, event, in)
}

// Logged is a plugin that logs somewhere else than the configuration that loaded it.
type Logged struct {
	plugin *Plugin
	logger *slog.Logger
}

// WithLogger is the plugin for a configuration with a logger of its own. A plugin outlives the configuration that
// loaded it, and that one's logger may write to a file that is closed by then.
func (p *Plugin) WithLogger(logger *slog.Logger) Logged { return Logged{p, logger} }

// Call is Plugin.Call.
func (l Logged) Call(ctx context.Context, event abi.Event, in *abi.Context) (abi.Output, error) {
	out, err := l.plugin.call(ctx, l.logger, event, in)
	if err != nil {
		return abi.Output{}, l.plugin.failure(event, err)
	}
	return out, nil
}

// Digest is the SHA-256 of the module in hex.
func (p *Plugin) Digest() string { return p.config.Digest }

func (p *Plugin) call(ctx context.Context, logger *slog.Logger, event abi.Event, in *abi.Context) (out abi.Output, err error) {
	defer recovered(&err)
	name := p.export(event)
	if name == "" {
		return out, &stop{KindLoad, fmt.Errorf("it exports neither %s nor %s", event.Export(), abi.ExportHook)}
	}
	if !p.enter() {
		return out, &stop{KindBusy, errors.New("the plugin is closed")}
	}
	defer p.running.Done()
	ctx, cancel := context.WithTimeout(ctx, p.config.Deadline)
	defer cancel()
	select {
	case p.slots <- struct{}{}:
		defer func() { <-p.slots }()
	case <-ctx.Done():
		return out, &stop{KindBusy, fmt.Errorf("%d calls are running and none ended in time", cap(p.slots))}
	}
	told := abi.Context{}
	if in != nil {
		told = *in
	}
	told.ABI, told.Event = abi.Version, event
	c, ctx := newCall(ctx, p, logger, event, &told)
	defer c.log.flush()
	if err := p.run(ctx, name); err != nil {
		return out, err
	}
	return c.decision()
}

// run uses up one instance.
func (p *Plugin) run(ctx context.Context, name string) error {
	instance, err := p.take(ctx)
	if err != nil {
		return err
	}
	defer instance.close()
	if p.reseeds {
		if err := instance.invoke(ctx, abi.ExportReseed, randomBits()); err != nil {
			return err
		}
	}
	return instance.invoke(ctx, name)
}

// decision is the output as the event allows it.
func (c *call) decision() (out abi.Output, err error) {
	if c.output == nil {
		return abi.DefaultOutput(), nil
	}
	if out, err = abi.DecodeOutput(c.event, c.output); err != nil {
		return out, &stop{KindOutput, err}
	}
	return out, nil
}

// enter counts a call, unless the plugin is closed.
func (p *Plugin) enter() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return false
	}
	p.running.Add(1)
	return true
}

// failure gives an error of wazero or of a host function its kind.
func (p *Plugin) failure(event abi.Event, err error) *Failure {
	f := &Failure{Plugin: p.config.Name, Event: event, Kind: KindTrap, Err: err}
	var stopped *stop
	var exit *sys.ExitError
	switch {
	case errors.As(err, &stopped):
		f.Kind, f.Err = stopped.kind, stopped.err
	case errors.As(err, &exit) && exit.ExitCode() == sys.ExitCodeDeadlineExceeded:
		f.Kind, f.Err = KindDeadline, context.DeadlineExceeded
	case errors.As(err, &exit) && exit.ExitCode() == sys.ExitCodeContextCanceled:
		f.Kind, f.Err = KindDeadline, context.Canceled
	case strings.Contains(err.Error(), "stack overflow"):
		f.Kind = KindMemory
	}
	return f
}

// recovered turns a panic of the host side into an error. wazero catches those below a guest; this is for the rest.
func recovered(err *error) {
	if r := recover(); r != nil {
		if stopped, ok := r.(*stop); ok {
			*err = stopped
			return
		}
		*err = &stop{KindTrap, fmt.Errorf("the runtime failed: %v", r)}
	}
}

// Close waits for running calls and releases everything. When ctx ends first, Close returns its error and the rest
// happens as soon as the last call has met its deadline. Calls that come later fail with KindBusy.
func (p *Plugin) Close(ctx context.Context) error {
	p.mu.Lock()
	first := !p.closed
	p.closed = true
	p.mu.Unlock()
	if first {
		p.stop()
		go func() {
			p.running.Wait()
			p.release()
			close(p.gone)
		}()
	}
	select {
	case <-p.gone:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// release frees what load made. No call is running.
func (p *Plugin) release() {
	ctx := context.Background()
	for len(p.ready) > 0 {
		(<-p.ready).close()
	}
	var closers []api.Closer
	if p.runtime != nil {
		closers = append(closers, p.runtime)
	}
	if p.cache != nil {
		closers = append(closers, p.cache)
	}
	for _, closer := range closers {
		_ = closer.Close(ctx) // it frees memory; there is nothing to do about an error
	}
}
