package caddymodule

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2/caddyconfig"
	_ "github.com/caddyserver/caddy/v2/modules/standard"
)

var update = flag.Bool("update", false, "write the golden files anew")

func adapt(adapter, name string, body []byte) ([]byte, []caddyconfig.Warning, error) {
	return caddyconfig.GetAdapter(adapter).Adapt(body, map[string]any{"filename": name})
}

// TestCaddyfilesAdapt compares what Caddyfiles become with files that were read
// in review; -update writes them.
func TestCaddyfilesAdapt(t *testing.T) {
	files, err := filepath.Glob("testdata/adapt/*.caddyfile")
	if err != nil || len(files) == 0 {
		t.Fatalf("no Caddyfiles found: %v", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			body, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			adapted, _, err := adapt("caddyfile", file, body)
			if err != nil {
				t.Fatal(err)
			}
			golden(t, strings.TrimSuffix(file, ".caddyfile")+".json", adapted)
		})
	}
}

func golden(t *testing.T, file string, got []byte) {
	t.Helper()
	var pretty bytes.Buffer
	if err := json.Indent(&pretty, got, "", "\t"); err != nil {
		t.Fatal(err)
	}
	pretty.WriteByte('\n')
	if *update {
		if err := os.WriteFile(file, pretty.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("%v: run the test with -update", err)
	}
	if !bytes.Equal(want, pretty.Bytes()) {
		t.Errorf("%s: got\n%s", file, pretty.Bytes())
	}
}

// TestCaddyfileMistakesAreTold wants file, line and what to do about it.
func TestCaddyfileMistakesAreTold(t *testing.T) {
	tests := map[string]struct {
		global string // lines of the gatehouse block; the first is line 3
		want   []string
	}{
		"unknown setting":      {"stoer embedded", []string{"Caddyfile:3", `unknown setting "stoer"`, "use one of store, config"}},
		"unknown store":        {"store mysql", []string{"Caddyfile:3", `unknown store "mysql"`, "embedded or etcd"}},
		"two stores":           {"store embedded\nstore embedded", []string{"Caddyfile:4", "set twice"}},
		"directory as word":    {"store embedded /var/lib/x", []string{"Caddyfile:3", "write dir /var/lib/x"}},
		"option of no store":   {"store embedded {\nfolder /x\n}", []string{"Caddyfile:4", `unknown setting "folder"`, "dir, name"}},
		"quota is no size":     {"store embedded {\nquota much\n}", []string{"Caddyfile:4", `"much" is no size`, "16MiB"}},
		"peers without names":  {"store embedded {\npeers https://a\n}", []string{"Caddyfile:4", "no name=URL"}},
		"etcd without address": {"store etcd", []string{"Caddyfile:3", "no endpoints", "https://"}},
		"etcd without scheme":  {"store etcd e0:2379", []string{"Caddyfile:3", "write https://e0:2379"}},
		"base URL of nowhere":  {"base_url nowhere", []string{"Caddyfile:3", `"nowhere" is no URL`, "https://"}},
		"missing document":     {"config nowhere.yml", []string{"Caddyfile:3", "nowhere.yml", "correct the path"}},
		"document with a typo": {"config testdata/typo.yml", []string{"Caddyfile:3", "testdata/typo.yml:2", "selfservise", "selfservice"}},
		"two documents":        {"config testdata/kratos.yml\nconfig testdata/kratos.yml", []string{"Caddyfile:4", "set twice"}},
		"missing schema":       {"schema default nowhere.json", []string{"Caddyfile:3", "nowhere.json", "correct the path"}},
		"schema without file":  {"schema default", []string{"Caddyfile:3", "takes a name and a file"}},
		"missing plugin":       {"hook login.after nowhere.wasm", []string{"Caddyfile:3", "nowhere.wasm", "correct the path"}},
		"unknown event":        {"hook login.whenever testdata/empty.wasm", []string{"Caddyfile:3", `"login.whenever" is no event`, "login.after"}},
		"event of later":       {"hook request testdata/empty.wasm", []string{"Caddyfile:3", "does not run hooks"}},
		"hook option":          {"hook login.after testdata/empty.wasm {\nretry 3\n}", []string{"Caddyfile:4", `unknown setting "retry"`}},
		"hook deadline":        {"hook login.after testdata/empty.wasm {\ndeadline soon\n}", []string{"Caddyfile:4", `"soon" is no duration`}},
		"hook config":          {"hook login.after testdata/empty.wasm {\nconfig `[1]`\n}", []string{"Caddyfile:4", "takes a JSON object"}},
		"hook config, empty":   {"hook login.after testdata/empty.wasm {\nconfig\n}", []string{"Caddyfile:4", "takes a JSON object"}},
		"hook on_error":        {"hook login.after testdata/empty.wasm {\non_error shrug\n}", []string{"Caddyfile:4", "use deny or allow"}},
		"capability":           {"hook login.after testdata/empty.wasm {\nallow http https://x\n}", []string{"Caddyfile:4", "no capability yet"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, _, err := adapt("caddyfile", "Caddyfile", []byte("{\ngatehouse {\n"+test.global+"\n}\n}\nhttp://localhost:1 {\ngatehouse\n}\n"))
			wantError(t, err, test.want...)
		})
	}
}

func TestSiteDirectiveMistakesAreTold(t *testing.T) {
	for name, test := range map[string]struct{ site, want string }{
		"argument": {"gatehouse accounts", `gatehouse takes no argument, got "accounts": settings go into the global gatehouse block, at Caddyfile:2`},
		"block":    {"gatehouse {\ntoken x\n}", `gatehouse takes no block, got "token": settings go into the global gatehouse block, at Caddyfile:3`},

		"argument of the admin API": {"gatehouse_admin off", `gatehouse_admin takes no argument, got "off", at Caddyfile:2`},
		"setting of the admin API":  {"gatehouse_admin {\ntoken x\n}", `unknown setting "token": use one of auth, at Caddyfile:3`},
		"auth as a word":            {"gatehouse_admin {\nauth none\n}", `auth is "none": write auth off, or leave the line out to ask for tokens, at Caddyfile:3`},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := adapt("caddyfile", "Caddyfile", []byte("http://localhost:1 {\n"+test.site+"\n}\n"))
			wantError(t, err, test.want)
		})
	}
}

