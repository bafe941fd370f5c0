// Package docs holds every page of the documentation to what it says: examples run, links lead somewhere.
package docs

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"

	"github.com/gatehouse-id/gatehouse/internal/optest"
	"github.com/gatehouse-id/gatehouse/test/harness"
)

func TestMain(m *testing.M) { harness.Main(m) }

// pages lists the documentation: path from the root to text.
func pages(t *testing.T) map[string]string {
	t.Helper()
	root := harness.Root(t)
	found := map[string]string{}
	for _, pattern := range []string{"*.md", "docs/*.md", "plugins/*/*.md"} {
		files, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			name, err := filepath.Rel(root, file)
			if err != nil {
				t.Fatal(err)
			}
			found[name] = string(text)
		}
	}
	if len(found) < 6 {
		t.Fatalf("found %d pages only: are they in another place now?", len(found))
	}
	return found
}

var fence = regexp.MustCompile("(?ms)^```(\\w+)\n(.*?)^```$")

// blocks are the examples of a page in one language.
func blocks(page, language string) []string {
	var out []string
	for _, m := range fence.FindAllStringSubmatch(page, -1) {
		if m[1] == language {
			out = append(out, m[2])
		}
	}
	return out
}

// TestCaddyfileExamplesAdapt gives every Caddyfile of the documentation to the binary, with the files that it names.
func TestCaddyfileExamplesAdapt(t *testing.T) {
	examples := 0
	for name, page := range pages(t) {
		for _, text := range blocks(page, "caddyfile") {
			examples++
			dir := t.TempDir()
			for file, content := range map[string]string{
				"Caddyfile": complete(text), "kratos.yml": harness.Kratos, "hook.wasm": "",
				"plugins/domains/domains.wasm": "", "plugins/groups/groups.wasm": "",
			} {
				write(t, filepath.Join(dir, file), content)
			}
			cmd := exec.Command(harness.Binary(t), "adapt", "--config", "Caddyfile")
			cmd.Dir = dir
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("%s: %v\n%s\n%s", name, err, text, out)
			}
		}
	}
	if examples < 8 {
		t.Errorf("found %d Caddyfiles only", examples)
	}
}

// complete puts an example of single options where they belong.
func complete(text string) string {
	switch first, _, _ := strings.Cut(strings.TrimSpace(text), " "); first {
	case "hook", "store", "config", "schema":
		return "{\ngatehouse {\n" + text + "\n}\n}\nhttp://localhost:8080 {\ngatehouse\n}\n"
	case "guard":
		return "http://localhost:8080 {\ngatehouse\n" + text + "\n}\n"
	}
	return text
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestSmallestGuardedAppIsShort holds the README to its promise of eight lines.
func TestSmallestGuardedAppIsShort(t *testing.T) {
	smallest := blocks(pages(t)["README.md"], "caddyfile")[0]
	if lines := strings.Count(smallest, "\n"); lines > 8 || !strings.Contains(smallest, "guard") {
		t.Errorf("the first Caddyfile of the README has %d lines:\n%s", lines, smallest)
	}
}

// TestReadmeHookRuns builds the plugin of the README as the README says, and registers with it in place.
func TestReadmeHookRuns(t *testing.T) {
	readme := pages(t)["README.md"]
	dir, err := os.MkdirTemp(harness.Root(t), ".readme-hook-") // inside the module, so that the import is found
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	write(t, filepath.Join(dir, "main.go"), blocks(readme, "go")[0])
	build := commandWith(t, readme, "GOOS=wasip1")
	if out, err := shell(dir, build).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", build, err, out)
	}
	wasm, err := os.ReadFile(filepath.Join(dir, "hook.wasm"))
	if err != nil {
		t.Fatal(err)
	}
	gw := harness.Start(t, harness.Options{
		Caddyfile: strings.Replace(harness.Site, "config kratos.yml", "config kratos.yml\nhook registration.pre_persist hook.wasm", 1),
		Files:     map[string][]byte{"hook.wasm": wasm},
	})
	app := gw.Env(t).App()
	for email, want := range map[string]string{"x@trash.example": "an address you will keep", "x@example.org": "session_token"} {
		flow := app.Get("/self-service/registration/api").Text("id")
		a := app.PostJSON("/self-service/registration?flow="+flow, map[string]any{
			"method": "password", "password": "a long phrase 4711", "traits": map[string]any{"email": email},
		})
		if !strings.Contains(string(a.Body), want) {
			t.Errorf("%s: got %d %s, want %q in it", email, a.Status, a.Body, want)
		}
	}
}

