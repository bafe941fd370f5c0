package schema_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse-id/gatehouse/core/schema"
)

func parse(t testing.TB, doc string) *schema.Schema {
	t.Helper()
	s, err := schema.Parse("test", []byte(doc))
	if err != nil {
		t.Fatalf("parsing %s: %v", doc, err)
	}
	return s
}

// withTraits is a schema with the given properties, and more keywords beside them.
func withTraits(t testing.TB, properties, more string) *schema.Schema {
	t.Helper()
	return parse(t, `{"$schema": "http://json-schema.org/draft-07/schema#", "type": "object",
		"properties": {"traits": {"type": "object", "properties": {`+properties+`}`+more+`}}}`)
}

func TestValidateTellsWhatIsWrong(t *testing.T) {
	s := withTraits(t, `
		"email": {"type": "string", "format": "email"},
		"nick": {"type": "string", "minLength": 3, "maxLength": 5, "pattern": "^[a-z]+$"},
		"age": {"type": "integer", "minimum": 16, "maximum": 120},
		"height": {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 3, "multipleOf": 0.01},
		"color": {"enum": ["red", "green", 7]},
		"terms": {"const": true},
		"born": {"type": "string", "format": "date"},
		"tags": {"type": "array", "minItems": 1, "maxItems": 2, "uniqueItems": true, "items": {"type": "string"}},
		"name": {"type": "object", "properties": {"first": {"type": "string"}}, "required": ["first"], "additionalProperties": false},
		"a/b~c.d": {"type": ["string", "null"]}`, `, "additionalProperties": false`)
	for _, tt := range []struct {
		traits  string
		pointer string
		kind    schema.Kind
		text    string
	}{
		{`{"email": "ada"}`, "/traits/email", schema.Format, `"ada" is not valid "email"`},
		{`{"email": 7}`, "/traits/email", schema.Type, "expected string, but got number"},
		{`{"email": null}`, "/traits/email", schema.Type, "expected string, but got null"},
		{`{"nick": "ab"}`, "/traits/nick", schema.MinLength, "length must be >= 3, but got 2"},
		{`{"nick": "abcdef"}`, "/traits/nick", schema.MaxLength, "length must be <= 5, but got 6"},
		{`{"nick": "abC"}`, "/traits/nick", schema.Pattern, `does not match pattern "^[a-z]+$"`},
		{`{"age": 15}`, "/traits/age", schema.Minimum, "must be >= 16 but found 15"},
		{`{"age": 121}`, "/traits/age", schema.Maximum, "must be <= 120 but found 121"},
		{`{"age": 20.5}`, "/traits/age", schema.Type, "expected integer, but got number"},
		{`{"age": "old"}`, "/traits/age", schema.Type, "expected integer, but got string"},
		{`{"height": 0}`, "/traits/height", schema.ExclusiveMinimum, "must be > 0 but found 0"},
		{`{"height": 3}`, "/traits/height", schema.ExclusiveMaximum, "must be < 3 but found 3"},
		{`{"height": 1.234}`, "/traits/height", schema.MultipleOf, "1.234 not multipleOf 0.01"},
		{`{"color": "blue"}`, "/traits/color", schema.Enum, `value must be one of "red", "green", 7`},
		{`{"terms": false}`, "/traits/terms", schema.Const, "value must be true"},
		{`{"born": "yesterday"}`, "/traits/born", schema.Format, `"yesterday" is not valid "date"`},
		{`{"tags": []}`, "/traits/tags", schema.MinItems, "minimum 1 items allowed, but found 0 items"},
		{`{"tags": ["a", "b", "c"]}`, "/traits/tags", schema.MaxItems, "maximum 2 items allowed, but found 3 items"},
		{`{"tags": ["a", "a"]}`, "/traits/tags", schema.UniqueItems, "the items must differ from each other"},
		{`{"tags": ["a", {}]}`, "/traits/tags/1", schema.Type, "expected string, but got object"},
		{`{"name": {}}`, "/traits/name/first", schema.Required, `missing properties: "first"`},
		{`{"name": {"first": "a", "last": "b"}}`, "/traits/name", schema.AdditionalProperties, `additionalProperties "last" not allowed`},
		{`{"admin": true}`, "/traits", schema.AdditionalProperties, `additionalProperties "admin" not allowed`},
		{`{"a/b~c.d": 1}`, "/traits/a~1b~0c.d", schema.Type, "expected string or null, but got number"},
		{`[]`, "/traits", schema.Type, "expected object, but got array"},
		{`"ada"`, "/traits", schema.Type, "expected object, but got string"},
	} {
		got := s.Validate(json.RawMessage(tt.traits))
		if len(got) != 1 {
			t.Errorf("%s: got %+v, want one violation", tt.traits, got)
			continue
		}
		if v := got[0]; v.Pointer != tt.pointer || v.Kind != tt.kind || v.Text != tt.text {
			t.Errorf("%s: got %s %d %q, want %s %d %q", tt.traits, v.Pointer, v.Kind, v.Text, tt.pointer, tt.kind, tt.text)
		}
	}
	for _, good := range []string{"", "null", "{}", `{"email": "ada@example.org", "age": 20, "height": 1.75, "a/b~c.d": null}`} {
		if got := s.Validate(json.RawMessage(good)); len(got) != 0 {
			t.Errorf("%s: got %+v, want none", good, got)
		}
	}
}

