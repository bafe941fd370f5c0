package oidc

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/oauth2"

	"github.com/gatehouse-id/gatehouse/core/config"
)

// userAPIs answers for the hosts of providers: path -> body.
type userAPIs map[string]string

// RoundTrip implements http.RoundTripper.
func (a userAPIs) RoundTrip(r *http.Request) (*http.Response, error) {
	rec := httptest.NewRecorder()
	body, ok := a[r.URL.Host+r.URL.Path]
	if !ok || !strings.HasSuffix(r.Header.Get("Authorization"), " the-access-token") {
		rec.WriteHeader(http.StatusNotFound)
		return rec.Result(), nil
	}
	rec.Header().Set("Content-Type", "application/json; charset=utf-8")
	_, _ = rec.WriteString(body)
	return rec.Result(), nil
}

func TestUserAPIsMakeStandardClaims(t *testing.T) {
	vkToken := (&oauth2.Token{AccessToken: "the-access-token"}).WithExtra(map[string]any{"email": "olga@example.org"})
	for _, tt := range []struct {
		provider string
		scope    []string
		token    *oauth2.Token
		answers  userAPIs
		want     map[string]any
	}{
		{"github", []string{"user:email"}, nil, userAPIs{
			"api.github.com/user":        `{"id": 583231, "login": "olga", "name": "Olga P", "email": "public@example.org", "avatar_url": "https://a/1"}`,
			"api.github.com/user/emails": `[{"email":"old@example.org","verified":true,"primary":false},{"email":"olga@example.org","verified":true,"primary":true}]`,
		}, map[string]any{"sub": "583231", "nickname": "olga", "email": "olga@example.org", "email_verified": true, "picture": "https://a/1"}},
		{"github", nil, nil, userAPIs{
			"api.github.com/user": `{"id": 583231, "login": "olga", "email": "public@example.org"}`,
		}, map[string]any{"sub": "583231"}},
		{"github-app", nil, nil, userAPIs{
			"api.github.com/user": `{"id": 583231, "login": "olga"}`,
		}, map[string]any{"sub": "583231"}},
		{"facebook", nil, nil, userAPIs{
			"graph.facebook.com/me": `{"id": "10", "first_name": "Olga", "last_name": "P", "email": "olga@example.org", "birthday": "02/28/1990"}`,
		}, map[string]any{"sub": "10", "given_name": "Olga", "family_name": "P", "email": "olga@example.org", "birthdate": "1990-02-28"}},
		{"discord", []string{"identify"}, nil, userAPIs{
			"discord.com/api/users/@me": `{"id": "80351110224678912", "username": "olga", "email": "olga@example.org", "verified": true, "avatar": "8342"}`,
		}, map[string]any{"sub": "80351110224678912", "nickname": "olga", "email_verified": true, "picture": "https://cdn.discordapp.com/avatars/80351110224678912/8342.png"}},
		{"slack", nil, nil, userAPIs{
			"slack.com/api/users.identity": `{"ok": true, "user": {"id": "U1", "name": "Olga", "email": "olga@example.org"}, "team": {"id": "T1"}}`,
		}, map[string]any{"sub": "U1", "name": "Olga", "team": "T1", "email": "olga@example.org", "email_verified": nil}},
		{"spotify", nil, nil, userAPIs{
			"api.spotify.com/v1/me": `{"id": "olga", "display_name": "Olga", "external_urls": {"spotify": "https://open/olga"}, "images": [{"url": "https://i/1"}]}`,
		}, map[string]any{"sub": "olga", "name": "Olga", "profile": "https://open/olga", "picture": "https://i/1"}},
		{"vk", nil, vkToken, userAPIs{
			"api.vk.com/method/users.get": `{"response": [{"id": 210700286, "first_name": "Olga", "sex": 1}]}`,
		}, map[string]any{"sub": "210700286", "given_name": "Olga", "gender": "female", "email": "olga@example.org"}},
		{"yandex", nil, nil, userAPIs{
			"login.yandex.ru/info": `{"id": "1000", "login": "olga", "default_email": "olga@yandex.ru", "first_name": "Olga", "default_avatar_id": "131/2"}`,
		}, map[string]any{"sub": "1000", "email": "olga@yandex.ru", "given_name": "Olga", "picture": "https://avatars.yandex.net/get-yapic/131/2/islands-200"}},
		{"gitlab", nil, nil, userAPIs{
			"gitlab.com/oauth/userinfo": `{"sub": "7", "nickname": "olga", "email_verified": "false"}`,
		}, map[string]any{"sub": "7", "nickname": "olga"}},
		{"auth0", nil, nil, userAPIs{
			"acme.auth0.example/userinfo": `{"sub": "auth0|7", "email": "olga@example.org", "email_verified": true, "updated_at": "2024-01-02T03:04:05.678Z"}`,
		}, map[string]any{"sub": "auth0|7", "email_verified": true, "updated_at": int64(1704164645)}},
		{"linkedin", nil, nil, userAPIs{
			"api.linkedin.com/v2/userinfo": `{"sub": "7", "email": "olga@example.org", "email_verified": "true"}`,
		}, map[string]any{"sub": "7", "email": "olga@example.org"}},
	} {
		t.Run(tt.provider, func(t *testing.T) {
			p := config.OIDCProvider{Provider: tt.provider, ClientSecret: "s", Scope: tt.scope}
			if tt.provider == "auth0" {
				p.IssuerURL = "https://acme.auth0.example"
			}
			got, err := claimsBy(t, tt.answers, p, tt.token)
			if err != nil {
				t.Fatal(err)
			}
			for name, want := range tt.want {
				if diff := cmp.Diff(want, got[name]); diff != "" {
					t.Errorf("%s (-want +got):\n%s", name, diff)
				}
			}
			if _, shown := got["email"]; shown && tt.want["email"] == nil && tt.provider == "github" {
				t.Errorf("an address that is not known to be verified was taken: %v", got["email"])
			}
			if err := got.check(); err != nil {
				t.Error(err)
			}
		})
	}
}

