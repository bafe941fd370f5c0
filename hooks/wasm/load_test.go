package wasm

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gatehouse-id/gatehouse/hooks/abi"
	asm "github.com/gatehouse-id/gatehouse/internal/hostile"
)

// quiet is a plugin that does nothing at all.
var quiet = asm.Hook(asm.Num(0))

func loadError(t *testing.T, config Config) string {
	t.Helper()
	p, err := Load(context.Background(), config)
	if err == nil {
		_ = p.Close(context.Background())
		t.Fatal("the plugin was loaded")
	}
	return err.Error()
}

func manyLocals(functions int) []asm.Func {
	all := make([]asm.Func, functions)
	for i := range all {
		all[i].Locals = maxLocals
	}
	return all
}

func TestLoadSaysWhatIsWrong(t *testing.T) {
	withImport := func(module, name, params string) []byte {
		g := quiet
		g.Imports = []asm.Import{{Module: module, Name: name, Params: params}}
		return g.Bytes()
	}
	hooks := func(functions ...asm.Func) []byte { return asm.Guest{Funcs: functions}.Bytes() }
	hidden, twoMemories, hugeTable, shared := quiet, quiet, quiet, quiet
	hidden.NoExport = true
	twoMemories.Memory = []byte{2, 0, 1, 0, 1}
	hugeTable.Table = []byte{1, 0x70, 0, 0x81, 0x80, 4} // 65 537 elements
	shared.Memory = []byte{1, 3, 1, 1}
	for name, test := range map[string]struct {
		config Config
		want   string
	}{
		"no file":                    {Config{}, "no file is given"},
		"missing file":               {Config{Path: "none.wasm"}, "loading plugin none.wasm: there is no such file"},
		"named":                      {Config{Name: "gate", Path: "none.wasm"}, "loading plugin gate: none.wasm: there is no such file"},
		"text":                       {Config{Code: []byte("hello")}, "not a WebAssembly module"},
		"component":                  {Config{Code: []byte("\x00asm\x0d\x00\x01\x00")}, "core WebAssembly 1"},
		"wrong digest":               {Config{Code: quiet.Bytes(), Digest: "sha256:" + strings.Repeat("0", 64)}, "not the pinned one"},
		"negative deadline":          {Config{Code: quiet.Bytes(), Deadline: -1}, "is negative"},
		"too much memory":            {Config{Code: quiet.Bytes(), Memory: maxMemory + pageSize}, "1 GiB"},
		"memory over budget":         {Config{Code: quiet.Bytes(), Budget: NewBudget(1 << 20)}, "all plugins have together"},
		"small memory":               {Config{Code: quiet.Pages(2).Bytes(), Memory: pageSize}, "raise memory"},
		"config is a list":           {Config{Code: quiet.Bytes(), Config: json.RawMessage(`[]`)}, "not a JSON object"},
		"unknown function":           {Config{Code: withImport(abi.Module, "no_such", "")}, "hook_v1.no_such, which does not exist"},
		"ungranted http":             {Config{Code: withImport(abi.Module, "http", "iiii")}, `capability "http" is not granted`},
		"unknown module":             {Config{Code: withImport("gojs", "x", "")}, `from "gojs"`},
		"wrong import type":          {Config{Code: withImport(abi.Module, "input", "i")}, "the function is (i32, i32) -> (i32)"},
		"no hook":                    {Config{Code: hooks(asm.Func{Export: "other"})}, "exports no hook"},
		"a program":                  {Config{Code: hooks(asm.Func{Export: "_start"})}, "build it as a reactor"},
		"wrong hook type":            {Config{Code: hooks(asm.Func{Export: "hook"})}, "the function has to be () -> (i32)"},
		"memory not exported":        {Config{Code: hidden.Bytes()}, `no memory named "memory"`},
		"promises too many elements": {Config{Code: []byte("\x00asm\x01\x00\x00\x00\t\x05\xb8\xb8\xb800")}, "element segments, the limit is"},
		"promises a long name":       {Config{Code: []byte("\x00asm\x01\x00\x00\x00\x07\x06\x01\xff\xff\xff\xff\x0f")}, "damaged"},
		"promises too many locals":   {Config{Code: asm.Guest{Funcs: []asm.Func{{Locals: 1 << 31}}}.Bytes()}, "2147483648 locals"},
		"too many locals in sum":     {Config{Code: asm.Guest{Funcs: manyLocals(81)}.Bytes()}, "locals in all functions"},
		"two memories":               {Config{Code: twoMemories.Bytes()}, "2 memories"},
		"shared memory":              {Config{Code: shared.Bytes()}, "shared or 64-bit memory"},
		"huge table":                 {Config{Code: hugeTable.Bytes()}, "a table of 65537 elements"},
		"table.grow":                 {Config{Code: asm.Hook([]byte{0xfc, 15, 0}).Bytes()}, "table.grow"},
		"atomics":                    {Config{Code: asm.Hook([]byte{0xfe, 3, 0}).Bytes()}, "without threads"},
		"many memory.fill":           {Config{Code: asm.Hook(asm.Repeated(maxBulk+1, fill)).Bytes()}, "bulk memory"},
		"init refuses": {Config{Code: hooks(asm.Func{Export: "hook", Results: "i", Body: asm.Num(0)},
			asm.Func{Export: "hook_init", Results: "i", Body: asm.Num(3)})}, "running hook_init: hook_init returned 3"},
		"init traps": {Config{Code: hooks(asm.Func{Export: "hook", Results: "i", Body: asm.Num(0)},
			asm.Func{Export: "_initialize", Body: []byte{asm.OpUnreachable}})}, "running _initialize"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := loadError(t, test.config); !strings.Contains(got, test.want) {
				t.Errorf("got %q, want %q in it", got, test.want)
			}
		})
	}
}

