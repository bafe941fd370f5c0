package httpapi_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gatehouse-id/gatehouse/core/config"
	"github.com/gatehouse-id/gatehouse/internal/gateway"
	"github.com/gatehouse-id/gatehouse/internal/testenv"
)

// withSchemas replaces the schemas of a gateway; the first is the default.
func withSchemas(all ...config.IdentitySchema) testenv.Option {
	return func(c *config.Config, _ *gateway.Options) {
		c.Identity.Schemas, c.Identity.DefaultSchemaID = all, all[0].ID
	}
}

// TestSchemasComeFromEverywhere: a file beside the configuration, text in it, a server, and what is built in.
func TestSchemasComeFromEverywhere(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "person.json"), []byte(testenv.Schema), 0o600); err != nil {
		t.Fatal(err)
	}
	remote := httptest.NewServer(answers(http.StatusOK, testenv.Schema))
	t.Cleanup(remote.Close)
	e := testenv.New(t, func(c *config.Config, o *gateway.Options) {
		o.BaseDir = dir
		c.Clients.HTTP.PrivateIPExceptionURLs = []string{remote.URL + "/*"}
		c.Identity.Schemas = append(c.Identity.Schemas, // base64:// is first
			config.IdentitySchema{ID: "file", URL: "file://./person.json"}, config.IdentitySchema{ID: "http", URL: remote.URL + "/person.json"},
			config.IdentitySchema{ID: "preset", URL: "preset://username"})
	})
	for _, id := range []string{"default", "file", "http"} {
		if a := e.App().Get("/schemas/" + id); string(a.Body) != testenv.Schema {
			t.Errorf("%s: got %d %s", id, a.Status, a.Body)
		}
	}
	if a := e.App().Get("/schemas/preset"); a.At("properties", "traits", "properties", "username") == nil {
		t.Errorf("the preset: got %d %s", a.Status, a.Body)
	}
}

// TestPresetsSignPeopleUp: with each somebody can register and sign in again.
func TestPresetsSignPeopleUp(t *testing.T) {
	for preset, name := range map[string]string{"username": "ada", "email": ada, "phone": "+493012345678"} {
		e := testenv.New(t, withSchemas(config.IdentitySchema{ID: preset, URL: "preset://" + preset}))
		a := register(e, testenv.Fields{"method": "password", "password": testenv.Password, "traits." + preset: name})
		wantStatus(t, a, http.StatusOK)
		if a.Text("identity", "schema_id") != preset || a.Text("identity", "traits", preset) != name {
			t.Errorf("%s: got %s", preset, a.Body)
		}
		e.App().SignIn(strings.ToUpper(name)) // whatever the keyboard did
	}
}

// manyTraits has a trait of each kind, in an order of its own.
const manyTraits = `{"properties":{"traits":{"type":"object","required":["email","name"],"additionalProperties":false,"properties":{
	"site":{"type":"string","format":"uri","title":"Home page"},
	"email":{"type":"string","format":"email","title":"Address","ory.sh/kratos":{"credentials":{"password":{"identifier":true}}}},
	"name":{"type":"object","required":["last"],"properties":{"first":{"type":"string","maxLength":5},"last":{"type":"string","title":"Last name"}}},
	"born":{"type":"string","format":"date"},"seen":{"type":"string","format":"date-time"},
	"age":{"type":"integer","minimum":16},"news":{"type":"boolean","title":"News, please"},"zip":{"type":"string","pattern":"^[0-9]{5}$"},
	"tags":{"type":"array","items":{"type":"string"}}}}}}`

func withManyTraits(t *testing.T) testenv.Option {
	t.Helper()
	path := filepath.Join(t.TempDir(), "person.json")
	if err := os.WriteFile(path, []byte(manyTraits), 0o600); err != nil {
		t.Fatal(err)
	}
	return withSchemas(config.IdentitySchema{ID: "person", URL: "file://" + path})
}

// traitNodes describes the nodes of traits in the order of the form: name, type, whether it is required, label.
func traitNodes(f *testenv.Answer) (all []string) {
	nodes, _ := f.At("ui", "nodes").([]any)
	for i := range nodes {
		if name := f.Text("ui", "nodes", i, "attributes", "name"); strings.HasPrefix(name, "traits.") {
			all = append(all, fmt.Sprint(name[len("traits."):], " ", f.Text("ui", "nodes", i, "attributes", "type"), " ",
				f.At("ui", "nodes", i, "attributes", "required") == true, " ", f.Text("ui", "nodes", i, "meta", "label", "text")))
		}
	}
	return all
}

// TestTraitsStandInTheFormAsInTheSchema, in both kinds of flow that show them.
func TestTraitsStandInTheFormAsInTheSchema(t *testing.T) {
	e := testenv.New(t, withManyTraits(t))
	want := []string{
		"site url false Home page", "email email true Address", "name.first text false ", "name.last text true Last name", "born date false ",
		"seen datetime-local false ", "age number false ", "news checkbox false News, please", "zip text false ", "tags text false ",
	}
	c := e.App()
	if got := traitNodes(c.Start("registration", "")); !slices.Equal(got, want) {
		t.Errorf("registration: got %q, want %q", got, want)
	}
	a := register(e, testenv.Fields{"method": "password", "password": testenv.Password, "traits.email": ada, "traits.name.last": "L"})
	c.Header.Set("X-Session-Token", a.Text("session_token"))
	if got := traitNodes(c.Start("settings", "")); !slices.Equal(got, want) {
		t.Errorf("settings: got %q, want %q", got, want)
	}
}

// TestBadTraitsAreToldAtTheirNodes: whoever reads the form sees which field it is about.
func TestBadTraitsAreToldAtTheirNodes(t *testing.T) {
	e := testenv.New(t, withManyTraits(t))
	for _, tt := range []struct {
		field string
		value any // nil: the field is left out
	}{
		{"site", ":"}, {"email", "nobody"}, {"email", nil}, {"name.first", "too long"}, {"name.last", 7}, {"name.last", nil}, {"born", "yesterday"},
		{"seen", "yesterday"}, {"age", 3}, {"age", "x"}, {"news", "perhaps"}, {"zip", "1234"}, {"tags", 7},
	} {
		fields := testenv.Fields{"method": "password", "password": testenv.Password, "traits.email": ada, "traits.name.last": "L"}
		fields["traits."+tt.field] = tt.value
		if tt.value == nil {
			delete(fields, "traits."+tt.field)
		}
		a := register(e, fields)
		wantStatus(t, a, http.StatusBadRequest)
		if list, _ := a.Node("traits." + tt.field)["messages"].([]any); len(list) == 0 || len(list) != len(a.MessageIDs()) {
			t.Errorf("%s %v: got %v at the node and %v in all, want all there", tt.field, tt.value, list, a.MessageIDs())
		}
	}
}
