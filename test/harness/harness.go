// Package harness runs the gatehouse binary for tests: on free ports, in a home of its own, with its log at hand.
//
//	func TestMain(m *testing.M) { harness.Main(m) }
//
//	func TestSomething(t *testing.T) {
//		gw := harness.Start(t, harness.Options{})
//		app := gw.Env(t).App()
//		app.Get("/self-service/login/api")
//	}
package harness

import (
	"context"
	"errors"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-id/gatehouse/internal/testenv"
)

// patience is how long a process may take to start or to end. A loaded machine must not fail a test.
const patience = time.Minute

// Site is the Caddyfile of a gateway that guards nothing. Processes find their ports in the environment.
const Site = `{
	gatehouse {
		config kratos.yml
	}
}
http://127.0.0.1:{$PUBLIC_PORT} {
	gatehouse
}
http://127.0.0.1:{$ADMIN_PORT} {
	gatehouse_admin {
		auth off
	}
}
`

// Kratos is a configuration for tests: the schema of testenv and a hash that costs next to nothing.
const Kratos = `dev: true
secrets:
  default: [a-secret-of-the-tests-0123456789]
identity:
  schemas:
    - id: default
      url: file://./identity.schema.json
hashers:
  algorithm: bcrypt
  bcrypt:
    cost: 4
selfservice:
  default_browser_return_url: /auth/welcome
  allowed_return_urls:
    - https://app.example/in
  methods:
    password:
      config:
        haveibeenpwned_enabled: false
  flows:
    registration:
      after:
        password:
          hooks:
            - hook: session
`

// Options say what to start. The zero value is Site with Kratos.
type Options struct {
	// Caddyfile is the configuration; "" is Site. {$PUBLIC_PORT} and {$ADMIN_PORT}
	// are its free ports, {$PORT_1} to {$PORT_3} more of them.
	Caddyfile string
	// Kratos is the text of kratos.yml; "" is the constant Kratos.
	Kratos string
	// Adapter "kratos" starts the process with kratos.yml alone.
	Adapter string
	// Flags are added to the command, for example "--watch".
	Flags []string
	// Files are put into the working directory, by name.
	Files map[string][]byte
	// Env is added to the environment, as NAME=value.
	Env []string
}

// home is what a process has of its own: a directory and ports. It outlives the
// process, so that another one can go on there.
type home struct {
	dir    string
	config string // name of the configuration file
	Options
	ports map[string]string // by name of the environment variable
}

func newHome(tb testing.TB, o Options) *home {
	tb.Helper()
	if scratch == "" {
		tb.Fatal("let the package's TestMain call harness.Main")
	}
	dir, err := os.MkdirTemp(scratch, "")
	if err != nil {
		tb.Fatal(err)
	}
	h := &home{dir: dir, config: "Caddyfile", Options: o, ports: map[string]string{}}
	if o.Adapter == "kratos" {
		h.config = "kratos.yml"
	}
	h.write(tb, "Caddyfile", []byte(or(o.Caddyfile, Site)))
	h.write(tb, "kratos.yml", []byte(or(o.Kratos, Kratos)))
	h.write(tb, "identity.schema.json", []byte(testenv.Schema))
	for name, text := range o.Files {
		h.write(tb, name, text)
	}
	for _, name := range []string{"PUBLIC_PORT", "ADMIN_PORT", "PORT_1", "PORT_2", "PORT_3"} {
		h.ports[name] = freePort(tb)
	}
	return h
}

func or(text, fallback string) string {
	if text == "" {
		return fallback
	}
	return text
}

func (h *home) write(tb testing.TB, name string, text []byte) {
	tb.Helper()
	path := filepath.Join(h.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		tb.Fatal(err)
	}
	if err := os.WriteFile(path, text, 0o600); err != nil {
		tb.Fatal(err)
	}
}

// command prepares the binary with this home.
func (h *home) command(tb testing.TB, args ...string) *exec.Cmd {
	cmd := exec.Command(Binary(tb), args...)
	cmd.Dir = h.dir
	cmd.Env = append(os.Environ(),
		"HOME="+h.dir, "XDG_DATA_HOME="+filepath.Join(h.dir, "data"), "XDG_CONFIG_HOME="+filepath.Join(h.dir, "config"),
		// Caddy's own admin endpoint, whose default port is the same for everybody.
		"CADDY_ADMIN=unix/"+filepath.Join(h.dir, "caddy.sock"),
		// What the kratos adapter listens on.
		"SERVE_PUBLIC_HOST=127.0.0.1", "SERVE_PUBLIC_PORT="+h.ports["PUBLIC_PORT"],
		"SERVE_ADMIN_HOST=127.0.0.1", "SERVE_ADMIN_PORT="+h.ports["ADMIN_PORT"],
	)
	for name, port := range h.ports {
		cmd.Env = append(cmd.Env, name+"="+port)
	}
	cmd.Env = append(cmd.Env, h.Env...)
	cmd.WaitDelay = patience
	return cmd
}

func (h *home) args(command string) []string {
	args := []string{command, "--config", h.config}
	if h.Adapter != "" {
		args = append(args, "--adapter", h.Adapter)
	} else {
		args = append(args, "--adapter", "caddyfile")
	}
	return append(args, h.Flags...)
}

// Result is what a process said that has ended.
type Result struct {
	Code   int
	Stdout string
	Stderr string
}

// Run runs a subcommand such as "validate", "adapt" or "run" on the configuration
// until it ends by itself.
func Run(tb testing.TB, command string, o Options) Result {
	tb.Helper()
	h := newHome(tb, o)
	return h.run(tb, h.args(command)...)
}

func (h *home) run(tb testing.TB, args ...string) Result {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), patience)
	defer cancel()
	cmd := h.command(tb, args...)
	var stdout, stderr strings.Builder
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Start(); err != nil {
		tb.Fatal(err)
	}
	defer context.AfterFunc(ctx, func() { _ = cmd.Process.Kill() })()
	err := cmd.Wait()
	if ctx.Err() != nil {
		tb.Fatalf("gatehouse %s did not end:\n%s", strings.Join(args, " "), stderr.String())
	}
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		tb.Fatal(err)
	}
	return Result{Code: cmd.ProcessState.ExitCode(), Stdout: stdout.String(), Stderr: stderr.String()}
}

// Eventually polls until done, and fails the test when that takes longer than is sensible.
func Eventually(tb testing.TB, what string, done func() bool) {
	tb.Helper()
	for start := time.Now(); time.Since(start) < patience; time.Sleep(5 * time.Millisecond) {
		if done() {
			return
		}
	}
	tb.Fatalf("did not happen within %v: %s", patience, what)
}

// ready asks a gateway whether it is.
func ready(url string) bool {
	client := http.Client{Timeout: 2 * time.Second}
	res, err := client.Get(url + "/health/ready")
	if err != nil {
		return false
	}
	res.Body.Close()
	return res.StatusCode == http.StatusOK
}
