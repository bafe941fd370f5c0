package wasm

import (
	"bytes"
	"fmt"
)

// Limits of a module's shape. They are far above what compilers write and far below what hurts the host.
const (
	maxFunctions = 200_000
	maxBody      = 1 << 20 // bytes of one function
	maxTables    = 16      // per module
	maxTable     = 65_536  // elements a table starts with: 8 bytes of host memory each
	maxBulk      = 64      // bulk memory instructions in one function: they cannot be interrupted
	maxSmallLeaf = 64      // bytes of a function so short that it needs no deadline check of its own
	maxMemPages  = 1 << 16 // what 32-bit memory can have
	maxGlobals   = 100_000 // per module
)

// checkpoint says where a function looks at the deadline when it is entered.
type checkpoint byte

const (
	checkNone    checkpoint = iota // a short leaf without bulk copies, or a loop header right at the entry
	checkSampled                   // every few entries
	checkAlways                    // at every entry: the function can take long
)

// module is what the loader needs to know before wazero sees the file.
type module struct {
	functions []checkpoint // of the functions the module defines, in order
	memoryMin uint32       // pages
	hasMemory bool
}

// Section ids, core specification 5.5.2.
const (
	sectionImport   = 2
	sectionFunction = 3
	sectionTable    = 4
	sectionMemory   = 5
	sectionGlobal   = 6
	sectionCode     = 10
)

// inspect refuses modules that could take more of the host than wazero's own limits cover, and finds the functions
// that need a deadline check. It does not validate; wazero does that next, by the same grammar.
func inspect(code []byte) (*module, error) {
	if !bytes.HasPrefix(code, []byte("\x00asm")) {
		return nil, fmt.Errorf("this is not a WebAssembly module: build the plugin for wasm and give the path of the .wasm file")
	}
	if !bytes.HasPrefix(code[4:], []byte{1, 0, 0, 0}) {
		return nil, fmt.Errorf("this is not a core WebAssembly 1 module (a component?): build a core module, for example for wasip1")
	}
	m := &module{}
	r := &reader{data: code, pos: 8}
	for !r.done() {
		id := r.byte()
		section := &reader{data: r.bytes(r.u32())}
		if r.err != nil {
			break
		}
		m.section(id, section)
		if section.err != nil {
			return nil, section.err
		}
	}
	return m, r.err
}

func (m *module) section(id byte, r *reader) {
	switch id {
	case sectionImport:
		m.imports(r)
	case sectionFunction:
		if n := r.u32(); n > maxFunctions {
			r.fail("%d functions, the limit is %d", n, maxFunctions)
		}
	case sectionTable:
		m.tables(r)
	case sectionMemory:
		m.memory(r)
	case sectionGlobal:
		if n := r.u32(); n > maxGlobals {
			r.fail("%d globals, the limit is %d", n, maxGlobals)
		}
	case sectionCode:
		m.code(r)
	}
}

func (m *module) imports(r *reader) {
	for n := r.u32(); n > 0 && r.err == nil; n-- {
		from, name := r.name(), r.name()
		if kind := r.byte(); kind != 0 {
			r.fail("it imports %q from %q, which is not a function: a plugin owns its memory, tables and globals", name, from)
		}
		r.u32()
	}
}

func (m *module) tables(r *reader) {
	n := r.u32()
	if n > maxTables {
		r.fail("%d tables, the limit is %d", n, maxTables)
	}
	for ; n > 0 && r.err == nil; n-- {
		r.byte()
		if low, _ := limits(r); low > maxTable {
			r.fail("a table of %d elements, the limit is %d", low, maxTable)
		}
	}
}

func (m *module) memory(r *reader) {
	if n := r.u32(); n != 1 {
		r.fail("%d memories, exactly one is needed", n)
		return
	}
	m.hasMemory = true
	m.memoryMin, _ = limits(r)
	if m.memoryMin > maxMemPages {
		r.fail("%d pages of memory", m.memoryMin)
	}
}

func limits(r *reader) (low, high uint32) {
	flags := r.byte()
	if flags > 1 {
		r.fail("shared or 64-bit memory: build the plugin without threads and for wasm32")
	}
	low = r.u32()
	if flags == 1 {
		high = r.u32()
	}
	return low, high
}

func (m *module) code(r *reader) {
	n := r.u32()
	if n > maxFunctions {
		r.fail("%d functions, the limit is %d", n, maxFunctions)
	}
	for i := uint32(0); i < n && r.err == nil; i++ {
		size := r.u32()
		if size > maxBody {
			r.fail("function %d has %d bytes, the limit is %d", i, size, maxBody)
		}
		body := &reader{data: r.bytes(size)}
		if r.err != nil {
			return
		}
		check := inspectBody(body)
		if body.err != nil {
			r.fail("function %d: %w", i, body.err)
		}
		m.functions = append(m.functions, check)
	}
}
