package project_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/gatehouse-id/gatehouse/core/apierror"
	"github.com/gatehouse-id/gatehouse/core/project"
)

// Somebody who may change a project, and may not see its secrets, has them sent elsewhere.
func TestCoveredSecretsAreNotSentElsewhere(t *testing.T) {
	old := stored(t, first, full(t))
	read := string(shown(t, old))
	for name, change := range map[string][2]string{
		"another server of web hooks":  {"https://hooks.example/r", "https://evil.example/r"},
		"another path of web hooks":    {"https://hooks.example/l", "https://hooks.example/evil"},
		"another provider":             {"https://id.example\"", "https://evil.example\""},
		"another place for codes":      {"https://id.example/t", "https://evil.example/t"},
		"another mail server":          {"@mail.example:465/", "@evil.example:465/"},
		"a mail server without proof":  {"@mail.example:465/", "@mail.example:465/?skip_ssl_verify=true"},
		"mail in the clear":            {"smtps://mailer", "smtp://mailer"},
		"a header under another name":  {`"X-Api-Key":`, `"X-Shown":`},
		"the cookie secret in a hook":  {":" + hooksKey + "[1].web_hook_config_auth_api_key_value", ":kratos_secrets_cookie[0]"},
		"a client secret in a header":  {":kratos_courier_smtp_headers.X-Api-Key", ":" + providersKey + "[0].client_secret"},
		"a cipher secret for cookies":  {":kratos_secrets_cookie[0]", ":kratos_secrets_cipher[0]"},
		"the key of a hook in another": {":" + hooksKey + "[1].web_hook_config_auth_api_key_value", ":" + hooksKey + "[0].web_hook_config_auth_basic_auth_password"},
	} {
		if !strings.Contains(read, change[0]) {
			t.Fatalf("%s: %q isn't in %s", name, change[0], read)
		}
		next, err := project.ParseRevision([]byte(strings.Replace(read, change[0], change[1], 1)))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		refused(t, name, next.Restore(old), "Send the secret itself")
	}
}

const (
	hooksKey     = "kratos_selfservice_flows_hooks"
	providersKey = "kratos_selfservice_methods_oidc_config_providers"
)

func TestCoveredSecretsStayWhereListsChange(t *testing.T) {
	old := stored(t, first, full(t))
	var body map[string]any
	if err := json.Unmarshal(shown(t, old), &body); err != nil {
		t.Fatal(err)
	}
	hooks := body[hooksKey].([]any)
	body[hooksKey] = []any{hooks[2], hooks[1], hooks[1]} // the first is gone, the second runs twice
	body[providersKey] = body[providersKey].([]any)[1:]
	raw, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	next := parse(t, string(raw))
	if err := next.Restore(old); err != nil {
		t.Fatal(err)
	}
	if got := string(next.Settings[hooksKey]); strings.Count(got, "k3y-hook") != 2 || strings.Contains(got, "redacted") {
		t.Errorf("got %s", got)
	}
	if got := string(next.Settings[providersKey]); !strings.Contains(got, "k3y-apple") {
		t.Errorf("got %s", got)
	}
}

func TestFewCoversDontMakeAHugeRevision(t *testing.T) {
	const hook = `{"config_key": "selfservice.flows.login.after.hooks", "hook": "web_hook", "web_hook_config_url": "https://h.example", "web_hook_config_method": "POST",
		"web_hook_config_auth_type": "basic_auth", "web_hook_config_auth_basic_auth_user": "u", "web_hook_config_auth_basic_auth_password": "%s"}`
	old := stored(t, first, fmt.Appendf(nil, `{"name": "x", "`+hooksKey+`": [`+hook+`]}`, strings.Repeat("s", 100_000)))
	cover := "redacted:11111111:" + hooksKey + "[0].web_hook_config_auth_basic_auth_password"
	next := parse(t, `{"name": "x", "`+hooksKey+`": [`+strings.Repeat(fmt.Sprintf(hook, cover)+",", 200)+fmt.Sprintf(hook, cover)+`]}`)
	if err := next.Restore(old); !apierror.IsKind(err, apierror.KindTooLarge) {
		t.Errorf("got %v, want 413", err)
	}
}

// Many covers are longer than the secrets they stand for; all are covered all the same.
func TestManyShortSecretsAreAllCovered(t *testing.T) {
	r := stored(t, first, []byte(`{"name": "x", "kratos_secrets_cookie": [`+strings.Repeat(`"7",`, 10_000)+`"7"], "kratos_courier_smtp_headers": {"X-Token": "s3cret"}}`))
	if got := shown(t, r); bytes.Contains(got, []byte(`"7"`)) || bytes.Contains(got, []byte("s3cret")) {
		t.Error("a secret is shown")
	}
}

// FuzzSecretsComeBack covers the secrets of whatever can be stored, and restores them.
func FuzzSecretsComeBack(f *testing.F) {
	f.Add(full(f))
	f.Add([]byte(`{"name":"x","kratos_courier_smtp_connection_uri":"smtp://a:b%40c@[::1]:25/?disable_starttls=true","kratos_courier_smtp_headers":{"Token":"","AUTH":"x"}}`))
	f.Add([]byte(`{"name":"x","kratos_courier_smtp_connection_uri":"smtp://a:b c@d"}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		r, err := project.ParseRevision(body)
		if err != nil || r.Restore(&project.Revision{}) != nil {
			return
		}
		r.ID = first
		sent, err := json.Marshal(r.Redacted())
		if err != nil {
			t.Fatal(err)
		}
		back, err := project.ParseRevision(sent)
		if apierror.IsKind(err, apierror.KindTooLarge) {
			return
		}
		if err != nil {
			t.Fatalf("what was shown can't be sent back: %v: %s", err, sent)
		}
		if err := back.Restore(r); err != nil {
			t.Fatalf("what was shown can't be sent back: %v: %s", err, sent)
		}
		if !reflect.DeepEqual(settings(t, back), settings(t, r)) {
			t.Errorf("%s became %s by way of %s", settings(t, r), settings(t, back), sent)
		}
	})
}

func settings(t *testing.T, r *project.Revision) map[string]string {
	t.Helper()
	out := map[string]string{}
	for key, raw := range r.Settings {
		var compact bytes.Buffer
		if err := json.Compact(&compact, raw); err != nil {
			t.Fatal(err)
		}
		out[key] = compact.String()
	}
	return out
}
