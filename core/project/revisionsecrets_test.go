package project_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/gatehouse-id/gatehouse/core/apierror"
	"github.com/gatehouse-id/gatehouse/core/project"
)

// secretsOfFull are all secrets of full.json.
var secretsOfFull = []string{
	"cipher-secret-of-32-characters--", "cookie-secret-0123456789", "older-cookie-secret-0123", "default-secret-0123456789",
	"p4ss-smtp", "k3y-header", "k3y-hook", "p4ss-hook", "s3cret-client", "k3y-apple",
}

// shown is a revision as a client reads it.
func shown(t *testing.T, r *project.Revision) []byte {
	t.Helper()
	raw, err := json.Marshal(r.Redacted())
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func stored(t *testing.T, id string, body []byte) *project.Revision {
	t.Helper()
	r := parse(t, string(body))
	r.ID = id
	return r
}

const (
	first  = "11111111-0000-4000-8000-000000000001"
	second = "22222222-0000-4000-8000-000000000002"
)

func TestSecretsNeverComeBackInClear(t *testing.T) {
	r := stored(t, first, full(t))
	before, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	got := shown(t, r)
	for _, s := range secretsOfFull {
		if !bytes.Contains(before, []byte(s)) {
			t.Errorf("full.json doesn't have %q: this test would show nothing", s)
		}
		if bytes.Contains(got, []byte(s)) {
			t.Errorf("%q is shown", s)
		}
	}
	if !bytes.Contains(got, []byte("spring")) {
		t.Error("a header that is no secret is covered")
	}
	if after, _ := json.Marshal(r); !bytes.Equal(before, after) {
		t.Error("covering the secrets changed the revision itself")
	}
}

func TestSecretsThatAreSentBackCoveredStay(t *testing.T) {
	old := stored(t, first, full(t))
	next := parse(t, strings.Replace(string(shown(t, old)), `"36h"`, `"12h"`, 1))
	next.ID = second
	if err := next.Restore(old); err != nil {
		t.Fatal(err)
	}
	raw, err := json.Marshal(next)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range secretsOfFull {
		if !bytes.Contains(raw, []byte(s)) {
			t.Errorf("%q is lost", s)
		}
	}
	if bytes.Contains(raw, []byte("redacted")) {
		t.Errorf("a cover was kept in the place of its secret: %s", raw)
	}
}

func TestSecretsAreRotatedByPuttingOneInFront(t *testing.T) {
	old := stored(t, first, []byte(`{"name": "x", "kratos_secrets_cookie": ["the-old-secret-0123456"]}`))
	next := parse(t, `{"name": "x", "kratos_secrets_cookie": ["the-new-secret-0123456", "redacted:11111111:kratos_secrets_cookie[0]"]}`)
	if err := next.Restore(old); err != nil {
		t.Fatal(err)
	}
	if got := string(next.Settings["kratos_secrets_cookie"]); got != `["the-new-secret-0123456","the-old-secret-0123456"]` {
		t.Errorf("got %s", got)
	}
}

func TestSecretsThatAreLeftOutStayAndEmptiedOnesAreRefused(t *testing.T) {
	old := stored(t, first, []byte(`{"name": "x", "kratos_secrets_default": ["the-only-secret-012345"]}`))
	next := parse(t, `{"name": "y"}`)
	if err := next.Restore(old); err != nil || string(next.Settings["kratos_secrets_default"]) != `["the-only-secret-012345"]` {
		t.Errorf("left out: got %v, %s", err, next.Settings["kratos_secrets_default"])
	}
	refused(t, "emptied", parse(t, `{"name": "y", "kratos_secrets_default": []}`).Restore(old), "kratos_secrets_default: is empty")
	foreign := parse(t, `{"name": "y", "kratos_secrets_default": ["redacted:22222222:kratos_secrets_default[0]"]}`)
	refused(t, "a cover of another revision", foreign.Restore(old), "kratos_secrets_default[0]: ")
	elsewhere := parse(t, `{"name": "y", "kratos_secrets_default": ["redacted:11111111:kratos_secrets_default[7]"]}`)
	refused(t, "a cover of no secret", elsewhere.Restore(old), "kratos_secrets_default[0]: ")
}

func refused(t *testing.T, what string, err error, want string) {
	t.Helper()
	if !apierror.IsKind(err, apierror.KindBadRequest) || !strings.Contains(err.Error(), want) {
		t.Errorf("%s: got %v, want 400 with %q", what, err, want)
	}
}
