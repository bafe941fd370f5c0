package profile_test

import (
	"context"
	"encoding/json"
	"testing"

	"github.com/gatehouse-id/gatehouse/core/flow"
	"github.com/gatehouse-id/gatehouse/core/identity"
	"github.com/gatehouse-id/gatehouse/core/method/profile"
	"github.com/gatehouse-id/gatehouse/core/schema"
)

const doc = `{"type":"object","properties":{"traits":{"type":"object","properties":{
"email":{"type":"string","format":"email","title":"E-Mail"},"number":{"type":"integer"}},"required":["email"]}}}`

func method(t *testing.T) *profile.Method {
	t.Helper()
	s, err := schema.Parse("customer", []byte(doc))
	if err != nil {
		t.Fatal(err)
	}
	set := schema.NewSet(s)
	return &profile.Method{Schema: set.Get, On: func() bool { return true }}
}

func settingsOf(traits string) *flow.Flow {
	return &flow.Flow{Kind: flow.Settings, Identity: &identity.Identity{SchemaID: "customer", Traits: json.RawMessage(traits)}}
}

func TestFormShowsWhatIsStored(t *testing.T) {
	f := settingsOf(`{"email":"ada@example.org","number":9007199254740993}`)
	nodes := method(t).SettingsForm(f)
	if got := nodes.Find("traits.email").Input().Value; got != "ada@example.org" {
		t.Errorf("got %v", got)
	}
	raw, err := json.Marshal(nodes.Find("traits.number").Input().Value)
	if err != nil || string(raw) != "9007199254740993" {
		t.Errorf("a large number is shown as %s (%v), want it to the last digit", raw, err)
	}
}

func TestFormOfARefusedChangeShowsOnlyWhatWasSent(t *testing.T) {
	f := settingsOf(`{"email":"ada@example.org","number":1}`)
	f.SetValue("traits.email", "nowhere") // the engine lays it over the form
	if got := method(t).SettingsForm(f).Find("traits.number").Input().Value; got != nil {
		t.Errorf("a trait that was not sent is shown as %v", got)
	}
}

func TestFormOfAnUnknownSchemaIsEmpty(t *testing.T) {
	f := settingsOf(`{}`)
	f.Identity.SchemaID = "gone"
	if nodes := method(t).SettingsForm(f); len(nodes) != 0 {
		t.Errorf("got %d nodes", len(nodes))
	}
}

func TestTraitsReplaceAllOthers(t *testing.T) {
	f := settingsOf(`{"email":"ada@example.org","number":1}`)
	i := f.Identity.Clone()
	s := flow.Submission{Fields: map[string]any{"traits": map[string]any{"email": "b@example.org"}}}
	out, err := method(t).ChangeSettings(context.Background(), f, s, i)
	if err != nil || out.Rejected || string(i.Traits) != `{"email":"b@example.org"}` {
		t.Errorf("got %s, rejected %v, %v", i.Traits, out.Rejected, err)
	}
	if string(f.Identity.Traits) != `{"email":"ada@example.org","number":1}` {
		t.Errorf("the original became %s", f.Identity.Traits)
	}
}

func TestForgottenTraitsEmptyNothing(t *testing.T) {
	for _, fields := range []map[string]any{nil, {}, {"traits": nil}, {"traits": "none"}} {
		f := settingsOf(`{"email":"ada@example.org"}`)
		i := f.Identity.Clone()
		out, err := method(t).ChangeSettings(context.Background(), f, flow.Submission{Fields: fields}, i)
		if err != nil || !out.Rejected || len(f.FieldMessages["traits"]) != 1 || string(i.Traits) != `{"email":"ada@example.org"}` {
			t.Errorf("%v: rejected %v, messages %v, traits %s, %v", fields, out.Rejected, f.FieldMessages, i.Traits, err)
		}
	}
}
