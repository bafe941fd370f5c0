package wasm

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"testing"

	"github.com/gatehouse-id/gatehouse/hooks/abi"
	asm "github.com/gatehouse-id/gatehouse/internal/hostile"
)

// loggedBy calls a guest once and gives what it logged.
func loggedBy(t *testing.T, g asm.Guest) string {
	t.Helper()
	var log bytes.Buffer
	p := loadPlugin(t, Config{Name: "gate", Code: g.Bytes(), Logger: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))})
	if _, err := p.Call(context.Background(), abi.RegistrationPrePersist, registrationOf("ada@example.org")); err != nil {
		t.Fatal(err)
	}
	return log.String()
}

func logLine(n int) []byte { return asm.Join(asm.Num(1), asm.Num(0), asm.Num(int32(n)), asm.Invoke(0)) }

const dropped = "more lines than one call may log were dropped"

func TestLogLimits(t *testing.T) {
	lines := func(count, size int) asm.Guest {
		return asm.Hook(asm.Join(asm.Repeated(count, logLine(size)), asm.Num(0)), "log")
	}
	for name, test := range map[string]struct {
		guest asm.Guest
		lines int
		over  bool
	}{
		"as many lines as allowed": {lines(abi.MaxLogLines, 1), abi.MaxLogLines, false},
		"one line more":            {lines(abi.MaxLogLines+1, 1), abi.MaxLogLines + 1, true},
		"many more":                {lines(1000, 1), abi.MaxLogLines + 1, true},
		"as many bytes":            {lines(1, abi.MaxLogBytes), 1, false},
		"one byte more":            {lines(1, abi.MaxLogBytes+1), 1, true},
	} {
		got := loggedBy(t, test.guest)
		if n := strings.Count(got, "plugin=gate"); n != test.lines {
			t.Errorf("%s: %d lines, want %d", name, n, test.lines)
		}
		if strings.Contains(got, dropped) != test.over {
			t.Errorf("%s: dropped lines are told: %v, want %v", name, !test.over, test.over)
		}
	}
}

// TestLogCannotForgeLines: what a plugin says is one value of one line, whatever is in it.
func TestLogCannotForgeLines(t *testing.T) {
	const text = "a\nlevel=ERROR msg=forged \x1b[2J\u202e\xff"
	g := asm.Hook(asm.Join(logLine(len(text)), asm.Num(0)), "log")
	g.Data = text
	got := loggedBy(t, g)
	if strings.Count(got, "\n") != 1 || strings.ContainsAny(got, "\x1b\u202e") || !strings.Contains(got, "event=registration.pre_persist") {
		t.Errorf("got %q", got)
	}
}

func TestLoggerOfTheConfigurationAtHand(t *testing.T) {
	var old, new bytes.Buffer
	p := loadPlugin(t, Config{Code: asm.Hook(asm.Join(logLine(1), asm.Num(0)), "log").Bytes(), Logger: slog.New(slog.NewTextHandler(&old, nil))})
	if _, err := p.WithLogger(slog.New(slog.NewTextHandler(&new, nil))).Call(context.Background(), abi.LoginBefore, nil); err != nil {
		t.Fatal(err)
	}
	if old.Len() != 0 || new.Len() == 0 {
		t.Errorf("old logger got %q, the new one %q", &old, &new)
	}
}

// TestOutputLimits holds the size of an output document and the number of outputs at the limit and one over it.
func TestOutputLimits(t *testing.T) {
	const shell = `{"action":"continue"}`
	padded := func(n int) asm.Guest { return asm.Says(shell + strings.Repeat(" ", n-len(shell))) }
	times := func(n int) asm.Guest {
		g := asm.Says(shell)
		g.Funcs[0].Body = asm.Join(asm.Repeated(n, asm.Join(asm.Num(0), asm.Num(int32(len(shell))), asm.Invoke(0), drop)), asm.Num(0))
		return g
	}
	for name, test := range map[string]struct {
		guest asm.Guest
		ok    bool
	}{
		"largest output":     {padded(abi.MaxOutput), true},
		"a byte too large":   {padded(abi.MaxOutput + 1), false},
		"most outputs":       {times(abi.MaxOutputs), true},
		"an output too many": {times(abi.MaxOutputs + 1), false},
	} {
		p := loadPlugin(t, Config{Code: test.guest.Bytes()})
		if test.ok {
			if _, err := p.Call(context.Background(), abi.LoginBefore, nil); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		mustFail(t, p, "output")
	}
}

// TestInputLimit: a context that is too large ends the call, whoever made it large. The guest only asks for its length.
func TestInputLimit(t *testing.T) {
	p := loadPlugin(t, Config{Code: asm.Hook(asm.Join(asm.Num(0), asm.Num(0), asm.Invoke(0), drop, asm.Num(0)), "input").Bytes()})
	call := func(size int) error {
		in := registrationOf("")
		in.ABI, in.Event = abi.Version, abi.LoginBefore
		in.Method = strings.Repeat("m", size-len(asJSON(t, in))+len(in.Method))
		_, err := p.Call(context.Background(), abi.LoginBefore, in)
		return err
	}
	if err := call(abi.MaxInput); err != nil {
		t.Errorf("at the limit: %v", err)
	}
	if err := call(abi.MaxInput + 1); err == nil || !strings.Contains(err.Error(), string(KindInput)) {
		t.Errorf("over the limit: got %v", err)
	}
}

// TestMemoryLimit grows to the last page and no further.
func TestMemoryLimit(t *testing.T) {
	grow := func(pages int32) asm.Guest { // fails when memory.grow refuses
		return asm.Hook(asm.Join(asm.Num(pages), []byte{asm.OpGrow, 0}, asm.Num(-1), []byte{0x46}))
	}
	for pages, ok := range map[int32]bool{15: true, 16: false, -1: false} { // one page is there from the start
		p := loadPlugin(t, Config{Code: grow(pages).Bytes(), Memory: 16 * pageSize})
		if _, err := p.Call(context.Background(), abi.LoginBefore, nil); (err == nil) != ok {
			t.Errorf("growing by %d pages: %v, want success: %v", pages, err, ok)
		}
	}
}

// TestHostileSamples runs the guests of package hostile as other packages use them.
func TestHostileSamples(t *testing.T) {
	for name, test := range map[string]struct {
		code  []byte
		kinds string
	}{
		"loop":    {asm.Loop(), "deadline"},
		"memory":  {asm.Memory(), "memory"},
		"trap":    {asm.Trap(), "trap"},
		"garbage": {asm.Garbage(), "output"},
	} {
		t.Run(name, func(t *testing.T) {
			p := loadPlugin(t, Config{Code: test.code, Deadline: deadlineFor(test.kinds)})
			mustFail(t, p, test.kinds)
			mustFail(t, p, test.kinds)
		})
	}
}
