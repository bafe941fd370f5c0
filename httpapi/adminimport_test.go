package httpapi_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"github.com/gatehouse-id/gatehouse/core/config"
	"github.com/gatehouse-id/gatehouse/internal/gateway"
	"github.com/gatehouse-id/gatehouse/internal/testenv"
)

// importedHashes are of the password "correct horse", as other systems store it.
var importedHashes = map[string]string{
	"scrypt":   "$scrypt$ln=1024,r=8,p=1$MDEyMzQ1Njc4OWFiY2RlZg==$6g3umF+uVrJsObaTZhIbbTlgrvOEFcCItdwSjtPF67M=",
	"sha512":   "$6$rounds=10000$saltstringsaltst$uWkfitxWIj/pKw1nBSBgiQR8Pwbr7IMycYT33N8JITrE33DUmC8bV6rVVtFeP/iZRI3xx58jHgvVgQRG8FBmF/",
	"md5crypt": "$1$saltsalt$NuzA7WTAelpl95xgBGWN60",
	"ssha":     "{SSHA}YjOxnlnw8lITpqjG3t+XV9jV7otwZXBwZXI=",
	"md5":      "$md5$PLTnMmMfR+brlh80VUt83g==",
	"hmac":     "$hmac-sha256$lVyjvVvpaB8N5ONm8dM6F/d93h72TyOUtfk5qtOdviY=$a2V5",
}

// TestImportedPasswordsOpenAndAreUpgraded: people sign in with the password they have, after which there is a new hash.
func TestImportedPasswordsOpenAndAreUpgraded(t *testing.T) {
	a := newAdmin(t)
	for name, hash := range importedHashes {
		made := a.create(fmt.Sprintf(`{"schema_id":"staff","traits":{"login":%q},"credentials":{"password":{"config":{"hashed_password":%q}}}}`, name, hash))
		path := "/identities/" + made.Text("id") + "?include_credential=password"
		if got := a.get(path).Text("credentials", "password", "config", "hashed_password"); got != hash {
			t.Errorf("%s: got %q before the sign-in, want %q", name, got, hash)
		}
		c := a.App()
		wantMessages(t, c.Submit("login", c.Start("login", ""), testenv.Credentials(name, "wrong horse")), 4000006)
		wantStatus(t, c.Submit("login", c.Start("login", ""), testenv.Credentials(name, "correct horse")), http.StatusOK)
		if got := a.get(path).Text("credentials", "password", "config", "hashed_password"); !strings.HasPrefix(got, "$2a$04$") {
			t.Errorf("%s: got %q after the sign-in, want a new hash", name, got)
		}
		wantStatus(t, c.Submit("login", c.Start("login", ""), testenv.Credentials(name, "correct horse")), http.StatusOK)
	}
}

func TestImportedAddressesAreThoseOfTheTraits(t *testing.T) {
	a := newAdmin(t)
	made := a.create(`{"traits":{"email":"ann@example.org"},"verifiable_addresses":[{"value":"ANN@example.org","verified":true,"via":"email","status":"completed","verified_at":"2020-02-03T04:05:06Z"}],
		"recovery_addresses":[{"value":"ann@example.org","via":"email"}]}`)
	if made.At("verifiable_addresses", 0, "verified") != true || made.Text("verifiable_addresses", 0, "verified_at") != "2020-02-03T04:05:06Z" {
		t.Errorf("got %s", made.Body)
	}
	for _, bad := range []string{
		`{"value":"eve@example.org","verified":true,"via":"email"}`, `{"value":"bob@example.org","verified":true,"via":"sms"}`,
		`{"value":"bob@example.org","via":"email","status":"maybe"}`,
	} {
		got := a.send("POST", "/identities", `{"traits":{"email":"bob@example.org"},"verifiable_addresses":[`+bad+`]}`)
		wantError(t, got, 400, "")
	}
}

