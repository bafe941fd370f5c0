package config

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files")

// parse reads a document that must be fine.
func parse(t *testing.T, doc string) (*Config, []Warning) {
	t.Helper()
	c, warnings, err := Parse("kratos.yml", []byte(doc))
	if err != nil {
		t.Fatalf("Parse(%q) = %v", doc, err)
	}
	return c, warnings
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	file := "testdata/" + name
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", name, diff)
	}
}

func full(t *testing.T) (*Config, []Warning) {
	t.Helper()
	data, err := os.ReadFile("testdata/full.yml")
	if err != nil {
		t.Fatal(err)
	}
	return parse(t, string(data))
}

func TestParseReadsKratosDocument(t *testing.T) {
	c, _ := full(t)
	if err := c.Validate(); err != nil {
		t.Fatal(err)
	}
	login, s := c.SelfService.Flows.Login, c.SelfService
	for _, tt := range []struct {
		key       string
		got, want any
	}{
		{"lifespan", login.Lifespan.Std(), 90 * time.Minute},
		{"the old name of allowed_return_urls", s.AllowedReturnURLs, []string{"https://app.example.org"}},
		{"the password's own return URL", login.After.ReturnURL("password"), "https://app.example.org/by-password"},
		{"the general return URL", login.After.ReturnURL("oidc"), "https://app.example.org/in"},
		{"cookie domain from cookies", c.Session.Cookie.Domain, "example.org"},
		{"cookie same_site from cookies", c.Session.Cookie.SameSite, "Strict"},
		{"cookie secrets from default", c.Secrets.Cookie, []string{"a-secret-of-at-least-sixteen"}},
		{"argon2 memory", c.Hashers.Argon2.Memory, ByteSize(32 << 20)},
		{"another name of a provider's key", s.Methods.OIDC.Config.Providers[0].Tenant, "common"},
		{"persistent", c.Session.Cookie.Persistent, false},
	} {
		if diff := cmp.Diff(tt.want, tt.got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.key, diff)
		}
	}
}

func TestParseFillsMissingKeysAsKratosDoes(t *testing.T) {
	c, warnings := parse(t, "selfservice: {default_browser_return_url: https://app.example.org/}\n")
	if got := c.SelfService.Flows.Registration.After.HooksFor("password"); got != nil {
		t.Errorf("hooks after registration: got %v, want none, because Kratos signs nobody in unasked", got)
	}
	if c.SelfService.Flows.Login.Lifespan != hours(1) || c.Session.Lifespan != hours(24) || !c.Session.Cookie.Persistent {
		t.Errorf("got %+v %+v, want Kratos' defaults", c.SelfService.Flows.Login, c.Session)
	}
	if len(warnings) != 0 {
		t.Errorf("got %v, want no warnings", warnings)
	}
}

func TestHooksOfMethodReplaceGeneralOnes(t *testing.T) {
	c, _ := full(t)
	after := c.SelfService.Flows.Registration.After
	if got := after.HooksFor("password"); len(got) != 1 || got[0].Hook != "session" {
		t.Errorf("got %v, want only session", got)
	}
	general := after.HooksFor("oidc")
	if len(general) != 1 || general[0].Hook != "web_hook" {
		t.Fatalf("got %v, want only web_hook", general)
	}
	if got, want := string(general[0].Config), `{"method":"POST","url":"https://hooks.example.org"}`; got != want {
		t.Errorf("hook config: got %s, want %s", got, want)
	}
}

func TestParseWarnsOfKeysWithoutEffect(t *testing.T) {
	_, warnings := full(t)
	var lines strings.Builder
	for _, w := range warnings {
		lines.WriteString(w.String() + "\n")
	}
	golden(t, "warnings.golden", lines.String())
}

func TestParseRefusesWhatNobodyKnows(t *testing.T) {
	data, err := os.ReadFile("testdata/wrong.yml")
	if err != nil {
		t.Fatal(err)
	}
	_, _, err = Parse("wrong.yml", data)
	var p Problem
	if !errors.As(err, &p) {
		t.Fatalf("got %v, want problems", err)
	}
	golden(t, "wrong.golden", err.Error()+"\n")
}

