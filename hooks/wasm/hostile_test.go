package wasm

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-id/gatehouse/hooks/abi"
	asm "github.com/gatehouse-id/gatehouse/internal/hostile"
)

const testDeadline = 100 * time.Millisecond

// chain is a call tree without a loop: function n calls function n-1 twice, so that 2^depth calls are made.
func chain(depth int) asm.Guest {
	g := asm.Guest{}
	g.Funcs = append(g.Funcs, asm.Func{})
	for i := 1; i <= depth; i++ {
		g.Funcs = append(g.Funcs, asm.Func{Body: asm.Join(asm.Invoke(i-1), asm.Invoke(i-1))})
	}
	g.Funcs = append(g.Funcs, asm.Func{Export: "hook", Results: "i", Body: asm.Join(asm.Invoke(depth), asm.Num(0))})
	return g
}

var drop = []byte{asm.OpDrop}

// fill is memory.fill over 16 MiB.
var fill = asm.Join(asm.Num(0), asm.Num(1), asm.Num(16<<20), []byte{0xfc, 11, 0})

// fillTree fills in straight code, 2^depth times.
func fillTree(depth int) asm.Guest {
	g := chain(depth)
	g.Memory = []byte{1, 0, 0x80, 2} // 256 pages
	g.Funcs[0].Body = asm.Repeated(maxBulk/4, fill)
	return g
}

// recursion calls itself and has something to do afterwards.
func recursion() asm.Guest {
	return asm.Guest{Funcs: []asm.Func{{Export: "hook", Results: "i", Body: asm.Join(asm.Invoke(0), asm.Num(1), []byte{asm.OpAdd})}}}
}

// misbehaving are guests that fail while they run.
var misbehaving = []struct {
	name  string
	guest asm.Guest
	kinds string
}{
	{"endless loop", asm.Hook(asm.Endless(nil)), "deadline"},
	{"endless loop of host calls", asm.Hook(asm.Endless(asm.Join(asm.Invoke(0), drop)), "sched_yield"), "deadline"},
	{"call tree without loops", chain(34), "deadline"},
	{"tree of memory.fill", fillTree(20), "deadline"},
	{"long sleep", sleeper(), "deadline"},
	{"infinite recursion", recursion(), "deadline memory"},
	{"unreachable", asm.Hook([]byte{asm.OpUnreachable}), "trap"},
	{"load out of bounds", asm.Hook(asm.Join(asm.Num(-1), []byte{asm.OpLoad, 2, 0})), "trap"},
	{"memory used up", asm.Hook(asm.Join(asm.Num(255), []byte{asm.OpGrow, 0, asm.OpDrop, asm.OpUnreachable})), "memory"},
	{"result not zero", asm.Hook(asm.Num(7)), "exit"},
	{"proc_exit 0", asm.Hook(asm.Join(asm.Num(0), asm.Invoke(0), asm.Num(0)), "proc_exit"), "exit"},
	{"proc_exit 3", asm.Hook(asm.Join(asm.Num(3), asm.Invoke(0), asm.Num(0)), "proc_exit"), "exit"},
	{"endless outputs", asm.Hook(asm.Endless(asm.Join(asm.Num(0), asm.Num(0), asm.Invoke(0), drop)), "output"), "output"},
	{"output too large", asm.Hook(asm.Join(asm.Num(0), asm.Num(abi.MaxOutput+1), asm.Invoke(0)), "output").Pages(16), "output"},
	{"garbage output", asm.Says("\x00\xff garbage"), "output"},
	{"empty output", asm.Says(""), "output"},
	{"unknown key", asm.Says(`{"action":"continue","identity_merg":{}}`), "output"},
	{"action of another event", asm.Says(`{"action":"redirect","redirect_to":"/"}`), "output"},
	{"output behind the memory", asm.Hook(asm.Join(asm.Num(65536), asm.Num(1), asm.Invoke(0)), "output"), "trap"},
	{"output that wraps around", asm.Hook(asm.Join(asm.Num(-16), asm.Num(64), asm.Invoke(0)), "output"), "trap"},
	{"input behind the memory", asm.Hook(asm.Join(asm.Num(-1), asm.Num(-1), asm.Invoke(0)), "input"), "trap"},
	{"input partly behind the memory", asm.Hook(asm.Join(asm.Num(65530), asm.Num(100), asm.Invoke(0)), "input"), "trap"},
	{"field path behind the memory", asm.Hook(asm.Join(asm.Num(-8), asm.Num(8), asm.Num(0), asm.Num(8), asm.Invoke(0)), "field"), "trap"},
	{"log behind the memory", asm.Hook(asm.Join(asm.Num(1), asm.Num(70000), asm.Num(8), asm.Invoke(0), asm.Num(0)), "log"), "trap"},
	{"random behind the memory", asm.Hook(asm.Join(asm.Num(0), asm.Num(-1), asm.Invoke(0)), "random"), "trap"},
	{"iovec table that wraps around", asm.Hook(asm.Join(asm.Num(1), asm.Num(-8), asm.Num(3), asm.Num(0), asm.Invoke(0)), "fd_write"), "trap"},
}

