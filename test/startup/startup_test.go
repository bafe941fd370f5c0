// Package startup gives the binary bad input: configurations that are wrong, and requests that are.
package startup

import (
	"net"
	"strings"
	"testing"

	"github.com/gatehouse-id/gatehouse/test/harness"
)

func TestMain(m *testing.M) { harness.Main(m) }

// site has the lines of a test in its global block; the first of them is line 3.
const site = `{
	gatehouse {
LINES
	}
}
http://127.0.0.1:{$PUBLIC_PORT} {
	gatehouse
}
`

// files are there for configurations to name.
var files = map[string][]byte{
	"broken.json":    []byte("{\n"),
	"traitless.json": []byte(`{"type":"object","properties":{}}`),
	"garbage.wasm":   []byte("not a module"),
	"dir/file":       nil,
	"broken.yml":     []byte("dev: true\nlog: [\n"),
	"unknown.yml":    []byte("dev: true\nselfservic:\n  methods: {}\n"),
	"type.yml":       []byte("dev: perhaps\n"),
	"two.yml":        []byte("dev: true\n---\ndev: false\n"),
	"twice.yml":      []byte("dev: true\ndev: false\n"),
	"incomplete.yml": []byte("dev: true\n"),
	"schemaless.yml": []byte("dev: true\nidentity:\n  schemas:\n    - {id: default, url: \"file://./broken.json\"}\nselfservice:\n  default_browser_return_url: /\n"),
	"odds.yml":       []byte(harness.Kratos + "ciphers:\n  algorithm: aes\n"),
	"mail.yml":       []byte(harness.Kratos + "courier:\n  smtp:\n    connection_uri: mail.example.org\n"),
	"samesite.yml":   []byte(harness.Kratos + "\ncookies:\n  same_site: Sometimes\n"),
}

// mistake is a configuration that must not start, and what its error has to say:
// the place, what is wrong, and what to do.
type mistake struct {
	text string
	want []string
}

func TestMistakesInCaddyfiles(t *testing.T) {
	for name, m := range map[string]mistake{
		"missing schema":       {"schema default gone.json", []string{"Caddyfile:3", "gone.json", "correct the path"}},
		"schema is no JSON":    {"schema default broken.json", []string{`schema \"default\"`, "broken.json", "line"}},
		"schema has no traits": {"schema default traitless.json", []string{`schema \"default\"`, "traitless.json", "traits"}},
		"schema is a dir":      {"schema default dir", []string{"Caddyfile:3", "dir is a directory", "name a file"}},
		"schema has no name":   {"schema identity.schema.json", []string{"Caddyfile:3", "schema takes a name and a file"}},

		"missing hook":        {"hook registration.pre_persist gone.wasm", []string{"Caddyfile:3", "gone.wasm", "correct the path"}},
		"hook is no module":   {"hook registration.pre_persist garbage.wasm", []string{"garbage.wasm", "not a WebAssembly module", "build the plugin"}},
		"hook at no event":    {"hook registration.late garbage.wasm", []string{"Caddyfile:3", `registration.late`, "use one of registration.before"}},
		"hook without a file": {"hook registration.pre_persist", []string{"Caddyfile:3", "hook takes an event and a file"}},
		"deadline":            {"hook login.after garbage.wasm {\n\t\t\tdeadline soon\n\t\t}", []string{"Caddyfile:4", "soon", "50ms"}},
		"on_error":            {"hook login.after garbage.wasm {\n\t\t\ton_error ignore\n\t\t}", []string{"Caddyfile:4", "ignore", "use deny or allow"}},
		"hook config":         {"hook login.after garbage.wasm {\n\t\t\tconfig yes\n\t\t}", []string{"Caddyfile:4", "takes a JSON object"}},

		"missing document":      {"config gone.yml", []string{"Caddyfile:3", "gone.yml", "correct the path"}},
		"document is no YAML":   {"config broken.yml", []string{"Caddyfile:3", "broken.yml", "line"}},
		"key nobody knows":      {"config unknown.yml", []string{"unknown.yml:2", "selfservic", "selfservice"}},
		"value of another type": {"config type.yml", []string{"type.yml:1", "dev", "expected true or false"}},
		"value nobody knows":    {"config samesite.yml", []string{"samesite.yml", "cookies.same_site", "Strict"}},
		"key twice":             {"config twice.yml", []string{"twice.yml", "dev"}},
		"values at odds":        {"config odds.yml", []string{"odds.yml:2: secrets.cipher", "ciphers.algorithm", "needs one of 32 characters"}},
		"schema of a document":  {"config schemaless.yml", []string{"schemaless.yml:4: identity.schemas[0].url", "broken.json"}},
		"mail server":           {"config mail.yml", []string{"mail.yml:28: courier.smtp.connection_uri", "smtp://"}},
		"document incomplete":   {"config incomplete.yml", []string{"incomplete.yml", "selfservice.default_browser_return_url", "identity.schemas"}},
		"two YAML documents":    {"config two.yml", []string{"two.yml", "more than one YAML document"}},
		"two documents":         {"config kratos.yml\n\t\tconfig kratos.yml", []string{"Caddyfile:4", "config is set twice"}},

		"unknown setting":       {"hok x", []string{"Caddyfile:3", `hok`, "use one of store, config"}},
		"unknown store":         {"store mysql", []string{"Caddyfile:3", `mysql`, "use embedded or etcd"}},
		"unknown store setting": {"store embedded {\n\t\t\tfolder x\n\t\t}", []string{"Caddyfile:4", `folder`, "use one of dir, name"}},
		"etcd without address":  {"store etcd", []string{"Caddyfile:3", "no endpoints", "https://"}},
		"etcd without scheme":   {"store etcd 127.0.0.1:2379", []string{"Caddyfile:3", "no URL", "https://127.0.0.1:2379"}},
		"etcd without secrets":  {"store etcd http://127.0.0.1:1", []string{"secrets.default", "openssl rand"}},
		"base URL":              {"base_url accounts", []string{"Caddyfile:3", `accounts`, "https://"}},
		"staleness":             {"staleness -1s", []string{"Caddyfile:3", "-1s", "2s"}},
	} {
		t.Run(name, func(t *testing.T) {
			o := harness.Options{Caddyfile: strings.Replace(site, "LINES", "\t\t"+m.text, 1), Files: files}
			wantRefused(t, harness.Run(t, "validate", o), m.want...)
		})
	}
}

