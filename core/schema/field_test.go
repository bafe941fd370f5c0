package schema_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse-id/gatehouse/core/schema"
)

func TestFieldsFollowTheDocument(t *testing.T) {
	s := parse(t, `{
		"properties": {"traits": {"type": "object", "required": ["email", "tags"], "properties": {
			"zip": {"type": "string", "pattern": "^[0-9]{5}$", "maxLength": 5},
			"email": {"type": "string", "format": "email", "title": "E-Mail", "ory.sh/kratos": {"credentials": {
				"code": {"identifier": true, "via": "email"}, "password": {"identifier": true}, "totp": {"account_name": true}, "webauthn": {"identifier": false}}}},
			"name": {"required": ["last"], "properties": {"last": {"type": "string"}, "first": {"type": ["null", "string"]}}},
			"home": {"$ref": "#/definitions/address"},
			"age": {"type": "integer"}, "height": {"type": "number"}, "news": {"type": "boolean"},
			"born": {"type": "string", "format": "date"}, "woken": {"type": "string", "format": "date-time"},
			"site": {"type": "string", "format": "uri"}, "phone": {"type": "string", "format": "tel"}, "filter": {"type": "string", "format": "regex"},
			"color": {"enum": ["red", 7]},
			"tags": {"type": "array", "items": {"type": "string", "ory.sh/kratos": {"credentials": {"password": {"identifier": true}}}}},
			"pets": {"type": "array", "items": {"type": "object"}},
			"free": {"type": "object"},
			"first.name": {"type": "string"},
			"anything": {}
		}}},
		"definitions": {"address": {"type": "object", "properties": {"city": {"type": "string"}}}}}`)
	five := 5
	want := []schema.Field{
		{Path: "traits.zip", InputType: "text", Pattern: "^[0-9]{5}$", MaxLength: &five, Type: "string"},
		{Path: "traits.email", InputType: "email", Required: true, Title: "E-Mail", Autocomplete: "email", Type: "string", Identifies: []string{"password", "code"}},
		{Path: "traits.name.last", InputType: "text", Required: true, Type: "string"},
		{Path: "traits.name.first", InputType: "text", Type: "string"},
		{Path: "traits.home.city", InputType: "text", Type: "string"},
		{Path: "traits.age", InputType: "number", Type: "integer"},
		{Path: "traits.height", InputType: "number", Type: "number"},
		{Path: "traits.news", InputType: "checkbox", Type: "boolean"},
		{Path: "traits.born", InputType: "date", Type: "string"},
		{Path: "traits.woken", InputType: "datetime-local", Type: "string"},
		{Path: "traits.site", InputType: "url", Autocomplete: "url", Type: "string"},
		{Path: "traits.phone", InputType: "tel", Autocomplete: "tel", Type: "string"},
		{Path: "traits.filter", InputType: "text", Type: "string"},
		{Path: "traits.color", InputType: "text", Enum: []any{"red", number("7")}},
		{Path: "traits.tags", InputType: "text", Required: true, Type: "array", ItemType: "string", Identifies: []string{"password"}},
		{Path: `traits.first\.name`, InputType: "text", Type: "string"},
		{Path: "traits.anything", InputType: "text"},
	}
	if diff := cmp.Diff(want, s.Fields()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestFieldsOfAlternativesStandInTheForm(t *testing.T) {
	s := withTraits(t, `"email": {"type": "string"}`, `, "anyOf": [{"required": ["email"]}, {"properties": {"phone": {"type": "string"}, "email": {"title": "again"}}}],
		"allOf": [{"properties": {"nick": {"type": "string"}}}]`)
	var got []string
	for _, f := range s.Fields() {
		got = append(got, f.Path)
	}
	if diff := cmp.Diff([]string{"traits.email", "traits.nick", "traits.phone"}, got); diff != "" {
		t.Errorf("each once (-want +got):\n%s", diff)
	}
}

func TestTypeAtSaysHowFormTextIsRead(t *testing.T) {
	s := withTraits(t, `"age": {"type": "integer"}, "tags": {"type": "array", "items": {"type": "boolean"}}, "name": {"type": "object", "properties": {"first": {}}}`, "")
	for _, tt := range []struct {
		path, kind  string
		isArray, ok bool
	}{
		{"traits.age", "integer", false, true},
		{"traits.tags", "boolean", true, true},
		{"traits.name.first", "", false, true},
		{"traits.name", "", false, false},
		{"traits.unknown", "", false, false},
		{"age", "", false, false},
	} {
		kind, isArray, ok := s.TypeAt(tt.path)
		if kind != tt.kind || isArray != tt.isArray || ok != tt.ok {
			t.Errorf("%s: got %q, %v, %v, want %q, %v, %v", tt.path, kind, isArray, ok, tt.kind, tt.isArray, tt.ok)
		}
	}
}
