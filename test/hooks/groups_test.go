package hooks

import (
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/gatehouse-id/gatehouse/internal/hostile"
	"github.com/gatehouse-id/gatehouse/internal/optest"
	"github.com/gatehouse-id/gatehouse/internal/testenv"
	"github.com/gatehouse-id/gatehouse/test/harness"
)

// mapping is a gateway at which people sign in with a provider whose claims a plugin maps.
func mapping(t *testing.T, guest []byte, options ...string) (*harness.Process, *optest.Provider) {
	t.Helper()
	p := optest.New(t)
	caddyfile := strings.Replace(site, "registration.pre_persist", "oidc.claims", 1)
	kratos := strings.Replace(harness.Kratos, "      after:\n", "      after:\n        oidc:\n          hooks: [{hook: session}]\n", 1)
	kratos = strings.Replace(kratos, "  methods:\n", fmt.Sprintf(`  methods:
    oidc:
      enabled: true
      config:
        providers:
          - id: acme
            provider: generic
            label: Acme
            client_id: %s
            client_secret: %s
            issuer_url: %s
            update_identity_on_login: automatic
`, optest.ClientID, optest.ClientSecret, p.URL), 1)
	return harness.Start(t, harness.Options{
		Caddyfile: strings.Replace(caddyfile, "HOOK", strings.Join(options, "\n\t\t\t"), 1),
		Kratos:    kratos, Files: map[string][]byte{"guest.wasm": guest},
	}), p
}

func member(groups ...string) map[string]any {
	return map[string]any{"sub": "1", "email": "ada@example.org", "email_verified": true, "given_name": "Ada", "groups": groups}
}

// TestGroupsDecidesWhoSignsIn runs the sample plugin as its README says.
func TestGroupsDecidesWhoSignsIn(t *testing.T) {
	code, err := os.ReadFile(harness.Plugin(t, "plugins/groups"))
	if err != nil {
		t.Fatal(err)
	}
	gw, p := mapping(t, code, "deadline 10s", "config `"+`{"roles": {"staff": "member", "operators": "admin"}}`+"`")
	e := gw.Env(t)

	p.SignInAs(member("guests"))
	stranger := e.Browser()
	form := stranger.Fetch("registration", testenv.FlowID(stranger.Via("login", "acme").Location()))
	if !strings.Contains(string(form.Body), "in none of the groups") {
		t.Fatalf("somebody in no group: %d %s", form.Status, form.Body)
	}
	if n := identities(t, gw); n != 0 {
		t.Errorf("identities: got %d, want none", n)
	}

	p.SignInAs(member("staff"))
	b := e.Browser()
	b.Via("login", "acme")
	who := b.Get("/sessions/whoami")
	if who.Text("identity", "traits", "name", "first") != "Ada" || who.At("identity", "verifiable_addresses", 0, "verified") != true {
		t.Fatalf("a member: got %s", who.Body)
	}
	roles := func() any {
		return e.App().Get(gw.Admin+"/admin/identities/"+who.Text("identity", "id")).At("metadata_admin", "roles")
	}
	if got := fmt.Sprint(roles()); got != "[member]" {
		t.Errorf("roles: got %s, want member", got)
	}

	p.SignInAs(member("operators", "staff"))
	e.Browser().Via("login", "acme")
	if got := fmt.Sprint(roles()); got != "[admin member]" {
		t.Errorf("roles after the next sign-in: got %s, want both", got)
	}
	p.SignInAs(member())
	c := e.Browser()
	c.Via("login", "acme")
	if a := c.Get("/sessions/whoami"); a.Status != http.StatusUnauthorized {
		t.Errorf("somebody who has left: got %d %s", a.Status, a.Body)
	}
	if strings.Contains(gw.Log(), "hook failed") {
		t.Error("the log tells of a failed hook")
	}
}

func TestHostileMappers(t *testing.T) {
	for name, guest := range map[string][]byte{
		"loops": hostile.Loop(), "eats memory": hostile.Memory(), "traps": hostile.Trap(), "answers garbage": hostile.Garbage(),
	} {
		t.Run(name, func(t *testing.T) {
			gw, p := mapping(t, guest, "deadline "+deadline.String(), "memory 8MiB")
			p.SignInAs(member())
			b := gw.Env(t).Browser()
			inTime(t, func() {
				form := b.Fetch("registration", testenv.FlowID(b.Via("login", "acme").Location()))
				if !strings.Contains(string(form.Body), "What Acme says of you can't be used here.") || strings.Contains(string(form.Body), "guest") {
					t.Errorf("got %d %s", form.Status, form.Body)
				}
			})
			if n := identities(t, gw); n != 0 {
				t.Errorf("identities: got %d, want none", n)
			}
			wantLog(t, gw, "oidc.claims", true)
			worksOn(t, gw)
		})
	}
}
