package schema_test

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse-id/gatehouse/core/schema"
)

func number(text string) json.Number { return json.Number(text) }

// contact has several credentials, both channels, and lists.
const contact = `
	"nick": {"type": "string", "ory.sh/kratos": {"credentials": {"password": {"identifier": true}, "totp": {"account_name": true}}}},
	"email": {"type": "string", "format": "email", "ory.sh/kratos": {
		"credentials": {"password": {"identifier": true}, "webauthn": {"identifier": true}, "code": {"identifier": true, "via": "email"}},
		"verification": {"via": "email"}, "recovery": {"via": "email"}}},
	"phones": {"type": "array", "items": {"type": "string", "ory.sh/kratos": {
		"credentials": {"code": {"identifier": true, "via": "sms"}}, "verification": {"via": "sms"}}}},
	"number": {"type": "integer", "ory.sh/kratos": {"credentials": {"password": {"identifier": true}}}}`

func identifiers(t *testing.T, s *schema.Schema, traits string) []schema.Identifier {
	t.Helper()
	ids, err := s.Identifiers(json.RawMessage(traits))
	if err != nil {
		t.Fatalf("%s: %v", traits, err)
	}
	return ids
}

func TestIdentifiersAndAddresses(t *testing.T) {
	s := withTraits(t, contact, "")
	const traits = `{"phones": ["+49 (30) 123-4567", "+49301234567", "+1.555.010.0000"], "email": " Ada@Example.ORG ", "nick": "Ada", "number": 4711}`
	want := []schema.Identifier{
		{Type: "password", Value: "ada"},
		{Type: "password", Value: "ada@example.org"},
		{Type: "webauthn", Value: "ada@example.org"},
		{Type: "code", Value: "ada@example.org", Via: "email"},
		{Type: "code", Value: "+49301234567", Via: "sms"},
		{Type: "code", Value: "+15550100000", Via: "sms"},
		{Type: "password", Value: "4711"},
	}
	for range 20 { // the order is the document's, not that of a map
		if diff := cmp.Diff(want, identifiers(t, s, traits)); diff != "" {
			t.Fatalf("(-want +got):\n%s", diff)
		}
	}
	verifiable, recovery, err := s.Addresses(json.RawMessage(traits))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]schema.Address{{"email", "ada@example.org"}, {"sms", "+49301234567"}, {"sms", "+15550100000"}}, verifiable); diff != "" {
		t.Errorf("verifiable (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]schema.Address{{"email", "ada@example.org"}}, recovery); diff != "" {
		t.Errorf("recovery (-want +got):\n%s", diff)
	}
	if name, err := s.AccountName(json.RawMessage(traits)); name != "Ada" || err != nil {
		t.Errorf("account name: got %q, %v, want it as it was written", name, err)
	}
}

// TestNobodySignsInWithNothing: an empty identifier would be one that all the others without share.
func TestNobodySignsInWithNothing(t *testing.T) {
	s := withTraits(t, contact, "")
	for _, traits := range []string{"", "null", "{}", `{"nick": "", "email": "  ", "phones": []}`, `{"nick": null, "email": {}, "phones": "", "number": true}`} {
		if got := identifiers(t, s, traits); len(got) != 0 {
			t.Errorf("%s: got %v, want none", traits, got)
		}
		verifiable, recovery, err := s.Addresses(json.RawMessage(traits))
		if err != nil || len(verifiable)+len(recovery) != 0 {
			t.Errorf("%s: got %v, %v, %v, want none", traits, verifiable, recovery, err)
		}
	}
	if _, err := s.Identifiers(json.RawMessage(`{"nick": `)); err == nil || !strings.Contains(err.Error(), "reading traits") {
		t.Errorf("damaged traits: got %v, want an error", err)
	}
}

// TestOnlyBranchesThatHoldIdentify: a trait must not sign anybody in by a rule that isn't about them.
func TestOnlyBranchesThatHoldIdentify(t *testing.T) {
	const id = `{"ory.sh/kratos": {"credentials": {"password": {"identifier": true}}}}`
	s := withTraits(t, `"kind": {"enum": ["staff", "guest"]}, "badge": {"type": "string"}, "email": {"type": "string"}`, `,
		"if": {"properties": {"kind": {"const": "staff"}}}, "then": {"properties": {"badge": `+id+`}}, "else": {"properties": {"email": `+id+`}}`)
	for traits, want := range map[string]string{
		`{"kind": "staff", "badge": "B-7", "email": "ada@example.org"}`: "b-7",
		`{"kind": "guest", "badge": "B-7", "email": "ada@example.org"}`: "ada@example.org",
	} {
		if got := identifiers(t, s, traits); len(got) != 1 || got[0].Value != want {
			t.Errorf("%s: got %v, want %q", traits, got, want)
		}
	}
}

