package project_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/gatehouse-id/gatehouse/core/project"
)

// taken are the settings that are made of a document, and what was warned of.
func taken(t *testing.T, document string) (*project.Revision, []project.Warning) {
	t.Helper()
	settings, warnings, err := project.FromDocument([]byte(document))
	if err != nil {
		t.Fatalf("%v in %s", err, document)
	}
	return &project.Revision{Settings: settings}, warnings
}

func TestProvidersAreTakenUnderEveryNameOfTheirFields(t *testing.T) {
	const form = `{"selfservice": {"methods": {"oidc": {"config": {"providers": [
		{"id": "m", "provider": "microsoft", "client_id": "c", "mapper_url": "base64://e30=", "TENANT": "common", "requested_claims": {"id_token": {"n": {"value": 12345678901234567890}}}},
		{"id": "a", "provider": "apple", "client_id": "c", "mapper_url": "base64://e30=", "TEAM": "T", "KEYID": "K", "KEY": "P"}]}}}}}`
	const want = `[{"provider_id":"m","provider":"microsoft","client_id":"c","mapper_url":"base64://e30=","requested_claims":{"id_token":{"n":{"value":12345678901234567890}}},"azure_tenant":"common"},` +
		`{"provider_id":"a","provider":"apple","client_id":"c","mapper_url":"base64://e30=","apple_team_id":"T","apple_private_key_id":"K","apple_private_key":"P"}]`
	for _, names := range [][]string{
		{"TENANT", "tenant", "TEAM", "team_id", "KEYID", "private_key_id", "KEY", "private_key"},
		{"TENANT", "microsoft_tenant", "TEAM", "apple_team_id", "KEYID", "apple_private_key_id", "KEY", "apple_private_key"},
		{"TENANT", "azure_tenant", "TEAM", "team_id", "KEYID", "private_key_id", "KEY", "private_key"},
	} {
		r, warnings := taken(t, strings.NewReplacer(names...).Replace(form))
		if got := string(r.Settings[providersKey]); got != want || len(warnings) > 0 {
			t.Errorf("%v\n\tgot  %s, %v\n\twant %s", names, got, warnings, want)
		}
	}
}

func TestDefaultSchemaOfADocument(t *testing.T) {
	const schemas = `"schemas": [{"id": "customer", "url": "preset://email"}, {"id": "default", "url": "preset://username"}]`
	for document, want := range map[string]string{
		`{"identity": {` + schemas + `}}`:                                                                                "default",
		`{"identity": {"default_schema_id": null, ` + schemas + `}}`:                                                     "default",
		`{"identity": {"default_schema_id": "customer", ` + schemas + `}}`:                                               "customer",
		`{"identity": {"schemas": [{"id": "staff", "url": "preset://email"}, {"id": "x", "url": "preset://username"}]}}`: "staff",
		`{}`: "default",
	} {
		r, _ := taken(t, document)
		for _, s := range r.Schemas() {
			if s.Default != (s.ID == want) {
				t.Errorf("%s: the default is %+v, want %s", document, r.Schemas(), want)
			}
		}
	}
	for _, document := range []string{
		`{"identity": {"default_schema_id": "gone", ` + schemas + `}}`,
		`{"identity": {"default_schema_id": "gone"}}`,
	} {
		_, _, err := project.FromDocument([]byte(document))
		refused(t, document, err, `identity.default_schema_id: "gone" is not among`)
	}
}

