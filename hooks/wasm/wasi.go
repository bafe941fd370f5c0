package wasm

import (
	"crypto/rand"
	"encoding/binary"
	"maps"
	"slices"
	"time"
)

// Error numbers of WASI preview 1.
const (
	wasiSuccess uint64 = 0
	wasiBadFD   uint64 = 8
	wasiInvalid uint64 = 28
	wasiNoSys   uint64 = 52
	wasiSeek    uint64 = 70
)

// Limits of WASI calls: what a language runtime needs, with room.
const (
	maxVectors       = 1024
	maxSubscriptions = 64
	maxWASIRandom    = 1 << 20
)

// wasiFuncs is the part of WASI preview 1 that the runtimes of Go, Rust, C and AssemblyScript need to start: clocks,
// randomness, and output that goes to the log. There are no files, arguments, environment variables or sockets to
// reach; the rest of preview 1 answers "not supported" (see wasiStubs).
var wasiFuncs = map[string]hostFunc{
	"args_get":            {"ii", "i", wasiResult(wasiSuccess)},
	"args_sizes_get":      {"ii", "i", wasiTwoZeros},
	"environ_get":         {"ii", "i", wasiResult(wasiSuccess)},
	"environ_sizes_get":   {"ii", "i", wasiTwoZeros},
	"clock_res_get":       {"ii", "i", wasiClockRes},
	"clock_time_get":      {"iIi", "i", wasiClockTime},
	"random_get":          {"ii", "i", wasiRandom},
	"sched_yield":         {"", "i", wasiYield},
	"proc_exit":           {"i", "", wasiExit},
	"poll_oneoff":         {"iiii", "i", wasiPoll},
	"fd_write":            {"iiii", "i", wasiWrite},
	"fd_read":             {"iiii", "i", wasiRead},
	"fd_close":            {"i", "i", wasiResult(wasiSuccess)},
	"fd_seek":             {"iIii", "i", wasiResult(wasiSeek)},
	"fd_fdstat_get":       {"ii", "i", wasiStat},
	"fd_fdstat_set_flags": {"ii", "i", wasiResult(wasiSuccess)},
	"fd_prestat_get":      {"ii", "i", wasiResult(wasiBadFD)},
	"fd_prestat_dir_name": {"iii", "i", wasiResult(wasiBadFD)},
}

// wasiStubs are the other functions of preview 1. Some libraries import them without ever calling them; whoever does
// call them gets ENOSYS.
var wasiStubs = map[string]hostFunc{
	"fd_advise":               {"iIIi", "i", wasiResult(wasiNoSys)},
	"fd_allocate":             {"iII", "i", wasiResult(wasiNoSys)},
	"fd_datasync":             {"i", "i", wasiResult(wasiNoSys)},
	"fd_fdstat_set_rights":    {"iII", "i", wasiResult(wasiNoSys)},
	"fd_filestat_get":         {"ii", "i", wasiResult(wasiNoSys)},
	"fd_filestat_set_size":    {"iI", "i", wasiResult(wasiNoSys)},
	"fd_filestat_set_times":   {"iIIi", "i", wasiResult(wasiNoSys)},
	"fd_pread":                {"iiiIi", "i", wasiResult(wasiNoSys)},
	"fd_pwrite":               {"iiiIi", "i", wasiResult(wasiNoSys)},
	"fd_readdir":              {"iiiIi", "i", wasiResult(wasiNoSys)},
	"fd_renumber":             {"ii", "i", wasiResult(wasiNoSys)},
	"fd_sync":                 {"i", "i", wasiResult(wasiNoSys)},
	"fd_tell":                 {"ii", "i", wasiResult(wasiNoSys)},
	"path_create_directory":   {"iii", "i", wasiResult(wasiNoSys)},
	"path_filestat_get":       {"iiiii", "i", wasiResult(wasiNoSys)},
	"path_filestat_set_times": {"iiiiIIi", "i", wasiResult(wasiNoSys)},
	"path_link":               {"iiiiiii", "i", wasiResult(wasiNoSys)},
	"path_open":               {"iiiiiIIii", "i", wasiResult(wasiNoSys)},
	"path_readlink":           {"iiiiii", "i", wasiResult(wasiNoSys)},
	"path_remove_directory":   {"iii", "i", wasiResult(wasiNoSys)},
	"path_rename":             {"iiiiii", "i", wasiResult(wasiNoSys)},
	"path_symlink":            {"iiiii", "i", wasiResult(wasiNoSys)},
	"path_unlink_file":        {"iii", "i", wasiResult(wasiNoSys)},
	"proc_raise":              {"i", "i", wasiResult(wasiNoSys)},
	"sock_accept":             {"iii", "i", wasiResult(wasiNoSys)},
	"sock_recv":               {"iiiiii", "i", wasiResult(wasiNoSys)},
	"sock_send":               {"iiiii", "i", wasiResult(wasiNoSys)},
	"sock_shutdown":           {"ii", "i", wasiResult(wasiNoSys)},
}

// withStubs is all of preview 1.
func withStubs(functions, stubs map[string]hostFunc) map[string]hostFunc {
	all := maps.Clone(functions)
	maps.Copy(all, stubs)
	return all
}

func wasiResult(errno uint64) func(*call, memory, []uint64) {
	return func(_ *call, _ memory, stack []uint64) { stack[0] = errno }
}

