package bench

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/gatehouse-id/gatehouse/test/harness"
)

// TestPageNamesWhatExists keeps docs/performance.md from telling people to run what is gone.
func TestPageNamesWhatExists(t *testing.T) {
	root := harness.Root(t)
	page := read(t, filepath.Join(root, "docs", "performance.md"))
	makefile := read(t, filepath.Join(root, "xcaddy.mk"))

	targets := regexp.MustCompile(`make -f xcaddy\.mk ([a-z]+)`).FindAllStringSubmatch(page, -1)
	if len(targets) == 0 {
		t.Error("the page names no command")
	}
	for _, target := range targets {
		if !strings.Contains(makefile, "\n"+target[1]+":") {
			t.Errorf("xcaddy.mk has no target %s", target[1])
		}
	}
	benchmarks := regexp.MustCompile("`(Benchmark[A-Za-z]+)` \\(`\\./([a-z/]+)`\\)").FindAllStringSubmatch(page, -1)
	if len(benchmarks) == 0 {
		t.Error("the page names no benchmark with its package")
	}
	for _, b := range benchmarks {
		if !declares(t, filepath.Join(root, b[2]), b[1]) {
			t.Errorf("%s has no %s", b[2], b[1])
		}
	}
}

// declares tells whether a test file of a package has a function.
func declares(t *testing.T, dir, name string) bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range parsed.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Name.Name == name {
				return true
			}
		}
	}
	return false
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
