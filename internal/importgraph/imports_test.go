package importgraph

import (
	"fmt"
	"go/ast"
	"path"
	"slices"
	"strings"
	"testing"
)

// edge is one import: the file that has it and what it imports. Both are
// relative to the module where they belong to it.
type edge struct {
	file string // "core/session/session.go"
	to   string // "core/identity" or "net/http"
	own  bool   // to is a package of this module
}

func (e edge) from() string { return path.Dir(e.file) }

func TestImports(t *testing.T) {
	for _, p := range load(t) {
		if _, ok := height(p.name); !ok && !matches(testOnly, p.name) {
			t.Errorf("%s is in no layer: add it to the table in layers_test.go", p.name)
		}
		for _, f := range p.files {
			for _, e := range f.edges {
				if fault := check(e); fault != "" {
					t.Errorf("%s: %s", e.file, fault)
				}
			}
			if matches(httpClients, f.name) {
				checkClient(t, f)
			}
		}
	}
}

// TestExceptionsAreNeeded keeps the list of exceptions from outliving its files.
func TestExceptionsAreNeeded(t *testing.T) {
	seen := map[string]bool{}
	for _, p := range load(t) {
		for _, f := range p.files {
			seen[f.name] = slices.ContainsFunc(f.edges, func(e edge) bool { return e.to == "net/http" })
		}
	}
	for _, name := range httpClients {
		if !seen[name] {
			t.Errorf("%s does not import net/http: delete it from httpClients", name)
		}
	}
}

func TestBadEdgesAreNamed(t *testing.T) {
	for _, tt := range []struct {
		edge edge
		want string // "" means allowed
	}{
		{edge{"core/session/session.go", "core/identity", true}, ""},
		{edge{"caddymodule/app.go", "github.com/caddyserver/caddy/v2", false}, ""},
		{edge{"hooks/webhook_call.go", "net/http", false}, ""},
		{edge{"internal/testenv/testenv.go", "internal/gateway", true}, ""},
		{edge{"core/ui/node.go", "core/uitools", true}, "core/uitools is in no layer"},
		{edge{"core/identity/identity.go", "core/session", true}, "core/identity (nouns) may not import core/session (state)"},
		{edge{"core/method/totp/totp.go", "core/method/password", true}, "core/method/totp (engine) may not import core/method/password (engine)"},
		{edge{"hooks/hooks.go", "hooks/wasm", true}, "hooks (engine) may not import hooks/wasm (engine)"},
		{edge{"httpapi/server.go", "internal/testenv", true}, "internal/testenv is for tests"},
		{edge{"core/selfservice/login.go", "storage", true}, "core/selfservice (engine) may not import storage (engine)"},
		{edge{"httpapi/server.go", "github.com/caddyserver/caddy/v2", false}, "github.com/caddyserver/caddy/v2 is for caddymodule, cmd/*"},
		{edge{"core/session/prover.go", "go.etcd.io/etcd/client/v3", false}, "go.etcd.io/etcd/client/v3 is for storage/etcd"},
		{edge{"core/schema/schema.go", "net/http", false}, "net/http is for "},
		{edge{"core/method/password/password.go", "net/http/cookiejar", false}, "net/http/cookiejar is for "},
	} {
		got := check(tt.edge)
		if (got == "") != (tt.want == "") || !strings.HasPrefix(got, tt.want) {
			t.Errorf("%s imports %s: got %q, want %q", tt.edge.file, tt.edge.to, got, tt.want)
		}
	}
}

// check says what is wrong with an import, "" if nothing.
func check(e edge) string {
	if matches(testOnly, e.from()) {
		return ""
	}
	if e.own {
		return checkLayers(e)
	}
	for _, r := range restrictions {
		if strings.HasPrefix(e.to, r.prefix) && !matches(r.allowed, e.from()) && !matches(r.allowed, e.file) {
			return fmt.Sprintf("%s is for %s", e.to, strings.Join(r.allowed, ", "))
		}
	}
	return ""
}

func checkLayers(e edge) string {
	if matches(testOnly, e.to) {
		return e.to + " is for tests"
	}
	to, ok := height(e.to)
	if !ok {
		return e.to + " is in no layer"
	}
	if from, ok := height(e.from()); ok && to >= from {
		return fmt.Sprintf("%s (%s) may not import %s (%s)", e.from(), layers[from].name, e.to, layers[to].name)
	}
	return ""
}

// checkClient reports the server side of net/http in a file that may only be a client.
func checkClient(t *testing.T, f file) {
	ast.Inspect(f.syntax, func(n ast.Node) bool {
		selector, ok := n.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		if pkg, ok := selector.X.(*ast.Ident); ok && pkg.Name == "http" && slices.Contains(serverNames, selector.Sel.Name) {
			t.Errorf("%s: http.%s is for the edge; this file may only be a client", f.name, selector.Sel.Name)
		}
		return true
	})
}

// height is the number of a package's layer. An exact name wins over a pattern.
func height(pkg string) (int, bool) {
	for i, l := range layers {
		if slices.Contains(l.packages, pkg) {
			return i, true
		}
	}
	for i, l := range layers {
		if matches(l.packages, pkg) {
			return i, true
		}
	}
	return 0, false
}

// matches says whether a name is in a list of names and "directory/*" patterns.
func matches(list []string, name string) bool {
	return slices.ContainsFunc(list, func(pattern string) bool {
		dir, wild := strings.CutSuffix(pattern, "/*")
		return pattern == name || wild && strings.HasPrefix(name, dir+"/")
	})
}