func wantError(t *testing.T, err error, parts ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("got no error, want one with %q", parts)
	}
	for _, part := range parts {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("got error %q, want it to say %q", err, part)
		}
	}
}

func TestKratosAdapter(t *testing.T) {
	adapted, warnings, err := adapt("kratos", "kratos.yml", []byte(`
serve:
  public: {base_url: http://127.0.0.1:5433/, port: 5433, host: 127.0.0.1}
selfservice:
  default_browser_return_url: http://127.0.0.1:4455/
identity:
  schemas: [{id: default, url: preset://email}]
log: {level: debug}
secrets: {default: [a-secret-for-tests-only-0123456789]}
`))
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "testdata/adapt/kratos.json", adapted)
	if len(warnings) == 0 || warnings[0].File != "kratos.yml" || warnings[0].Line == 0 {
		t.Errorf("got warnings %v, want one about log with file and line", warnings)
	}
	_, _, err = adapt("kratos", "kratos.yml", []byte("serve:\n  publik: {}\n"))
	wantError(t, err, "kratos.yml:2", "serve.publik", "public")
}

// TestKratosAdapterAsksForTokensBeyondLoopback: Kratos listens on every address by default.
func TestKratosAdapterAsksForTokensBeyondLoopback(t *testing.T) {
	for host, open := range map[string]bool{"127.0.0.1": true, "127.8.8.8": true, "localhost": true, "::1": true, "0.0.0.0": false, "10.0.0.1": false, "example.org": false} {
		adapted, warnings, err := adapt("kratos", "kratos.yml", []byte("identity: {schemas: [{id: default, url: preset://email}]}\nselfservice: {default_browser_return_url: http://127.0.0.1/}\nserve: {admin: {host: \""+host+"\"}}\n"))
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Contains(string(adapted), `"auth":"off"`); got != open {
			t.Errorf("%s: open is %t, want %t", host, got, open)
		}
		told := slices.ContainsFunc(warnings, func(w caddyconfig.Warning) bool { return w.Directive == "serve.admin.host" })
		if told == open {
			t.Errorf("%s: warnings %v", host, warnings)
		}
	}
}
