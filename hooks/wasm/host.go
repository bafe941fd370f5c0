package wasm

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"encoding/json"
	"math"
	"time"

	"github.com/gatehouse-id/gatehouse/hooks/abi"
	"github.com/tetratelabs/wazero/api"
)

// hostFunc is a function a plugin can import. Parameters and result use the stack as wazero does: stack[0] is the
// first parameter going in and the result coming out.
type hostFunc struct {
	params  string // one letter each: i is i32, I is i64, F is f64
	results string
	run     func(c *call, mem memory, stack []uint64)
}

// hostModules is everything a plugin can import. A function that is not here is not granted.
var hostModules = map[string]map[string]hostFunc{
	abi.Module:               hookFuncs,
	"wasi_snapshot_preview1": withStubs(wasiFuncs, wasiStubs),
	"env":                    envFuncs,
}

// hookFuncs are the functions of the contract.
var hookFuncs = map[string]hostFunc{
	"input":  {"ii", "i", hostInput},
	"field":  {"iiii", "i", hostField},
	"output": {"ii", "i", hostOutput},
	"result": {"ii", "i", hostResult},
	"config": {"iiii", "i", hostConfig},
	"log":    {"iii", "", hostLog},
	"now":    {"", "I", hostNow},
	"random": {"ii", "i", hostRandom},
}

// envFuncs are what AssemblyScript imports by default.
var envFuncs = map[string]hostFunc{
	"abort": {"iiii", "", func(*call, memory, []uint64) { halt(KindTrap, "the plugin called abort") }},
	"seed":  {"", "F", hostSeed},
}

// later are functions of the contract that this version does not grant to any plugin.
var later = map[string]string{
	"kv_get": "kv", "kv_set": "kv", "kv_del": "kv", "kv_incr": "kv", "http": "http",
}

// valueTypes spells out the letters of a hostFunc.
func valueTypes(letters string) []api.ValueType {
	types := make([]api.ValueType, len(letters))
	for i, letter := range letters {
		types[i] = map[rune]api.ValueType{'i': api.ValueTypeI32, 'I': api.ValueTypeI64, 'F': api.ValueTypeF64}[letter]
	}
	return types
}

// adapt makes a hostFunc what wazero calls. Every entry looks at the deadline: a guest could spend its time in host
// functions only.
func (f hostFunc) adapt() api.GoModuleFunc {
	return func(ctx context.Context, mod api.Module, stack []uint64) {
		c := callOf(ctx)
		c.check()
		for i, letter := range f.params {
			if letter == 'i' {
				stack[i] = uint64(uint32(stack[i])) // wazero leaves the upper half as it was
			}
		}
		f.run(c, memory{mod.Memory()}, stack)
	}
}

// memory is the guest's memory. Every access is checked by wazero in 64 bits, and none keeps a slice of it: the guest
// may change it or grow it away.
type memory struct{ api.Memory }

// view gives the bytes for use before the host function returns. A range outside of the memory is a bug of the guest.
func (m memory) view(ptr, length uint32) []byte {
	if length == 0 {
		return nil // the pointer of nothing is ignored
	}
	data, ok := m.Read(ptr, length)
	if !ok {
		halt(KindTrap, "pointer %d with length %d is outside of the memory", ptr, length)
	}
	return data
}

func (m memory) putUint32(ptr, v uint32) {
	if !m.WriteUint32Le(ptr, v) {
		halt(KindTrap, "pointer %d is outside of the memory", ptr)
	}
}

func (m memory) putUint64(ptr uint32, v uint64) {
	if !m.WriteUint64Le(ptr, v) {
		halt(KindTrap, "pointer %d is outside of the memory", ptr)
	}
}

// give hands a variable-length result to the guest: it fits and is copied, or the guest learns the length and fetches
// it with result.
func (c *call) give(mem memory, buf, limit uint64, value []byte) uint64 {
	c.last = value
	dst := mem.view(uint32(buf), uint32(limit))
	if len(value) <= len(dst) {
		copy(dst, value)
	}
	return uint64(len(value))
}

