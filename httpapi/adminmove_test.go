package httpapi_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/pquerna/otp/totp"

	"github.com/gatehouse-id/gatehouse/core/config"
	"github.com/gatehouse-id/gatehouse/core/secret"
	"github.com/gatehouse-id/gatehouse/internal/gateway"
	"github.com/gatehouse-id/gatehouse/internal/testenv"
)

// withSecret is an installation whose secrets are made of a text, and that has all second factors.
func withSecret(t *testing.T, text string, more ...testenv.Option) *admin {
	t.Helper()
	keys, err := secret.NewKeys([]string{text})
	if err != nil {
		t.Fatal(err)
	}
	on := func(c *config.Config, o *gateway.Options) {
		o.Keys = keys
		c.SelfService.Methods.TOTP.Enabled, c.SelfService.Methods.LookupSecret.Enabled = true, true
	}
	return &admin{testenv.New(t, append([]testenv.Option{withStaff, on}, more...)...), t, "/admin"}
}

// shown is an identity with all that an administrator can see of it.
func (a *admin) shown(id string) *testenv.Answer {
	a.t.Helper()
	types := []string{"password", "oidc", "totp", "lookup_secret", "webauthn", "passkey"}
	got := a.get("/identities/" + id + "?include_credential=" + strings.Join(types, "&include_credential="))
	wantStatus(a.t, got, http.StatusOK)
	return got
}

// takeOver gives an identity that another installation shows to this one.
func (a *admin) takeOver(shown *testenv.Answer) *testenv.Answer {
	a.t.Helper()
	create := map[string]any{"credentials": map[string]any{}}
	for _, key := range []string{"id", "schema_id", "traits", "created_at", "state"} {
		create[key] = shown.At(key)
	}
	credentials, _ := shown.At("credentials").(map[string]any)
	for kind, c := range credentials {
		if config, _ := c.(map[string]any)["config"].(map[string]any); len(config) > 0 {
			create["credentials"].(map[string]any)[kind] = map[string]any{"config": config}
		}
	}
	body, _ := json.Marshal(map[string]any{"identities": []any{map[string]any{"create": create}}})
	return a.send(http.MethodPatch, "/identities", string(body))
}

// TestIdentitiesKeepIDAndAge: other systems know people by their ids.
func TestIdentitiesKeepIDAndAge(t *testing.T) {
	a := newAdmin(t)
	id := uuid.NewString()
	item := func(id, created, email string) string {
		return fmt.Sprintf(`{"identities":[{"create":{"id":%q,"created_at":%q,"traits":{"email":%q}}}]}`, id, created, email)
	}
	wantStatus(t, a.send("PATCH", "/identities", item(strings.ToUpper(id), "2019-02-03T04:05:06+01:00", "ann@example.org")), 200)
	if got := a.get("/identities/" + id); got.Text("id") != id || got.Text("created_at") != "2019-02-03T03:05:06Z" || got.Text("updated_at") < "2025" {
		t.Errorf("got %s", got.Body)
	}
	again := a.send("PATCH", "/identities", item(id, "2019-02-03T04:05:06Z", "bob@example.org"))
	wantError(t, again, 409, "")
	future := uuid.NewString()
	wantStatus(t, a.send("PATCH", "/identities", item(future, "2999-01-01T00:00:00Z", "cid@example.org")), 200)
	if got := a.get("/identities/" + future).Text("created_at"); got > "2998" {
		t.Errorf("made in the future: %s", got)
	}
	for _, bad := range []string{item("x", "2019-02-03T04:05:06Z", "d@example.org"), item(uuid.NewString(), "yesterday", "d@example.org")} {
		wantUnchanged(t, a.Env, func() { wantStatus(t, a.send("PATCH", "/identities", bad), 400) })
	}
	// One that is made by itself has the id that the server chooses, as in Kratos.
	wantError(t, a.send("POST", "/identities", `{"id":"`+uuid.NewString()+`","traits":{"email":"d@example.org"}}`), 400, "")
}

