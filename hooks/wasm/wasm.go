// Package wasm runs hook plugins in wazero under time and memory limits.
//
// A plugin is foreign code that is asked about people's data, so the package starts from three rules. What a plugin
// imports is all it can do. Every call gets an instance of its own that no call used before, so nothing of one person
// is left for the next. And every way out of the deadline is closed: loops, call trees, host calls and bulk copies.
// What to do when a plugin fails (on_error) is left to the caller.
package wasm

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"time"

	"github.com/gatehouse-id/gatehouse/hooks/abi"
)

// Defaults and fixed limits.
const (
	DefaultDeadline = 500 * time.Millisecond
	DefaultMemory   = 32 << 20

	maxFile     = 32 << 20         // bytes of the wasm file
	maxMemory   = 1 << 30          // bytes of linear memory that can be configured at all
	compileTime = 60 * time.Second // a 5 MB Go plugin takes 3 s on a slow core
	initTime    = 10 * time.Second // instantiation, _initialize and hook_init
	pageSize    = 64 << 10
)

// Config says which plugin to load and what it may use. Path or Code is needed, the rest has defaults.
type Config struct {
	Name string // how logs and errors call the plugin; default: Path
	Path string // the wasm file
	Code []byte // its content, instead of Path
	// Digest pins the content: the SHA-256 in hex, with or without "sha256:" before it. Another file is refused.
	Digest string

	Deadline       time.Duration   // wall clock per call, waiting and host calls included; default 500ms
	Memory         uint64          // bytes of linear memory per instance; default 32 MiB, a whole number of 64 KiB pages
	MaxConcurrency int             // calls at the same time; default 4 per CPU
	Ready          int             // instances kept ready for the next calls; default 2
	Config         json.RawMessage // an object the plugin reads with config(); default {}
	Logger         *slog.Logger    // gets the plugin's log lines; default: they are dropped. See WithLogger
	Budget         *Budget         // memory that plugins share; default DefaultBudget
	CacheDir       string          // where compiled code is kept; default: nowhere. It holds native code: mode 0700
	Interpreter    bool            // run without the compiler: 30 to 50 times slower, should the compiler have a bug
}

var silent = slog.New(slog.DiscardHandler)

// withDefaults fills in what is not set and refuses what cannot be meant.
func (c Config) withDefaults() (Config, error) {
	if c.Name == "" {
		c.Name = c.Path
	}
	if c.Deadline == 0 {
		c.Deadline = DefaultDeadline
	}
	if c.Memory == 0 {
		c.Memory = DefaultMemory
	}
	if c.MaxConcurrency == 0 {
		c.MaxConcurrency = 4 * runtime.GOMAXPROCS(0)
	}
	if c.Ready == 0 {
		c.Ready = 2
	}
	if len(c.Config) == 0 {
		c.Config = json.RawMessage("{}")
	}
	if c.Logger == nil {
		c.Logger = silent
	}
	if c.Budget == nil {
		c.Budget = DefaultBudget
	}
	return c, c.validate()
}

func (c Config) validate() error {
	var object map[string]json.RawMessage
	switch {
	case c.Deadline < 0:
		return fmt.Errorf("deadline %v is negative", c.Deadline)
	case c.Memory < pageSize || c.Memory > maxMemory:
		return fmt.Errorf("memory of %d bytes is not between 64 KiB and 1 GiB", c.Memory)
	case c.MaxConcurrency < 0 || c.Ready < 0:
		return errors.New("max_concurrency and ready cannot be negative")
	case json.Unmarshal(c.Config, &object) != nil:
		return errors.New("config is not a JSON object")
	case len(c.Config) > abi.MaxInput:
		return fmt.Errorf("config has more than %d bytes", abi.MaxInput)
	}
	return nil
}

// Kind says how a plugin failed.
type Kind string

// Kinds of failure.
const (
	KindLoad     Kind = "load"     // the file, its imports or its exports
	KindBusy     Kind = "busy"     // no free slot within the deadline, or the plugin is closed
	KindDeadline Kind = "deadline" // the deadline passed, or the caller went away
	KindMemory   Kind = "memory"   // a trap with the memory or the call stack used up
	KindTrap     Kind = "trap"     // any other trap
	KindExit     Kind = "exit"     // a result that is not zero, or an exit in the middle
	KindInput    Kind = "input"    // the context is too large for the plugin
	KindOutput   Kind = "output"   // an answer the contract does not allow
)

// Failure is the only error type of this package. It tells nothing of the person the call was about.
type Failure struct {
	Plugin string
	Event  abi.Event // empty while loading
	Kind   Kind
	Err    error
}

// Error names the plugin, what it was doing and what went wrong.
func (f *Failure) Error() string {
	if f.Event == "" {
		return fmt.Sprintf("loading plugin %s: %v", f.Plugin, f.Err)
	}
	return fmt.Sprintf("running plugin %s for %s: %s: %v", f.Plugin, f.Event, f.Kind, f.Err)
}

// Unwrap gives the cause.
func (f *Failure) Unwrap() error { return f.Err }

// stop is how a host function ends the guest: it panics with it, and wazero hands it back as the error of the call.
type stop struct {
	kind Kind
	err  error
}

func (s *stop) Error() string { return s.err.Error() }

func halt(kind Kind, format string, args ...any) {
	panic(&stop{kind, fmt.Errorf(format, args...)})
}