// wasiTwoZeros reports that there are no arguments or variables and that they take no bytes.
func wasiTwoZeros(_ *call, mem memory, stack []uint64) {
	mem.putUint32(uint32(stack[0]), 0)
	mem.putUint32(uint32(stack[1]), 0)
	stack[0] = wasiSuccess
}

func wasiClockRes(_ *call, mem memory, stack []uint64) {
	mem.putUint64(uint32(stack[1]), 1000)
	stack[0] = wasiSuccess
}

// started is what the monotonic clock of the guests counts from.
var started = time.Now()

func wasiClockTime(_ *call, mem memory, stack []uint64) {
	var now int64
	switch stack[0] {
	case 0:
		now = time.Now().UnixNano()
	case 1:
		now = int64(time.Since(started)) + 1
	default:
		stack[0] = wasiInvalid
		return
	}
	mem.putUint64(uint32(stack[2]), uint64(now))
	stack[0] = wasiSuccess
}

func wasiRandom(_ *call, mem memory, stack []uint64) {
	dst := mem.view(uint32(stack[0]), uint32(stack[1]))
	if len(dst) > maxWASIRandom {
		stack[0] = wasiInvalid
		return
	}
	rand.Read(dst)
	stack[0] = wasiSuccess
}

func wasiYield(_ *call, _ memory, stack []uint64) { stack[0] = wasiSuccess }

// wasiExit ends the guest. It does not close the module as wazero's own does: that is for the owner of the instance.
func wasiExit(_ *call, _ memory, stack []uint64) {
	halt(KindExit, "the plugin exited with code %d", uint32(stack[0]))
}

// wasiWrite takes what is written to stdout and stderr for the log.
func wasiWrite(c *call, mem memory, stack []uint64) {
	fd, vectors, n, written := uint32(stack[0]), uint32(stack[1]), uint32(stack[2]), uint32(stack[3])
	if fd != 1 && fd != 2 {
		stack[0] = wasiBadFD
		return
	}
	if n > maxVectors {
		stack[0] = wasiInvalid
		return
	}
	total := uint32(0)
	table := mem.view(vectors, n*8)
	for ; len(table) > 0; table = table[8:] {
		data := mem.view(binary.LittleEndian.Uint32(table), binary.LittleEndian.Uint32(table[4:]))
		c.log.write(data)
		total += uint32(len(data))
	}
	mem.putUint32(written, total)
	stack[0] = wasiSuccess
}

// wasiRead is the end of an empty stdin.
func wasiRead(_ *call, mem memory, stack []uint64) {
	if stack[0] != 0 {
		stack[0] = wasiBadFD
		return
	}
	mem.putUint32(uint32(stack[3]), 0)
	stack[0] = wasiSuccess
}

// wasiStat describes stdin, stdout and stderr as character devices.
func wasiStat(_ *call, mem memory, stack []uint64) {
	if uint32(stack[0]) > 2 {
		stack[0] = wasiBadFD
		return
	}
	stat := mem.view(uint32(stack[1]), 24)
	clear(stat)
	stat[0] = 2
	stack[0] = wasiSuccess
}

// Sizes and offsets of the WASI structures of poll_oneoff.
const (
	subscriptionSize = 48
	eventSize        = 32
)

// wasiPoll sleeps until the earliest clock rings, but never past the end of the call. Only clocks can be waited for.
func wasiPoll(c *call, mem memory, stack []uint64) {
	in, out, n, count := uint32(stack[0]), uint32(stack[1]), uint32(stack[2]), uint32(stack[3])
	if n == 0 || n > maxSubscriptions {
		stack[0] = wasiInvalid
		return
	}
	subscriptions := append([]byte{}, mem.view(in, n*subscriptionSize)...)
	waits := make([]time.Duration, n)
	for i := range waits {
		waits[i] = clockWait(subscriptions[i*subscriptionSize:][:subscriptionSize])
	}
	first := slices.Min(waits)
	c.sleep(first)
	events := mem.view(out, n*eventSize)
	rung := uint32(0)
	for i, wait := range waits {
		if wait == first {
			writeEvent(events[rung*eventSize:][:eventSize], subscriptions[i*subscriptionSize:])
			rung++
		}
	}
	mem.putUint32(count, rung)
	stack[0] = wasiSuccess
}

// writeEvent reports a clock that rang, or a file that cannot be waited for.
func writeEvent(event, subscription []byte) {
	clear(event)
	copy(event, subscription[:8])
	event[10] = subscription[8]
	if subscription[8] != 0 {
		event[8] = byte(wasiBadFD)
	}
}

// clockWait is how long a clock subscription has to wait.
func clockWait(subscription []byte) time.Duration {
	if subscription[8] != 0 {
		return 0 // not a clock: reported as an error at once
	}
	timeout := binary.LittleEndian.Uint64(subscription[24:])
	absolute := binary.LittleEndian.Uint16(subscription[40:])&1 != 0
	now := uint64(time.Since(started)) + 1
	if binary.LittleEndian.Uint32(subscription[16:]) == 0 {
		now = uint64(time.Now().UnixNano())
	}
	if absolute && timeout <= now {
		return 0
	}
	if absolute {
		timeout -= now
	}
	return time.Duration(min(timeout, uint64(time.Hour)))
}

// sleep waits for d or until the call has to end.
func (c *call) sleep(d time.Duration) {
	if d <= 0 {
		return
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-c.ctx.Done():
		panic(&stop{KindDeadline, c.ctx.Err()})
	}
}
