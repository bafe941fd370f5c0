package harness

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// Main runs the tests of a package that uses this one, and tidies up after them:
//
//	func TestMain(m *testing.M) { harness.Main(m) }
//
// When all of them were asked for and passed, the checks have the last word.
func Main(m *testing.M, checks ...func() error) {
	dir, err := os.MkdirTemp("", "gh-")
	if err != nil {
		fmt.Fprintln(os.Stderr, "making a directory for the tests:", err)
		os.Exit(1)
	}
	scratch = dir
	code := m.Run()
	if code == 0 && flag.Lookup("test.run").Value.String() == "" {
		code = check(checks)
	}
	_ = os.RemoveAll(dir) // what is left in a temporary directory fails no test
	os.Exit(code)
}

func check(checks []func() error) (code int) {
	for _, c := range checks {
		if err := c(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	return code
}

// scratch is the directory of this test binary. Its name is short, because unix
// sockets below it have room for 107 characters.
var scratch string

// Root is the root of the repository.
func Root(tb testing.TB) string {
	tb.Helper()
	root, err := root()
	if err != nil {
		tb.Fatal(err)
	}
	return root
}

var root = sync.OnceValues(func() (string, error) {
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}").Output()
	if err != nil {
		return "", fmt.Errorf("finding the root of the repository: %w", err)
	}
	return strings.TrimSpace(string(out)), nil
})

// Binary is the path of the gatehouse under test: that of the environment
// variable GATEHOUSE_BIN, or one that is built now.
func Binary(tb testing.TB) string {
	tb.Helper()
	path, err := binary()
	if err != nil {
		tb.Fatal(err)
	}
	return path
}

var binary = sync.OnceValues(func() (string, error) {
	if given := os.Getenv("GATEHOUSE_BIN"); given != "" {
		return given, executable(given)
	}
	made := filepath.Join(scratch, "gatehouse")
	return made, build(made, "./cmd/gatehouse")
})

func executable(path string) error {
	if !filepath.IsAbs(path) {
		return fmt.Errorf("GATEHOUSE_BIN is %q: tests run in many directories, so give an absolute path", path)
	}
	if _, err := exec.LookPath(path); err != nil {
		return fmt.Errorf("GATEHOUSE_BIN: %w", err)
	}
	return nil
}

// Plugin builds a hook plugin of the repository, such as "plugins/domains", and
// returns the path of the wasm file.
func Plugin(tb testing.TB, dir string) string {
	tb.Helper()
	made := filepath.Join(tb.TempDir(), filepath.Base(dir)+".wasm")
	if err := build(made, "./"+dir, "GOOS=wasip1", "GOARCH=wasm"); err != nil {
		tb.Fatal(err)
	}
	return made
}

// build runs the Go compiler. A test that needs a binary fails without one; it is never skipped.
func build(out, pkg string, env ...string) error {
	if scratch == "" {
		return fmt.Errorf("building %s: let the package's TestMain call harness.Main", pkg)
	}
	dir, err := root()
	if err != nil {
		return err
	}
	args := []string{"build", "-o", out}
	if len(env) > 0 {
		args = append(args, "-buildmode=c-shared") // a wasm reactor: exports and no main loop
	}
	cmd := exec.Command("go", append(args, pkg)...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), env...)
	if text, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("building %s: %w\n%s", pkg, err, text)
	}
	return nil
}
