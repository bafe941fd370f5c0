package hooks

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/gatehouse-id/gatehouse/core/flow"
	"github.com/gatehouse-id/gatehouse/core/identity"
	"github.com/gatehouse-id/gatehouse/core/session"
	"github.com/gatehouse-id/gatehouse/hooks/abi"
)

// answers is a plugin that gives one answer, read as the runtime reads it, and keeps what it was told.
type answers struct {
	document string
	told     *abi.Context
}

func (a *answers) Call(_ context.Context, e abi.Event, in *abi.Context) (abi.Output, error) {
	a.told = in
	return abi.DecodeOutput(e, []byte(a.document))
}

func ask(t *testing.T, document string, in *flow.HookInput) (flow.Decision, *abi.Context, error) {
	t.Helper()
	plugin := &answers{document: document}
	g := &ABIGuest{Name: "gate", Plugin: plugin, Redirect: func(to string) error {
		if to != "/welcome" {
			return errors.New("not allowed: " + to)
		}
		return nil
	}}
	d, err := g.Call(context.Background(), in)
	return d, plugin.told, err
}

// TestMergeFollowsRFC7396 has the cases of the RFC's appendix that a JSON object can be the start of, and some of ours.
func TestMergeFollowsRFC7396(t *testing.T) {
	for _, test := range []struct{ before, patch, want string }{
		{`{"a":"b"}`, `{"a":"c"}`, `{"a":"c"}`},
		{`{"a":"b"}`, `{"b":"c"}`, `{"a":"b","b":"c"}`},
		{`{"a":"b"}`, `{"a":null}`, `{}`},
		{`{"a":"b","b":"c"}`, `{"a":null}`, `{"b":"c"}`},
		{`{"a":["b"]}`, `{"a":"c"}`, `{"a":"c"}`},
		{`{"a":"c"}`, `{"a":["b"]}`, `{"a":["b"]}`},
		{`{"a":{"b":"c"}}`, `{"a":{"b":"d","c":null}}`, `{"a":{"b":"d"}}`},
		{`{"a":[{"b":"c"}]}`, `{"a":[1]}`, `{"a":[1]}`},
		{`{"e":null}`, `{"a":1}`, `{"a":1,"e":null}`},
		{`{}`, `{"a":{"bb":{"ccc":null}}}`, `{"a":{"bb":{}}}`},
		{``, `{"plan":"trial"}`, `{"plan":"trial"}`},
		{`{"a":1}`, `null`, ``},
		{`{"big":9007199254740993,"exact":1.10}`, `{"a":1}`, `{"a":1,"big":9007199254740993,"exact":1.10}`},
	} {
		in := asked(flow.PrePersistRegistration)
		in.Identity.MetadataPublic = json.RawMessage(test.before)
		d, _, err := ask(t, `{"action":"continue","identity_merge":{"metadata_public":`+test.patch+`}}`, in)
		if err != nil || !d.IdentityChanged {
			t.Errorf("%s + %s: %+v, %v", test.before, test.patch, d, err)
		}
		if got := string(in.Identity.MetadataPublic); got != test.want {
			t.Errorf("%s + %s: got %s, want %s", test.before, test.patch, got, test.want)
		}
	}
}

func TestIdentityReplacesWholeValues(t *testing.T) {
	in := asked(flow.PrePersistRegistration)
	in.Identity.MetadataAdmin = json.RawMessage(`{"keep":1}`)
	d, _, err := ask(t, `{"action":"continue","identity":{"traits":{"email":"new@example.org"},"metadata_public":{"a":1},"state":"inactive"},
		"identity_merge":{"metadata_public":{"b":2}}}`, in)
	if err != nil || !d.IdentityChanged {
		t.Fatalf("%+v, %v", d, err)
	}
	i := in.Identity
	if string(i.Traits) != `{"email":"new@example.org"}` || string(i.MetadataPublic) != `{"a":1,"b":2}` ||
		string(i.MetadataAdmin) != `{"keep":1}` || i.State != identity.Inactive {
		t.Errorf("got %s %s %s %s", i.Traits, i.MetadataPublic, i.MetadataAdmin, i.State)
	}
}

