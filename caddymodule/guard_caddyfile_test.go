package caddymodule

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestGuardsAdapt compares with files that were read in review; -update writes them.
func TestGuardsAdapt(t *testing.T) {
	files, err := filepath.Glob("testdata/guard/*.caddyfile")
	if err != nil || len(files) == 0 {
		t.Fatalf("no Caddyfiles found: %v", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			body, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			adapted, warnings, err := adapt("caddyfile", file, body)
			if err != nil || len(warnings) > 0 {
				t.Fatalf("error %v, warnings %v", err, warnings)
			}
			golden(t, strings.TrimSuffix(file, ".caddyfile")+".json", adapted)
		})
	}
}

func TestGuardMistakesAreTold(t *testing.T) {
	tests := map[string]struct {
		guard string // the first line is line 2
		want  []string
	}{
		"argument":            {"guard admin", []string{"Caddyfile:2", `no argument "admin"`, "matcher"}},
		"two matchers":        {"guard /a /b", []string{"Caddyfile:2", `no argument "/b"`}},
		"unknown option":      {"guard {\nroles admin\n}", []string{"Caddyfile:3", `unknown guard option "roles"`, "headers, aal1, aal2"}},
		"option of later":     {"guard {\naal2\nrequire `identity.traits.role == \"admin\"`\n}", []string{"Caddyfile:4", "require is not available in this version"}},
		"option twice":        {"guard {\naal2\naal2\n}", []string{"Caddyfile:4", "aal2 is there twice"}},
		"both levels":         {"guard {\naal1\naal2\n}", []string{"Caddyfile:4", "both aal1 and aal2"}},
		"aal2 with a word":    {"guard {\naal2 always\n}", []string{"Caddyfile:3", "argument"}},
		"no duration":         {"guard {\nmax_age\n}", []string{"Caddyfile:3", "for example 15m"}},
		"wrong duration":      {"guard {\nmax_age soon\n}", []string{"Caddyfile:3", `not "soon"`}},
		"negative duration":   {"guard {\nmax_age -5m\n}", []string{"Caddyfile:3", "positive"}},
		"strip_session":       {"guard {\nstrip_session maybe\n}", []string{"Caddyfile:3", "strip_session wants one of", "on", "off"}},
		"paths":               {"guard {\npaths any\n}", []string{"Caddyfile:3", "paths wants one of", "strict", "lenient"}},
		"headers on the line": {"guard {\nheaders X-User id\n}", []string{"Caddyfile:3", "a block"}},
		"header without fact": {"guard {\nheaders {\nX-User\n}\n}", []string{"Caddyfile:4", "want a fact"}},
		"unknown fact":        {"guard {\nheaders {\nX-User email\n}\n}", []string{"Caddyfile:4", `unknown fact "email"`, "identity.traits.<path>"}},
		"admin metadata":      {"guard {\nheaders {\nX-User identity.metadata_admin.x\n}\n}", []string{"Caddyfile:4", "unknown fact"}},
		"header twice":        {"guard {\nheaders {\nX-User id\nX-User aal\n}\n}", []string{"Caddyfile:5", "X-User is there twice"}},
		"header twice folded": {"guard {\nheaders {\nX-User id\nx-user aal\n}\n}", []string{"Caddyfile:5", "are the same"}},
		"header name":         {"guard {\nheaders {\nX_User id\n}\n}", []string{"Caddyfile:4", `"X_User"`, "letters, digits and hyphens"}},
		"header of HTTP":      {"guard {\nheaders {\nHost id\n}\n}", []string{"Caddyfile:4", `"Host"`, "a meaning of its own"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, _, err := adapt("caddyfile", "Caddyfile", []byte("http://localhost:1 {\n"+test.guard+"\n}\n"))
			wantError(t, err, test.want...)
		})
	}
}