func TestImportedLinks(t *testing.T) {
	a := newAdmin(t)
	body := func(login string) string {
		return `{"schema_id":"staff","traits":{"login":"` + login + `"},"credentials":{"oidc":{"config":{"providers":[{"provider":"acme","subject":"S1"},{"provider":"beta","subject":"s2"}]}}}}`
	}
	path := "/identities/" + a.create(body("ann")).Text("id")
	if got := ids(t, a.get("/identities?credentials_identifier=acme:S1")); len(got) != 1 {
		t.Errorf("the link finds %q", got)
	}
	wantError(t, a.send("POST", "/identities", body("bob")), 409, "")
	// Links are added to those there are, each once.
	wantStatus(t, a.send("PUT", path, strings.Replace(strings.Replace(body("ann"), "beta", "gamma", 1), "s2", "s3", 1)), 200)
	got := a.get(path + "?include_credential=oidc")
	if list, _ := got.At("credentials", "oidc", "identifiers").([]any); len(list) != 3 || got.Text("credentials", "oidc", "config", "providers", 2, "subject") != "s3" {
		t.Errorf("got %s", got.Body)
	}
	wantError(t, a.send("DELETE", path+"/credentials/oidc", ""), 400, "")
	wantError(t, a.send("DELETE", path+"/credentials/oidc?identifier=acme:nope", ""), 404, "")
	for _, link := range []string{"acme:S1", "beta:s2", "gamma:s3"} {
		wantStatus(t, a.send("DELETE", path+"/credentials/oidc?identifier="+link, ""), 204)
		wantError(t, a.send("DELETE", path+"/credentials/oidc?identifier="+link, ""), 404, "")
	}
	if got = a.get(path); got.At("credentials", "oidc") != nil {
		t.Errorf("got %s", got.Body)
	}
	a.create(body("bob"))
}

func TestImportsThatCanNotBe(t *testing.T) {
	a := newAdmin(t)
	for _, bad := range []string{
		`"password":{"config":{"hashed_password":"$2a$31$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"}}`,
		`"password":{"config":{"hashed_password":"$scrypt$ln=8388608,r=8,p=1$MDEyMzQ1Njc4OWFiY2RlZg==$6g3umF+uVrJsObaTZhIbbTlgrvOEFcCItdwSjtPF67M="}}`,
		`"password":{"config":{"use_password_migration_hook":true}}`, `"password":{"config":{"pasword":"x"}}`, `"password":{"config":7}`,
		`"password":{"config":{"password":"` + strings.Repeat("x", 2000) + `"}}`, `"password":{"hashed_password":"x"}`,
		`"oidc":{"config":{"providers":[{"provider":"acme"}]}}`, `"oidc":{"config":{"providers":[{"subject":"x"}]}}`,
		`"oidc":{"config":{"providers":[{"provider":"a","subject":"x","use_auto_link":true}]}}`, `"oidc":{"config":{"providers":{}}}`,
		`"saml":{"config":{}}`, `"nope":{"config":{}}`, `"code":{"config":{}}`,
		`"totp":{"config":{}}`, `"totp":{"config":{"totp_url":"https://example.org"}}`, `"totp":{"config":{"totp_url":"otpauth://hotp/a?secret=JBSWY3DPEHPK3PXPJBSWY3DP"}}`,
		`"totp":{"config":{"totp_url":"otpauth://totp/a?secret=JBSWY3DPEHPK3PXPJBSWY3DP&digits=8"}}`, `"totp":{"config":{"totp_url":"otpauth://totp/a?secret=JBSWY3DPEHPK3PXPJBSWY3DP&algorithm=SHA512"}}`,
		`"totp":{"config":{"totp_url":"otpauth://totp/a?secret=JBSWY3DPEHPK3PXPJBSWY3DP&period=60"}}`, `"totp":{"config":{"totp_url":"otpauth://totp/a?secret=AAAA"}}`,
		`"totp":{"config":{"totp_url":"otpauth://totp/a?secret=1111111111111111"}}`, `"totp":{"config":{"secret":"x"}}`,
		`"lookup_secret":{"config":{"codes":[{"code":"abc"}]}}`, `"lookup_secret":{"config":{"codes":[` + strings.Repeat(`{"code":"abcdefgh"},`, 64) + `{"code":"abcdefgh"}]}}`,
		`"lookup_secret":{"config":{"codes":[{"code":"` + strings.Repeat("a", 65) + `"}]}}`, `"lookup_secret":{"config":{"recovery_codes":[]}}`,
	} {
		wantUnchanged(t, a.Env, func() {
			got := a.send("POST", "/identities", `{"schema_id":"staff","traits":{"login":"ann"},"credentials":{`+bad+`}}`)
			if got.Status != 400 {
				t.Errorf("%.160s: got %d, want 400: %.200s", bad, got.Status, got.Body)
			}
		})
	}
}

