package operator

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gatehouse-id/gatehouse/internal/testenv"
	"github.com/gatehouse-id/gatehouse/test/harness"
)

// searchable is the schema of the tests with something to search by.
var searchable = []byte(strings.Replace(testenv.Schema, `"first":{"type":"string"`, `"first":{"gatehouse":{"search":true},"type":"string"`, 1))

// office is a site with an admin API that asks for tokens, and some people.
func office(t *testing.T, people ...string) (gw *harness.Process, ids []string) {
	t.Helper()
	gw = harness.Start(t, harness.Options{Caddyfile: closed, Files: map[string][]byte{"identity.schema.json": searchable}})
	for _, name := range people {
		file := filepath.Join(gw.Dir, name+".json")
		document := fmt.Sprintf(`{"traits":{"email":"%s@example.org","name":{"first":%q}},"external_id":"crm/%s","credentials":{"password":{"config":{"password":%q}}}}`,
			strings.ToLower(name), name, name, testenv.Password)
		if err := os.WriteFile(file, []byte(document), 0o600); err != nil {
			t.Fatal(err)
		}
		made := read[struct{ ID string }](t, gw.Command("identities", "create", file, "--format", "json"))
		ids = append(ids, made.ID)
	}
	return gw, ids
}

type identityPage struct {
	Identities []struct{ ID string }
	Next       string `json:"next_page_token"`
}

// TestIdentitiesOnTheCommandLine makes, lists, finds and deletes people on the machine of the server.
func TestIdentitiesOnTheCommandLine(t *testing.T) {
	gw, ids := office(t, "Ann", "Anton", "Bob")
	list := func(args ...string) identityPage {
		return read[identityPage](t, gw.Command(append([]string{"identities"}, append(args, "--format", "json")...)...))
	}
	first := list("list", "--page-size", "2")
	rest := list("list", "--page-size", "2", "--page-token", first.Next)
	if len(first.Identities) != 2 || len(rest.Identities) != 1 || rest.Next != "" {
		t.Errorf("pages: %+v, %+v", first, rest)
	}
	if all := list("list", "--page-size", "1", "--all"); len(all.Identities) != 3 {
		t.Errorf("all: %+v", all)
	}
	if got := list("search", "name.first", "ann"); len(got.Identities) != 1 || got.Identities[0].ID != ids[0] {
		t.Errorf("search: %+v", got)
	}
	if got := list("search", "name.first", "an", "--prefix"); len(got.Identities) != 2 {
		t.Errorf("search by the beginning: %+v", got)
	}
	for _, args := range [][]string{{ids[2]}, {"--identifier", "BOB@example.org"}, {"--external-id", "crm/Bob"}} {
		if got := read[struct{ ID string }](t, gw.Command(append([]string{"identities", "get", "--json"}, args...)...)); got.ID != ids[2] {
			t.Errorf("get %q: %+v", args, got)
		}
	}
	if r := gw.Command("identities", "list"); !strings.Contains(r.Stdout, "bob@example.org (not verified)") {
		t.Errorf("the table:\n%s%s", r.Stdout, r.Stderr)
	}
	if r := gw.Command("identities", "delete", ids[0], ids[1]); r.Code != 0 || r.Stdout != ids[0]+"\n"+ids[1]+"\n" {
		t.Errorf("delete: %d\n%s%s", r.Code, r.Stdout, r.Stderr)
	}
	if got := list("list"); len(got.Identities) != 1 {
		t.Errorf("after the deletion: %+v", got)
	}
}

// TestSessionsOnTheCommandLine signs people out.
func TestSessionsOnTheCommandLine(t *testing.T) {
	gw, ids := office(t, "Ann", "Bob")
	for range 2 {
		gw.Env(t).App().SignIn("ann@example.org")
		gw.Env(t).App().SignIn("bob@example.org")
	}
	list := func(args ...string) []struct{ ID string } {
		r := gw.Command(append([]string{"sessions", "list", "--format", "json"}, args...)...)
		return read[struct{ Sessions []struct{ ID string } }](t, r).Sessions
	}
	ann := list("--identity", ids[0])
	if len(ann) != 2 || len(list("--page-size", "1", "--all")) != 4 {
		t.Fatalf("there are %v, and of Ann %v", list("--all"), ann)
	}
	if r := gw.Command("sessions", "list"); !strings.Contains(r.Stdout, ids[0]) || !strings.Contains(r.Stdout, "aal1") {
		t.Errorf("the table:\n%s%s", r.Stdout, r.Stderr)
	}
	if r := gw.Command("sessions", "revoke", ann[0].ID); r.Code != 0 {
		t.Errorf("revoke: %d %s", r.Code, r.Stderr)
	}
	if r := gw.Command("sessions", "revoke", "--identity", ids[1]); r.Code != 0 {
		t.Errorf("revoke all: %d %s", r.Code, r.Stderr)
	}
	if left := list("--active"); len(left) != 1 || left[0] != ann[1] {
		t.Errorf("left are %v, want %v", left, ann[1])
	}
}