// TestInitExplainsItself: the last line a plugin logs before it refuses its configuration is part of the error.
func TestInitExplainsItself(t *testing.T) {
	const reason = "the key allow is missing"
	g := asm.Hook(asm.Num(0), "log")
	g.Data = reason
	g.Funcs = append(g.Funcs, asm.Func{Export: "hook_init", Results: "i",
		Body: asm.Join(asm.Num(3), asm.Num(0), asm.Num(int32(len(reason))), asm.Invoke(0), asm.Num(1))})
	if got := loadError(t, Config{Code: g.Bytes()}); !strings.HasSuffix(got, "hook_init returned 1: "+reason) {
		t.Errorf("got %q", got)
	}
}

func TestStartFunctionIsBounded(t *testing.T) {
	g := quiet
	g.Funcs = append([]asm.Func{}, g.Funcs...)
	g.Funcs = append(g.Funcs, asm.Func{Export: "hook_init", Results: "i", Body: asm.Endless(nil)})
	ctx, cancel := context.WithTimeout(context.Background(), testDeadline)
	defer cancel()
	if _, err := Load(ctx, Config{Code: g.Bytes()}); err == nil || !strings.Contains(err.Error(), "hook_init") {
		t.Errorf("got %v, want hook_init to run out of time", err)
	}
}

func TestKeyTellsPluginsApart(t *testing.T) {
	base := Config{Name: "gate", Code: quiet.Bytes()}
	key := func(c Config) string {
		t.Helper()
		resolved, err := c.Resolve()
		if err != nil {
			t.Fatal(err)
		}
		return resolved.Key()
	}
	first := key(base)
	same := base
	same.Logger = slog.New(slog.DiscardHandler)
	same.Deadline = DefaultDeadline // written out, it is the same
	if key(same) != first {
		t.Error("a logger or a default makes another plugin")
	}
	for name, change := range map[string]func(c *Config){
		"code":     func(c *Config) { c.Code = asm.Trap() },
		"name":     func(c *Config) { c.Name = "other" },
		"memory":   func(c *Config) { c.Memory = 1 << 20 },
		"deadline": func(c *Config) { c.Deadline = 1 },
		"config":   func(c *Config) { c.Config = json.RawMessage(`{"a":1}`) },
	} {
		other := base
		change(&other)
		if key(other) == first {
			t.Errorf("another %s has the same key", name)
		}
	}
}

// TestResolvedPluginIsTheOneThatWasRead replaces the file between Resolve and Load.
func TestResolvedPluginIsTheOneThatWasRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "gate.wasm")
	write := func(code []byte) {
		t.Helper()
		if err := os.WriteFile(path, code, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(quiet.Bytes())
	resolved, err := Config{Path: path}.Resolve()
	if err != nil {
		t.Fatal(err)
	}
	write(asm.Trap())
	p := loadPlugin(t, resolved)
	if p.Digest() != digest(quiet.Bytes()) {
		t.Errorf("got the digest %s of another file", p.Digest())
	}
	if _, err := p.Call(context.Background(), abi.LoginBefore, nil); err != nil {
		t.Errorf("Call: %v", err)
	}
}

func TestHandlesOwnExportsAndTheCommonOne(t *testing.T) {
	own := asm.Guest{Funcs: []asm.Func{{Export: "on_login_before", Results: "i", Body: asm.Num(0)}}}
	p := loadPlugin(t, Config{Code: own.Bytes()})
	if !p.Handles(abi.LoginBefore) || p.Handles(abi.LoginAfter) {
		t.Error("a plugin handles what it exports, and nothing else")
	}
	common := loadPlugin(t, Config{Code: quiet.Bytes()})
	if !common.Handles(abi.LoginAfter) || common.Handles("no.such") {
		t.Error("hook stands for every known event, and for nothing else")
	}
}

func TestDamagedFilesAreErrors(t *testing.T) {
	code := asm.Says(`{"action":"continue"}`).Bytes()
	// Some of these still are plugins, for example one without its last section. The point is that nothing panics.
	for n := range len(code) {
		tryGuest(t, code[:n])
	}
	random := rand.New(rand.NewPCG(1, 2))
	for range 500 {
		damaged := bytes.Clone(code)
		for range 1 + random.IntN(3) {
			damaged[random.IntN(len(damaged))] = byte(random.Uint32())
		}
		tryGuest(t, damaged)
	}
}

// tryGuest loads and calls whatever it is.
func tryGuest(tb testing.TB, code []byte) {
	p, err := Load(context.Background(), Config{Code: code, Deadline: testDeadline, Memory: 2 << 20, Ready: 1})
	if err != nil {
		return
	}
	_, _ = p.Call(context.Background(), abi.RegistrationPrePersist, registrationOf("ada@example.org"))
	if err := p.Close(context.Background()); err != nil {
		tb.Errorf("Close: %v", err)
	}
}

// FuzzLoad feeds the loader with files that nobody wrote on purpose.
func FuzzLoad(f *testing.F) {
	for _, seed := range [][]byte{nil, asm.Loop(), asm.Memory(), asm.Trap(), asm.Garbage(), chain(3).Bytes(), quiet.Bytes()} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, code []byte) { tryGuest(t, code) })
}

// TestCacheOthersCanWriteIsRefused: the cache holds machine code that the server will run.
func TestCacheOthersCanWriteIsRefused(t *testing.T) {
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	if got := loadError(t, Config{Code: quiet.Bytes(), CacheDir: dir}); !strings.Contains(got, "others can write to it") {
		t.Errorf("got %q", got)
	}
}