// claimsBy asks a provider's user API.
func claimsBy(t *testing.T, answers userAPIs, p config.OIDCProvider, token *oauth2.Token) (Claims, error) {
	t.Helper()
	if token == nil {
		token = &oauth2.Token{AccessToken: "the-access-token"}
	}
	caller := Caller{&http.Client{Transport: answers}}
	conn, err := connect(caller.context(t.Context()), &p, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	return conn.kind.claims(t.Context(), caller.api(conn, token))
}

func TestUserAPIsThatFailNameNobody(t *testing.T) {
	for provider, answers := range map[string]userAPIs{
		"github":  {"api.github.com/user": `{"id": 1}`}, // without the addresses
		"slack":   {"slack.com/api/users.identity": `{"ok": false, "error": "token_revoked"}`},
		"vk":      {"api.vk.com/method/users.get": `{"error": {"error_code": 5}}`},
		"discord": {"discord.com/api/users/@me": `[]`},
		"spotify": {},
	} {
		c, err := claimsBy(t, answers, config.OIDCProvider{Provider: provider, Scope: []string{"user:email"}}, nil)
		if err == nil && c.check() == nil {
			t.Errorf("%s: got %v, want nobody", provider, c)
		}
	}
}

func TestMicrosoftTenants(t *testing.T) {
	const tid, other = "72f988bf-86f1-41af-91ab-2d7cd011db47", "8eaef023-2b34-4da1-9baa-8bc8c9d6a490"
	iss := func(t string) string { return "https://login.microsoftonline.com/" + t + "/v2.0" }
	for _, tt := range []struct {
		tenant, tid, iss string
		want             bool
	}{
		{"common", tid, iss(tid), true},
		{"common", personal, iss(personal), true},
		{"common", tid, iss(other), false},
		{"common", "x/../y", iss("x/../y"), false},
		{"common", "", iss(""), false},
		{"organizations", tid, iss(tid), true},
		{"organizations", personal, iss(personal), false},
		{"consumers", personal, iss(personal), true},
		{"consumers", tid, iss(tid), false},
		{tid, tid, iss(tid), true},
		{tid, other, iss(other), false},
		{"contoso.onmicrosoft.com", tid, iss(tid), true},
	} {
		got := microsoftIssuer(&config.OIDCProvider{Tenant: tt.tenant}, Claims{"tid": tt.tid, "iss": tt.iss})
		if got != tt.want {
			t.Errorf("tenant %s, token of %s by %s: got %v, want %v", tt.tenant, tt.tid, tt.iss, got, tt.want)
		}
	}
}

func TestMicrosoftAddressesProveNothing(t *testing.T) {
	c := Claims{"sub": "s", "oid": "o", "email": "ann@example.org", "email_verified": true}
	if err := microsoftSubject(t.Context(), &api{config: &config.OIDCProvider{SubjectSource: "oid"}}, c); err != nil {
		t.Fatal(err)
	}
	if c.subject() != "o" || c.flag("email_verified") {
		t.Errorf("got %v, want the object id and no verified address", c)
	}
}

func TestAppleSecretsAndNames(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	p := &config.OIDCProvider{
		ID: "apple", Provider: "apple", ClientID: "org.example", TeamID: "TEAM", PrivateKeyID: "KEY",
		PrivateKey: string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})), Scope: []string{"email"},
	}
	if err := validate(p); err != nil {
		t.Fatal(err)
	}
	secret, err := appleSecret(p, time.Unix(1_700_000_000, 0))
	if err != nil || strings.Count(secret, ".") != 2 {
		t.Errorf("got %q, %v, want a JWT", secret, err)
	}
	if !apple.formPost(p) {
		t.Error("Apple answers a question for the address by POST only")
	}
	c := Claims{"email_verified": "true"}
	appleName(url.Values{"user": {`{"name":{"firstName":"Olga","lastName":"P"},"email":"forged@example.org"}`}}, c)
	if c.text("given_name") != "Olga" || c.text("family_name") != "P" || c["email"] != nil {
		t.Errorf("got %v, want the name and nothing else of what the browser says", c)
	}
	p.PrivateKey = "no key"
	if err := validate(p); err == nil || !strings.HasPrefix(err.Error(), "apple_private_key: ") {
		t.Errorf("got %v, want an error with the key", err)
	}
}

