package hostile

// Guest is a wasm module written by hand. The zero value has a memory of one page and nothing else.
type Guest struct {
	Imports  []Import
	Funcs    []Func
	Memory   []byte // body of the memory section; one page when nil, none when empty
	Table    []byte // body of the table section
	Globals  []byte // body of the global section
	Data     string // at address 0
	NoExport bool   // keeps the memory to itself
}

// Import is a function of the host.
type Import struct {
	Module, Name    string
	Params, Results string // one letter for each value: i is i32, I is i64, F is f64
}

// Func is a function of the module; it is exported when it has a name. Types are letters as in Import.
type Func struct {
	Export, Params, Results string
	Locals                  int    // of type i32
	Body                    []byte // without locals and the final end
}

// Instructions, and the type of a block without a result.
const (
	OpUnreachable = 0x00
	OpBlock       = 0x02
	OpLoop        = 0x03
	OpEnd         = 0x0b
	OpBr          = 0x0c
	OpBrIf        = 0x0d
	OpCall        = 0x10
	OpDrop        = 0x1a
	OpGlobalGet   = 0x23
	OpGlobalSet   = 0x24
	OpLoad        = 0x28
	OpStore       = 0x36
	OpSize        = 0x3f
	OpGrow        = 0x40
	OpConst       = 0x41
	OpEqz         = 0x45
	OpNe          = 0x47
	OpAdd         = 0x6a
	OpSub         = 0x6b
	OpShl         = 0x74
	Void          = 0x40
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

// Join is one piece of code after the other.
func Join(parts ...[]byte) (out []byte) {
	for _, p := range parts {
		out = append(out, p...)
	}
	return out
}

func text(s string) []byte { return append(leb(len(s)), s...) }

// Num pushes an i32.
func Num(n int32) []byte { return append([]byte{OpConst}, signed(n)...) }

// Invoke calls a function; imports come first in the numbering.
func Invoke(index int) []byte { return append([]byte{OpCall}, leb(index)...) }

func section(id byte, body []byte) []byte { return Join([]byte{id}, leb(len(body)), body) }

func vector(items [][]byte) []byte { return append(leb(len(items)), Join(items...)...) }

var valueTypes = map[rune]byte{'i': 0x7f, 'I': 0x7e, 'F': 0x7c}

func funcType(params, results string) []byte {
	letters := func(s string) []byte {
		out := leb(len(s))
		for _, letter := range s {
			out = append(out, valueTypes[letter])
		}
		return out
	}
	return Join([]byte{0x60}, letters(params), letters(results))
}

// Bytes assembles the module. Functions are numbered with the imports first, and each has a type of its own.
func (g Guest) Bytes() []byte {
	var types, imports, indexes, exports, bodies [][]byte
	for _, i := range g.Imports {
		imports = append(imports, Join(text(i.Module), text(i.Name), []byte{0}, leb(len(types))))
		types = append(types, funcType(i.Params, i.Results))
	}
	if !g.NoExport {
		exports = append(exports, Join(text("memory"), []byte{2, 0}))
	}
	for i, f := range g.Funcs {
		indexes = append(indexes, leb(len(types)))
		types = append(types, funcType(f.Params, f.Results))
		if f.Export != "" {
			exports = append(exports, Join(text(f.Export), []byte{0}, leb(len(g.Imports)+i)))
		}
		locals := []byte{0}
		if f.Locals > 0 {
			locals = Join([]byte{1}, leb(f.Locals), []byte{valueTypes['i']})
		}
		body := Join(locals, f.Body, []byte{OpEnd})
		bodies = append(bodies, Join(leb(len(body)), body))
	}
	memory := g.Memory
	if memory == nil {
		memory = []byte{1, 0, 1}
	}
	out := Join([]byte("\x00asm\x01\x00\x00\x00"), section(1, vector(types)), section(2, vector(imports)), section(3, vector(indexes)))
	if g.Table != nil {
		out = append(out, section(4, g.Table)...)
	}
	if len(memory) > 0 {
		out = append(out, section(5, memory)...)
	}
	if g.Globals != nil {
		out = append(out, section(6, g.Globals)...)
	}
	out = Join(out, section(7, vector(exports)), section(10, vector(bodies)))
	if g.Data != "" {
		out = append(out, section(11, vector([][]byte{Join([]byte{0}, Num(0), []byte{OpEnd}, text(g.Data))}))...)
	}
	return out
}
