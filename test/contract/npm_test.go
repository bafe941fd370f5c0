package contract

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/gatehouse-id/gatehouse/test/harness"
)

// one is a site with both APIs: the origin that the seed's client expects.
const one = `{
	gatehouse {
		config kratos.yml
	}
}
http://127.0.0.1:{$PUBLIC_PORT} {
	gatehouse
	gatehouse_admin {
		auth off
	}
}
`

// TestJavaScriptClients runs the stories of npm/*.test.mjs.
func TestJavaScriptClients(t *testing.T) {
	dir := installed(t)
	gw := newFront(t)
	gw.start(t, harness.Options{})
	for _, client := range []string{"seed", "today"} {
		t.Run(client, func(t *testing.T) {
			run(t, dir, []string{"GATEHOUSE_URL=" + gw.URL}, "node", "--test", client+".test.mjs")
		})
	}
}

// installed is a copy of the npm directory, with the clients in it.
func installed(t *testing.T) (dir string) {
	t.Helper()
	needNode(t)
	dir = t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("npm")); err != nil {
		t.Fatal(err)
	}
	// What an earlier npm ci has left in the source tree proves nothing.
	if err := os.RemoveAll(filepath.Join(dir, "node_modules")); err != nil {
		t.Fatal(err)
	}
	run(t, dir, nil, "npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts")
	return dir
}

// needNode skips the test where there is no Node.js, unless GATEHOUSE_REQUIRE_NODE
// says that there has to be one, as in CI.
func needNode(t *testing.T) {
	t.Helper()
	for _, tool := range []string{"node", "npm"} {
		if _, err := exec.LookPath(tool); err != nil {
			if os.Getenv("GATEHOUSE_REQUIRE_NODE") == "1" {
				t.Fatalf("%v: install Node.js 20 or newer", err)
			}
			t.Skipf("NOT TESTED: Ory's JavaScript clients, because there is no %s: install Node.js 20 or newer", tool) //nolint:forbidigo // the line says so, and .ci/run asks for Node.js
		}
	}
}

func run(t *testing.T, dir string, env []string, name string, args ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), env...)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s %v: %v\n%s", name, args, err, out)
	}
}