// TestImportedSecondFactors: an app and codes that were set up elsewhere work on.
func TestImportedSecondFactors(t *testing.T) {
	const secret = "JBSWY3DPEHPK3PXPJBSWY3DP"
	on := func(c *config.Config, _ *gateway.Options) {
		c.SelfService.Methods.TOTP.Enabled, c.SelfService.Methods.LookupSecret.Enabled = true, true
	}
	a := &admin{testenv.New(t, withStaff, on), t, "/admin"}
	made := a.create(`{"schema_id":"staff","traits":{"login":"ann"},"credentials":{"password":{"config":{"password":"` + testenv.Password + `"}},
		"totp":{"config":{"totp_url":"otpauth://totp/site:ann?secret=` + secret + `&issuer=site"}},
		"lookup_secret":{"config":{"codes":[{"code":"abcd-efgh"},{"code":"ijklmnop","used_at":"2020-01-01T00:00:00Z"},{"code":"qrstuvwx"}]}}}}`)
	wantAbsent(t, made, secret)
	second := func(fields testenv.Fields) *testenv.Answer {
		c := a.App()
		c.Header.Set("Authorization", "Bearer "+c.SignIn("ann").Text("session_token"))
		return c.Submit("login", c.Start("login", "aal=aal2"), fields)
	}
	code, err := totp.GenerateCode(secret, a.Now())
	if err != nil {
		t.Fatal(err)
	}
	wantStatus(t, second(testenv.Fields{"method": "totp", "totp_code": code}), 200)
	wantStatus(t, second(testenv.Fields{"method": "lookup_secret", "lookup_secret": "ABCDEFGH"}), 200)
	a.Advance(time.Minute)
	wantStatus(t, second(testenv.Fields{"method": "lookup_secret", "lookup_secret": "ijklmnop"}), 400)
	path := "/identities/" + made.Text("id")
	shown := a.get(path + "?include_credential=totp&include_credential=lookup_secret")
	for _, kind := range []string{"totp", "lookup_secret"} {
		config, ok := shown.At("credentials", kind, "config").(map[string]any)
		if _, sealed := config["sealed"].(string); !ok || len(config) != 1 || !sealed {
			t.Errorf("%s shows %v, want something sealed", kind, config)
		}
	}
	wantStatus(t, a.send("DELETE", path+"/credentials/totp", ""), 204)
	wantError(t, a.send("DELETE", path+"/credentials/totp", ""), 404, "")
	if got := a.get(path); got.At("credentials", "totp") != nil || got.At("credentials", "lookup_secret") == nil {
		t.Errorf("got %s", got.Body)
	}
}

func TestRemovedPasswordOpensNothing(t *testing.T) {
	a := newAdmin(t)
	path, _ := a.person("ann@example.org")
	wantStatus(t, a.send("DELETE", path+"/credentials/password", ""), 204)
	c := a.App()
	wantMessages(t, c.Submit("login", c.Start("login", ""), testenv.Credentials("ann@example.org", testenv.Password)), 4000006)
	wantError(t, a.send("POST", "/identities", `{"traits":{"email":"ann@example.org"}}`), 409, "")
	for _, kind := range []string{"code", "passkey", "nope", "saml"} {
		wantError(t, a.send("DELETE", path+"/credentials/"+kind, ""), 400, "")
	}
	wantError(t, a.send("DELETE", "/identities/x/credentials/password", ""), 404, "")
	wantStatus(t, a.send("PUT", path, `{"traits":{"email":"ann@example.org"},"credentials":{"password":{"config":{"password":"another horse"}}}}`), 200)
	wantStatus(t, c.Submit("login", c.Start("login", ""), testenv.Credentials("ann@example.org", "another horse")), 200)
}

// TestCredentialsAreShownWhenAskedFor: hashes of one identity at a time, secrets of second factors sealed.
func TestCredentialsAreShownWhenAskedFor(t *testing.T) {
	a := newAdmin(t)
	path, made := a.person("ann@example.org")
	for _, answer := range []*testenv.Answer{made, a.get(path), a.get("/identities"), a.get("/identities?include_credential=password"), a.get(path + "?include_credential=oidc")} {
		wantAbsent(t, answer, "$2a$")
	}
	wantAbsent(t, a.get("/identities"), "credentials")
	if got := a.get("/identities?include_credential=password"); !strings.Contains(string(got.Body), `"password":{"config":{},`) {
		t.Errorf("a list shows no credentials: %s", got.Body)
	}
	if got := a.get(path + "?include_credential=password"); !strings.HasPrefix(got.Text("credentials", "password", "config", "hashed_password"), "$2a$") {
		t.Errorf("got %s", got.Body)
	}
	wantError(t, a.get(path+"?include_credential=nope"), 400, "")
	a.mount = "/api/kratos/admin"
	wantStatus(t, a.get(path+"?include_credential=oidc"), 200)
	wantError(t, a.get(path+"?include_credential=password"), 400, "")
}
