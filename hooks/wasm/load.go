package wasm

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"slices"

	"github.com/gatehouse-id/gatehouse/hooks/abi"
	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"
)

// Load compiles a plugin, holds its imports and exports against the contract, and runs its initialization once. The
// error is a *Failure that names the file and what to do about it. The caller closes the plugin.
//
// A plugin takes a second to compile and keeps nothing between calls, so it should live over reloads. A host that pools
// its plugins resolves the configuration first and looks for its Key:
//
//	resolved, err := config.Resolve()
//	shared, _, err := pool.LoadOrNew(resolved.Key(), func() (caddy.Destructor, error) { return load(ctx, resolved) })
//
// The ctx is for loading only. A caller that binds the plugin to an event asks Handles whether it has a hook for it.
func Load(ctx context.Context, config Config) (*Plugin, error) {
	p, err := load(ctx, config)
	if err != nil {
		return nil, config.failure(err)
	}
	return p, nil
}

func load(ctx context.Context, config Config) (*Plugin, error) {
	config, err := config.resolve()
	if err != nil {
		return nil, err
	}
	shape, err := inspect(config.Code)
	if err != nil {
		return nil, err
	}
	p := newPlugin(config)
	if err := p.prepare(ctx, shape); err != nil {
		p.release()
		return nil, err
	}
	p.start()
	return p, nil
}

// newPlugin makes the parts that need no file.
func newPlugin(config Config) *Plugin {
	p := &Plugin{
		config: config,
		slots:  make(chan struct{}, config.MaxConcurrency),
		ready:  make(chan *instance, config.Ready),
		wanted: make(chan struct{}, 1),
		gone:   make(chan struct{}),
	}
	p.config.Code = nil // megabytes that are not needed any more
	// validate has decoded it before
	_ = json.Unmarshal(config.Config, &p.settings)
	return p
}

// prepare compiles the module and tries it out.
func (p *Plugin) prepare(ctx context.Context, shape *module) (err error) {
	// wazero reads foreign bytes here. A panic in it is a plugin that cannot be loaded, not a server that stops.
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("the module breaks the compiler: %v", r)
		}
	}()
	if uint64(shape.memoryMin)*pageSize > p.config.Memory {
		return fmt.Errorf("it starts with %d KiB of memory and may have %d KiB: raise memory",
			uint64(shape.memoryMin)*pageSize>>10, p.config.Memory>>10)
	}
	settings := wazero.NewRuntimeConfig()
	if p.config.Interpreter {
		settings = wazero.NewRuntimeConfigInterpreter()
	}
	settings = settings.WithCoreFeatures(api.CoreFeaturesV2).WithCloseOnContextDone(true).
		WithMemoryLimitPages(uint32(p.config.Memory / pageSize)).WithDebugInfoEnabled(false)
	if p.config.CacheDir != "" {
		cache, err := openCache(p.config.CacheDir)
		if err != nil {
			return err
		}
		p.cache = cache
		settings = settings.WithCompilationCache(cache)
	}
	// The runtime outlives the configuration that loads it, so it does not get ctx.
	p.runtime = wazero.NewRuntimeWithConfig(context.WithoutCancel(ctx), settings)
	if err := p.compile(ctx, shape); err != nil {
		return err
	}
	return p.rehearse(ctx)
}

// openCache keeps compiled code. It is native code that the process will run, so nobody else may write it.
func openCache(dir string) (wazero.CompilationCache, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	info, err := os.Stat(dir)
	if err != nil {
		return nil, err
	}
	if mode := info.Mode().Perm(); mode&0o022 != 0 {
		return nil, fmt.Errorf("the cache directory %s has mode %04o and others can write to it: chmod 0700", dir, mode)
	}
	return wazero.NewCompilationCacheWithDir(dir)
}

// compile turns the module into machine code within a time limit. More than one worker is also what makes wazero look
// at the context between functions.
func (p *Plugin) compile(ctx context.Context, shape *module) error {
	ctx, cancel := context.WithTimeout(ctx, compileTime)
	defer cancel()
	ctx = experimental.WithCompilationWorkers(ctx, max(2, runtime.GOMAXPROCS(0)))
	compiled, err := p.runtime.CompileModule(shape.watch(ctx), shape.code)
	if err != nil {
		return fmt.Errorf("compiling: %w", err)
	}
	p.compiled = compiled
	if err := p.checkExports(); err != nil {
		return err
	}
	return p.link(ctx)
}

// rehearse runs the initialization once, so that a plugin that cannot start is an error of the configuration. Only
// here it may log: later instances would say the same again and again.
func (p *Plugin) rehearse(ctx context.Context) error {
	if p.config.Memory > p.config.Budget.total {
		return fmt.Errorf("memory of %d MiB is more than the %d MiB that all plugins have together",
			p.config.Memory>>20, p.config.Budget.total>>20)
	}
	ctx, cancel := context.WithTimeout(ctx, initTime)
	defer cancel()
	if err := p.config.Budget.take(ctx, p.config.Memory); err != nil {
		return err
	}
	instance, err := p.instantiate(ctx, p.config.Logger)
	if err != nil {
		return err
	}
	instance.close()
	return nil
}

// Handles reports whether the plugin has a hook for the event.
func (p *Plugin) Handles(event abi.Event) bool { return p.export(event) != "" }

// export is the function for an event, or "".
func (p *Plugin) export(event abi.Event) string {
	if !event.Known() {
		return ""
	}
	for _, name := range []string{event.Export(), abi.ExportHook} {
		if slices.Contains(p.hooks, name) {
			return name
		}
	}
	return ""
}