// commandWith finds the command of a page that has a part.
func commandWith(t *testing.T, page, part string) string {
	t.Helper()
	for _, block := range blocks(page, "sh") {
		if strings.Contains(block, part) {
			return block
		}
	}
	t.Fatalf("no command with %q", part)
	return ""
}

func shell(dir, script string) *exec.Cmd {
	cmd := exec.Command("bash", "-eu", "-o", "pipefail", "-c", script)
	cmd.Dir = dir
	return cmd
}

// TestSocialPageRuns adds a provider as the page says, and signs up with it.
func TestSocialPageRuns(t *testing.T) {
	page := pages(t)["docs/social-sign-in.md"]
	p := optest.New(t)
	p.SignInAs(map[string]any{"sub": "1", "email": "olga@example.org", "email_verified": true, "locale": "pl"})
	example := strings.NewReplacer(
		"https://accounts.example.org", p.URL, "client_id: from-the-provider", "client_id: "+optest.ClientID,
		"client_secret: from-the-provider", "client_secret: "+optest.ClientSecret,
	).Replace(blocks(page, "yaml")[0])
	gw := harness.Start(t, harness.Options{
		Kratos: merged(t, harness.Kratos, example), Files: map[string][]byte{"acme.jsonnet": []byte(blocks(page, "jsonnet")[0])},
	})
	b := gw.Env(t).Browser()
	b.Via("login", "acme")
	who := b.Get("/sessions/whoami")
	if who.Text("identity", "traits", "email") != "olga@example.org" || who.Text("identity", "metadata_public", "locale") != "pl" ||
		who.At("identity", "verifiable_addresses", 0, "verified") != true {
		t.Errorf("got %d %s", who.Status, who.Body)
	}
}

