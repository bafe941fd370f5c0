package contract

import (
	"encoding/base64"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gatehouse-id/gatehouse/internal/optest"
	"github.com/gatehouse-id/gatehouse/internal/testenv"
	"github.com/gatehouse-id/gatehouse/test/harness"
)

var update = flag.Bool("update", false, "write docs/operations-coverage.md anew")

// sdkClient is one of Ory's generated clients.
type sdkClient struct {
	key   string
	name  string
	mount string // where its requests go
	run   func(t *testing.T, s *stage, c *sdkClient)
}

var sdkClients = []*sdkClient{
	{"seed", "npm `@ory/client` 0.0.1-alpha.101", "the mount of the seed", runNode},
	{"go", "Go `github.com/ory/client-go`", "the root mount", runGo},
	{"today", "npm `@ory/kratos-client`", "the root mount", runNode},
}

// operation is what the client calls one of the operations; "" when it doesn't have it.
func (c *sdkClient) operation(o operation) string {
	if c.key == "seed" {
		return o.seed
	}
	return o.today
}

// documented are the errors of an operation that the document of the client names.
func (c *sdkClient) documented(o operation) []int {
	if c.key == "seed" {
		return o.seedErrors
	}
	return o.todayErrors
}

func (c *sdkClient) path(o operation) string {
	if c.key == "seed" {
		return o.path
	}
	return o.root()
}

// stage is what the clients meet: gateways that stand at one origin each.
type stage struct {
	calls ledger
	dir   string // with the JavaScript clients

	main   string
	hasty  string // forms and fresh sign-ins last a second, links are switched off
	cutOff string // the store can't be reached
	closed string // the admin and project APIs ask for tokens
	own    string // the same, past the comparison with the documents, for operations that only we have
	token  string // for them, the operator's

	factors string // apps, backup codes and keys can be set up; it is reached by a name, as keys need it
	codes   string // asks for a mailed code after the password
}

// TestOperations has each client call every operation, once for success and once
// for each error that its document names. The page about it is made of the calls.
func TestOperations(t *testing.T) {
	s := newStage(t)
	for _, c := range sdkClients {
		ran := false
		t.Run(c.key, func(t *testing.T) {
			ran = true
			c.run(t, s, c)
		})
		if !ran || t.Failed() {
			return // a part of the calls makes no page
		}
	}
	compareWithPage(t, page(t, &s.calls))
}

func newStage(t *testing.T) *stage {
	t.Helper()
	s := &stage{dir: installed(t)}
	s.main = start(t, harness.Options{Kratos: thirdParty(t, flows("recovery: {enabled: true}", "verification: {enabled: true}"))})
	s.hasty = start(t, harness.Options{Kratos: strings.Replace(flows(
		"settings: {lifespan: 1s, privileged_session_max_age: 1s}",
		"recovery: {enabled: true, lifespan: 1s}", "verification: {enabled: true, lifespan: 1s}",
	), "  methods:\n", "  methods:\n    link: {enabled: false}\n", 1)})
	f := newFront(t)
	s.closed = f.URL
	gw := f.start(t, harness.Options{Caddyfile: strings.Replace(one, "{\n\t\tauth off\n\t}", "", 1)})
	s.own = gw.URL
	made := gw.Command("token", "create", "contract", "--scope", "admin")
	if s.token = strings.TrimSpace(made.Stdout); s.token == "" {
		t.Fatalf("making a token: %s", made.Stderr)
	}
	s.factors, s.codes = startFactors(t), startCodes(t)
	link := harness.StartEtcd(t).Link(t)
	s.cutOff = start(t, harness.Options{Caddyfile: strings.Replace(one, "gatehouse {", "gatehouse {\n\t\tstore etcd http://"+link.Addr(), 1)})
	link.Refuse(true)
	return s
}