func TestNormalize(t *testing.T) {
	for in, want := range map[string]string{
		"Ada@Example.ORG": "ada@example.org", " ada ": "ada", "\tada\n": "ada", "": "", "ÄDA": "äda",
		"+49 30 123-4567": "+49301234567", "+49/30/1234567": "+49301234567",
		"a.d-a": "a.d-a", "030 123": "030 123", "first last": "first last",
	} {
		got := schema.Normalize(in)
		if got != want || schema.Normalize(got) != got {
			t.Errorf("%q: got %q, want %q, and the same when done again", in, got, want)
		}
	}
}

// FuzzSchema feeds a schema and traits that both come from strangers.
func FuzzSchema(f *testing.F) {
	for _, name := range []string{"email", "phone", "username"} {
		raw, err := os.ReadFile("preset/" + name + ".json")
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw, []byte(`{"email": "ada@example.org", "phone": "+49301234567", "username": "ada"}`))
	}
	f.Add([]byte(`{"properties": {"traits": {"type": "object", "properties": {`+contact+`}}}}`), []byte(`{"phones": ["+1", 7, [null]]}`))
	f.Add([]byte(person), []byte(`{"email": 7, "x~/y.z": {}}`))
	f.Fuzz(func(t *testing.T, doc, traits []byte) {
		s, err := schema.Parse("fuzz", doc)
		if err != nil {
			return
		}
		for _, field := range s.Fields() {
			if _, _, ok := s.TypeAt(field.Path); !ok {
				t.Errorf("the field %q has no type", field.Path)
			}
		}
		for _, v := range s.Validate(traits) {
			if !strings.HasPrefix(v.Pointer, "/traits") && v.Pointer != "" || v.Text == "" {
				t.Errorf("violation %+v", v)
			}
		}
		ids, err := s.Identifiers(traits)
		if err != nil {
			return
		}
		for _, id := range ids {
			if id.Value == "" || schema.Normalize(id.Value) != id.Value {
				t.Errorf("the identifier %q isn't normalised", id.Value)
			}
		}
		if _, _, err := s.Addresses(traits); err != nil {
			t.Errorf("identifiers can be read and addresses can't: %v", err)
		}
	})
}

func BenchmarkValidate(b *testing.B) {
	s := withTraits(b, contact, "")
	traits := json.RawMessage(`{"nick": "ada", "email": "ada@example.org", "phones": ["+49301234567"], "number": 4711}`)
	for b.Loop() {
		if v := s.Validate(traits); len(v) != 0 {
			b.Fatal(v)
		}
	}
}

// TestTermsAreTheTraitsMarkedForSearch: the mark stands beside the one of Kratos, which ignores it.
func TestTermsAreTheTraitsMarkedForSearch(t *testing.T) {
	s := withTraits(t, `
		"email": {"type": "string", "ory.sh/kratos": {"credentials": {"password": {"identifier": true}}}, "gatehouse": {"search": true}},
		"name": {"type": "object", "properties": {"last": {"type": "string", "gatehouse": {"search": true}}, "first": {"type": "string"}}},
		"tags": {"type": "array", "items": {"type": "string", "gatehouse": {"search": true}}},
		"news": {"type": "boolean", "gatehouse": {"search": true}}, "level": {"type": "integer", "gatehouse": {"search": true}},
		"off": {"type": "string", "gatehouse": {"search": false}}`, "")
	got, err := s.Terms(json.RawMessage(`{"level": 7, "news": true, "off": "x", "tags": ["Red", "red", "BLUE"], "name": {"first": "Ada", "last": " Lovelace "}, "email": "Ada@example.org"}`))
	want := []schema.Term{
		{Trait: "email", Value: "ada@example.org"}, {Trait: "name.last", Value: "lovelace"},
		{Trait: "tags", Value: "red"}, {Trait: "tags", Value: "blue"}, {Trait: "news", Value: "true"}, {Trait: "level", Value: "7"},
	}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v, -want +got:\n%s", err, diff)
	}
	for trait, want := range map[string]bool{"email": true, "name.last": true, "tags": true, "name": false, "name.first": false, "off": false, "": false, "nope": false} {
		if s.Searchable(trait) != want {
			t.Errorf("%q is searchable: %v, want %v", trait, !want, want)
		}
	}
}

func TestSearchMarkWithUnknownKeysIsRefused(t *testing.T) {
	_, err := schema.Parse("x", []byte(`{"properties": {"traits": {"type": "object", "properties": {"email": {"type": "string", "gatehouse": {"serach": true}}}}}}`))
	if err == nil || !strings.Contains(err.Error(), "serach") {
		t.Errorf("got %v, want an error that names the key", err)
	}
}