func TestConfigurationIsChecked(t *testing.T) {
	for want, p := range map[string]config.OIDCProvider{
		"provider: ":                 {Provider: "myspace"},
		"id: ":                       {ID: "acme:eu", Provider: "google", ClientSecret: "s"},
		"issuer_url: ":               {Provider: "generic", IssuerURL: "accounts.example.org"},
		"microsoft_tenant: ":         {Provider: "microsoft"},
		"apple_team_id: ":            {Provider: "apple"},
		"pkce: ":                     {Provider: "google", ClientSecret: "s", PKCE: "sometimes"},
		"claims_source: ":            {Provider: "google", ClaimsSource: "rumours"},
		"update_identity_on_login: ": {Provider: "google", UpdateIdentityOnLogin: "yes"},
		"requested_claims: ":         {Provider: "google", RequestedClaims: json.RawMessage(`[]`)},
	} {
		if err := validate(&p); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%+v: got %v, want an error that begins with %q", p, err, want)
		}
	}
	for _, kind := range Kinds() {
		if kinds[kind] == nil {
			t.Errorf("%s has no row", kind)
		}
	}
}

func TestSaidIsFitToBeRead(t *testing.T) {
	got := said("access_denied", "a\r\nSet-Cookie: x\x00\u202e"+strings.Repeat("é", 500))
	if strings.ContainsAny(got, "\r\n\x00\u202e") || len([]rune(got)) > maxSaid+1 {
		t.Errorf("got %q", got)
	}
}

func FuzzClaims(f *testing.F) {
	f.Add([]byte(`{"sub":"1","email":"a@b","email_verified":"true","updated_at":1e400,"x":{"y":[null]}}`))
	f.Add([]byte(`[]`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		c, err := parseClaims(raw)
		if err != nil {
			return
		}
		in, err := c.forMapper()
		if err != nil || !json.Valid(in) {
			t.Fatalf("claims that were read can't be written: %v", err)
		}
		if c.check() == nil && (c.subject() == "" || len(c.subject()) > maxSubject) {
			t.Fatalf("subject %q", c.subject())
		}
	})
}

func FuzzMapped(f *testing.F) {
	f.Add([]byte(`{"identity":{"traits":{"a":1},"metadata_public":null,"verified_addresses":[{"via":"email","value":"A@b"}]}}`))
	f.Fuzz(func(_ *testing.T, raw []byte) {
		m, err := parseMapped(raw)
		if err != nil {
			return
		}
		if t, _ := m.traits(); t == nil {
			panic("no traits")
		}
		vouched(m.verified(), Claims{})
		object(m.Identity.MetadataPublic)
	})
}
