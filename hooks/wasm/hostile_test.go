package wasm

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-id/gatehouse/hooks/abi"
)

const testDeadline = 100 * time.Millisecond

// chain is a call tree without a loop: function n calls function n-1 twice, so that 2^depth calls are made.
func chain(depth int) guest {
	g := guest{}
	g.funcs = append(g.funcs, function{"", "", "", nil})
	for i := 1; i <= depth; i++ {
		g.funcs = append(g.funcs, function{"", "", "", join(invoke(i-1), invoke(i-1))})
	}
	g.funcs = append(g.funcs, function{"hook", "", "i", join(invoke(depth), num(0))})
	return g
}

// repeated is body n times.
func repeated(n int, body []byte) []byte {
	var out []byte
	for range n {
		out = append(out, body...)
	}
	return out
}

// endless repeats body until something else ends it.
func endless(body []byte) []byte {
	return join([]byte{opLoop, void}, body, []byte{opBr, 0, opEnd}, num(0))
}

var drop = []byte{opDrop}

// fill is memory.fill over 16 MiB.
var fill = join(num(0), num(1), num(16<<20), []byte{0xfc, 11, 0})

// fillTree fills in straight code, 2^depth times.
func fillTree(depth int) guest {
	g := chain(depth)
	g.memory = []byte{1, 0, 0x80, 2} // 256 pages
	g.funcs[0].body = repeated(maxBulk/4, fill)
	return g
}

// recursion calls itself and has something to do afterwards.
func recursion() guest {
	return guest{funcs: []function{{"hook", "", "i", join(invoke(0), num(1), []byte{opAdd})}}}
}

// hostile are guests that fail while they run.
var hostile = []struct {
	name  string
	guest guest
	kinds string
}{
	{"endless loop", hook(endless(nil)), "deadline"},
	{"endless loop of host calls", hook(endless(join(invoke(0), drop)), "sched_yield"), "deadline"},
	{"call tree without loops", chain(34), "deadline"},
	{"tree of memory.fill", fillTree(20), "deadline"},
	{"long sleep", sleeper(), "deadline"},
	{"infinite recursion", recursion(), "deadline memory"},
	{"unreachable", hook([]byte{opUnreachable}), "trap"},
	{"load out of bounds", hook(join(num(-1), []byte{opLoad, 2, 0})), "trap"},
	{"memory used up", hook(join(num(255), []byte{opGrow, 0, opDrop, opUnreachable})), "memory"},
	{"result not zero", hook(num(7)), "exit"},
	{"proc_exit 0", hook(join(num(0), invoke(0), num(0)), "proc_exit"), "exit"},
	{"proc_exit 3", hook(join(num(3), invoke(0), num(0)), "proc_exit"), "exit"},
	{"endless outputs", hook(endless(join(num(0), num(0), invoke(0), drop)), "output"), "output"},
	{"output too large", hook(join(num(0), num(abi.MaxOutput+1), invoke(0)), "output").pages(16), "output"},
	{"garbage output", says("\x00\xff garbage"), "output"},
	{"empty output", says(""), "output"},
	{"unknown key", says(`{"action":"continue","identity_merg":{}}`), "output"},
	{"action of another event", says(`{"action":"redirect","redirect_to":"/"}`), "output"},
	{"output behind the memory", hook(join(num(65536), num(1), invoke(0)), "output"), "trap"},
	{"output that wraps around", hook(join(num(-16), num(64), invoke(0)), "output"), "trap"},
	{"input behind the memory", hook(join(num(-1), num(-1), invoke(0)), "input"), "trap"},
	{"input partly behind the memory", hook(join(num(65530), num(100), invoke(0)), "input"), "trap"},
	{"field path behind the memory", hook(join(num(-8), num(8), num(0), num(8), invoke(0)), "field"), "trap"},
	{"log behind the memory", hook(join(num(1), num(70000), num(8), invoke(0), num(0)), "log"), "trap"},
	{"random behind the memory", hook(join(num(0), num(-1), invoke(0)), "random"), "trap"},
	{"iovec table that wraps around", hook(join(num(1), num(-8), num(3), num(0), invoke(0)), "fd_write"), "trap"},
}

func (g guest) pages(n byte) guest {
	g.memory = []byte{1, 0, n}
	return g
}

