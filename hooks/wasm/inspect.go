package wasm

import (
	"bytes"
	"fmt"
)

// Limits of a module's shape. They are far above what compilers write and far below what hurts the host.
const (
	maxItems     = 200_000   // entries of one section: functions, types, globals, segments
	maxBody      = 1 << 20   // bytes of one function
	maxLocals    = 50_000    // of one function
	maxAllLocals = 4_000_000 // of all functions
	maxTypeSize  = 1_000     // parameters or results of one function
	maxTables    = 16        // per module
	maxTable     = 65_536    // elements a table starts with: 8 bytes of host memory each
	maxBulk      = 64        // bulk memory instructions in one function: they cannot be interrupted
	maxSmallLeaf = 64        // bytes of a function so short that it needs no deadline check of its own
	maxMemPages  = 1 << 16   // what 32-bit memory can have
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
	code      []byte       // the file without its custom sections
	imported  uint32       // functions that come before the module's own
	functions []checkpoint // of the functions the module defines, in order
	locals    uint64       // of all functions
	memoryMin uint32       // pages
}

// sections is the table of sections by id, core specification 5.5.2. An id that is not here is not core WebAssembly 2.0.
var sections = map[byte]func(*module, *reader){
	1: (*module).types, 2: (*module).imports, 3: (*module).indexes, 4: (*module).tables, 5: (*module).memory,
	6: (*module).globals, 7: (*module).exports, 8: (*module).number, 9: (*module).elements, 10: (*module).bodies,
	11: (*module).data, 12: (*module).number,
}

// inspect refuses modules that could take more of the host than wazero's own limits cover, and finds the functions
// that need a deadline check. It reads every length in the file before wazero does: wazero makes room for as many
// entries as a length promises, and 15 bytes that promise four billion would end the process.
//
// Custom sections are left out of what wazero gets. Nothing needs them, and what is not read cannot hurt.
func inspect(code []byte) (*module, error) {
	if !bytes.HasPrefix(code, []byte("\x00asm")) {
		return nil, fmt.Errorf("this is not a WebAssembly module: build the plugin for wasm and give the path of the .wasm file")
	}
	if !bytes.HasPrefix(code[4:], []byte{1, 0, 0, 0}) {
		return nil, fmt.Errorf("this is not a core WebAssembly 1 module (a component?): build a core module, for example for wasip1")
	}
	m := &module{code: bytes.Clone(code[:8])}
	r := &reader{data: code, pos: 8}
	for !r.done() {
		begin := r.pos
		id := r.byte()
		section := &reader{data: r.bytes(r.u32())}
		if r.err != nil || id == 0 {
			continue
		}
		read, known := sections[id]
		if !known {
			return nil, fmt.Errorf("unknown section %d: build the plugin for core WebAssembly 2.0", id)
		}
		if read(m, section); !section.done() {
			section.fail("section %d has bytes behind its end", id)
		}
		if section.err != nil {
			return nil, section.err
		}
		m.code = append(m.code, code[begin:r.pos]...)
	}
	return m, r.err
}

func (m *module) types(r *reader) {
	for range r.count(maxItems, "types") {
		if form := r.byte(); form != 0x60 {
			r.fail("a type of the form 0x%02x: build the plugin for core WebAssembly 2.0", form)
		}
		for range 2 { // parameters and results
			for range r.count(maxTypeSize, "parameters or results") {
				r.valueType()
			}
		}
		if r.err != nil {
			return
		}
	}
}

func (m *module) imports(r *reader) {
	m.imported = r.count(maxItems, "imports")
	for n := m.imported; n > 0 && r.err == nil; n-- {
		from, name := r.name(), r.name()
		if kind := r.byte(); kind != 0 {
			r.fail("it imports %q from %q, which is not a function: a plugin owns its memory, tables and globals", name, from)
		}
		r.u32()
	}
}

// indexes reads the types of the functions.
func (m *module) indexes(r *reader) {
	for n := r.count(maxItems, "functions"); n > 0 && r.err == nil; n-- {
		r.u32()
	}
}

func (m *module) tables(r *reader) {
	for n := r.count(maxTables, "tables"); n > 0 && r.err == nil; n-- {
		r.valueType()
		if low := limits(r); low > maxTable {
			r.fail("a table of %d elements, the limit is %d", low, maxTable)
		}
	}
}

func (m *module) memory(r *reader) {
	if n := r.u32(); n != 1 {
		r.fail("%d memories, exactly one is needed", n)
		return
	}
	if m.memoryMin = limits(r); m.memoryMin > maxMemPages {
		r.fail("%d pages of memory", m.memoryMin)
	}
}

// limits gives the smaller limit: the larger one costs nothing until it is grown to.
func limits(r *reader) uint32 {
	flags := r.byte()
	if flags > 1 {
		r.fail("shared or 64-bit memory: build the plugin without threads and for wasm32")
	}
	low := r.u32()
	if flags == 1 {
		r.u32()
	}
	return low
}

func (m *module) globals(r *reader) {
	for n := r.count(maxItems, "globals"); n > 0 && r.err == nil; n-- {
		r.valueType()
		r.byte() // mutable or not
		r.expression()
	}
}

func (m *module) exports(r *reader) {
	for n := r.count(maxItems, "exports"); n > 0 && r.err == nil; n-- {
		r.name()
		r.byte()
		r.u32()
	}
}

// number reads the sections that are one number: the start function and the number of data segments.
func (m *module) number(r *reader) { r.u32() }

// elements reads what tables are filled with. The lowest bits of the kind say what a segment consists of.
func (m *module) elements(r *reader) {
	for n := r.count(maxItems, "element segments"); n > 0 && r.err == nil; n-- {
		kind := r.u32()
		passive, explicit, expressions := kind&1 != 0, kind&2 != 0, kind&4 != 0
		if kind > 7 {
			r.fail("an element segment of kind %d", kind)
		}
		if !passive && explicit {
			r.u32() // table
		}
		if !passive {
			r.expression()
		}
		if (passive || explicit) && expressions {
			r.valueType()
		} else if passive || explicit {
			r.byte() // always functions
		}
		for e := r.count(maxItems, "elements in a segment"); e > 0 && r.err == nil; e-- {
			if expressions {
				r.expression()
			} else {
				r.u32()
			}
		}
	}
}

func (m *module) bodies(r *reader) {
	for i := range r.count(maxItems, "functions") {
		size := r.u32()
		if size > maxBody {
			r.fail("function %d has %d bytes, the limit is %d", i, size, maxBody)
		}
		body := &reader{data: r.bytes(size)}
		if r.err != nil {
			return
		}
		m.locals += localsOf(body)
		check := inspectBody(body)
		if body.err == nil && m.locals > maxAllLocals {
			body.fail("more than %d locals in all functions", maxAllLocals)
		}
		if body.err != nil {
			r.fail("function %d: %w", i, body.err)
			return
		}
		m.functions = append(m.functions, check)
	}
}

func (m *module) data(r *reader) {
	for n := r.count(maxItems, "data segments"); n > 0 && r.err == nil; n-- {
		switch kind := r.u32(); kind {
		case 0:
			r.expression()
		case 1:
		case 2:
			r.u32() // memory
			r.expression()
		default:
			r.fail("a data segment of kind %d", kind)
		}
		r.bytes(r.u32())
	}
}