func code(e int32) uint64 { return api.EncodeI32(e) }

func hostInput(c *call, mem memory, stack []uint64) {
	if c.in == nil {
		stack[0] = code(abi.ErrUnavailable)
		return
	}
	stack[0] = c.give(mem, stack[0], stack[1], c.document())
}

func hostField(c *call, mem memory, stack []uint64) {
	path := mem.view(uint32(stack[0]), uint32(stack[1]))
	switch {
	case c.in == nil:
		stack[0] = code(abi.ErrUnavailable)
		return
	case len(path) > abi.MaxPath:
		stack[0] = code(abi.ErrInvalid)
		return
	}
	value, ok := c.in.Field(string(path))
	if !ok {
		stack[0] = code(abi.ErrNotFound)
		return
	}
	if len(value) > abi.MaxInput {
		halt(KindInput, "a value of %d bytes, the limit is %d", len(value), abi.MaxInput)
	}
	stack[0] = c.give(mem, stack[2], stack[3], value)
}

func hostOutput(c *call, mem memory, stack []uint64) {
	data := mem.view(uint32(stack[0]), uint32(stack[1]))
	if c.in == nil {
		stack[0] = code(abi.ErrUnavailable)
		return
	}
	// Both limits end the call. A code that the guest ignores would leave an earlier decision in force.
	if len(data) > abi.MaxOutput {
		halt(KindOutput, "an output of %d bytes, the limit is %d", len(data), abi.MaxOutput)
	}
	if c.outputs++; c.outputs > abi.MaxOutputs {
		halt(KindOutput, "more than %d outputs in one call", abi.MaxOutputs)
	}
	c.output = append([]byte{}, data...)
	stack[0] = 0
}

func hostResult(c *call, mem memory, stack []uint64) {
	if c.last == nil {
		stack[0] = code(abi.ErrNotFound)
		return
	}
	stack[0] = c.give(mem, stack[0], stack[1], c.last)
}

func hostConfig(c *call, mem memory, stack []uint64) {
	key := mem.view(uint32(stack[0]), uint32(stack[1]))
	if len(key) > abi.MaxPath {
		stack[0] = code(abi.ErrInvalid)
		return
	}
	value, ok := c.plugin.setting(string(key))
	if !ok {
		stack[0] = code(abi.ErrNotFound)
		return
	}
	stack[0] = c.give(mem, stack[2], stack[3], value)
}

// setting is the value of a config key: strings raw, the rest as JSON. The empty key is the whole object.
func (p *Plugin) setting(key string) ([]byte, bool) {
	if key == "" {
		return p.config.Config, true
	}
	raw, ok := p.settings[key]
	if !ok {
		return nil, false
	}
	var s string
	if raw[0] == '"' && json.Unmarshal(raw, &s) == nil {
		return []byte(s), true
	}
	return raw, true
}

func hostLog(c *call, mem memory, stack []uint64) {
	text := mem.view(uint32(stack[1]), uint32(stack[2]))
	if len(text) > abi.MaxLogBytes+1 {
		text = text[:abi.MaxLogBytes+1]
	}
	c.log.line(api.DecodeI32(stack[0]), text)
}

func hostNow(_ *call, _ memory, stack []uint64) { stack[0] = uint64(time.Now().UnixNano()) }

func hostRandom(_ *call, mem memory, stack []uint64) {
	dst := mem.view(uint32(stack[0]), uint32(stack[1]))
	if len(dst) > abi.MaxRandom {
		stack[0] = code(abi.ErrLimit)
		return
	}
	rand.Read(dst) // never fails; it ends the process instead
	stack[0] = 0
}

func hostSeed(_ *call, _ memory, stack []uint64) {
	stack[0] = math.Float64bits(float64(randomBits() >> 11))
}

func randomBits() uint64 {
	var b [8]byte
	rand.Read(b[:])
	return binary.LittleEndian.Uint64(b[:])
}