// merged lays one YAML document over another.
func merged(t *testing.T, base, over string) string {
	t.Helper()
	var below, above map[string]any
	for text, into := range map[string]*map[string]any{base: &below, over: &above} {
		if err := yaml.Unmarshal([]byte(text), into); err != nil {
			t.Fatalf("%v in\n%s", err, text)
		}
	}
	var lay func(below, above map[string]any)
	lay = func(below, above map[string]any) {
		for name, v := range above {
			under, both := below[name].(map[string]any)
			if m, ok := v.(map[string]any); ok && both {
				lay(under, m)
			} else {
				below[name] = v
			}
		}
	}
	lay(below, above)
	out, err := yaml.Marshal(below)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// TestReadmeCallsTheAPI runs the curl commands of the README.
func TestReadmeCallsTheAPI(t *testing.T) {
	gw := harness.Start(t, harness.Options{})
	script := strings.ReplaceAll(commandWith(t, pages(t)["README.md"], "/self-service/"), "http://localhost:8080", gw.URL)
	out, err := shell(t.TempDir(), script).CombinedOutput()
	if err != nil || !strings.Contains(string(out), `"active":true`) {
		t.Errorf("got %v %s, want an active session of\n%s", err, out, script)
	}
}

// TestReadmeOpensTheAdminAPI runs the commands of the README that make and use a token,
// where Caddy's own admin endpoint is that of the server.
func TestReadmeOpensTheAdminAPI(t *testing.T) {
	gw := harness.Start(t, harness.Options{Caddyfile: strings.Replace(harness.Site, " {\n\t\tauth off\n\t}", "", 1)})
	script := commandWith(t, pages(t)["README.md"], "token create")
	script = strings.NewReplacer("http://127.0.0.1:4434", gw.Admin, "./gatehouse", harness.Binary(t)).Replace(script)
	cmd := shell(t.TempDir(), script)
	cmd.Env = append(os.Environ(), "CADDY_ADMIN=unix/"+filepath.Join(gw.Dir, "caddy.sock"))
	if out, err := cmd.Output(); err != nil || strings.TrimSpace(string(out)) != "[]" {
		t.Errorf("got %v %s, want an empty list of\n%s", err, out, script)
	}
}

// TestProjectsPageMakesAProject runs the commands of docs/projects.md on its Caddyfile.
func TestProjectsPageMakesAProject(t *testing.T) {
	page := pages(t)["docs/projects.md"]
	local := strings.NewReplacer("8080", "{$PUBLIC_PORT}", "4434", "{$ADMIN_PORT}")
	gw := harness.Start(t, harness.Options{Caddyfile: local.Replace(blocks(page, "caddyfile")[0])})
	script := strings.NewReplacer("http://127.0.0.1:4434", gw.Admin, "./gatehouse", harness.Binary(t),
		":8080", ":"+gw.Port("PUBLIC_PORT"), "curl", "curl --resolve 'shop.projects.localhost:"+gw.Port("PUBLIC_PORT")+":127.0.0.1'",
	).Replace(commandWith(t, page, "token create"))
	cmd := shell(t.TempDir(), script)
	cmd.Env = append(os.Environ(), "CADDY_ADMIN=unix/"+filepath.Join(gw.Dir, "caddy.sock"))
	out, err := cmd.Output()
	if err != nil || !strings.Contains(string(out), `"kratos_selfservice_methods_totp_enabled":true`) ||
		!strings.Contains(string(out), `"action":"http://shop.projects.localhost`) {
		t.Errorf("got %v %s, want a project and a form of\n%s", err, out, script)
	}
}

var makeTarget = regexp.MustCompile(`make -f xcaddy\.mk ([a-z]+)`)

// TestMakeTargetsExist looks up the targets that the documentation names.
func TestMakeTargetsExist(t *testing.T) {
	mk, err := os.ReadFile(filepath.Join(harness.Root(t), "xcaddy.mk"))
	if err != nil {
		t.Fatal(err)
	}
	for name, page := range pages(t) {
		for _, m := range makeTarget.FindAllStringSubmatch(page, -1) {
			if !regexp.MustCompile(`(?m)^` + m[1] + `:`).Match(mk) {
				t.Errorf("%s: there is no target %s", name, m[1])
			}
		}
	}
}

var testName = regexp.MustCompile("`(Test[A-Z]\\w+)`")

// TestNamedTestsExist finds the tests that pages give as evidence.
func TestNamedTestsExist(t *testing.T) {
	all, err := shell(harness.Root(t), `git ls-files -co --exclude-standard '*_test.go' | xargs grep -ho '^func Test[A-Za-z0-9_]*'`).Output()
	if err != nil {
		t.Fatal(err)
	}
	exists := map[string]bool{}
	for line := range strings.Lines(string(all)) {
		exists[strings.TrimSpace(strings.TrimPrefix(line, "func "))] = true
	}
	for name, page := range pages(t) {
		for _, m := range testName.FindAllStringSubmatch(page, -1) {
			if !exists[m[1]] {
				t.Errorf("%s names %s, which does not exist", name, m[1])
			}
		}
	}
}

var link = regexp.MustCompile(`\]\(([^)#:]+)(#[^)]*)?\)`)

// TestLinksLeadSomewhere follows the links between files.
func TestLinksLeadSomewhere(t *testing.T) {
	root := harness.Root(t)
	for name, page := range pages(t) {
		for _, m := range link.FindAllStringSubmatch(page, -1) {
			if _, err := os.Stat(filepath.Join(root, filepath.Dir(name), m[1])); err != nil {
				t.Errorf("%s: the link to %s leads nowhere", name, m[1])
			}
		}
	}
}

// TestExampleCaddyfileValidates also compiles its plugin.
func TestExampleCaddyfileValidates(t *testing.T) {
	root := harness.Root(t)
	text, err := os.ReadFile(filepath.Join(root, "Caddyfile.example"))
	if err != nil {
		t.Fatal(err)
	}
	plugin := harness.Plugin(t, "plugins/domains")
	file := filepath.Join(t.TempDir(), "Caddyfile")
	write(t, file, strings.ReplaceAll(string(text), "plugins/domains/domains.wasm", plugin))
	out, err := exec.Command(harness.Binary(t), "validate", "--config", file).CombinedOutput()
	if err != nil || strings.Contains(string(out), "not formatted") {
		t.Errorf("got %v\n%s", err, out)
	}
}
