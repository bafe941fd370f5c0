package wasm

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gatehouse-id/gatehouse/hooks/abi"
)

const page = "../../docs/hook-abi.md"

// example is the code block of the page behind the mark <!-- example: name -->.
func example(t *testing.T, name string) string {
	t.Helper()
	_, rest, found := strings.Cut(string(readFile(t, page)), "<!-- example: "+name+" -->\n```")
	_, rest, opened := strings.Cut(rest, "\n")
	code, _, closed := strings.Cut(rest, "\n```\n")
	if !found || !opened || !closed {
		t.Fatalf("%s has no example %q", page, name)
	}
	return code
}

// TestPluginOfThePage builds the plugin that the page shows, outside of this module as its readers do, and runs it.
func TestPluginOfThePage(t *testing.T) {
	dir := t.TempDir()
	for name, content := range map[string]string{"main.go": example(t, "go"), "go.mod": "module example.org/plugin\n\ngo 1.24\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	p := loadPlugin(t, Config{Code: buildGuest(t, dir)})
	for email, want := range map[string]abi.Action{
		"ada@example.org": abi.Continue, "ada@ThrowAway.example": abi.Reject, strings.Repeat("a", 2000): abi.Continue,
	} {
		got, err := p.Call(context.Background(), abi.RegistrationPrePersist, registrationOf(email))
		if err != nil || got.Action != want {
			t.Errorf("%.30s: got %q, %v, want %q", email, got.Action, err, want)
		}
	}
}

func TestPageShowsTheContextAsItIs(t *testing.T) {
	for _, name := range []string{"registration.pre_persist.json", "oidc.claims.json"} {
		golden := bytes.TrimSpace(readFile(t, "../abi/testdata/golden/"+name))
		if got := example(t, name); got != string(golden) {
			t.Errorf("got %s, want %s", got, golden)
		}
	}
}

// TestPageNamesEverything: an event, an export or a function that the page does not name is one nobody can use.
func TestPageNamesEverything(t *testing.T) {
	text := string(readFile(t, page))
	for _, e := range abi.Events() {
		row := "| `" + string(e) + "` | `" + e.Export() + "` | "
		if !strings.Contains(text, row) {
			t.Errorf("no row starts with %s", row)
		}
		for _, a := range []abi.Action{abi.Continue, abi.Reject, abi.Redirect, abi.Deny} {
			_, rest, _ := strings.Cut(text, row)
			answers, _, _ := strings.Cut(rest, " |")
			if strings.Contains(answers, string(a)) != e.Allows(a) {
				t.Errorf("%s: the page says %q, but it allows %s: %v", e, answers, a, e.Allows(a))
			}
		}
	}
	for _, name := range []string{abi.ExportHook, abi.ExportInit, abi.ExportInitialize, abi.ExportMemory, abi.ExportReseed} {
		if !strings.Contains(text, "| `"+name+"` | ") {
			t.Errorf("the export %s is missing", name)
		}
	}
	for name := range hookFuncs {
		if !strings.Contains(text, "| `"+name+"(") {
			t.Errorf("the function %s is missing", name)
		}
	}
}
