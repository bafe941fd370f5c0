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