func TestMistakesInSites(t *testing.T) {
	for name, m := range map[string]mistake{
		"settings at the handler": {"gatehouse {\n\t\tschema x y\n\t}", []string{"Caddyfile:3", "global gatehouse block"}},
		"unknown guard option":    {"gatehouse\n\tguard {\n\t\taal3\n\t}", []string{"Caddyfile:4", "aal3", "aal2"}},
		"guard header":            {"gatehouse\n\tguard {\n\t\theaders {\n\t\t\tX-User identity.mail\n\t\t}\n\t}", []string{"Caddyfile:5", "identity.mail", "identity.traits."}},
	} {
		t.Run(name, func(t *testing.T) {
			o := harness.Options{Caddyfile: "http://127.0.0.1:{$PUBLIC_PORT} {\n\t" + m.text + "\n}\n"}
			wantRefused(t, harness.Run(t, "adapt", o), m.want...)
		})
	}
}

func TestMistakesInKratosDocuments(t *testing.T) {
	for name, m := range map[string]mistake{
		"empty":            {"\n", []string{"kratos.yml", "selfservice.default_browser_return_url"}},
		"no YAML":          {"dev: [\n", []string{"kratos.yml", "line"}},
		"key nobody knows": {"dev: true\nsession:\n  cooky: {}\n", []string{"kratos.yml:3", "session.cooky", "cookie"}},
		"values at odds": {
			"identity:\n  schemas: [{id: default, url: preset://email}]\nselfservice:\n  default_browser_return_url: /\n  flows:\n    login:\n      lifespan: 0s\n",
			[]string{"kratos.yml:7: selfservice.flows.login.lifespan: must be more than nothing, such as 1h"},
		},
		"web hook": {
			"identity:\n  schemas: [{id: default, url: preset://email}]\nselfservice:\n  default_browser_return_url: /\n  flows:\n    login:\n      after:\n" +
				"        hooks:\n          - hook: web_hook\n            config: {url: http://127.0.0.1/, method: POST, body: file://./gone.jsonnet}\n",
			[]string{"kratos.yml:10: selfservice.flows.login.after.hooks[0].config: ", "gone.jsonnet"},
		},
		"missing schema": {
			"identity:\n  schemas:\n    - id: default\n      url: file://./gone.json\nselfservice:\n  default_browser_return_url: /\n",
			[]string{"kratos.yml:4: identity.schemas[0].url", `schema \"default\"`, "gone.json"},
		},
		"two documents": {"dev: true\n---\ndev: false\n", []string{"kratos.yml", "more than one YAML document"}},
	} {
		t.Run(name, func(t *testing.T) {
			wantRefused(t, harness.Run(t, "validate", harness.Options{Adapter: "kratos", Kratos: m.text}), m.want...)
		})
	}
}

