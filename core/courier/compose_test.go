package courier

import (
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
