// Package operator tells what operators do with the binary: tokens, configuration files, reloads.
package operator

import (
	"encoding/json"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/gatehouse-id/gatehouse/internal/testenv"
	"github.com/gatehouse-id/gatehouse/test/harness"
)

func TestMain(m *testing.M) { harness.Main(m) }

// closed is a site whose admin API asks for tokens, as it does by default.
var closed = strings.Replace(harness.Site, " {\n\t\tauth off\n\t}", "", 1)

var firstToken = regexp.MustCompile(`first token for the admin API[^\n]*(ory_pat_[A-Za-z0-9]{32})`)

// identities asks for the list of identities with a token.
func identities(t *testing.T, gw *harness.Process, token string) int {
	t.Helper()
	c := gw.Env(t).App()
	c.Header.Set("Authorization", "Bearer "+token)
	return c.Get(gw.Admin + "/admin/identities").Status
}

// TestFirstStartPrintsOneToken: an operator starts a server, makes a token for a script
// with the one that was printed, and restarts.
func TestFirstStartPrintsOneToken(t *testing.T) {
	gw := harness.Start(t, harness.Options{Caddyfile: closed})
	if a := gw.Env(t).App().Get(gw.Admin + "/admin/identities"); a.Status != http.StatusUnauthorized {
		t.Errorf("without a token: %d %s", a.Status, a.Body)
	}
	printed := firstToken.FindStringSubmatch(gw.Log())
	if printed == nil {
		t.Fatal("no token was printed")
	}
	if got := identities(t, gw, printed[1]); got != http.StatusOK {
		t.Errorf("the printed token: %d, want 200", got)
	}
	gw.Stop()
	gw.Restart()
	if n := strings.Count(gw.Log(), "ory_pat_"); n != 1 {
		t.Errorf("tokens were printed %d times, want once in two starts", n)
	}
	if got := identities(t, gw, printed[1]); got != http.StatusOK {
		t.Errorf("the printed token after a restart: %d, want 200", got)
	}
}

func TestNoTokenIsPrintedWithoutAnAdminAPI(t *testing.T) {
	gw := harness.Start(t, harness.Options{})
	if strings.Contains(gw.Log(), "ory_pat_") {
		t.Error("a token was printed although the site asks for none")
	}
}

type token struct{ ID, Name, Value string }

func read[T any](t *testing.T, r harness.Result) (out T) {
	t.Helper()
	if err := json.Unmarshal([]byte(r.Stdout), &out); err != nil || r.Code != 0 {
		t.Fatalf("got %d %v\n%s\n%s", r.Code, err, r.Stdout, r.Stderr)
	}
	return out
}

// TestTokensOnTheCommandLine makes, lists and revokes a token on the machine of the server.
func TestTokensOnTheCommandLine(t *testing.T) {
	gw := harness.Start(t, harness.Options{Caddyfile: closed})
	r := gw.Command("token", "create", "report", "--scope", "identities:read", "--expires", "1h")
	value := strings.TrimSpace(r.Stdout)
	if got := identities(t, gw, value); r.Code != 0 || got != http.StatusOK {
		t.Fatalf("create: %d, then %d\n%s", r.Code, got, r.Stderr)
	}
	if r := gw.Command("token", "list"); r.Code != 0 || !strings.Contains(r.Stdout, "report") || strings.Contains(r.Stdout, value) {
		t.Errorf("list: %d\n%s", r.Code, r.Stdout)
	}
	var id string
	for _, listed := range read[[]token](t, gw.Command("token", "list", "--json")) {
		if listed.Name == "report" {
			id = listed.ID
		}
	}
	if r := gw.Command("token", "revoke", id); r.Code != 0 {
		t.Errorf("revoke: %d\n%s", r.Code, r.Stderr)
	}
	if got := identities(t, gw, value); got != http.StatusUnauthorized {
		t.Errorf("the revoked token: %d, want 401", got)
	}
}

// TestTokensFromElsewhere uses the admin API, with a token in the environment.
func TestTokensFromElsewhere(t *testing.T) {
	gw := harness.Start(t, harness.Options{Caddyfile: closed})
	admin := read[token](t, gw.Command("token", "create", "admin", "--scope", "admin", "--json")).Value
	t.Setenv("GATEHOUSE_TOKEN", admin)
	made := read[token](t, gw.Command("token", "create", "desk", "--scope", "sessions:write", "--url", gw.Admin, "--json"))
	t.Setenv("GATEHOUSE_TOKEN", made.Value)
	if r := gw.Command("token", "create", "more", "--scope", "admin", "--url", gw.Admin); r.Code == 0 || !strings.Contains(r.Stderr, "doesn't have the scope tokens:write") {
		t.Errorf("with too little scope: %d\n%s", r.Code, r.Stderr)
	}
	t.Setenv("GATEHOUSE_TOKEN", "")
	if r := gw.Command("token", "list", "--url", gw.Admin); r.Code == 0 || !strings.Contains(r.Stderr, "GATEHOUSE_TOKEN") {
		t.Errorf("without a token: %d\n%s", r.Code, r.Stderr)
	}
}

func TestTokenCommandsSayWhatIsWrong(t *testing.T) {
	gw := harness.Start(t, harness.Options{Caddyfile: closed})
	for want, args := range map[string][]string{
		`"root" is no scope`:      {"create", "a", "--scope", "root"},
		`"scope" not set`:         {"create", "a"},
		"accepts 1 arg":           {"create", "--scope", "admin"},
		"is no duration":          {"create", "a", "--scope", "admin", "--expires", "1d"},
		"takes the id of a token": {"revoke", "ory_pat_x"},
		"is no UUID":              {"revoke", "x"},
		"404":                     {"revoke", "9f8b1c1e-0000-4000-8000-000000000000"},
		"is it running?":          {"list", "--address", "127.0.0.1:1"},
		"no such file":            {"list", "--config", "gone.json"},
	} {
		if r := gw.Command(append([]string{"token"}, args...)...); r.Code == 0 || !strings.Contains(r.Stderr, want) {
			t.Errorf("token %q: got %d %s, want it to say %q", args, r.Code, r.Stderr, want)
		}
	}
}

// TestCaddysEndpointServesWhatSubcommandsNeed looks for the rest of the admin API there.
func TestCaddysEndpointServesWhatSubcommandsNeed(t *testing.T) {
	gw := harness.Start(t, harness.Options{Caddyfile: "{\n\tadmin 127.0.0.1:{$PORT_1}\n\tgatehouse {\n\t\tconfig kratos.yml\n\t}\n}\n" + strings.SplitN(closed, "}\n}\n", 2)[1]})
	at := "http://127.0.0.1:" + gw.Port("PORT_1")
	c := gw.Env(t).App()
	for path, want := range map[string]int{
		"/gatehouse/tokens": http.StatusOK, "/gatehouse/identities": http.StatusOK, "/gatehouse/sessions": http.StatusOK,
		"/gatehouse/courier/messages": http.StatusNotFound, "/gatehouse/tokens/%2e%2e/courier/messages": http.StatusNotFound,
	} {
		if a := c.Get(at + path); a.Status != want {
			t.Errorf("%s: got %d %s, want %d", path, a.Status, a.Body, want)
		}
	}
	c.Header.Set("Origin", "https://evil.example")
	if a := c.PostJSON(at+"/gatehouse/tokens", testenv.Fields{"name": "a", "scopes": []string{"admin"}}); a.Status != http.StatusForbidden {
		t.Errorf("from a page of another site: got %d %s", a.Status, a.Body)
	}
}