// sleeper waits an hour in poll_oneoff: a relative clock subscription at address 0, events at 64.
func sleeper() guest {
	g := hook(join(num(0), num(64), num(1), num(128), invoke(0)), "poll_oneoff")
	subscription := make([]byte, 48)
	subscription[16] = 1
	copy(subscription[24:], []byte{0, 0, 0, 0, 0, 1, 0, 0})
	g.data = string(subscription)
	return g
}

// TestHostileGuestsFailInTime runs each guest twice: what it did must not harm the next call. A plain guest beside
// it has to go on.
func TestHostileGuestsFailInTime(t *testing.T) {
	for _, engine := range []string{"compiler", "interpreter"} {
		for _, test := range hostile {
			t.Run(engine+"/"+test.name, func(t *testing.T) {
				t.Parallel()
				p := loadPlugin(t, Config{Code: test.guest.bytes(), Deadline: testDeadline, Memory: 16 << 20, Interpreter: engine == "interpreter"})
				for range 2 {
					mustFail(t, p, test.kinds)
				}
			})
		}
	}
}

func mustFail(t *testing.T, p *Plugin, kinds string) {
	t.Helper()
	begin := time.Now()
	out, err := p.Call(context.Background(), abi.RegistrationPrePersist, registrationOf("ada@example.org"))
	took := time.Since(begin)
	var failure *Failure
	if !errors.As(err, &failure) {
		t.Fatalf("got %+v and error %v, want a failure", out, err)
	}
	if !strings.Contains(kinds, string(failure.Kind)) {
		t.Errorf("got kind %s (%v), want %s", failure.Kind, err, kinds)
	}
	// Generous: the race detector and other tests share two processors.
	if took > testDeadline+2*time.Second {
		t.Errorf("took %v with a deadline of %v", took, testDeadline)
	}
}

func TestGuestWithoutOutputContinues(t *testing.T) {
	p := loadPlugin(t, Config{Code: hook(num(0)).bytes()})
	for range 3 {
		got, err := p.Call(context.Background(), abi.LoginAfter, nil)
		if err != nil || got.Action != abi.Continue {
			t.Fatalf("got %+v, %v", got, err)
		}
	}
}

// TestNothingIsLeftForTheNextCall counts calls in a global, in memory and in grown memory; every call has to see
// the first count.
func TestNothingIsLeftForTheNextCall(t *testing.T) {
	address := num(128)
	inMemory := join(address, address, []byte{opLoad, 2, 0}, num(1), []byte{opAdd, opStore, 2, 0}, address, []byte{opLoad, 2, 0})
	inGlobal := join([]byte{opGlobalGet, 0}, num(1), []byte{opAdd, opGlobalSet, 0, opGlobalGet, 0})
	size := join(num(1), []byte{opGrow, 0})
	for name, counter := range map[string][]byte{"memory": inMemory, "global": inGlobal, "size": size} {
		g := hook(join(counter, num(1), []byte{0x47})) // fails unless the count is 1
		g.globals = join([]byte{1, 0x7f, 1}, num(0), []byte{opEnd})
		p := loadPlugin(t, Config{Code: g.bytes()})
		for i := range 10 {
			if _, err := p.Call(context.Background(), abi.LoginBefore, nil); err != nil {
				t.Fatalf("%s: call %d: %v", name, i, err)
			}
		}
	}
}

func TestCallEndsWithItsContext(t *testing.T) {
	p := loadPlugin(t, Config{Code: chain(34).bytes(), Deadline: time.Minute})
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	if _, err := p.Call(ctx, abi.LoginBefore, nil); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want the end of the context", err)
	}
}

func TestCallWaitsForASlotUntilTheDeadline(t *testing.T) {
	p := loadPlugin(t, Config{Code: hook(endless(nil)).bytes(), Deadline: 300 * time.Millisecond, MaxConcurrency: 1})
	p.slots <- struct{}{}
	defer func() { <-p.slots }()
	var failure *Failure
	if _, err := p.Call(context.Background(), abi.LoginBefore, nil); !errors.As(err, &failure) || failure.Kind != KindBusy {
		t.Errorf("got %v, want busy", err)
	}
}

// ExampleFailure shows what an operator reads.
func ExampleFailure() {
	fmt.Println(&Failure{Plugin: "acme.wasm", Event: abi.LoginBefore, Kind: KindDeadline, Err: context.DeadlineExceeded})
	// Output: running plugin acme.wasm for login.before: deadline: context deadline exceeded
}
