package schema_test

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gatehouse-id/gatehouse/core/schema"
	"github.com/gatehouse-id/gatehouse/internal/egress"
)

// person is the smallest schema that somebody can sign in with.
const person = `{"properties": {"traits": {"type": "object", "properties": {
	"email": {"type": "string", "format": "email", "ory.sh/kratos": {"credentials": {"password": {"identifier": true}}}}
}}}}`

func write(t *testing.T, dir, name, content string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// documents can be on this machine, where the tests' servers are.
func documents(dir string) egress.Source {
	return egress.Source{BaseDir: dir, Client: egress.Client(egress.Options{AllowPrivate: true})}
}

func loadOne(t *testing.T, url, dir string) (*schema.Schema, error) {
	t.Helper()
	set, err := schema.Load(t.Context(), []schema.Source{{ID: "customer", URL: url}}, documents(dir))
	return set.Get("customer"), err
}

func TestLoadReadsEverySource(t *testing.T) {
	dir := t.TempDir()
	path := write(t, dir, "a schema.json", person)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/moved":
			http.Redirect(w, r, "/person.json", http.StatusFound)
		default:
			fmt.Fprint(w, person)
		}
	}))
	defer server.Close()
	for _, url := range []string{
		"file://" + path,
		"file://" + strings.ReplaceAll(path, " ", "%20"),
		"file://./a schema.json",
		"file://a%20schema.json",
		"base64://" + base64.StdEncoding.EncodeToString([]byte(person)),
		"base64://" + base64.RawURLEncoding.EncodeToString([]byte(person)),
		server.URL + "/person.json",
		server.URL + "/moved",
	} {
		s, err := loadOne(t, url, dir)
		if err != nil {
			t.Errorf("%s: %v", url, err)
		} else if s.ID != "customer" || string(s.Raw) != person {
			t.Errorf("%s: got %q with %s, want the document byte for byte", url, s.ID, s.Raw)
		}
	}
	for _, name := range []string{"email", "username", "phone"} {
		if _, err := loadOne(t, "preset://"+name, ""); err != nil {
			t.Errorf("preset %s: %v", name, err)
		}
	}
}

func TestLoadKeepsTheOrder(t *testing.T) {
	set, err := schema.Load(t.Context(), []schema.Source{{ID: "b", URL: "preset://email"}, {ID: "a", URL: "preset://phone"}}, egress.Source{})
	if err != nil {
		t.Fatal(err)
	}
	if all := set.All(); len(all) != 2 || all[0].ID != "b" || all[1].ID != "a" || set.Get("c") != nil {
		t.Errorf("got %v", all)
	}
	var empty *schema.Set
	if empty.Get("a") != nil || empty.All() != nil {
		t.Error("a nil set isn't empty")
	}
}

// TestLoadNamesSchemaPlaceAndFix: what an operator reads when the server doesn't start.
func TestLoadNamesSchemaPlaceAndFix(t *testing.T) {
	dir := t.TempDir()
	inTraits := func(properties string) string {
		return `{"properties": {"traits": {"type": "object", "properties": {` + properties + `}}}}`
	}
	for name, tt := range map[string]struct{ content, want string }{
		"syntax":            {"{\n  \"properties\": {,}\n}", "line 2: invalid character ','"},
		"cut":               {`{"properties": `, "line 1: unexpected EOF"},
		"empty":             {"", "line 1: unexpected EOF"},
		"no JSON":           {"properties: {}", "line 1: invalid character"},
		"no object":         {"[]", `"properties.traits" is missing: describe the traits there`},
		"more behind":       {person + person, "there is more text after the JSON value"},
		"a key twice":       {"{\"title\": 1,\n\"title\": 2}", `line 2: the key "title" stands twice`},
		"no traits":         {`{"properties": {}}`, `"properties.traits" is missing`},
		"traits no object":  {`{"properties": {"traits": {"type": "string"}}}`, `"properties.traits.type" must be "object"`},
		"no trait":          {inTraits(""), `"properties.traits.properties" is empty`},
		"unknown type":      {inTraits(`"a": {"type": "text"}`), "at /properties/traits/properties/a/type"},
		"bad pattern":       {inTraits(`"a": {"pattern": "(?=x)"}`), "patterns are Go regular expressions: no look-ahead"},
		"unknown extension": {inTraits(`"a": {"ory.sh/kratos": {"credential": {}}}`), `unknown field "credential"`},
		"unknown channel":   {inTraits(`"a": {"ory.sh/kratos": {"verification": {"via": "fax"}}}`), `"via" must be email, sms or phone, not "fax"`},
		"dangling":          {inTraits(`"a": {"$ref": "#/definitions/a"}`), `the reference "#/definitions/a" leads nowhere`},
		"to a file":         {inTraits(`"a": {"$ref": "file:///etc/passwd"}`), `the reference "file:///etc/passwd" leads out of the document`},
		"to a neighbour":    {inTraits(`"a": {"$ref": "other.json#/a"}`), `leads out of the document: copy the part in`},
		"to the network":    {inTraits(`"a": {"allOf": [{"$ref": "http://169.254.169.254/latest"}]}`), `leads out of the document`},
		"by another base":   {inTraits(`"a": {"$id": "http://169.254.169.254/", "properties": {}}`), "only the whole document may have one"},
		"foreign draft":     {`{"$schema": "http://169.254.169.254/schema", ` + inTraits(`"a": {}`)[1:], "leads out of the document"},
		"circular":          {inTraits(`"a": {"$ref": "#/properties/traits"}`), "the traits refer to themselves"},
		"to itself":         {inTraits(`"a": {"$ref": "#/properties/traits/properties/a"}`), "the traits refer to themselves"},
		"unfolding":         {unfolding(), "grow too large"},
		"deep":              {strings.Repeat(`{"a":`, 100) + "1" + strings.Repeat("}", 100), "nested too deeply"},
		"large number":      {inTraits(`"a": {"maximum": 1e999999999}`), "a number has too large an exponent"},
		"large":             {inTraits(`"a": {"title": "` + strings.Repeat("x", 1<<20) + `"}`), "larger than the limit of 1048576 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			path := write(t, dir, "person.json", tt.content)
			_, err := loadOne(t, "file://"+path, "")
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("got %v, want %q", err, tt.want)
			}
			if want := `loading identity schema "customer" from file://` + path + ": "; !strings.HasPrefix(err.Error(), want) {
				t.Errorf("got %v, want it to begin with %s", err, want)
			}
		})
	}
}