// TestNothingShowsSecrets puts a secret into every place it may end up in by mistake, and reads all that is said about it.
func TestNothingShowsSecrets(t *testing.T) {
	const word, number = "tulip-9431", "77139431"
	for _, doc := range []string{
		"secrets: {cookie: [" + number + "]}",
		"secrets: {cookie: [tulip-9431]}",
		"secrets: {cookie: tulip-9431}",
		"secrets: {default: [tulip-9431], cipher: [tulip-9431]}",
		"secrets: {default: [*tulip-9431]}",
		"secrets: {default: [&tulip-9431 x, *tulip-943]}",
		"secrets: [tulip-9431]",
		"secrets: tulip-9431",
		"dsn: " + number,
		"dsn: [tulip-9431]",
		"dsn: postgres://kratos:tulip-9431@db/kratos",
		"courier: {smtp: {connection_uri: 'smtps://u:tulip-9431@mail.example.org/'}}",
		"courier: {smtp: {connection_uri: " + number + ", headers: {X-Key: " + number + "}}}",
		"courier: {smtp: tulip-9431}",
		"oauth2_provider: {headers: {Authorization: " + number + "}}",
		"oauth2_provider: {headers: {Authorization: tulip-9431}}",
		"serve: {public: {base_url: 'https://u:tulip-9431@id.example.org/'}}",
		"serve: {public: {base_url: " + number + "}}",
		"selfservice: {default_browser_return_url: 'https://u:tulip-9431@/x'}",
		"selfservice: {default_browser_return_url: 'https://u:tulip-9431@a b/'}",
		"selfservice: {allowed_return_urls: ['u:tulip-9431@app.example.org', 'tulip-9431']}",
		"selfservice: {methods: {oidc: {enabled: true, config: {providers: [{client_secret: " + number + "}]}}}}",
		"selfservice: {methods: {oidc: {enabled: true, config: {providers: [{client_secret: tulip-9431}]}}}}",
		"selfservice: {flows: {login: {after: {hooks: [{hook: web_hook, config: {auth: {config: {value: tulip-9431}}}}]}}}}",
		"identity: {schemas: [{id: a, url: 'https://u:tulip-9431@schemas.example.org/'}, {id: a, url: 'tulip-9431'}]}",
		"tracing: {providers: {zipkin: {server_url: 'http://u:tulip-9431@zipkin'}}}",
	} {
		c, warnings, err := Parse("kratos.yml", []byte(doc))
		said := fmt.Sprint(warnings, err)
		if err == nil {
			said += fmt.Sprint(c.Validate())
		}
		if strings.Contains(said, word) || strings.Contains(said, number) {
			t.Errorf("%s\nis told as %s", doc, said)
		}
	}
}

// TestExamplesAreUnderstood reads the documents people start from: what they say must hold, and what they lose must be told.
func TestExamplesAreUnderstood(t *testing.T) {
	for _, name := range []string{"quickstart", "production"} {
		t.Run(name, func(t *testing.T) {
			data, err := os.ReadFile("testdata/" + name + ".yml")
			if err != nil {
				t.Fatal(err)
			}
			c, warnings := parse(t, string(data))
			if err := c.Validate(); err != nil {
				t.Error(err)
			}
			var lines strings.Builder
			for _, w := range warnings {
				lines.WriteString(w.String() + "\n")
			}
			golden(t, name+".golden", lines.String())
		})
	}
}

func TestDefaultSurvivesJSON(t *testing.T) {
	want := Default()
	data, err := json.MarshalIndent(want, "", "\t")
	if err != nil {
		t.Fatal(err)
	}
	got, warnings := parse(t, string(data))
	if diff := cmp.Diff(&want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	var again Config
	if err := json.Unmarshal(data, &again); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want.SelfService.Flows, again.SelfService.Flows); diff != "" {
		t.Errorf("encoding/json (-want +got):\n%s", diff)
	}
	_ = warnings
}