// TestPeopleMoveByFile exports one installation and imports it in another, which is elsewhere.
func TestPeopleMoveByFile(t *testing.T) {
	old, _ := office(t, "Ann", "Bob", "Cid")
	here, _ := office(t)
	file := filepath.Join(old.Dir, "people.jsonl")
	if r := old.Command("export", file); r.Code != 0 || !strings.Contains(r.Stderr, "3 identities were exported") {
		t.Fatalf("export: %d\n%s", r.Code, r.Stderr)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file with the hashes: %v %v", info, err)
	}
	t.Setenv("GATEHOUSE_TOKEN", read[token](t, here.Command("token", "create", "import", "--scope", "identities:write", "--json")).Value)
	type counts struct{ Moved, AlreadyThere, Failed int }
	if got := read[counts](t, old.Command("import", file, "--url", here.Admin, "--json")); got.Moved != 3 || got.Failed != 0 {
		t.Errorf("import: %+v", got)
	}
	for _, name := range []string{"ann", "bob", "cid"} {
		here.Env(t).App().SignIn(name + "@example.org")
	}
	r := old.Command("import", file, "--url", here.Admin, "--report", filepath.Join(old.Dir, "report"))
	if r.Code != 0 || strings.Join(strings.Fields(r.Stdout), " ") != "IMPORTED HERE ALREADY FAILED 0 3 0" {
		t.Errorf("once more: %d\n%s%s", r.Code, r.Stdout, r.Stderr)
	}
	if _, err := os.Stat(filepath.Join(old.Dir, "report")); err == nil {
		t.Error("a report is left that tells nothing")
	}
}

// TestPeopleCommandsSayWhatIsWrong also reads the report of an import.
func TestPeopleCommandsSayWhatIsWrong(t *testing.T) {
	gw, _ := office(t, "Ann")
	file := filepath.Join(gw.Dir, "people.jsonl")
	if err := os.WriteFile(file, []byte("{}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	report := filepath.Join(gw.Dir, "report")
	for want, args := range map[string]string{
		"get needs ids":               "identities get",
		"nobody signs in with that":   "identities get --identifier nobody@example.org",
		"404":                         "identities delete 9f8b1c1e-0000-4000-8000-000000000000",
		"No schema marks the trait":   "identities search nothing x",
		"page_token":                  "identities list --page-token x",
		"--format is":                 "identities list --format xml",
		"no such file":                "identities create nowhere.json",
		"either ids of sessions or":   "sessions revoke",
		"400":                         "sessions revoke x",
		"is it running?":              "import people.jsonl --address 127.0.0.1:1",
		"either a file or --from":     "import",
		"no such file or":             "import nowhere.jsonl",
		"is no URL":                   "import --from kratos",
		"asking http://127.0.0.1:1":   "import --from http://127.0.0.1:1",
		"--batch can be":              "import people.jsonl --batch 0",
		"1 people could not be":       "import people.jsonl --report " + report,
		"--concurrency can be":        "export --concurrency 0",
		"GATEHOUSE_TOKEN":             "export --url http://127.0.0.1:1",
		"/nowhere/":                   "export /nowhere/people.jsonl",
		"needs a personal access tok": "export --from " + gw.Admin,
	} {
		if r := gw.Command(strings.Fields(args)...); r.Code == 0 || !strings.Contains(r.Stderr, want) {
			t.Errorf("%s: got %d %s, want it to say %q", args, r.Code, r.Stderr, want)
		}
	}
	if text, err := os.ReadFile(report); err != nil || string(text) != `{"line":1,"level":"error","reason":"it has no id"}`+"\n" {
		t.Errorf("the report: %s %v", text, err)
	}
}

// TestShellsCompleteCommandsAndValues asks as a shell does.
func TestShellsCompleteCommandsAndValues(t *testing.T) {
	gw := harness.Start(t, harness.Options{})
	for want, args := range map[string][]string{
		"identities": {""}, "revoke": {"sessions", ""}, "search": {"identities", ""},
		"identities:write": {"token", "create", "--scope", ""}, "json": {"export", "--format", ""},
		"webauthn": {"identities", "get", "--include-credential", ""},
	} {
		if r := gw.Command(append([]string{"__complete"}, args...)...); r.Code != 0 || !strings.Contains(r.Stdout, want) {
			t.Errorf("%q: got %d %s, want %q among it", args, r.Code, r.Stdout, want)
		}
	}
	name := "gatehouse"
	if os.Getenv("GATEHOUSE_BIN") != "" {
		name = "caddy" // what xcaddy has built is a Caddy, and called so
	}
	if r := gw.Command("completion", "bash"); r.Code != 0 || !strings.Contains(r.Stdout, "__start_"+name+" "+name) {
		t.Errorf("the script for bash is not for this program: %d", r.Code)
	}
}
