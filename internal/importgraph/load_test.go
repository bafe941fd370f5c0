package importgraph

import (
	"encoding/json"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os/exec"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/gatehouse-id/gatehouse"

// pkg is a package of the module.
type pkg struct {
	name  string // its directory in the module: "core/session"
	ident string // its name in Go: "session"
	files []file
}

// file is a Go file of a package. Tests are left out: they may look upwards.
type file struct {
	name   string // in the module: "core/session/session.go"
	syntax *ast.File
	edges  []edge
}

// listed is what "go list -json" tells about a package. Files for other systems
// than this one count as well: a bad import must not hide behind a build tag.
type listed struct {
	Dir, ImportPath, Name string
	GoFiles, CgoFiles     []string
	IgnoredGoFiles        []string
}

// load reads all packages of the module.
func load(t *testing.T) []pkg {
	t.Helper()
	cmd := exec.Command("go", "list", "-json=Dir,ImportPath,Name,GoFiles,CgoFiles,IgnoredGoFiles", module+"/...")
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("listing packages: %v\n%s", err, &stderr)
	}
	var all []pkg
	for decoder := json.NewDecoder(strings.NewReader(string(out))); ; {
		var l listed
		if err := decoder.Decode(&l); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatalf("reading the list of packages: %v", err)
		}
		all = append(all, parse(t, l))
	}
}

func parse(t *testing.T, l listed) pkg {
	t.Helper()
	p := pkg{name: strings.TrimPrefix(l.ImportPath, module+"/"), ident: l.Name}
	for _, names := range [][]string{l.GoFiles, l.CgoFiles, l.IgnoredGoFiles} {
		for _, name := range names {
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			syntax, err := parser.ParseFile(token.NewFileSet(), filepath.Join(l.Dir, name), nil, parser.ParseComments)
			if err != nil {
				t.Fatal(err)
			}
			f := file{name: path.Join(p.name, name), syntax: syntax}
			for _, spec := range syntax.Imports {
				f.edges = append(f.edges, newEdge(t, f.name, spec.Path.Value))
			}
			p.files = append(p.files, f)
		}
	}
	return p
}

func newEdge(t *testing.T, from, quoted string) edge {
	t.Helper()
	to, err := strconv.Unquote(quoted)
	if err != nil {
		t.Fatalf("%s: import %s: %v", from, quoted, err)
	}
	own, ok := strings.CutPrefix(to, module+"/")
	return edge{file: from, to: own, own: ok}
}
