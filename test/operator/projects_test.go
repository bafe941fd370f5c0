package operator

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gatehouse-id/gatehouse/test/harness"
)

// TestProjectsAreManagedOnTheCommandLine makes a project, changes it, takes the change back, works in it, and purges it.
func TestProjectsAreManagedOnTheCommandLine(t *testing.T) {
	gw := harness.Start(t, harness.Options{})
	run := func(args ...string) string {
		t.Helper()
		got := gw.Command(args...)
		if got.Code != 0 {
			t.Fatalf("gatehouse %s: %d\n%s", strings.Join(args, " "), got.Code, got.Stderr)
		}
		return got.Stdout
	}
	has := func(what, text, want string) {
		t.Helper()
		if !strings.Contains(text, want) {
			t.Errorf("%s: got %s, want %q in it", what, text, want)
		}
	}
	has("create", run("projects", "create", "The shop", "--slug", "shop", "--host", "login.shop.example"), "login.shop.example shop.projects.localhost")
	has("list", run("projects", "list"), "The shop")
	has("update", run("projects", "update", "shop", "--set", "kratos_session_lifespan=2h", "--set", "kratos_selfservice_methods_totp_enabled=true"), "shop")
	has("show", run("projects", "show", "shop"), `"kratos_session_lifespan": "2h"`)

	var history []struct{ ID string }
	if err := json.Unmarshal([]byte(run("projects", "history", "shop", "--json")), &history); err != nil || len(history) != 2 {
		t.Fatalf("the history has %d revisions, %v, want 2", len(history), err)
	}
	run("projects", "rollback", "shop", history[1].ID)
	if now := run("projects", "show", "shop"); strings.Contains(now, "kratos_session_lifespan") {
		t.Errorf("the change is still there: %s", now)
	}

	if broken := gw.Command("projects", "update", "shop", "--set", "kratos_session_lifespan=soon"); broken.Code == 0 || !strings.Contains(broken.Stderr, "session.lifespan") {
		t.Errorf("a broken revision: %d %s", broken.Code, broken.Stderr)
	}

	people := func(email string) string {
		t.Helper()
		file := filepath.Join(gw.Dir, "person.json")
		if err := os.WriteFile(file, []byte(`{"schema_id": "default", "traits": {"email": "`+email+`"}}`), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	run("identities", "create", people("ann@example.org"), "--project", "shop")
	has("identities of the project", run("identities", "list", "--project", "shop"), "ann@example.org")
	if elsewhere := run("identities", "list"); strings.Contains(elsewhere, "ann@example.org") {
		t.Errorf("somebody of the project is in the console project: %s", elsewhere)
	}
	has("a token", run("token", "create", "x", "--scope", "admin", "--project", "shop"), "ory_pat_")
	if unknown := gw.Command("identities", "list", "--project", "nothing"); unknown.Code == 0 || !strings.Contains(unknown.Stderr, "no project") {
		t.Errorf("a project that isn't there: %d %s", unknown.Code, unknown.Stderr)
	}

	var person struct{ ID string }
	if err := json.Unmarshal([]byte(run("identities", "create", people("bob@example.org"), "--json")), &person); err != nil {
		t.Fatal(err)
	}
	run("projects", "members", "add", "shop", person.ID, "--role", "OWNER")
	has("members", run("projects", "members", "list", "shop"), "bob@example.org")
	if last := gw.Command("projects", "members", "remove", "shop", person.ID); last.Code == 0 || !strings.Contains(last.Stderr, "keeps an owner") {
		t.Errorf("removing the last owner: %d %s", last.Code, last.Stderr)
	}

	if unsure := gw.Command("projects", "purge", "shop"); unsure.Code == 0 {
		t.Error("a project was purged without --yes")
	}
	run("projects", "purge", "shop", "--yes")
	if left := run("projects", "list"); strings.Contains(left, "shop") {
		t.Errorf("it is still there: %s", left)
	}
}
