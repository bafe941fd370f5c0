package caddymodule

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2"
	"go.uber.org/zap"

	"github.com/gatehouse-id/gatehouse/core/flow"
	"github.com/gatehouse-id/gatehouse/hooks/abi"
	"github.com/gatehouse-id/gatehouse/hooks/wasm"
	"github.com/gatehouse-id/gatehouse/internal/gateway"
)

func init() { caddy.RegisterModule(new(WASMHook)) }

// Hook is a module of the namespace gatehouse.hooks: a plugin bound to an event.
type Hook interface {
	Plugin() gateway.Plugin
}

// WASMHook runs a WebAssembly plugin at an event. The page docs/hook-abi.md says
// how to write one.
type WASMHook struct {
	// Event is when the plugin runs, for example "registration.pre_persist".
	Event string `json:"event"`
	// File is the plugin. A relative path starts from the working directory.
	File string `json:"file"`
	// Config is an object that the plugin can read.
	Config json.RawMessage `json:"config,omitempty"`
	// Deadline is the longest a call may take, waiting included. Default 500ms.
	Deadline caddy.Duration `json:"deadline,omitempty"`
	// Memory is the most a call may use, in bytes. Default 32 MiB.
	Memory uint64 `json:"memory,omitempty"`
	// OnError says what happens to the flow when the plugin fails: "deny", the
	// default, or "allow".
	OnError string `json:"on_error,omitempty"`

	// Digest pins the file: its SHA-256 in hex, as the log tells it. Another file is
	// refused. Default: any file.
	Digest string `json:"digest,omitempty"`

	kept   *keptPlugin
	logger *slog.Logger
}

// CaddyModule returns the Caddy module information.
func (*WASMHook) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "gatehouse.hooks.wasm", New: func() caddy.Module { return new(WASMHook) }}
}

// plugins holds the compiled plugins of this process: compiling one takes
// seconds, and a reload that changes something else should not.
var plugins = caddy.NewUsagePool()

// keptPlugin is a compiled plugin in the pool.
type keptPlugin struct {
	*wasm.Plugin
	key string
}

// Destruct implements caddy.Destructor. Calls that run end within their deadline.
func (k *keptPlugin) Destruct() error {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	return k.Close(ctx)
}

// Provision compiles the plugin, unless it is there already.
func (h *WASMHook) Provision(ctx caddy.Context) error {
	if h.OnError == "" {
		h.OnError = "deny"
	}
	if err := h.check(); err != nil {
		return fmt.Errorf("hook %s: %w", h.File, err)
	}
	h.logger = ctx.Slogger()
	config, err := wasm.Config{
		Name: h.File, Path: h.File, Digest: h.Digest, Config: h.Config, Deadline: time.Duration(h.Deadline), Memory: h.Memory,
	}.Resolve()
	if err != nil {
		return fmt.Errorf("hook %s: %w", h.Event, err)
	}
	kept, _, err := plugins.LoadOrNew(config.Key(), func() (caddy.Destructor, error) { return compile(ctx, config) })
	if err != nil {
		return err
	}
	h.kept = kept.(*keptPlugin)
	return h.fits(ctx)
}

// fits tells whether the plugin and this version have something to say at the event.
func (h *WASMHook) fits(ctx caddy.Context) error {
	if !slices.Contains(flow.Points(), flow.Point(h.Event)) {
		ctx.Logger().Warn("a setting has no effect", zap.String("key", "hook "+h.Event),
			zap.String("why", "this version has no such flow yet"))
	}
	if !h.kept.Handles(abi.Event(h.Event)) {
		return fmt.Errorf("hook %s: the plugin has no function for %s: export %s", h.File, h.Event, abi.Event(h.Event).Export())
	}
	return nil
}

func (h *WASMHook) check() error {
	if !abi.Event(h.Event).Known() {
		return fmt.Errorf("%q is no event: use one of %s", h.Event, eventNames())
	}
	if abi.Event(h.Event) == abi.Request {
		// A policy that silently never runs would let everybody in.
		return fmt.Errorf("this version does not run hooks at %q yet: guard the route, and decide at login.after", h.Event)
	}
	if h.OnError != "deny" && h.OnError != "allow" {
		return fmt.Errorf("on_error is %q: use deny or allow", h.OnError)
	}
	return nil
}

func eventNames() string {
	var names []string
	for _, p := range flow.Points() {
		names = append(names, string(p))
	}
	return strings.Join(names, ", ")
}

// compile loads a plugin for the pool. The plugin outlives the configuration that
// asks for it, so it gets neither its context nor its logger.
func compile(ctx caddy.Context, config wasm.Config) (caddy.Destructor, error) {
	start := time.Now()
	p, err := wasm.Load(context.WithoutCancel(ctx), config)
	if err != nil {
		return nil, err
	}
	ctx.Logger().Info("compiled a hook plugin", zap.String("plugin", config.Name), zap.String("digest", "sha256:"+p.Digest()),
		zap.Duration("took", time.Since(start)))
	return &keptPlugin{Plugin: p, key: config.Key()}, nil
}

// Cleanup lets go of the plugin.
func (h *WASMHook) Cleanup() error {
	if h.kept == nil {
		return nil
	}
	_, err := plugins.Delete(h.kept.key)
	h.kept = nil
	return err
}

// Plugin implements Hook.
func (h *WASMHook) Plugin() gateway.Plugin {
	return gateway.Plugin{
		Point: flow.Point(h.Event), Name: h.File, Plugin: h.kept.WithLogger(h.logger), Allow: h.OnError == "allow",
	}
}

func (a *App) provisionHooks(ctx caddy.Context) error {
	modules, err := ctx.LoadModule(a, "HooksRaw")
	if err != nil {
		return fmt.Errorf("reading hooks: %w", err)
	}
	for _, m := range modules.([]any) {
		a.hooks = append(a.hooks, m.(Hook))
	}
	return nil
}

func (a *App) plugins() []gateway.Plugin {
	var out []gateway.Plugin
	for _, h := range a.hooks {
		out = append(out, h.Plugin())
	}
	return out
}

var (
	_ Hook               = (*WASMHook)(nil)
	_ caddy.Provisioner  = (*WASMHook)(nil)
	_ caddy.CleanerUpper = (*WASMHook)(nil)
)