// wantRefused wants an exit code that scripts see, and one error that people can act on.
func wantRefused(t *testing.T, r harness.Result, want ...string) {
	t.Helper()
	if r.Code == 0 {
		t.Errorf("exit code: got 0, want another")
	}
	if harness.Panicked(r.Stderr) {
		t.Errorf("it panicked:\n%s", r.Stderr)
	}
	said := lastError(r.Stderr)
	for _, part := range want {
		if !strings.Contains(said, part) {
			t.Errorf("got error %s\nwant it to say %q", said, part)
		}
	}
}

// lastError is the line that ends a log.
func lastError(log string) (last string) {
	for line := range strings.Lines(log) {
		if strings.Contains(line, `"level":"error"`) || strings.HasPrefix(line, "Error:") {
			last = line
		}
	}
	return last
}

func TestLaterSettingsAreToldOf(t *testing.T) {
	later := strings.Replace(harness.Kratos, "  methods:\n", "  methods:\n    captcha:\n      enabled: true\n", 1)
	for name, o := range map[string]harness.Options{
		"Caddyfile": {Kratos: later}, "kratos.yml": {Kratos: later, Adapter: "kratos"},
	} {
		t.Run(name, func(t *testing.T) {
			r := harness.Run(t, "validate", o)
			if r.Code != 0 {
				t.Fatalf("got exit code %d, want 0:\n%s", r.Code, r.Stderr)
			}
			for line := range strings.Lines(r.Stderr) {
				if strings.Contains(line, `"level":"warn"`) && strings.Contains(line, "selfservice.methods.captcha") && strings.Contains(line, "kratos.yml") {
					return
				}
			}
			t.Errorf("got no warning about selfservice.methods.captcha:\n%s", r.Stderr)
		})
	}
}

func TestPortInUse(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	taken := strings.Replace(harness.Site, "{$PUBLIC_PORT} {", "{$TAKEN_PORT} {\n\tbind 127.0.0.1", 1)
	_, port, _ := net.SplitHostPort(l.Addr().String())
	r := harness.Run(t, "run", harness.Options{Caddyfile: taken, Env: []string{"TAKEN_PORT=" + port}})
	wantRefused(t, r, "127.0.0.1:"+port, "address already in use")
}

func TestDataDirectoryInUse(t *testing.T) {
	gw := harness.Start(t, harness.Options{})
	other := "{\n\tadmin off\n\tgatehouse {\n\t\tconfig kratos.yml\n\t\tstore embedded {\n\t\t\tdir " +
		gw.Dir + "/data/caddy/gatehouse/etcd\n\t\t}\n\t}\n}\nhttp://127.0.0.1:{$PUBLIC_PORT} {\n\tgatehouse\n}\n"
	wantRefused(t, harness.Run(t, "run", harness.Options{Caddyfile: other}), "another process uses the directory", gw.Dir, "another dir")
	if a := gw.Env(t).App().Get("/health/ready"); a.Status != 200 {
		t.Errorf("the first process is %d after that, want it ready", a.Status)
	}
}

func TestSeveralSitesNeedABaseURL(t *testing.T) {
	two := "http://127.0.0.1:{$PUBLIC_PORT} {\n\tgatehouse\n}\nhttp://127.0.0.1:{$PORT_1} {\n\tgatehouse\n}\n"
	wantRefused(t, harness.Run(t, "run", harness.Options{Caddyfile: two}), "several sites", "base_url https://")
}
