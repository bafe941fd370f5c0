package config

import (
	"bufio"
	"encoding/json"
	"os"
	"reflect"
	"strings"
	"testing"
)

// keyCase is one line of testdata/keys.txt.
type keyCase struct{ effect, path, value string }

func readKeyCases(t *testing.T) []keyCase {
	t.Helper()
	f, err := os.Open("testdata/keys.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var out []keyCase
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if line := lines.Text(); line != "" && line[0] != '#' {
			effect, rest, _ := strings.Cut(line, " ")
			path, value, _ := strings.Cut(strings.TrimSpace(rest), " ")
			out = append(out, keyCase{effect, path, strings.TrimSpace(value)})
		}
	}
	return out
}

// document is the JSON document with one value at a dotted path, and with more values beside it.
func document(t *testing.T, values map[string]string) string {
	t.Helper()
	root := map[string]any{}
	for path, value := range values {
		at := root
		steps := strings.Split(path, ".")
		for _, step := range steps[:len(steps)-1] {
			next, ok := at[step].(map[string]any)
			if !ok {
				next = map[string]any{}
				at[step] = next
			}
			at = next
		}
		at[steps[len(steps)-1]] = json.RawMessage(value)
	}
	doc, err := json.Marshal(root)
	if err != nil {
		t.Fatal(err)
	}
	return string(doc)
}

// TestNoKeyIsSilentlyIgnored walks the whole list of keys.
func TestNoKeyIsSilentlyIgnored(t *testing.T) {
	nothing, _ := parse(t, "{}")
	for _, c := range readKeyCases(t) {
		t.Run(c.path, func(t *testing.T) {
			values := map[string]string{c.path: c.value}
			if c.effect == "switched" {
				if _, warnings := parse(t, document(t, values)); len(warnings) > 0 {
					t.Errorf("while switched off: got %v, want no warning", warnings)
				}
				values[switchOf(t, c.path)] = "true"
			}
			got, warnings := parse(t, document(t, values))
			switch c.effect {
			case "works":
				if len(warnings) > 0 || reflect.DeepEqual(got, nothing) {
					t.Errorf("got warnings %v, want none and the value in the configuration", warnings)
				}
			case "warns", "switched":
				if len(warnings) != 1 || !strings.HasPrefix(c.path, strings.TrimSuffix(warnings[0].Path, "[0]")) && !strings.HasPrefix(warnings[0].Path, c.path+"[0].") {
					t.Errorf("got %v, want one warning about the key or what it is part of", warnings)
				}
			default:
				t.Fatalf("testdata/keys.txt: unknown effect %q", c.effect)
			}
			for _, w := range warnings {
				if strings.Contains(w.String(), "in-the-") {
					t.Errorf("the warning shows a secret: %s", w)
				}
			}
		})
	}
}

// switchOf is the "enabled" of the method or flow that a key belongs to.
func switchOf(t *testing.T, path string) string {
	t.Helper()
	for parent, _, ok := cutLast(path); ok && parent != ""; parent, _, ok = cutLast(parent) {
		if r := rowAt(parent); r != nil && r.when == enabled {
			return parent + ".enabled"
		}
	}
	t.Fatalf("%s belongs to nothing with a switch", path)
	return ""
}

func TestMisspeltKeysAreRefusedEverywhere(t *testing.T) {
	for _, c := range readKeyCases(t) {
		parent, last, _ := cutLast(c.path)
		if freeForm(parent) {
			continue
		}
		misspelt := strings.TrimPrefix(parent+".x"+last, ".")
		_, _, err := Parse("kratos.yml", []byte(document(t, map[string]string{misspelt: c.value})))
		if err == nil || !strings.Contains(err.Error(), "nobody knows this key") {
			t.Errorf("%s: got %v, want it refused", misspelt, err)
		}
	}
}

// freeForm tells the parts whose insides nobody here reads: the part is warned about as a whole.
func freeForm(path string) bool {
	for ; path != ""; path, _, _ = cutLast(path) {
		switch path {
		case "courier.templates", "session.whoami.tokenizer":
			return true
		}
		if r := rowAt(path); r != nil && r.status != works && !hasField(path) {
			return true
		}
	}
	return false
}

// hasField reports whether Config has a field at a path.
func hasField(path string) bool {
	t := reflect.TypeFor[Config]()
next:
	for step := range strings.SplitSeq(path, ".") {
		if t.Kind() != reflect.Struct {
			return false
		}
		for i := range t.NumField() {
			if name, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ","); name == step {
				t = t.Field(i).Type
				continue next
			}
		}
		return false
	}
	return true
}

func TestSessionHookOutsideRegistrationWarns(t *testing.T) {
	for _, path := range []string{
		"selfservice.flows.login.after.hooks",
		"selfservice.flows.login.after.password.hooks",
		"selfservice.flows.registration.before.hooks",
	} {
		_, warnings := parse(t, document(t, map[string]string{path: `[{"hook": "session"}]`}))
		if len(warnings) != 1 || warnings[0].Path != path+"[0]" {
			t.Errorf("%s: got %v, want one warning", path, warnings)
		}
	}
}
