package httpapi_test

import (
	"strings"
	"testing"

	"github.com/gatehouse-id/gatehouse/core/config"
	"github.com/gatehouse-id/gatehouse/core/identity"
	"github.com/gatehouse-id/gatehouse/core/secret"
	"github.com/gatehouse-id/gatehouse/internal/gateway"
	"github.com/gatehouse-id/gatehouse/internal/testenv"
)

func TestTokensAreUnreadableAtRest(t *testing.T) {
	e, p := social(t)
	p.SignInAs(claims("1", "olga@example.org"))
	b := e.Browser()
	id := home(t, b, via(t, b, "registration", chooseAcme)).Text("identity", "id")

	admin := e.App()
	plain := admin.Do("GET", e.Admin+"/admin/identities/"+id+"?include_credential=oidc", "", nil)
	account := func(key string) string {
		return plain.Text("credentials", "oidc", "config", "providers", 0, key)
	}
	if account("subject") != "1" || account("provider") != "acme" || strings.Count(account("initial_id_token"), ".") != 2 ||
		account("initial_access_token") == "" || account("initial_refresh_token") == "" {
		t.Fatalf("an administrator who asks is told %s", plain.Body)
	}
	if a := admin.Do("GET", e.Admin+"/admin/identities/"+id, "", nil); a.At("credentials", "oidc", "config") != nil {
		t.Errorf("one who doesn't ask is told %s", a.Body)
	}
	i, err := e.Gateway.Store.Identity(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"initial_id_token", "initial_access_token", "initial_refresh_token"} {
		if strings.Contains(string(i.Credentials[identity.OIDC].Config), account(key)) {
			t.Errorf("%s is stored in the clear", key)
		}
	}
	for _, path := range []string{"/sessions/whoami", "/self-service/settings/browser"} {
		if strings.Contains(string(b.Get(path).Body), account("initial_access_token")) {
			t.Errorf("%s shows a token", path)
		}
	}
}

func TestTokensFollowTheSecrets(t *testing.T) {
	const before, after = "the-secret-of-last-year", "the-secret-of-this-year"
	keys := func(secrets ...string) testenv.Option {
		k, err := secret.NewKeys(secrets)
		if err != nil {
			t.Fatal(err)
		}
		return func(_ *config.Config, o *gateway.Options) { o.Keys = k }
	}
	old, p := social(t, keys(before))
	p.SignInAs(claims("1", "olga@example.org"))
	b := old.Browser()
	id := home(t, b, via(t, b, "registration", chooseAcme)).Text("identity", "id")

	same := func(_ *config.Config, o *gateway.Options) { o.KV = old.KV }
	read := func(e *testenv.Env) *testenv.Answer {
		return e.App().Do("GET", e.Admin+"/admin/identities/"+id+"?include_credential=oidc", "", nil)
	}
	withProvider := func(c *config.Config, _ *gateway.Options) {
		c.SelfService.Methods.OIDC = old.Config.SelfService.Methods.OIDC
	}
	rotating := testenv.New(t, same, withProvider, keys(after, before))
	if a := read(rotating); a.Text("credentials", "oidc", "config", "providers", 0, "initial_access_token") == "" {
		t.Fatalf("with both secrets: %s", a.Body)
	}
	c := rotating.Browser()
	home(t, c, via(t, c, "login", chooseAcme))
	if a := read(testenv.New(t, same, withProvider, keys(after))); a.Text("credentials", "oidc", "config", "providers", 0, "initial_access_token") == "" {
		t.Errorf("after a sign-in, without the old secret: %d %s", a.Status, a.Body)
	}
}
