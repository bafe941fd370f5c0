package wasm

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gatehouse-id/gatehouse/hooks/abi"
	asm "github.com/gatehouse-id/gatehouse/internal/hostile"
)

// guests remembers what was built: one Go build per package and test run.
var guests struct {
	sync.Mutex
	built map[string][]byte
}

// compiled is where the compiled Go guests of this test run are kept: under the race detector one takes many seconds.
var compiled string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "gatehouse-wasm-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	compiled = dir
	code := m.Run()
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

// buildGuest compiles a Go package for wasip1 with the stock toolchain.
func buildGuest(tb testing.TB, dir string) []byte {
	tb.Helper()
	guests.Lock()
	defer guests.Unlock()
	if code, ok := guests.built[dir]; ok {
		return code
	}
	out := filepath.Join(tb.TempDir(), "guest.wasm")
	cmd := exec.Command("go", "build", "-buildmode=c-shared", "-ldflags=-s -w", "-o", out, ".")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm", "CGO_ENABLED=0", "GOFLAGS=")
	if text, err := cmd.CombinedOutput(); err != nil {
		tb.Fatalf("building %s: %v\n%s", dir, err, text)
	}
	code, err := os.ReadFile(out)
	if err != nil {
		tb.Fatal(err)
	}
	if guests.built == nil {
		guests.built = map[string][]byte{}
	}
	guests.built[dir] = code
	return code
}

// loadPlugin loads a plugin for the length of a test.
func loadPlugin(tb testing.TB, config Config) *Plugin {
	tb.Helper()
	if config.Name == "" {
		config.Name = "test"
	}
	p, err := Load(context.Background(), config)
	if err != nil {
		tb.Fatalf("Load: %v", err)
	}
	tb.Cleanup(func() {
		if err := p.Close(context.Background()); err != nil {
			tb.Errorf("Close: %v", err)
		}
	})
	return p
}

// TestPluginsMeetTheirGoldens builds every plugin of the repository and asks it about its own events. A plugin has
// testdata/config.json, and testdata/golden/NAME.event.json with NAME.output.json.
func TestPluginsMeetTheirGoldens(t *testing.T) {
	cases, err := filepath.Glob("../../plugins/*/testdata/golden/*.event.json")
	if err != nil || len(cases) == 0 {
		t.Fatalf("no golden events found: %v", err)
	}
	plugins := map[string]*Plugin{}
	for _, path := range cases {
		dir := filepath.Dir(filepath.Dir(filepath.Dir(path)))
		if plugins[dir] == nil {
			plugins[dir] = loadPlugin(t, Config{Name: dir, Code: buildGuest(t, dir), CacheDir: compiled, Config: readFile(t, dir+"/testdata/config.json")})
		}
		name := strings.TrimSuffix(path, ".event.json")
		t.Run(filepath.Base(dir)+"/"+filepath.Base(name), func(t *testing.T) {
			meetGolden(t, plugins[dir], name)
		})
	}
}

func meetGolden(t *testing.T, p *Plugin, name string) {
	var in abi.Context
	if err := json.Unmarshal(readFile(t, name+".event.json"), &in); err != nil {
		t.Fatal(err)
	}
	want, err := abi.DecodeOutput(in.Event, readFile(t, name+".output.json"))
	if err != nil {
		t.Fatal(err)
	}
	got, err := p.Call(context.Background(), in.Event, &in)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := asJSON(t, got), asJSON(t, want); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func readFile(tb testing.TB, path string) []byte {
	tb.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		tb.Fatal(err)
	}
	return data
}

func asJSON(tb testing.TB, v any) string {
	tb.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		tb.Fatal(err)
	}
	return string(data)
}

// registrationOf is an event as the domains plugin gets it.
func registrationOf(email string) *abi.Context {
	traits, _ := json.Marshal(map[string]string{"email": email})
	return &abi.Context{Method: "password", Identity: &abi.Identity{SchemaID: "default", State: "active", Traits: traits}}
}

// TestDomainsRefusesAListItCannotUse: an operator hears of it when the server starts, and what to write instead.
func TestDomainsRefusesAListItCannotUse(t *testing.T) {
	code := buildGuest(t, "../../plugins/domains")
	for _, config := range []string{`{}`, `{"allow":[]}`, `{"allow":"example.org"}`, `{"allow":["example..org"]}`, `{"allow":["a.org",5]}`} {
		got := loadError(t, Config{Name: "domains", Code: code, CacheDir: compiled, Config: json.RawMessage(config)})
		if !strings.HasPrefix(got, "loading plugin domains: running hook_init: ") || !strings.Contains(got, `"allow" has to be a list of domains`) {
			t.Errorf("%s: got %q", config, got)
		}
	}
}

// BenchmarkDomains is a call of a Go plugin that finds an instance ready ("ready-ns/op"), and with making the instance
// ("ns/op", and all allocations).
func BenchmarkDomains(b *testing.B) {
	p := domains(b)
	in := registrationOf("ada@example.org")
	b.ReportAllocs()
	ready := time.Duration(0)
	for b.Loop() {
		for len(p.ready) == 0 {
			p.want()
			runtime.Gosched()
		}
		begin := time.Now()
		if _, err := p.Call(context.Background(), abi.RegistrationPrePersist, in); err != nil {
			b.Fatal(err)
		}
		ready += time.Since(begin)
	}
	b.ReportMetric(float64(ready.Nanoseconds())/float64(b.N), "ready-ns/op")
}

// BenchmarkDomainsParallel is the throughput of a burst: more calls than instances can be kept ready for.
func BenchmarkDomainsParallel(b *testing.B) {
	p := domains(b)
	in := registrationOf("ada@example.org")
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := p.Call(context.Background(), abi.RegistrationPrePersist, in); err != nil {
				b.Error(err)
				return
			}
		}
	})
}

// BenchmarkSmallGuest is what the host itself costs: a guest of one page that answers with a constant.
func BenchmarkSmallGuest(b *testing.B) {
	p := loadPlugin(b, Config{Code: asm.Says(`{"action":"continue"}`).Pages(1).Bytes()})
	in := registrationOf("ada@example.org")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := p.Call(context.Background(), abi.RegistrationPrePersist, in); err != nil {
			b.Fatal(err)
		}
	}
}

func domains(b *testing.B) *Plugin {
	return loadPlugin(b, Config{Code: buildGuest(b, "../../plugins/domains"), Config: json.RawMessage(`{"allow":["example.org"]}`)})
}
