package sdk

import "unsafe"

//go:wasmimport hook_v1 input
func hostInput(buf unsafe.Pointer, limit uint32) int32

//go:wasmimport hook_v1 field
func hostField(path unsafe.Pointer, pathLen uint32, buf unsafe.Pointer, limit uint32) int32

//go:wasmimport hook_v1 result
func hostResult(buf unsafe.Pointer, limit uint32) int32

//go:wasmimport hook_v1 output
func hostOutput(ptr unsafe.Pointer, n uint32) int32

//go:wasmimport hook_v1 config
func hostConfig(key unsafe.Pointer, keyLen uint32, buf unsafe.Pointer, limit uint32) int32

//go:wasmimport hook_v1 log
func hostLog(level uint32, ptr unsafe.Pointer, n uint32)

func str(s string) (unsafe.Pointer, uint32) {
	return unsafe.Pointer(unsafe.StringData(s)), uint32(len(s))
}

func slice(b []byte) (unsafe.Pointer, uint32) {
	return unsafe.Pointer(unsafe.SliceData(b)), uint32(len(b))
}

func input(buf []byte) int32 { return hostInput(slice(buf)) }

func result(buf []byte) int32 { return hostResult(slice(buf)) }

func output(s string) { hostOutput(str(s)) }

func field(pointer string, buf []byte) int32 {
	path, n := str(pointer)
	dst, limit := slice(buf)
	return hostField(path, n, dst, limit)
}

func config(key string, buf []byte) int32 {
	k, n := str(key)
	dst, limit := slice(buf)
	return hostConfig(k, n, dst, limit)
}

func logLine(level Level, text string) {
	ptr, n := str(text)
	hostLog(uint32(level), ptr, n)
}
