package jsonnet_test

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gatehouse-id/gatehouse/internal/jsonnet"
)

func sandbox(t *testing.T) *jsonnet.Sandbox {
	t.Helper()
	s := &jsonnet.Sandbox{}
	t.Cleanup(s.Close)
	return s
}

func program(t *testing.T, source string) *jsonnet.Program {
	t.Helper()
	p, err := jsonnet.New("test", source)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func evaluate(t *testing.T, s *jsonnet.Sandbox, source string, ctx string) (string, error) {
	t.Helper()
	out, err := s.Evaluate(t.Context(), program(t, source), jsonnet.Input{Arguments: map[string]json.RawMessage{"ctx": json.RawMessage(ctx)}})
	return string(out), err
}

func TestFunctionIsGivenItsArgument(t *testing.T) {
	got, err := evaluate(t, sandbox(t), `function(ctx) { mail: ctx.identity.traits.email, n: ctx.n + 1 }`,
		`{"identity":{"traits":{"email":"ada \"\u00e9\ud83d\ude00\u2028 \/@example.org"}},"n":41}`)
	if want := `{"mail":"ada \"é😀\u2028 /@example.org","n":42}`; err != nil || got != want {
		t.Errorf("got %s, %v, want %s", got, err, want)
	}
}

func TestExternalVariables(t *testing.T) {
	out, err := sandbox(t).Evaluate(t.Context(), program(t, `local claims = std.extVar('claims'); { identity: { traits: { email: claims.email } } }`),
		jsonnet.Input{External: map[string]json.RawMessage{"claims": json.RawMessage(`{"email":"a@b.c"}`)}})
	if err != nil || string(out) != `{"identity":{"traits":{"email":"a@b.c"}}}` {
		t.Errorf("got %s, %v", out, err)
	}
}

// TestInputIsNotCode: what a stranger typed is data, whatever it looks like.
func TestInputIsNotCode(t *testing.T) {
	got, err := evaluate(t, sandbox(t), `function(ctx) ctx.name`, `{"name":"\" + error 'x' + \""}`)
	if err != nil || got != `"\" + error 'x' + \""` {
		t.Errorf("got %s, %v", got, err)
	}
}

func TestBrokenProgramsAreRefusedWhenRead(t *testing.T) {
	for _, source := range []string{
		"", "function(ctx", "{ a: nowhere }", strings.Repeat("[", 100_000), strings.Repeat(" ", 1<<20) + "1", "\xff",
	} {
		if _, err := jsonnet.New("test", source); err == nil || strings.Contains(err.Error(), "\n") {
			t.Errorf("%.20q: got %v, want an error of one line", source, err)
		}
	}
}

func TestErrorsOfAProgramAreItsOwn(t *testing.T) {
	s := sandbox(t)
	for source, want := range map[string]string{
		`function(ctx) error "cancel"`:                   "cancel",
		`function(ctx) ctx.missing`:                      "missing",
		`function(ctx) import "/etc/passwd"`:             "import",
		`function(ctx) importstr "file:///etc/hostname"`: "import",
		`function(ctx) std.extVar("HOME")`:               "HOME",
		`function(other) 1`:                              "ctx",
		`local f(n) = 1 + f(n + 1); function(ctx) f(0)`:  "stack",
	} {
		_, err := evaluate(t, s, source, `{}`)
		if own, ok := errors.AsType[*jsonnet.Error](err); !ok || !strings.Contains(strings.ToLower(own.Text), strings.ToLower(want)) {
			t.Errorf("%s: got %v, want an error with %q", source, err, want)
		}
	}
}

// TestHostileProgramsAreKilled: each of these would take the gateway with it.
func TestHostileProgramsAreKilled(t *testing.T) {
	s := sandbox(t)
	s.Timeout = 300 * time.Millisecond
	for name, source := range map[string]string{
		"endless loop":     `local f(n) = f(n + 1) tailstrict; function(ctx) f(0)`,
		"tree of calls":    `local f(n) = if n == 0 then 1 else f(n - 1) + f(n - 1); function(ctx) f(60)`,
		"huge range":       `function(ctx) std.foldl(function(a, b) a + b, std.range(0, 1e9), 0)`,
		"huge array":       `function(ctx) std.length(std.makeArray(1e9, function(i) i))`,
		"impossible array": `function(ctx) std.length(std.makeArray(1e15, function(i) i))`,
		"long text":        `local d(s, n) = if n == 0 then s else d(s + s, n - 1); function(ctx) std.length(d("xxxxxxxx", 40))`,
		"wide format":      `function(ctx) std.length("%2000000000d" % 1)`,
		"doubling list":    `local d(a, n) = if n == 0 then a else d(a + a, n - 1); function(ctx) std.length(d([1, 2], 40))`,
	} {
		start := time.Now()
		got, err := evaluate(t, s, source, `{}`)
		if _, own := errors.AsType[*jsonnet.Error](err); err == nil || !own && !errors.Is(err, jsonnet.ErrTimeout) && !errors.Is(err, jsonnet.ErrKilled) {
			t.Errorf("%s: got %.40s, %v, want it ended", name, got, err)
		}
		if took := time.Since(start); took > 10*time.Second {
			t.Errorf("%s: took %v", name, took)
		}
	}
	if got, err := evaluate(t, s, `function(ctx) 1`, `{}`); got != "1" || err != nil {
		t.Errorf("afterwards: got %s, %v", got, err)
	}
}

func TestLargeResultIsRefused(t *testing.T) {
	s := sandbox(t)
	s.MaxResult = 1000
	if _, err := evaluate(t, s, `function(ctx) std.repeat("x", 20000)`, `{}`); !errors.Is(err, jsonnet.ErrTooLarge) {
		t.Errorf("got %v, want ErrTooLarge", err)
	}
}

func TestDeepInputEndsTheProcessAtMost(t *testing.T) {
	deep := strings.Repeat(`{"a":`, 9_000) + "1" + strings.Repeat("}", 9_000)
	if _, err := evaluate(t, sandbox(t), `function(ctx) std.length(std.toString(ctx))`, deep); err != nil {
		t.Logf("refused: %v", err)
	}
}

func TestCallerThatGivesUpIsHeeded(t *testing.T) {
	s := sandbox(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Evaluate(ctx, program(t, `1`), jsonnet.Input{}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
}

// TestProcessKnowsNothing: the worker has no environment, so no secrets of ours.
func TestProcessKnowsNothing(t *testing.T) {
	t.Setenv("GATEHOUSE_TEST_SECRET", "tulip-9431")
	s := sandbox(t)
	if _, err := evaluate(t, s, `function(ctx) 1`, `{}`); err != nil {
		t.Fatal(err)
	}
	environments, err := filepath.Glob("/proc/[0-9]*/environ")
	if err != nil {
		t.Fatal(err)
	}
	workers := 0
	for _, file := range environments {
		raw, err := os.ReadFile(file)
		if err != nil || !strings.Contains(string(raw), "GATEHOUSE_JSONNET_WORKER=1") {
			continue // it ended meanwhile, or belongs to somebody else
		}
		workers++
		if strings.Contains(string(raw), "tulip-9431") {
			t.Errorf("%s: the secret is in the environment of a worker", file)
		}
	}
	if len(environments) > 0 && workers == 0 {
		t.Error("no worker found")
	}
}

// TestManyAtOnce is a hammer: answers must not be mixed up.
func TestManyAtOnce(t *testing.T) {
	s, p := sandbox(t), program(t, `function(ctx) if ctx.n % 7 == 0 then error "seven" else ctx.n`)
	var wg sync.WaitGroup
	for n := range 64 {
		wg.Go(func() {
			text := strconv.Itoa(n)
			out, err := s.Evaluate(t.Context(), p, jsonnet.Input{Arguments: map[string]json.RawMessage{"ctx": json.RawMessage(`{"n":` + text + `}`)}})
			if _, own := errors.AsType[*jsonnet.Error](err); own != (n%7 == 0) || !own && string(out) != text {
				t.Errorf("%d: got %s, %v", n, out, err)
			}
		})
	}
	wg.Wait()
}