// unfolding names the next definition twice in each: 2^20 fields.
func unfolding() string {
	doc := `{"properties": {"traits": {"type": "object", "properties": {"a": {"$ref": "#/definitions/d0"}}}}, "definitions": {`
	for i := range 20 {
		doc += fmt.Sprintf(`"d%d": {"type": "object", "properties": {"l": {"$ref": "#/definitions/d%d"}, "r": {"$ref": "#/definitions/d%d"}}}, `, i, i+1, i+1)
	}
	return doc + `"d20": {"type": "string"}}}`
}

func TestLoadRefusesBadSources(t *testing.T) {
	dir := t.TempDir()
	elsewhere := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, person) }))
	defer elsewhere.Close()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/large":
			fmt.Fprint(w, strings.Repeat(" ", 1<<20), person)
		case "/away":
			http.Redirect(w, r, elsewhere.URL, http.StatusFound)
		case "/round":
			http.Redirect(w, r, "/round", http.StatusFound)
		default:
			http.NotFound(w, r)
		}
	}))
	defer server.Close()
	for url, want := range map[string]string{
		"file:///nowhere/person.json":               "no such file or directory: check the path",
		"file://" + dir:                             "is not a file",
		"file://person.json":                        "a relative one starts from \"" + dir + "\"",
		"person.json":                               "the URL has no scheme: write file://",
		"ftp://example.org/person.json":             `the scheme "ftp" is not known: use file`,
		"base64://%%%":                              "the text after base64:// is not base64",
		"base64://" + strings.Repeat("QUFB", 1<<20): "larger than the limit of 1048576 bytes",
		"preset://fax":                              `there is no preset "fax": use email, username or phone`,
		server.URL + "/missing":                     "the server answered 404 Not Found",
		server.URL + "/large":                       "larger than the limit of 1048576 bytes",
		server.URL + "/away":                        "it leads to another host",
		server.URL + "/round":                       "there are too many",
		"http://user:tulip@127.0.0.1:1/?sig=tulip":  "connection refused",
		"http://user:tulip@a b/":                    "this is no URL: check for spaces",
	} {
		_, err := loadOne(t, url, dir)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.80s: got %v, want %q", url, err, want)
		}
		if err != nil && (strings.Contains(err.Error(), "tulip") || len(err.Error()) > 500) {
			t.Errorf("the error is long or shows a password: %.600s", err)
		}
	}
	inside := []schema.Source{{ID: "customer", URL: server.URL}}
	if _, err := schema.Load(t.Context(), inside, egress.Source{}); !errors.Is(err, egress.ErrPrivate) {
		t.Errorf("an address inside the house: got %v, want it refused unless the client may go there", err)
	}
	_, err := schema.Load(t.Context(), []schema.Source{{ID: "a", URL: "preset://email"}, {ID: "a", URL: "preset://phone"}}, egress.Source{})
	if err == nil || !strings.Contains(err.Error(), `"a": the id is taken by another schema`) {
		t.Errorf("one id twice: got %v", err)
	}
}
