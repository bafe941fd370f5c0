package hooks

import (
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/gatehouse-id/gatehouse/test/harness"
)

// TestDomainsDecidesWhoMayRegister runs the sample plugin as its README says.
func TestDomainsDecidesWhoMayRegister(t *testing.T) {
	code, err := os.ReadFile(harness.Plugin(t, "plugins/domains"))
	if err != nil {
		t.Fatal(err)
	}
	// A Go guest may need some time on a machine that is busy; its limits are tested elsewhere.
	gw := start(t, code, "deadline 10s", "config {", `"allow": ["example.org"]`, "}")
	app := gw.Env(t).App()

	refused := register(app, "eve@evil.example")
	if refused.Status != http.StatusBadRequest {
		t.Fatalf("a foreign domain: got %d, want 400: %s", refused.Status, refused.Body)
	}
	messages, _ := refused.Node("traits.email")["messages"].([]any)
	if len(messages) != 1 {
		t.Fatalf("messages at traits.email: got %v, want one", messages)
	}
	if text, _ := messages[0].(map[string]any)["text"].(string); !strings.Contains(text, "example.org") {
		t.Errorf("the message: got %q, want it to name example.org", text)
	}
	if value := refused.Node("traits.email")["attributes"].(map[string]any)["value"]; value != "eve@evil.example" {
		t.Errorf("the field: got %v, want what was entered", value)
	}
	if n := identities(t, gw); n != 0 {
		t.Errorf("identities: got %d, want none", n)
	}

	welcome := register(app, "ann@Example.org")
	if welcome.Status != http.StatusOK {
		t.Fatalf("a domain of the list: got %d, want 200: %s", welcome.Status, welcome.Body)
	}
	kept := app.Get(gw.Admin + "/admin/identities/" + welcome.Text("identity", "id"))
	if got := kept.Text("metadata_public", "plan"); got != "trial" {
		t.Errorf("metadata_public.plan: got %q, want trial: %s", got, kept.Body)
	}
	if strings.Contains(gw.Log(), "hook failed") {
		t.Error("the log tells of a failed hook")
	}
}
