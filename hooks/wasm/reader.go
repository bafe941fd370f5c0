package wasm

import (
	"errors"
	"fmt"
)

var errTruncated = errors.New("the file ends too early or is damaged; build it again")

// reader walks over a wasm binary. The first error sticks and ends every loop over the rest, so callers check once.
type reader struct {
	data []byte
	pos  int
	err  error
}

func (r *reader) done() bool { return r.err != nil || r.pos >= len(r.data) }

func (r *reader) fail(format string, args ...any) {
	if r.err == nil {
		r.err = fmt.Errorf(format, args...)
	}
}

func (r *reader) byte() byte {
	if r.err != nil || r.pos >= len(r.data) {
		r.fail("%w", errTruncated)
		return 0
	}
	r.pos++
	return r.data[r.pos-1]
}

// bytes takes the next n bytes; n comes from the file and may be anything.
func (r *reader) bytes(n uint32) []byte {
	if r.err != nil || uint64(n) > uint64(len(r.data)-r.pos) {
		r.fail("%w", errTruncated)
		return nil
	}
	r.pos += int(n)
	return r.data[r.pos-int(n) : r.pos]
}

func (r *reader) u32() uint32 {
	var v uint64
	for shift := 0; shift < 35; shift += 7 {
		b := r.byte()
		v |= uint64(b&0x7f) << shift
		if b < 0x80 {
			if v > 1<<32-1 {
				r.fail("%w", errTruncated)
			}
			return uint32(v)
		}
	}
	r.fail("%w", errTruncated)
	return 0
}

// leb skips a signed number of at most n bytes.
func (r *reader) leb(n int) {
	for range n {
		if r.byte() < 0x80 {
			return
		}
	}
	r.fail("%w", errTruncated)
}

func (r *reader) name() string { return string(r.bytes(r.u32())) }

// count reads how many entries follow. Each takes a byte at least, so a count that the rest cannot hold is damage.
func (r *reader) count(limit uint32, of string) uint32 {
	n := r.u32()
	switch {
	case r.err != nil:
		return 0
	case n > limit:
		r.fail("%d %s, the limit is %d", n, of, limit)
		return 0
	case uint64(n) > uint64(len(r.data)-r.pos):
		r.fail("%w", errTruncated)
		return 0
	}
	return n
}

// valueType skips a type of core WebAssembly 2.0, which is one byte.
func (r *reader) valueType() {
	if t := r.byte(); r.err == nil && (t < 0x7b || t > 0x7f) && t != 0x70 && t != 0x6f {
		r.fail("a value of type 0x%02x: build the plugin for core WebAssembly 2.0", t)
	}
}

// expression skips a constant expression.
func (r *reader) expression() {
	for r.err == nil {
		switch op := r.byte(); op {
		case 0x0b: // end
			return
		case 0x41: // i32.const
			r.leb(5)
		case 0x42: // i64.const
			r.leb(10)
		case 0x43: // f32.const
			r.bytes(4)
		case 0x44: // f64.const
			r.bytes(8)
		case 0x23, 0xd2: // global.get, ref.func
			r.u32()
		case 0xd0: // ref.null
			r.byte()
		case 0xfd: // v128.const
			r.u32()
			r.bytes(16)
		default:
			r.fail("instruction 0x%02x in a constant: build the plugin for core WebAssembly 2.0", op)
		}
	}
}
