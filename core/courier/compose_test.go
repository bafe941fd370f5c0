package courier

import (
	"fmt"
	"strings"
	"testing"
)

func composer(t testing.TB, c TemplateConfig) *Composer {
	t.Helper()
	ts, err := LoadTemplates(t.Context(), c)
	if err != nil {
		t.Fatalf("loading templates: %v", err)
	}
	return &Composer{Templates: ts, Site: "id.example.org"}
}

func composed(t testing.TB, c *Composer, kind TemplateType, d Data) *Message {
	t.Helper()
	m, err := c.Compose(kind, "ann@example.org", d)
	if err != nil {
		t.Fatalf("composing %s: %v", kind, err)
	}
	return m
}

func TestXX(t *testing.T) {
	c := composer(t, TemplateConfig{})
	m := composed(t, c, RecoveryCodeValid, Data{RecoveryCode: "123456", ExpiresInMinutes: 15})
	fmt.Println(m.Subject, "\n", m.Body, "\n", m.HTML)
	m = composed(t, c, VerificationValid, Data{VerificationURL: "https://a.b/?x=1&y=2", Traits: map[string]any{"lang": "de_CH"}})
	fmt.Println(m.Subject, "\n", m.Body, "\n", m.HTML, strings.Count(m.Body, "x"))
}
