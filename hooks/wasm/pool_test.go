package wasm

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gatehouse-id/gatehouse/hooks/abi"
	asm "github.com/gatehouse-id/gatehouse/internal/hostile"
)

// moody is a guest that does what its input asks for: an input of more than 1 KiB makes it trap.
func moody() asm.Guest {
	const trap = asm.OpUnreachable
	body := asm.Join(asm.Num(0), asm.Num(0), asm.Invoke(0), asm.Num(1024), []byte{0x4a, 0x04, asm.Void, trap, asm.OpEnd}, asm.Num(0))
	return asm.Hook(body, "input")
}

// TestCallsSideBySide hammers one plugin with calls that succeed and calls that trap, and closes it in the middle.
// Every call gets its own answer or hears that the plugin is closed, and nothing stays behind.
func TestCallsSideBySide(t *testing.T) {
	goroutines := runtime.NumGoroutine()
	budget := NewBudget(6 << 20)
	p, err := Load(context.Background(), Config{Code: moody().Bytes(), Memory: 1 << 20, MaxConcurrency: 8, Budget: budget, Deadline: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	const workers, calls = 16, 200
	var wg sync.WaitGroup
	half := make(chan struct{}, workers)
	for w := range workers {
		wg.Go(func() {
			for n := range calls {
				if n == calls/2 {
					half <- struct{}{}
				}
				if err := moodyCall(p, (w+n)%3 == 0); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for range workers {
		<-half
	}
	if err := p.Close(context.Background()); err != nil {
		t.Errorf("Close: %v", err)
	}
	wg.Wait()
	if budget.used != 0 {
		t.Errorf("%d bytes of the budget were not given back", budget.used)
	}
	awaitGoroutines(t, goroutines)
}

// moodyCall checks that a call got the answer to its own input.
func moodyCall(p *Plugin, trap bool) error {
	email := "ada@example.org"
	if trap {
		email = strings.Repeat("a", 2000)
	}
	_, err := p.Call(context.Background(), abi.RegistrationPrePersist, registrationOf(email))
	var failure *Failure
	switch {
	case errors.As(err, &failure) && failure.Kind == KindBusy: // closed
		return nil
	case trap && (failure == nil || failure.Kind != KindTrap):
		return fmt.Errorf("a call that traps: got %w", err)
	case !trap && err != nil:
		return fmt.Errorf("a call that does nothing: got %w", err)
	}
	return nil
}

func awaitGoroutines(t *testing.T, want int) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); runtime.NumGoroutine() > want; runtime.Gosched() {
		if time.Now().After(end) {
			buf := make([]byte, 64<<10)
			t.Fatalf("%d goroutines, there were %d before:\n%s", runtime.NumGoroutine(), want, buf[:runtime.Stack(buf, true)])
		}
	}
}

func TestCloseWaitsForRunningCalls(t *testing.T) {
	p, err := Load(context.Background(), Config{Code: asm.Loop(), Deadline: 300 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() {
		_, err := p.Call(context.Background(), abi.LoginBefore, nil)
		done <- err
	}()
	for len(p.slots) == 0 {
		runtime.Gosched()
	}
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	if err := p.Close(ended); !errors.Is(err, context.Canceled) {
		t.Errorf("Close with an ended context: got %v", err)
	}
	if _, err := p.Call(context.Background(), abi.LoginBefore, nil); err == nil || !strings.Contains(err.Error(), "closed") {
		t.Errorf("a call after Close: got %v", err)
	}
	if err := p.Close(context.Background()); err != nil {
		t.Errorf("Close: %v", err)
	}
	if len(p.slots) != 0 {
		t.Error("Close returned before the running call was over")
	}
	if err := <-done; !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("the running call: got %v, want its own deadline", err)
	}
}

func TestBudgetIsSharedByPlugins(t *testing.T) {
	budget := NewBudget(3 << 20)
	config := Config{Code: asm.Loop(), Memory: 1 << 20, Budget: budget, Deadline: testDeadline, Ready: 8}
	busy, other := loadPlugin(t, config), loadPlugin(t, config)
	// Instances at rest take half of it at most, however many were asked for.
	if budget.take(context.Background(), 2<<20) != nil {
		t.Fatal("plugins at rest use more than half of the budget")
	}
	for end := time.Now().Add(10 * time.Second); ; runtime.Gosched() {
		for _, p := range []*Plugin{busy, other} {
			for len(p.ready) > 0 {
				(<-p.ready).close()
			}
		}
		if _, ok := budget.try(1<<20, budget.total); ok {
			break
		}
		if time.Now().After(end) {
			t.Fatal("an instance did not give its memory back")
		}
	}
	var failure *Failure
	if _, err := other.Call(context.Background(), abi.LoginBefore, nil); !errors.As(err, &failure) || failure.Kind != KindBusy {
		t.Errorf("got %v, want busy: the budget is used up", err)
	}
	budget.give(3 << 20)
	mustFail(t, other, "deadline") // it runs again, into its own deadline
}

func TestManyReloadsLeaveNothing(t *testing.T) {
	goroutines := runtime.NumGoroutine()
	for range 30 {
		p, err := Load(context.Background(), Config{Code: quiet.Bytes()})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := p.Call(context.Background(), abi.LoginBefore, nil); err != nil {
			t.Fatal(err)
		}
		if err := p.Close(context.Background()); err != nil {
			t.Fatal(err)
		}
	}
	awaitGoroutines(t, goroutines)
}

// TestReseedComesBeforeTheHook: the hook fails unless hook_reseed left bits that are not zero.
func TestReseedComesBeforeTheHook(t *testing.T) {
	const localGet, wrap = 0x20, 0xa7
	seed := asm.Join(asm.Num(0), []byte{localGet, 0, wrap}, []byte{asm.OpStore, 2, 0})
	g := asm.Hook(asm.Join(asm.Num(0), []byte{asm.OpLoad, 2, 0, asm.OpEqz}))
	g.Funcs = append(g.Funcs, asm.Func{Export: "hook_reseed", Params: "I", Body: seed})
	p := loadPlugin(t, Config{Code: g.Bytes()})
	for range 5 {
		if _, err := p.Call(context.Background(), abi.LoginBefore, nil); err != nil {
			t.Fatal(err)
		}
	}
}
