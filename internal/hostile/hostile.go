// Package hostile makes hook plugins that misbehave, for the tests of those who have to survive them.
//
// The modules are assembled by hand: no compiler would write most of them, and none is needed to run the tests.
package hostile

import "github.com/gatehouse-id/gatehouse/hooks/abi"

// Loop never ends.
func Loop() []byte { return Hook(Endless(nil)).Bytes() }

// Memory grows until it is refused, writes to each page on the way, and traps then as a language runtime does.
func Memory() []byte {
	// (loop (br_if 0 (if (memory.grow 1) != -1))), with a store through the old size
	grown := Join(Num(1), []byte{OpGrow, 0}, Num(-1), []byte{OpNe})
	touch := Join([]byte{OpSize, 0}, Num(16), []byte{OpShl}, Num(4), []byte{OpSub}, Num(1), []byte{OpStore, 2, 0})
	return Hook(Join([]byte{OpLoop, Void}, touch, grown, []byte{OpBrIf, 0, OpEnd, OpUnreachable})).Bytes()
}

// Trap runs into an unreachable instruction.
func Trap() []byte { return Hook([]byte{OpUnreachable}).Bytes() }

// Garbage answers with bytes that are no document.
func Garbage() []byte { return Says("\x00\xff garbage").Bytes() }

// Hook is a guest whose hook has this body, with the given host functions imported in order.
func Hook(body []byte, functions ...string) Guest {
	g := Guest{Funcs: []Func{{Export: abi.ExportHook, Results: "i", Body: body}}}
	for _, name := range functions {
		g.Imports = append(g.Imports, imports[name])
	}
	return g
}

// Says is a guest that outputs a text.
func Says(output string) Guest {
	g := Hook(Join(Num(0), Num(int32(len(output))), Invoke(0), []byte{OpDrop}, Num(0)), "output")
	g.Data = output
	return g.Pages(16)
}

// Pages gives g a memory of n pages of 64 KiB, at most 127.
func (g Guest) Pages(n byte) Guest {
	g.Memory = []byte{1, 0, n}
	return g
}

// Endless is a body that repeats code until something else ends it.
func Endless(code []byte) []byte {
	return Join([]byte{OpLoop, Void}, code, []byte{OpBr, 0, OpEnd}, Num(0))
}

// Repeated is code n times.
func Repeated(n int, code []byte) []byte {
	var out []byte
	for range n {
		out = append(out, code...)
	}
	return out
}

const wasi = "wasi_snapshot_preview1"

// imports are the host functions that Hook knows by name.
var imports = map[string]Import{
	"input":       {abi.Module, "input", "ii", "i"},
	"field":       {abi.Module, "field", "iiii", "i"},
	"output":      {abi.Module, "output", "ii", "i"},
	"result":      {abi.Module, "result", "ii", "i"},
	"config":      {abi.Module, "config", "iiii", "i"},
	"log":         {abi.Module, "log", "iii", ""},
	"now":         {abi.Module, "now", "", "I"},
	"random":      {abi.Module, "random", "ii", "i"},
	"sched_yield": {wasi, "sched_yield", "", "i"},
	"proc_exit":   {wasi, "proc_exit", "i", ""},
	"poll_oneoff": {wasi, "poll_oneoff", "iiii", "i"},
	"fd_write":    {wasi, "fd_write", "iiii", "i"},
}