// sleeper waits an hour in poll_oneoff: a relative clock subscription at address 0, events at 64.
func sleeper() asm.Guest {
	g := asm.Hook(asm.Join(asm.Num(0), asm.Num(64), asm.Num(1), asm.Num(128), asm.Invoke(0)), "poll_oneoff")
	subscription := make([]byte, 48)
	subscription[16] = 1
	copy(subscription[24:], []byte{0, 0, 0, 0, 0, 1, 0, 0})
	g.Data = string(subscription)
	return g
}

// TestHostileGuestsFailInTime runs each guest twice: what it did must not harm the next call. A plain guest beside
// it has to go on.
func TestHostileGuestsFailInTime(t *testing.T) {
	for _, engine := range []string{"compiler", "interpreter"} {
		for _, test := range misbehaving {
			t.Run(engine+"/"+test.name, func(t *testing.T) {
				t.Parallel()
				p := loadPlugin(t, Config{Code: test.guest.Bytes(), Deadline: deadlineFor(test.kinds), Memory: 16 << 20, Interpreter: engine == "interpreter"})
				for range 2 {
					mustFail(t, p, test.kinds)
				}
			})
		}
	}
}

// deadlineFor is short only for guests that have to meet it: the others share two processors with those.
func deadlineFor(kinds string) time.Duration {
	if strings.Contains(kinds, "deadline") {
		return testDeadline
	}
	return time.Minute
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
	p := loadPlugin(t, Config{Code: asm.Hook(asm.Num(0)).Bytes()})
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
	address := asm.Num(128)
	inMemory := asm.Join(address, address, []byte{asm.OpLoad, 2, 0}, asm.Num(1), []byte{asm.OpAdd, asm.OpStore, 2, 0}, address, []byte{asm.OpLoad, 2, 0})
	inGlobal := asm.Join([]byte{asm.OpGlobalGet, 0}, asm.Num(1), []byte{asm.OpAdd, asm.OpGlobalSet, 0, asm.OpGlobalGet, 0})
	size := asm.Join(asm.Num(1), []byte{asm.OpGrow, 0})
	for name, counter := range map[string][]byte{"memory": inMemory, "global": inGlobal, "size": size} {
		g := asm.Hook(asm.Join(counter, asm.Num(1), []byte{asm.OpNe})) // fails unless the count is 1
		g.Globals = asm.Join([]byte{1, 0x7f, 1}, asm.Num(0), []byte{asm.OpEnd})
		p := loadPlugin(t, Config{Code: g.Bytes()})
		for i := range 10 {
			if _, err := p.Call(context.Background(), abi.LoginBefore, nil); err != nil {
				t.Fatalf("%s: call %d: %v", name, i, err)
			}
		}
	}
}

func TestCallEndsWithItsContext(t *testing.T) {
	p := loadPlugin(t, Config{Code: chain(34).Bytes(), Deadline: time.Minute})
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	if _, err := p.Call(ctx, abi.LoginBefore, nil); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want the end of the context", err)
	}
}

func TestCallWaitsForASlotUntilTheDeadline(t *testing.T) {
	p := loadPlugin(t, Config{Code: asm.Hook(asm.Endless(nil)).Bytes(), Deadline: 300 * time.Millisecond, MaxConcurrency: 1})
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
