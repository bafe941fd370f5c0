package httpapi_test

import (
	"encoding/base64"
	"encoding/json"
	"testing"

	"github.com/gatehouse-id/gatehouse/core/config"
	"github.com/gatehouse-id/gatehouse/internal/gateway"
	"github.com/gatehouse-id/gatehouse/internal/testenv"
)

func TestSchemaByEitherSpellingOfItsID(t *testing.T) {
	onBothMounts(t, func(t *testing.T, e *testenv.Env, mount string) {
		var want any
		if err := json.Unmarshal([]byte(testenv.Schema), &want); err != nil {
			t.Fatal(err)
		}
		for _, id := range []string{"default", base64.RawURLEncoding.EncodeToString([]byte("default")), base64.URLEncoding.EncodeToString([]byte("default"))} {
			a := e.App().Get(mount + "/schemas/" + id)
			if a.Status != 200 || a.Text("$id") != "https://test/account" || a.Header.Get("Content-Type") != "application/json" {
				t.Errorf("%s: %d %s", id, a.Status, a.Body)
			}
		}
		for _, id := range []string{"nope", "ZGVmYXVsd", "%20default", "..", "default%2f"} {
			if a := e.App().Get(mount + "/schemas/" + id); a.Status != 404 {
				t.Errorf("%s: got %d, want 404", id, a.Status)
			}
		}
	})
}

// TestSchemaURLLeadsToTheSchema: clients follow it.
func TestSchemaURLLeadsToTheSchema(t *testing.T) {
	onBothMounts(t, func(t *testing.T, e *testenv.Env, mount string) {
		c := e.App().On(mount)
		a := c.Submit("registration", c.Start("registration", ""), testenv.NewAccount("ann@example.org"))
		if s := c.Get(a.Text("identity", "schema_url")); s.Text("$id") != "https://test/account" {
			t.Errorf("%q leads to %d %s", a.Text("identity", "schema_url"), s.Status, s.Body)
		}
	})
}

func TestSchemasArePaged(t *testing.T) {
	e := testenv.New(t, func(c *config.Config, _ *gateway.Options) {
		first := c.Identity.Schemas[0]
		for _, id := range []string{"b", "c"} {
			c.Identity.Schemas = append(c.Identity.Schemas, config.IdentitySchema{ID: id, URL: first.URL})
		}
	})
	for query, want := range map[string][]string{
		"":                               {"default", "b", "c"},
		"?page=0&per_page=2":             {"default", "b"},
		"?page=1&per_page=2":             {"c"},
		"?page=7&per_page=2":             {},
		"?page=x&per_page=y":             {"default", "b", "c"},
		"?page=-1&per_page=0":            {"default"},
		"?per_page=99999999999999":       {"default", "b", "c"},
		"?page=2147483648&per_page=1000": {},
	} {
		a := e.App().Get("/schemas" + query)
		var list []struct{ ID string }
		if err := json.Unmarshal(a.Body, &list); err != nil {
			t.Fatalf("%q: %d %s", query, a.Status, a.Body)
		}
		got := []string{}
		for _, s := range list {
			got = append(got, s.ID)
		}
		if len(got) != len(want) || len(got) > 0 && got[0] != want[0] {
			t.Errorf("%q: got %v, want %v", query, got, want)
		}
		if a.Header.Get("X-Total-Count") != "3" || a.Header.Get("Link") == "" {
			t.Errorf("%q: X-Total-Count %q, Link %q", query, a.Header.Get("X-Total-Count"), a.Header.Get("Link"))
		}
	}
}
