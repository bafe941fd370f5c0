package caddymodule

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2/caddyconfig"
	"gopkg.in/yaml.v3"
)

// key is a key that a Kratos document may hold, with a value. Those of the items of a list
// have none, and a path such as "identity.schemas[].url".
type key struct {
	path  string
	value any
}

// everyKey reads the list of keys. Lists that stand there several times become one.
func everyKey(t *testing.T) []key {
	t.Helper()
	text, err := os.ReadFile("../core/config/testdata/keys.txt")
	if err != nil {
		t.Fatal(err)
	}
	var out []key
	for line := range strings.Lines(string(text)) {
		words := strings.SplitN(strings.Join(strings.Fields(line), " "), " ", 3)
		if len(words) < 3 || words[0] == "#" {
			continue
		}
		k := key{path: words[1]}
		if err := json.Unmarshal([]byte(words[2]), &k.value); err != nil {
			t.Fatalf("%s: %v", k.path, err)
		}
		if at := slices.IndexFunc(out, func(x key) bool { return x.path == k.path }); at >= 0 {
			out[at].value = joined(out[at].value.([]any), k.value.([]any))
		} else {
			out = append(out, k)
		}
	}
	return out
}

// joined appends items with ids of their own.
func joined(list, more []any) []any {
	for _, item := range more {
		item.(map[string]any)["id"] = fmt.Sprint("id", len(list))
		list = append(list, item)
	}
	return list
}

// withItems lists the keys of the items of lists behind that of the list.
func withItems(all []key) []key {
	var out []key
	for _, k := range all {
		out = append(out, k)
		list, _ := k.value.([]any)
		names := map[string]bool{}
		for _, item := range list {
			members, _ := item.(map[string]any)
			for name := range members {
				names[name] = !strings.HasSuffix(k.path, ".hooks") // the same two for all
			}
		}
		for _, name := range slices.Sorted(maps.Keys(names)) {
			if names[name] {
				out = append(out, key{path: k.path + "[]." + name})
			}
		}
	}
	return out
}

// oneDocument is a kratos.yml with all keys at once, save for old names of keys that are there.
func oneDocument(t *testing.T, all []key) []byte {
	t.Helper()
	root := map[string]any{}
	for _, k := range all {
		at := root
		steps := strings.Split(k.path, ".")
		for _, step := range steps[:len(steps)-1] {
			next, ok := at[step].(map[string]any)
			if !ok {
				next = map[string]any{}
				at[step] = next
			}
			at = next
		}
		if last := steps[len(steps)-1]; last != "whitelisted_return_urls" {
			at[last] = k.value
		}
	}
	text, err := yaml.Marshal(root)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// reasons are why keys have no effect, by the path of the key or of the part it is in.
func reasons(warnings []caddyconfig.Warning) map[string]string {
	out := map[string]string{}
	for _, w := range warnings {
		if why, ok := strings.CutPrefix(w.Message, "has no effect: "); ok {
			out[regexp.MustCompile(`\[[0-9]+\]`).ReplaceAllString(w.Directive, "[]")] = why
		}
	}
	return out
}

// outcome is what the adapter made of a key, and notes the reason that it has used.
func outcome(path string, why map[string]string, used map[string]bool) string {
	for at, reason := range why {
		if path == at || strings.HasPrefix(path, at+".") || strings.HasPrefix(path, at+"[") || path+"[]" == at {
			used[at] = true
			return "warned: " + reason
		}
	}
	return "honoured"
}

const keysPage = "../docs/config-keys.md"

// TestKratosDocumentWithEveryKey sends a kratos.yml with every key through the adapter and
// prints what became of each: honoured, warned about or refused. docs/config-keys.md is
// that list; -update writes it.
func TestKratosDocumentWithEveryKey(t *testing.T) {
	all := everyKey(t)
	text := oneDocument(t, all)
	_, warnings, err := adapt("kratos", "kratos.yml", text)
	if err != nil {
		t.Fatalf("refused: %v", err)
	}
	for _, w := range warnings {
		if w.Line == 0 && w.Directive != "serve.admin.host" {
			t.Errorf("%s: the warning has no line: %s", w.Directive, w.Message)
		}
		if strings.Contains(w.String(), "in-the-") {
			t.Errorf("the warning shows a secret: %s", w)
		}
	}
	var page bytes.Buffer
	page.WriteString(keysHead)
	why, used := reasons(warnings), map[string]bool{}
	for _, k := range withItems(all) {
		became := outcome(k.path, why, used)
		t.Logf("%s: %s", k.path, became)
		fmt.Fprintf(&page, "| `%s` | %s |\n", k.path, became)
	}
	for at, reason := range why {
		if !used[at] {
			t.Errorf("%s is warned about (%s) and not in the list of keys", at, reason)
		}
	}
	if *update {
		if err := os.WriteFile(keysPage, page.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(keysPage)
	if err != nil || !bytes.Equal(want, page.Bytes()) {
		t.Errorf("%s is not what the adapter does (%v): run the test with -update, and read what changed", keysPage, err)
	}
}

const keysHead = `# The keys of a kratos.yml

What becomes of each key, through any of the doors: ` + "`config kratos.yml`" + ` in the Caddyfile, or the ` + "`kratos`" + ` config adapter.
Made of a document with all of them by ` + "`TestKratosDocumentWithEveryKey`" + `:
` + "`go test ./caddymodule -run EveryKey -update`" + ` writes it anew.

- **honoured**: it does what it does in Kratos. Where it does so differently, [What differs](divergences.md) says how.
- **warned**: it is known and has no effect; a start and ` + "`gatehouse validate`" + ` say so with file, line and this reason. What belongs
  to a method that isn't there yet is warned about once the method is enabled.
- **refused**: any key that is not in this list, as in a typing mistake, and any value that has no meaning. The error has
  file, line, key and what to write instead, and a running server goes on with what it has.

| key | |
|---|---|
`

// TestKeysThatNobodyKnowsAreRefused adds misspelt keys to a document that is fine otherwise.
func TestKeysThatNobodyKnowsAreRefused(t *testing.T) {
	for _, path := range []string{"selfservise", "serve.public.pfort", "session.cookie.persistant", "hashers.argon2.memmory", "courier.smtp.conection_uri"} {
		_, _, err := adapt("kratos", "kratos.yml", oneDocument(t, append(everyKey(t), key{path, "x"})))
		wantError(t, err, path+": nobody knows this key; did you mean")
		if err != nil && !regexp.MustCompile(`^kratos\.yml:[0-9]+: `).MatchString(err.Error()) {
			t.Errorf("%s: got %v, want file and line", path, err)
		}
	}
}