func TestOneKeyIsWarnedOfOnce(t *testing.T) {
	_, warnings := taken(t, `{"session": {"whoami": {"tokenizer": {"templates": {"x": {"ttl": "1m"}}}}}, "ciphers": {"algorithm": "aes"},
		"selfservice": {"methods": {"webauthn": {"config": {"rp": {"id": "a.example", "icon": "https://a.example/i.png"}}}},
			"flows": {"registration": {"after": {"password": {"hooks": [{"hook": "verifier"}, {"hook": "revoke_active_sessions"}]}}}}}}`)
	got := map[string]int64{}
	for _, w := range warnings {
		path, _, _ := strings.Cut(w.Message, " ")
		if got[path] != 0 {
			t.Errorf("%s is warned of twice: %v", path, warnings)
		}
		got[path] = w.Code
	}
	const hooks = "selfservice.flows.registration.after.password.hooks"
	want := map[string]int64{
		"session.whoami.tokenizer.templates.x.ttl": project.WarnNotHeld, "ciphers.algorithm": project.WarnOperational,
		"selfservice.methods.webauthn.config.rp.icon": project.WarnNoEffect,
		hooks + "[0].hook":                            project.WarnNotHeld, hooks + "[1]": project.WarnNoEffect,
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestSettingsWithoutEffectAreWarnedOf(t *testing.T) {
	const row = "selfservice.methods.oidc.config.providers[0]."
	want := []string{row + "auth_url", row + "token_url", "selfservice.methods.webauthn.config.rp.icon"}
	var got []string
	for _, w := range parse(t, string(full(t))).Warnings() {
		path, _, _ := strings.Cut(w.Message, " ")
		if got = append(got, path); w.Code != project.WarnNoEffect {
			t.Errorf("%s has the code %d, want %d", path, w.Code, project.WarnNoEffect)
		}
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if got := parse(t, `{"name": "x"}`).Warnings(); len(got) > 0 {
		t.Errorf("nothing is set: got %v", got)
	}
}

// What is wrong with a row is told with its place in the list, and the same way every time.
func TestWhatIsWrongWithARowIsToldByItsPlace(t *testing.T) {
	const hook = `{"name": "x", "` + hooksKey + `": [{"config_key": "selfservice.flows.login.after.hooks", `
	const web = hook + `"hook": "web_hook", "web_hook_config_url": "https://h.example", "web_hook_config_method": "POST", `
	for body, want := range map[string]string{
		`{"name": "x", "kratos_secrets_default": [7]}`:                                                                           "kratos_secrets_default: has to be a list of texts",
		`{"name": "x", "kratos_secrets_default": ["a", null]}`:                                                                   "kratos_secrets_default[1]: is empty",
		`{"name": "x", "kratos_selfservice_allowed_return_urls": [""]}`:                                                          "kratos_selfservice_allowed_return_urls[0]: is empty",
		`{"name": "x", "kratos_identity_schemas": {"import_id": "a"}}`:                                                           "kratos_identity_schemas: has to be a list of objects",
		`{"name": "x", "kratos_identity_schemas": [{"preset": "email"}, {"preset": "email", "is_default": "yes"}]}`:              "kratos_identity_schemas[1].is_default: must not be a string",
		`{"name": "x", "kratos_identity_schemas": [{"preset": "email"}, {"preset": "email", "url": "x"}]}`:                       `kratos_identity_schemas[1]: unknown field "url"`,
		`{"name": "x", "kratos_identity_schemas": [{"preset": "email"}, {"preset": "email"}]}`:                                   "kratos_identity_schemas[1].import_id",
		`{"name": "x", "kratos_identity_schemas": [{"preset": "email", "import_url": "preset://username"}]}`:                     "kratos_identity_schemas[0].import_url: there is a preset",
		`{"name": "x", "kratos_identity_schemas": [{"import_id": "a", "import_url": "https://a.example"}]}`:                      "kratos_identity_schemas[0].import_url: has to be base64://",
		hook + `"hook": "session", "web_hook_config_url": "https://h.example"}]}`:                                                "[0].hook: \"session\" has no settings",
		web + `"web_hook_config_body": "file:///etc/passwd"}]}`:                                                                  "[0].web_hook_config_body: has to be base64://",
		web + `"web_hook_config_auth_api_key_value": "k"}]}`:                                                                     "[0].web_hook_config_auth_type: is missing",
		`{"name": "x", "kratos_session_lifespan": 7, "kratos_secrets_cookie": 7, "kratos_cookies_same_site": 7, "b": 7, "a": 7}`: "a: a revision has no such key",
	} {
		_, err := project.ParseRevision([]byte(body))
		refused(t, body, err, want)
		if err != nil && strings.Contains(err.Error(), "Go value") {
			t.Errorf("%s: the answer speaks of Go: %v", body, err)
		}
	}
}

func TestPresetsMayBeWrittenInAllTheirForms(t *testing.T) {
	const want = `[{"import_id":"email","is_default":false,"preset":"email"}]`
	for _, row := range []string{
		`{"preset": "email"}`, `{"preset": "preset://email"}`, `{"import_url": "preset://email"}`,
		`{"import_id": "email", "import_url": "preset://email", "preset": "email"}`,
		`{"preset": "email", "id": "x", "identity_schema": {"id": "y"}, "identity_schema_id": null, "created_at": "2026-01-01T00:00:00Z"}`,
	} {
		r := parse(t, `{"name": "x", "kratos_identity_schemas": [`+row+`]}`)
		if got := string(r.Settings["kratos_identity_schemas"]); !sameJSON(t, json.RawMessage(got), json.RawMessage(want)) {
			t.Errorf("%s: got %s, want %s", row, got, want)
		}
	}
}