// TestSecondFactorsMoveSealed: an app and codes work on in an installation with the same secret, and nowhere else.
func TestSecondFactorsMoveSealed(t *testing.T) {
	const key = "JBSWY3DPEHPK3PXPJBSWY3DP"
	old := withSecret(t, "the secret of both installations")
	made := old.create(`{"schema_id":"staff","traits":{"login":"ann"},"credentials":{"password":{"config":{"password":"` + testenv.Password + `"}},
		"totp":{"config":{"totp_url":"otpauth://totp/site:ann?secret=` + key + `&issuer=site"}},
		"lookup_secret":{"config":{"codes":[{"code":"abcdefgh"},{"code":"ijklmnop","used_at":"2020-01-01T00:00:00Z"}]}}}}`)
	shown := old.shown(made.Text("id"))
	wantAbsent(t, shown, key)
	wantAbsent(t, shown, "abcdefgh")
	stranger := withSecret(t, "the secret of somebody else altogether")
	wantError(t, stranger.takeOver(shown), 400, "")

	a := withSecret(t, "the secret of both installations")
	wantStatus(t, a.takeOver(shown), 200)
	second := func(fields testenv.Fields) *testenv.Answer {
		c := a.App()
		c.Header.Set("Authorization", "Bearer "+c.SignIn("ann").Text("session_token"))
		return c.Submit("login", c.Start("login", "aal=aal2"), fields)
	}
	code, err := totp.GenerateCode(key, a.Now())
	if err != nil {
		t.Fatal(err)
	}
	wantStatus(t, second(testenv.Fields{"method": "totp", "totp_code": code}), 200)
	wantStatus(t, second(testenv.Fields{"method": "lookup_secret", "lookup_secret": "ijklmnop"}), 400)
	a.Advance(time.Minute)
	wantStatus(t, second(testenv.Fields{"method": "lookup_secret", "lookup_secret": "abcdefgh"}), 200)
}

// TestSealedFactorsStayWithTheirOwner: what was sealed for one account opens nothing for another.
func TestSealedFactorsStayWithTheirOwner(t *testing.T) {
	a := withSecret(t, "the secret of this installation")
	eve := a.create(`{"schema_id":"staff","traits":{"login":"eve"},"credentials":{"totp":{"config":{"totp_url":"otpauth://totp/s:e?secret=JBSWY3DPEHPK3PXPJBSWY3DP"}}}}`)
	config, _ := json.Marshal(a.shown(eve.Text("id")).At("credentials", "totp", "config"))
	for _, kind := range []string{"totp", "lookup_secret"} {
		wantError(t, a.send("POST", "/identities", `{"schema_id":"staff","traits":{"login":"ann"},"credentials":{"`+kind+`":{"config":`+string(config)+`}}}`), 400, "")
	}
}

// TestKeysMove: security keys and passkeys sign in at an installation that serves the same domain.
func TestKeysMove(t *testing.T) {
	old, a := withSecret(t, "the secret of the old site, 32 bytes", withKeys), withSecret(t, "the secret of the new site, 32 bytes", withKeys)
	h := newHand(old.Env)
	shown := old.shown(h.joins("ann@example.org").Text("identity", "id"))
	wantStatus(t, a.takeOver(shown), 200)
	there := &hand{a.Browser(), h.device}
	there.Header.Set("Accept", "application/json")
	want(t, "signing in at the new site", there.enters(), http.StatusOK)

	again := *shown
	again.JSON = map[string]any{"id": uuid.NewString(), "schema_id": "default", "traits": map[string]any{"email": "eve@example.org"}, "credentials": shown.At("credentials")}
	wantError(t, a.takeOver(&again), 409, "")
}

func TestKeysThatCanNotBeImported(t *testing.T) {
	a := withSecret(t, "the secret of the site, for its tests", withKeys)
	h := newHand(a.Env)
	shown := a.shown(h.joins("ann@example.org").Text("identity", "id"))
	good, _ := json.Marshal(shown.At("credentials", "passkey", "config"))
	for name, change := range map[string][2]string{
		"no keys":        {`"credentials":[{`, `"credentials":[],"x":[{`},
		"no id":          {`"id":"`, `"id":"","y":"`},
		"no handle":      {`"user_handle":"`, `"z":"`},
		"no COSE":        {`"public_key":"`, `"public_key":"AAAA`},
		"a bad aaguid":   {`"aaguid":"`, `"aaguid":"AAAA`},
		"an odd handle":  {`"user_handle":"`, `"user_handle":"/v7+`},
		"a long handle":  {`"user_handle":"`, `"user_handle":"` + strings.Repeat("AAAA", 30)},
		"a long name":    {`"display_name":"`, `"display_name":"` + strings.Repeat("x", 300)},
		"no such number": {`"sign_count":0`, `"sign_count":-1`},
	} {
		bad := strings.Replace(string(good), change[0], change[1], 1)
		if bad == string(good) {
			t.Fatalf("%s: nothing was changed in %s", name, good)
		}
		wantUnchanged(t, a.Env, func() {
			got := a.send("POST", "/identities", `{"traits":{"email":"bob@example.org"},"credentials":{"passkey":{"config":`+bad+`}}}`)
			if got.Status != 400 {
				t.Errorf("%s: got %d, want 400: %s", name, got.Status, got.Body)
			}
		})
	}
}