// TestOnlyListedFieldsCanChange: what is not traits, metadata or state is not a plugin's business.
func TestOnlyListedFieldsCanChange(t *testing.T) {
	for _, key := range []string{"id", "schema_id", "credentials", "verifiable_addresses", "recovery_addresses", "external_id", "Traits"} {
		in := asked(flow.PrePersistRegistration)
		if _, _, err := ask(t, `{"action":"continue","identity":{"`+key+`":{}}}`, in); err == nil {
			t.Errorf("the key %q was taken", key)
		}
	}
}

func TestNothingSaidChangesNothing(t *testing.T) {
	in := asked(flow.PrePersistRegistration)
	if d, _, err := ask(t, `{"action":"continue"}`, in); err != nil || d.IdentityChanged || d.Stops() {
		t.Errorf("got %+v, %v", d, err)
	}
}

func TestRejectionKeepsPointerAndContext(t *testing.T) {
	d, _, err := ask(t, `{"action":"reject","messages":[{"instance_ptr":"#/traits/email","messages":[
		{"id":4000001,"text":"No.","context":{"reason":"domain"}}]}]}`, asked(flow.PrePersistRegistration))
	if err != nil || len(d.Messages) != 1 {
		t.Fatalf("%+v, %v", d, err)
	}
	m := d.Messages[0]
	if m.Pointer != "#/traits/email" || m.Message.ID != 4000001 || m.Message.Type != "error" || m.Message.Context["reason"] != "domain" {
		t.Errorf("got %+v", m)
	}
}

func TestDenyAndRedirect(t *testing.T) {
	if d, _, err := ask(t, `{"action":"deny"}`, asked(flow.BeforeRegistration)); err != nil || !d.Denied {
		t.Errorf("deny: %+v, %v", d, err)
	}
	if d, _, err := ask(t, `{"action":"redirect","redirect_to":"/welcome"}`, asked(flow.BeforeRegistration)); err != nil || d.RedirectTo != "/welcome" {
		t.Errorf("redirect: %+v, %v", d, err)
	}
	_, _, err := ask(t, `{"action":"redirect","redirect_to":"https://evil.test/?mail=`+secretEmail+`"}`, asked(flow.BeforeRegistration))
	if err == nil || strings.Contains(err.Error(), secretEmail) {
		t.Errorf("a redirect to a foreign place: got %v, want an error without the URL", err)
	}
}

// TestPluginIsToldNoSecrets builds the fullest input there is and looks for what must not be in it.
func TestPluginIsToldNoSecrets(t *testing.T) {
	in := asked(flow.PostPersistRegistration)
	in.Identity.Credentials = map[identity.CredentialType]identity.Credential{
		identity.Password: {Identifiers: []string{secretEmail}, Config: json.RawMessage(`{"hashed_password":"$argon2id$SECRET"}`)},
	}
	in.Session = &session.Session{ID: "session-id", TokenHash: session.HashToken("ory_st_token")}
	in.Flow.Values = map[string]any{"traits.nickname": "SECRET"}
	in.Request = flow.Request{Method: "POST", URL: "https://example.org/", ClientIP: "192.0.2.1", Headers: map[string][]string{"User-Agent": {"test"}}}
	in.Payload = []byte(`{"campaign":"x"}`)
	_, told, err := ask(t, `{"action":"continue"}`, in)
	if err != nil {
		t.Fatal(err)
	}
	document, err := json.Marshal(told)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(document), "SECRET") || strings.Contains(string(document), "token") || strings.Contains(string(document), "hashed_password") {
		t.Errorf("a secret in %s", document)
	}
	for _, want := range []string{`"campaign":"x"`, `"client_ip":"192.0.2.1"`, secretEmail, `"id":"session-id"`, `"hook_id":"gate"`, `"method":"password"`} {
		if !strings.Contains(string(document), want) {
			t.Errorf("%s is not in %s", want, document)
		}
	}
}
