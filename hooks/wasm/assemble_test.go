package wasm

import "github.com/gatehouse-id/gatehouse/hooks/abi"

// guest is a wasm module written by hand. The zero value has a memory of one page and nothing else.
type guest struct {
	imports  []imported
	funcs    []function
	memory   []byte // body of the memory section; one page when nil, none when empty
	table    []byte // body of the table section
	globals  []byte // body of the global section
	data     string // at address 0
	noExport bool   // keeps the memory to itself
}

type imported struct{ module, name, params, results string }

// function is a function of the module; it is exported when it has a name. Types are letters as in hostFunc.
type function struct {
	export, params, results string
	body                    []byte // without locals and the final end
}

// Instructions.
const (
	opUnreachable = 0x00
	opBlock       = 0x02
	opLoop        = 0x03
	opEnd         = 0x0b
	opBr          = 0x0c
	opBrIf        = 0x0d
	opCall        = 0x10
	opDrop        = 0x1a
	opGlobalGet   = 0x23
	opGlobalSet   = 0x24
	opLoad        = 0x28
	opStore       = 0x36
	opGrow        = 0x40
	opConst       = 0x41
	opEqz         = 0x45
	opAdd         = 0x6a
	void          = 0x40
)

func leb(n int) []byte {
	var out []byte
	for {
		b := byte(n & 0x7f)
		if n >>= 7; n == 0 {
			return append(out, b)
		}
		out = append(out, b|0x80)
	}
}

func signed(n int32) []byte {
	var out []byte
	for {
		b := byte(n & 0x7f)
		n >>= 7
		if n == 0 && b&0x40 == 0 || n == -1 && b&0x40 != 0 {
			return append(out, b)
		}
		out = append(out, b|0x80)
	}
}

func join(parts ...[]byte) (out []byte) {
	for _, p := range parts {
		out = append(out, p...)
	}
	return out
}

func text(s string) []byte { return append(leb(len(s)), s...) }

func num(n int32) []byte { return append([]byte{opConst}, signed(n)...) }

func invoke(index int) []byte { return append([]byte{opCall}, leb(index)...) }

func section(id byte, body []byte) []byte { return join([]byte{id}, leb(len(body)), body) }

func vector(items [][]byte) []byte { return append(leb(len(items)), join(items...)...) }

func funcType(params, results string) []byte {
	letters := func(s string) []byte {
		out := leb(len(s))
		for _, t := range valueTypes(s) {
			out = append(out, t)
		}
		return out
	}
	return join([]byte{0x60}, letters(params), letters(results))
}

// bytes assembles the module. Functions are numbered with the imports first, and each has a type of its own.
func (g guest) bytes() []byte {
	var types, imports, indexes, exports, bodies [][]byte
	for _, i := range g.imports {
		imports = append(imports, join(text(i.module), text(i.name), []byte{0}, leb(len(types))))
		types = append(types, funcType(i.params, i.results))
	}
	if !g.noExport {
		exports = append(exports, join(text("memory"), []byte{2, 0}))
	}
	for i, f := range g.funcs {
		indexes = append(indexes, leb(len(types)))
		types = append(types, funcType(f.params, f.results))
		if f.export != "" {
			exports = append(exports, join(text(f.export), []byte{0}, leb(len(g.imports)+i)))
		}
		body := join([]byte{0}, f.body, []byte{opEnd})
		bodies = append(bodies, join(leb(len(body)), body))
	}
	memory := g.memory
	if memory == nil {
		memory = []byte{1, 0, 1}
	}
	out := join([]byte("\x00asm\x01\x00\x00\x00"), section(1, vector(types)), section(2, vector(imports)), section(3, vector(indexes)))
	if g.table != nil {
		out = append(out, section(4, g.table)...)
	}
	if len(memory) > 0 {
		out = append(out, section(5, memory)...)
	}
	if g.globals != nil {
		out = append(out, section(6, g.globals)...)
	}
	out = join(out, section(7, vector(exports)), section(10, vector(bodies)))
	if g.data != "" {
		out = append(out, section(11, vector([][]byte{join([]byte{0}, num(0), []byte{opEnd}, text(g.data))}))...)
	}
	return out
}

// hook is a guest whose hook has this body, with the given host functions imported in order.
func hook(body []byte, names ...string) guest {
	g := guest{funcs: []function{{"hook", "", "i", body}}}
	for _, name := range names {
		f := hookFuncs[name]
		from := abi.Module
		if f.run == nil {
			from = "wasi_snapshot_preview1"
			f = hostModules[from][name]
		}
		g.imports = append(g.imports, imported{from, name, f.params, f.results})
	}
	return g
}

// says is a guest that outputs a text.
func says(output string) guest {
	g := hook(join(num(0), num(int32(len(output))), invoke(0), []byte{opDrop}, num(0)), "output")
	g.data = output
	g.memory = []byte{1, 0, 16}
	return g
}
