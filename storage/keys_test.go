package storage

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-id/gatehouse/core/identity"
	"github.com/gatehouse-id/gatehouse/core/session"
	"github.com/gatehouse-id/gatehouse/storage/kv"
)

// samples has one key of each builder; builders of prefixes make none.
func samples() map[string]string {
	k := newKeys("default")
	return map[string]string{
		"identity":        k.identity("i1"),
		"identifier":      k.identifier(identity.Password, "ann@example.org"),
		"verifiable":      k.verifiable(identity.ViaEmail, "ann@example.org"),
		"recovery":        k.recovery(identity.ViaEmail, "ann@example.org"),
		"external":        k.external("crm-1"),
		"publicKey":       k.publicKey([]byte("k1")),
		"epoch":           k.epoch("i1"),
		"session":         k.session("s1"),
		"grant":           k.grant("s1"),
		"token":           k.token(session.HashToken("token")),
		"identitySession": k.identitySession("i1", "s1"),
		"flow":            k.flow("f1"),
		"storedError":     k.storedError("e1"),
		"message":         k.message("m1"),
		"waiting":         k.waiting("email", time.UnixMilli(1764000000000), "m1"),
		"pass":            k.pass("f1"),
		"mailing":         k.mailing("email", "ann@example.org"),
		"decoy":           k.decoy("m1"),
		"decoyPlace":      k.decoyPlace("m1"),
		"flowGuesses":     k.flowGuesses("f1"),
		"count":           k.count("a3"),
		"found":           k.found("name.last", "smith & sons", "i1"),
		"receipt":         k.receipt("0123"),
		"identityGuesses": k.identityGuesses("i1", "totp"),
		"sourceGuesses":   k.sourceGuesses("i1", "password", "192.0.2.1"),
		"accessToken":     k.accessToken("a1"),
		"firstAccess":     k.firstAccess(),
		"probe":           k.probe(),
		"project":         rooted.project("p1"),
		"slug":            rooted.slug("brave-otter"),
		"host":            rooted.host("login.example.org"),
		"active":          rooted.active("i1"),
		"purge":           rooted.purge("p1"),
		"revision":        rooted.revision("p1", 7),
	}
}

// prefixBuilders build what keys of another builder begin with.
var prefixBuilders = map[string]string{
	"identities": "identity", "sessions": "session", "identitySessions": "identitySession", "messages": "message",
	"outbox": "waiting", "accessTokens": "accessToken", "counts": "count", "search": "found", "searched": "found",
	"revisions": "revision",
}

// builders are the methods of keys that return one key, by the source.
func builders(t *testing.T) []string {
	t.Helper()
	var decls []ast.Decl
	for _, name := range []string{"keys.go", "projectkeys.go"} {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		decls = append(decls, file.Decls...)
	}
	var names []string
	for _, d := range decls {
		f, ok := d.(*ast.FuncDecl)
		if !ok || f.Recv == nil || f.Type.Results == nil {
			continue
		}
		if result, ok := f.Type.Results.List[0].Type.(*ast.Ident); ok && result.Name == "string" {
			names = append(names, f.Name.Name)
		}
	}
	return names
}

// documented are the keys in the table of the page, as patterns.
func documented(t *testing.T) map[string]*regexp.Regexp {
	t.Helper()
	page, err := os.ReadFile("../docs/storage-keys.md")
	if err != nil {
		t.Fatal(err)
	}
	patterns := map[string]*regexp.Regexp{}
	component := regexp.MustCompile(`<[a-z-]+>`)
	for _, row := range regexp.MustCompile("(?m)^\\| `(p(?:rojects)?/[^`]+)` \\|").FindAllStringSubmatch(string(page), -1) {
		patterns[row[1]] = regexp.MustCompile("^" + component.ReplaceAllString(row[1], `[A-Za-z0-9._~-]+`) + "$")
	}
	return patterns
}

func TestPageListsEveryKey(t *testing.T) {
	keys, page := samples(), documented(t)
	for _, name := range builders(t) {
		if of, ok := prefixBuilders[name]; ok {
			name = of
		}
		if keys[name] == "" {
			t.Errorf("the source builds %s, of which this test has no sample", name)
		}
	}
	used := map[string]bool{}
	for name, key := range keys {
		var rows []string
		for row, pattern := range page {
			if pattern.MatchString(key) {
				rows, used[row] = append(rows, row), true
			}
		}
		if len(rows) != 1 {
			t.Errorf("%s builds %s: rows %q of docs/storage-keys.md have it, want one", name, key, rows)
		}
	}
	for _, row := range slices.Sorted(maps.Keys(page)) {
		if !used[row] {
			t.Errorf("nothing builds %s of docs/storage-keys.md", row)
		}
	}
}

func TestPageHasTheBounds(t *testing.T) {
	page, err := os.ReadFile("../docs/storage-keys.md")
	if err != nil {
		t.Fatal(err)
	}
	for bound, is := range map[string]bool{
		"| a record | 256 KiB |": maxRecord == 256<<10,
		"| unique keys (identifiers and addresses) of one identity | 45 |": maxIndexes == 45,
		"| one commit | 100 keys, 1 MiB |":                                 kv.MaxOps == 100 && kv.MaxBytes == 1<<20,
		"| `v` | the format version, `1`.":                                 version == 1,
		"up to 8 times":                                                    attempts == 8,
		"up to 96 bytes":                                                   maxPart == 96,
	} {
		if !is || !strings.Contains(string(page), bound) {
			t.Errorf("docs/storage-keys.md does not say the truth in %q", bound)
		}
	}
}

func TestComponentsOfKeys(t *testing.T) {
	for text, want := range map[string]string{
		"":                       "b.",
		"9f0c-AZ_z":              "9f0c-AZ_z",
		"ann@example.org":        "b.YW5uQGV4YW1wbGUub3Jn",
		"b.YQ":                   "b.Yi5ZUQ",
		"a/b":                    "b.YS9i",
		"..":                     "b.Li4",
		"\xff\x00":               "b._wA",
		strings.Repeat("a", 96):  strings.Repeat("a", 96),
		strings.Repeat("a", 97):  "h.2a2c60fe96afac9151d4bd932fdb45be2c7e175e02b0598426cac15c38511cb4",
		strings.Repeat("/", 500): "h.6a32c943ac2c86910903afc8d5df1a29ad3335476569f4a378011f700584a6f9",
	} {
		if got := part(text); got != want {
			t.Errorf("part(%q): got %q, want %q", text, got, want)
		}
	}
}

// FuzzPart: different texts never share a component, and none breaks a key.
func FuzzPart(f *testing.F) {
	f.Add("ann@example.org", "b.YW5uQGV4YW1wbGUub3Jn")
	f.Add("a/b", "a")
	f.Add("", "b.")
	f.Add(strings.Repeat("a", 97), strings.Repeat("a", 96))
	f.Add("\xff", "�")
	f.Fuzz(func(t *testing.T, a, b string) {
		if a != b && part(a) == part(b) {
			t.Fatalf("%q and %q share %s", a, b, part(a))
		}
		if got := part(a); got == "" || strings.ContainsFunc(got, func(r rune) bool { return r == '/' || r == 0 || r > '~' }) || len(got) > 200 {
			t.Fatalf("part(%q) is %q", a, got)
		}
	})
}