// TestValidateTellsEverythingAtOnce, in the order of the form and the same at every call: the validator's own is random.
func TestValidateTellsEverythingAtOnce(t *testing.T) {
	s := withTraits(t, `
		"zip": {"type": "string"}, "email": {"type": "string", "format": "email"},
		"name": {"type": "object", "properties": {"last": {"type": "string"}, "first": {"type": "string", "minLength": 2}}, "required": ["first", "last"]},
		"age": {"type": "integer"}`, `, "required": ["email", "zip", "age"]`)
	want := []string{"/traits/zip", "/traits/email", "/traits/name/last", "/traits/name/first", "/traits/age"}
	for range 50 {
		var got []string
		for _, v := range s.Validate(json.RawMessage(`{"name": {"first": "a"}, "age": "old", "email": "ada"}`)) {
			got = append(got, v.Pointer)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("(-want +got):\n%s", diff)
		}
	}
}

func TestValidateNamesMissingPropertiesThroughReferences(t *testing.T) {
	s := parse(t, `{"properties": {"traits": {"type": "object", "properties": {"home": {"$ref": "#/definitions/address"}}}},
		"definitions": {"address": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}}}`)
	got := s.Validate(json.RawMessage(`{"home": {}}`))
	if len(got) != 1 || got[0].Pointer != "/traits/home/city" || got[0].Property != "city" {
		t.Errorf("got %+v", got)
	}
}

// TestValidateDemandsAddresses: what can be verified must be an address, also when the schema's author forgot the format.
func TestValidateDemandsAddresses(t *testing.T) {
	s := withTraits(t, `
		"mail": {"type": "string", "ory.sh/kratos": {"verification": {"via": "email"}}},
		"phone": {"type": "string", "ory.sh/kratos": {"recovery": {"via": "sms"}}}`, "")
	for traits, want := range map[string]string{
		`{"mail": "ada@example.org", "phone": "+49 30 1234567"}`: "",
		`{"mail": "ada"}`:       `/traits/mail "ada" is not valid "email"`,
		`{"phone": "030 1234"}`: `/traits/phone "030 1234" is not valid "tel"`,
	} {
		var got []string
		for _, v := range s.Validate(json.RawMessage(traits)) {
			got = append(got, v.Pointer+" "+v.Text)
			if v.Kind != schema.Format {
				t.Errorf("%s: got kind %d, want Format", traits, v.Kind)
			}
		}
		if strings.Join(got, "; ") != want {
			t.Errorf("%s: got %q, want %q", traits, got, want)
		}
	}
}

func TestEmailIsOneThatFitsAHeader(t *testing.T) {
	s := withTraits(t, `"mail": {"type": "string", "format": "email"}`, "")
	for mail, want := range map[string]bool{
		"ada@example.org": true, "ada+tag@example.org": true, "ada.l@sub.example.org": true, "äda@example.org": true,
		"ada": false, "ada@": false, "@example.org": false, `"a b"@example.org`: false, "ada@example.org\r\nBcc: x@y.z": false,
		"<ada@example.org>": false, "ada@example.org, eve@example.org": false, " ada@example.org": false, "ada\u200b@example.org": false,
	} {
		raw, err := json.Marshal(map[string]string{"mail": mail})
		if err != nil {
			t.Fatal(err)
		}
		if got := len(s.Validate(raw)) == 0; got != want {
			t.Errorf("%q: got %v, want %v", mail, got, want)
		}
	}
}

// TestValidateBoundsWhatAStrangerSends: each of these would cost time or memory, and none may be an error of the server.
func TestValidateBoundsWhatAStrangerSends(t *testing.T) {
	s := withTraits(t, `"a": {"pattern": "^(a+)+$"}, "list": {"type": "array", "uniqueItems": true}, "n": {"type": "number", "multipleOf": 0.01}`, "")
	items := make([]string, 9000)
	for i := range items {
		items[i] = fmt.Sprint(i)
	}
	for name, traits := range map[string]string{
		"deep":        `{"a": ` + strings.Repeat("[", 5000) + strings.Repeat("]", 5000) + `}`,
		"keys":        `{"` + strings.Join(items, `": 1, "`) + `": 1}`,
		"twice":       `{"a": "a", "a": "b"}`,
		"large":       `{"a": "` + strings.Repeat("a", 300<<10) + `"}`,
		"exponent":    `{"n": 1e999999999}`,
		"digits":      `{"n": ` + strings.Repeat("9", 1000) + `}`,
		"many items":  `{"list": [` + strings.Join(items, ",") + `]}`,
		"syntax":      `{"a": `,
		"more behind": `{} {}`,
		"backtrack":   `{"a": "` + strings.Repeat("a", 100_000) + `!"}`,
	} {
		began := time.Now()
		got := s.Validate(json.RawMessage(traits))
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("%s took %v", name, took)
		}
		if want := name != "many items"; len(got) > 0 != want {
			t.Errorf("%s: got %d violations, want some: %v", name, len(got), want)
		}
	}
}
