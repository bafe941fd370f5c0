package wasm

// body is what one function does, as far as the deadline is concerned.
type body struct {
	calls     bool // calls another function
	bulk      int  // bulk memory and table instructions
	loopFirst bool // starts with a loop, which wazero gives a check of its own
	begun     bool // an instruction that is not a block was seen
}

// localsOf reads the declarations before a body and counts the locals.
func localsOf(r *reader) uint64 {
	total := uint64(0)
	for n := r.count(maxLocals, "declarations of locals"); n > 0 && r.err == nil; n-- {
		total += uint64(r.u32())
		r.valueType()
	}
	if total > maxLocals {
		r.fail("%d locals, the limit is %d", total, maxLocals)
		return 0
	}
	return total
}

// inspectBody reads a function body and decides where it has to look at the deadline.
//
// wazero checks the context at loop headers only. A tree of functions without loops, each calling the next one twice,
// would run for hours and hold up the garbage collection of the whole process with it. So every function that calls
// something is checked at its entry, except when it starts with a loop: all functions the Go compiler writes do.
func inspectBody(r *reader) checkpoint {
	size := len(r.data)
	b := &body{}
	for !r.done() {
		b.instruction(r)
	}
	switch {
	case b.bulk > maxBulk:
		r.fail("%d bulk memory instructions, the limit is %d: split the function", b.bulk, maxBulk)
	case b.bulk > 0 || size > 64<<10:
		return checkAlways
	case b.loopFirst:
		return checkNone
	case b.calls || size > maxSmallLeaf:
		return checkSampled
	}
	return checkNone
}

func (b *body) instruction(r *reader) {
	op := r.byte()
	if op == 0x03 && !b.begun {
		b.loopFirst = true
	}
	if op != 0x02 {
		b.begun = true
	}
	switch {
	case op >= 0x02 && op <= 0x04: // block, loop, if: a type
		r.leb(5)
	case op == 0x0c || op == 0x0d || op == 0xd2: // br, br_if, ref.func
		r.u32()
	case op == 0x0e: // br_table
		for n := r.u32(); n > 0 && r.err == nil; n-- {
			r.u32()
		}
		r.u32()
	case op == 0x10: // call
		b.calls = true
		r.u32()
	case op == 0x11: // call_indirect
		b.calls = true
		r.u32()
		r.u32()
	case op >= 0x12 && op <= 0x15 || op >= 0x06 && op <= 0x0a || op == 0x18 || op == 0x19 || op == 0x1f:
		r.fail("tail calls, typed calls or exceptions: build the plugin for core WebAssembly 2.0")
	case op == 0x1c: // select with types
		r.bytes(r.u32())
	case op >= 0x20 && op <= 0x26: // locals, globals, tables
		r.u32()
	case op >= 0x28 && op <= 0x3e: // loads and stores: alignment, offset
		r.u32()
		r.u32()
	case op == 0x3f || op == 0x40 || op == 0xd0: // memory.size, memory.grow, ref.null
		r.byte()
	case op == 0x41:
		r.leb(5)
	case op == 0x42:
		r.leb(10)
	case op == 0x43:
		r.bytes(4)
	case op == 0x44:
		r.bytes(8)
	case op == 0xfc:
		b.misc(r)
	case op == 0xfd:
		simd(r)
	case op <= 0x01 || op == 0x05 || op == 0x0b || op == 0x0f || op == 0x1a || op == 0x1b || op >= 0x45 && op <= 0xc4 || op == 0xd1:
		// no operands
	default:
		r.fail("unknown instruction 0x%02x: build the plugin for core WebAssembly 2.0 without threads", op)
	}
}

// misc reads the saturating conversions and the bulk instructions.
func (b *body) misc(r *reader) {
	switch op := r.u32(); {
	case op <= 7: // saturating conversions
	case op == 9 || op == 13 || op == 16: // data.drop, elem.drop, table.size
		r.u32()
	case op == 8 || op == 10 || op == 12 || op == 14: // memory.init, memory.copy, table.init, table.copy
		b.bulk++
		r.u32()
		r.u32()
	case op == 11 || op == 17: // memory.fill, table.fill
		b.bulk++
		r.u32()
	case op == 15:
		// One table.grow can take gigabytes of the host: tables are outside of the memory limit.
		r.fail("it uses table.grow, which no compiler needs for a plugin")
	default:
		r.fail("unknown instruction 0xfc %d", op)
	}
}

// simd reads the operands of a vector instruction.
func simd(r *reader) {
	switch op := r.u32(); {
	case op <= 11 || op == 92 || op == 93: // loads and stores
		r.u32()
		r.u32()
	case op == 12 || op == 13: // v128.const, shuffle
		r.bytes(16)
	case op >= 21 && op <= 34: // lanes
		r.byte()
	case op >= 84 && op <= 91: // load and store of a lane
		r.u32()
		r.u32()
		r.byte()
	case op > 255:
		r.fail("relaxed vector instructions: build the plugin for core WebAssembly 2.0")
	}
}