func TestParseReportsLineOfJSON(t *testing.T) {
	_, _, err := Parse("c.json", []byte("{\n\t\"session\": {\n\t\t\"lifespam\": \"1h\"\n\t}\n}"))
	if got, want := err.Error(), `c.json:3: session.lifespam: nobody knows this key; did you mean "lifespan"?`; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestParseRefusesBrokenDocuments(t *testing.T) {
	for name, tt := range map[string]struct{ doc, want string }{
		"syntax":         {"a: [", "did not find"},
		"twice":          {"dsn: a\ndsn: b", `line 2: the key "dsn" stands twice`},
		"twice in JSON":  {"{\"dsn\": \"a\",\n\"dsn\": \"b\"}", `line 2: the key "dsn" stands twice`},
		"two documents":  {"dsn: a\n---\ndsn: b", "more than one YAML document"},
		"no object":      {"[1, 2]", "expected an object, found a list"},
		"alias bomb":     {bomb(), "too large when its aliases are followed"},
		"deep YAML":      {strings.Repeat("[", 5000) + strings.Repeat("]", 5000), "nested too deeply"},
		"deep JSON":      {`{"a":` + strings.Repeat("[", 500) + strings.Repeat("]", 500) + "}", "nested too deeply"},
		"endless alias":  {"a: &a [*a]", ""},
		"too many bytes": {strings.Repeat("# filler\n", 200_000), "larger than 1 MiB"},
		"another name":   {"selfservice: {allowed_return_urls: [/a], whitelisted_return_urls: [/b]}", "keep one"},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := Parse("x.yml", []byte(tt.doc))
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}

// bomb is a short document with ten billion values.
func bomb() string {
	doc := "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
	for _, i := range []string{"1", "2", "3", "4", "5", "6", "7", "8", "9"} {
		prev := "*a" + string(i[0]-1)
		doc += "a" + i + ": &a" + i + " [" + strings.Repeat(prev+", ", 9) + prev + "]\n"
	}
	return doc
}

func TestParseFollowsAnchorsAndMerges(t *testing.T) {
	c, _ := parse(t, `
session: {cookie: &c {domain: example.org, path: /app}}
cookies: {<<: *c, path: /}
`)
	if c.Cookies.Domain != "example.org" || c.Cookies.Path != "/" || c.Session.Cookie.Path != "/app" {
		t.Errorf("got %+v and %+v", c.Cookies, c.Session.Cookie)
	}
}

func TestEnvironmentOverlaysDocument(t *testing.T) {
	c, _, err := ParseWithEnv("kratos.yml", []byte("secrets: {cookie: [from-the-document-0]}"), []string{
		"SELFSERVICE_FLOWS_LOGIN_UI_URL=https://app.example.org/login",
		"SECRETS_COOKIE_0=from-the-environment",
		"SECRETS_COOKIE_1=and-one-more-of-them",
		"SERVE_PUBLIC_PORT=8080",
		"SESSION_COOKIE_PERSISTENT=0",
		"SESSION_LIFESPAN=2h",
		"PATH=/bin",
	})
	if err != nil {
		t.Fatal(err)
	}
	got := []any{c.SelfService.Flows.Login.UIURL, c.Secrets.Cookie, c.Serve.Public.Port, c.Session.Cookie.Persistent, c.Session.Lifespan}
	want := []any{"https://app.example.org/login", []string{"from-the-environment", "and-one-more-of-them"}, 8080, false, hours(2)}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	_, _, err = ParseWithEnv("kratos.yml", nil, []string{"SERVE_PUBLIC_PORT=many"})
	if err == nil || !strings.Contains(err.Error(), "the environment: serve.public.port: expected a whole number") {
		t.Errorf("got %v, want the path and that the environment is at fault", err)
	}
}

func FuzzParse(f *testing.F) {
	for _, file := range []string{"testdata/full.yml", "testdata/wrong.yml", "testdata/quickstart.yml", "testdata/production.yml"} {
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Add([]byte(`{"serve":{"public":{"port":1e9}},"hashers":{"argon2":{"memory":"9e9TB"}}}`))
	f.Add([]byte("a: &a [*a]\n<<: *a"))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, _, err := Parse("fuzz", data)
		if err != nil {
			_ = err.Error()
			return
		}
		_ = c.Validate()
		if _, err := json.Marshal(c); err != nil {
			t.Errorf("a parsed configuration has no JSON: %v", err)
		}
	})
}
