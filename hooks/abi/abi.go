// Package abi is the contract between host and plugin: export names, payload types, limits, version.
//
// It knows nothing of WebAssembly or of flows, so the runtime, the flow engine and a test of a plugin can all
// speak it. docs/hook-abi.md is the same contract written for plugin authors.
package abi

// Version is the value of "abi" in every Context. The major version is the name of the import module; a new
// function or a new context field does not change it.
const Version = 1

// Module is the name a plugin imports the host functions from.
const Module = "hook_v1"

// Names a plugin exports beside the hooks of the event table.
const (
	ExportMemory     = "memory"      // required: the host reads and writes nothing else
	ExportHook       = "hook"        // () -> i32, called for each event that has no export of its own
	ExportInitialize = "_initialize" // () -> (), optional, called once per instance (WASI reactor)
	ExportInit       = "hook_init"   // () -> i32, optional, called once after it; not zero refuses the plugin
	ExportReseed     = "hook_reseed" // (i64) -> (), optional, called with random bits before each hook
)

// Limits of one call. They hold for every plugin; deadline and memory are set per plugin.
const (
	MaxInput    = 1 << 20   // bytes of the context as JSON
	MaxOutput   = 256 << 10 // bytes of one output document
	MaxOutputs  = 16        // calls of output; the last one counts, so more than a few are a mistake
	MaxDepth    = 32        // levels of arrays and objects in an output document
	MaxLogLines = 64        // log lines, the guest's stdout and stderr included
	MaxLogBytes = 16 << 10  // bytes of all log lines together
	MaxPath     = 1 << 10   // bytes of a JSON pointer or a config key
	MaxRandom   = 64 << 10  // bytes of one call of random
)

// What a host function returns instead of a length. A pointer outside of the guest's memory has no code: it is a
// bug of the guest and traps.
const (
	ErrNotFound    int32 = -1 // no such value
	ErrDenied      int32 = -2 // capability or allow-list
	ErrLimit       int32 = -3 // too large or too many
	ErrTimeout     int32 = -4 // the host call ran into the deadline
	ErrInvalid     int32 = -5 // invalid argument
	ErrUnavailable int32 = -6 // not now, for example before the first hook
	ErrIO          int32 = -7 // input or output failed
)

// Log levels of the log function.
const (
	LevelDebug int32 = 0
	LevelInfo  int32 = 1
	LevelWarn  int32 = 2
	LevelError int32 = 3
)