// thirdParty adds a provider, "acme", at which everybody signs in as the same person.
func thirdParty(t *testing.T, kratos string) string {
	p := optest.New(t)
	p.SignInAs(map[string]any{"sub": "1", "email": "olga@acme.example", "email_verified": true})
	mapper := base64.StdEncoding.EncodeToString([]byte(`{identity: {traits: {email: std.extVar('claims').email}}}`))
	kratos = strings.Replace(kratos, "      after:\n", "      after:\n        oidc: {hooks: [{hook: session}]}\n", 1)
	return strings.Replace(kratos, "  methods:\n", fmt.Sprintf(`  methods:
    oidc:
      enabled: true
      config:
        providers:
          - {id: acme, provider: generic, label: Acme, client_id: %s, client_secret: %s, issuer_url: %s, mapper_url: base64://%s}
`, optest.ClientID, optest.ClientSecret, p.URL, mapper), 1)
}

// startFactors runs a gateway with what people set up as second factors. Browsers make keys for names only.
func startFactors(t *testing.T) string {
	t.Helper()
	f := newFront(t)
	f.URL = strings.Replace(f.URL, "127.0.0.1", "localhost", 1)
	rp := "{rp: {id: localhost, display_name: Contract, origins: [\"" + f.URL + "\"]}}"
	f.start(t, harness.Options{Caddyfile: strings.Replace(one, "http://127.0.0.1:", "http://:", 1), Kratos: methods(
		"totp: {enabled: true}", "lookup_secret: {enabled: true}", "webauthn: {enabled: true, config: "+rp+"}", "passkey: {enabled: true, config: "+rp+"}",
	)})
	return f.URL
}

// startCodes runs one that asks everybody for a mailed code.
func startCodes(t *testing.T) string {
	t.Helper()
	schema := strings.Replace(testenv.Schema, `"credentials":{`, `"credentials":{"code":{"identifier":true,"via":"email"},`, 1)
	return start(t, harness.Options{Kratos: methods("code: {enabled: true, mfa_enabled: true}"), Files: map[string][]byte{"identity.schema.json": []byte(schema)}})
}

// methods adds methods to the configuration of the tests.
func methods(lines ...string) string {
	return strings.Replace(harness.Kratos, "  methods:\n", "  methods:\n    "+strings.Join(lines, "\n    ")+"\n", 1)
}

// flows adds flows to the configuration of the tests.
func flows(lines ...string) string {
	return strings.Replace(harness.Kratos, "  flows:\n", "  flows:\n    "+strings.Join(lines, "\n    ")+"\n", 1)
}

func start(t *testing.T, o harness.Options) (origin string) {
	t.Helper()
	f := newFront(t)
	f.start(t, o)
	return f.URL
}

// runNode runs npm/<key>.operations.mjs, and what else there is for the client.
func runNode(t *testing.T, s *stage, c *sdkClient) {
	calls := filepath.Join(t.TempDir(), "calls.jsonl")
	files, err := filepath.Glob(filepath.Join(s.dir, c.key+".*.mjs"))
	if err != nil {
		t.Fatal(err)
	}
	files = slices.DeleteFunc(files, func(name string) bool { return strings.HasSuffix(name, ".test.mjs") })
	run(t, s.dir, []string{
		"GATEHOUSE_URL=" + s.main, "GATEHOUSE_HASTY_URL=" + s.hasty, "GATEHOUSE_CUT_OFF_URL=" + s.cutOff, "GATEHOUSE_CALLS=" + calls,
		"GATEHOUSE_CLOSED_URL=" + s.closed, "GATEHOUSE_OWN_URL=" + s.own, "GATEHOUSE_FACTORS_URL=" + s.factors, "GATEHOUSE_CODES_URL=" + s.codes, "GATEHOUSE_TOKEN=" + s.token,
	}, "node", append([]string{"--test"}, files...)...)
	s.calls.read(t, c, calls)
}

func compareWithPage(t *testing.T, want string) {
	t.Helper()
	path := filepath.Join(harness.Root(t), "docs", "operations-coverage.md")
	if *update {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil { //nolint:gosec // a page for everybody
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Error("docs/operations-coverage.md tells of other calls than were made: write it anew with -update, and read the difference")
	}
}
