package oidc

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"log/slog"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/oauth2"

	"github.com/gatehouse-id/gatehouse/core/config"
	"github.com/gatehouse-id/gatehouse/core/flow"
)

// google and others like it announce where they are; nobody else is asked before people are sent there.
const discovery = "accounts.google.com/.well-known/openid-configuration"

// announcing answers the one question that a departure may have, and fails the test on others.
type announcing struct{ t *testing.T }

// RoundTrip implements http.RoundTripper.
func (a announcing) RoundTrip(r *http.Request) (*http.Response, error) {
	rec := httptest.NewRecorder()
	if r.URL.Host+r.URL.Path != discovery {
		a.t.Errorf("asked for %s", r.URL)
		rec.WriteHeader(http.StatusNotFound)
		return rec.Result(), nil
	}
	rec.Header().Set("Content-Type", "application/json")
	_, _ = rec.WriteString(`{"issuer":"https://accounts.google.com","authorization_endpoint":"https://accounts.google.com/o/oauth2/v2/auth",
		"token_endpoint":"https://oauth2.googleapis.com/token","jwks_uri":"https://www.googleapis.com/oauth2/v3/certs","code_challenge_methods_supported":["S256"]}`)
	return rec.Result(), nil
}

// leave is where a provider sends somebody who chooses it.
func leave(t *testing.T, p config.OIDCProvider, f *flow.Flow, fields map[string]any) *url.URL {
	t.Helper()
	p.ID, p.ClientID, p.ClientSecret = "acme", "the-client", "the-secret"
	c := config.OIDCMethod{Enabled: true, Config: config.OIDCConfig{Providers: []config.OIDCProvider{p}}}
	m := &Method{
		Config: func() *config.OIDCMethod { return &c }, Caller: Caller{&http.Client{Transport: announcing{t}}},
		Logger: slog.New(slog.DiscardHandler), Now: time.Now,
	}
	if fields == nil {
		fields = map[string]any{}
	}
	fields["provider"] = "acme"
	d, err := m.Depart(t.Context(), f, flow.Submission{Fields: fields}, flow.Trip{State: "the-state", Mount: "https://id.example"})
	if err != nil {
		t.Fatal(err)
	}
	to, err := url.Parse(d.To)
	if err != nil {
		t.Fatal(err)
	}
	return to
}

// TestWhereEachKindSendsPeople has every kind with its real endpoint. "again" are the parameters that only a
// confirmation has.
func TestWhereEachKindSendsPeople(t *testing.T) {
	tenant := func(p config.OIDCProvider) config.OIDCProvider { p.Tenant = "common"; return p }
	self := func(p config.OIDCProvider) config.OIDCProvider { p.IssuerURL = "https://acme.auth0.example"; return p }
	git := func(p config.OIDCProvider) config.OIDCProvider { p.IssuerURL = "https://git.acme.example/"; return p }
	same := func(p config.OIDCProvider) config.OIDCProvider { return p }
	for _, tt := range []struct {
		kind        string
		config      func(config.OIDCProvider) config.OIDCProvider
		at, scope   string
		more, again url.Values
		pkce, nonce bool
	}{
		{"google", same, "https://accounts.google.com/o/oauth2/v2/auth", "email openid", nil, url.Values{"prompt": {"login"}}, true, true},
		{"microsoft", tenant, "https://login.microsoftonline.com/common/oauth2/v2.0/authorize", "email openid", nil, url.Values{"prompt": {"login"}}, true, true},
		{"apple", apples, "https://appleid.apple.com/auth/authorize", "email openid", url.Values{"response_mode": {"form_post"}}, url.Values{"prompt": {"login"}}, true, true},
		{"gitlab", same, "https://gitlab.com/oauth/authorize", "email", nil, url.Values{"prompt": {"login"}}, true, false},
		{"gitlab", git, "https://git.acme.example/oauth/authorize", "email", nil, url.Values{"prompt": {"login"}}, true, false},
		{"auth0", self, "https://acme.auth0.example/authorize", "email", nil, url.Values{"prompt": {"login"}}, true, false},
		{"github", same, "https://github.com/login/oauth/authorize", "email", nil, url.Values{"prompt": {"select_account"}}, true, false},
		{"github-app", same, "https://github.com/login/oauth/authorize", "email", nil, url.Values{"prompt": {"select_account"}}, true, false},
		{"facebook", same, "https://www.facebook.com/dialog/oauth", "email", nil, url.Values{"auth_type": {"reauthenticate"}}, true, false},
		{"discord", same, "https://discord.com/oauth2/authorize", "email", url.Values{"prompt": {"none"}}, url.Values{"prompt": {"consent"}}, true, false},
		{"slack", same, "https://slack.com/oauth/authorize", "email", nil, url.Values{"prompt": {"login"}}, false, false},
		{"spotify", same, "https://accounts.spotify.com/authorize", "email", nil, url.Values{"show_dialog": {"true"}}, true, false},
		{"linkedin", same, "https://www.linkedin.com/oauth/v2/authorization", "email openid", nil, url.Values{"prompt": {"login"}}, false, false},
		{"linkedin_v2", same, "https://www.linkedin.com/oauth/v2/authorization", "email openid", nil, url.Values{"prompt": {"login"}}, false, false},
		{"vk", same, "https://oauth.vk.com/authorize", "email", nil, url.Values{"revoke": {"1"}}, false, false},
		{"yandex", same, "https://oauth.yandex.com/authorize", "email", nil, url.Values{"prompt": {"force_confirm"}}, true, false},
	} {
		for _, refresh := range []bool{false, true} {
			p := tt.config(config.OIDCProvider{Provider: tt.kind, Scope: []string{"email"}})
			to := leave(t, p, &flow.Flow{Kind: flow.Login, Refresh: refresh}, nil)
			got := to.Query()
			want := url.Values{
				"client_id": {"the-client"}, "response_type": {"code"}, "state": {"the-state"}, "scope": {tt.scope},
				"redirect_uri": {"https://id.example/self-service/methods/oidc/callback/acme"},
			}
			for name, v := range tt.more {
				want[name] = v
			}
			if refresh {
				for name, v := range tt.again {
					want[name] = v
				}
			}
			if (got.Get("code_challenge") != "") != tt.pkce || (got.Get("nonce") != "") != tt.nonce || tt.pkce && got.Get("code_challenge_method") != "S256" {
				t.Errorf("%s: got %s, want a challenge %v and a nonce %v", tt.kind, to, tt.pkce, tt.nonce)
			}
			for _, random := range []string{"code_challenge", "code_challenge_method", "nonce"} {
				got.Del(random)
			}
			to.RawQuery = ""
			if to.String() != tt.at {
				t.Errorf("%s: got %s, want %s", tt.kind, to, tt.at)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s, refresh %v (-want +got):\n%s", tt.kind, refresh, diff)
			}
		}
	}
}

func apples(p config.OIDCProvider) config.OIDCProvider {
	p.TeamID, p.PrivateKeyID = "TEAM", "KEY"
	key, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader) // of a curve that there is
	der, _ := x509.MarshalPKCS8PrivateKey(key)
	p.PrivateKey = string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
	return p
}

func TestGoogleHasAParameterForRefreshTokens(t *testing.T) {
	got := leave(t, config.OIDCProvider{Provider: "google", Scope: []string{"offline_access", "email"}}, &flow.Flow{Kind: flow.Login}, nil).Query()
	if got.Get("scope") != "email openid" || got.Get("access_type") != "offline" {
		t.Errorf("got %v", got)
	}
}

func TestOnlyHarmlessParametersGoUpstream(t *testing.T) {
	asked := map[string]any{
		"login_hint": "olga@example.org", "hd": "example.org", "prompt": "select_account", "auth_type": "reauthenticate", "acr_values": "urn:mfa",
		// None of these is the client's to say.
		"redirect_uri": "https://evil.example", "scope": "admin", "state": "s", "response_mode": "query", "client_id": "x", "nonce": "n",
		"code_challenge": "c", "claims": "{}", "request": "jwt", "request_uri": "https://evil.example", "response_type": "token", "access_type": "offline",
	}
	p := config.OIDCProvider{Provider: "google", Scope: []string{"email"}}
	plain := leave(t, p, &flow.Flow{Kind: flow.Login}, nil).Query()
	got := leave(t, p, &flow.Flow{Kind: flow.Login}, map[string]any{"upstream_parameters": asked}).Query()
	for name, v := range asked {
		allowed := slices.Contains(upstream, name)
		switch {
		case allowed && got.Get(name) != v:
			t.Errorf("%s: got %q, want %q", name, got.Get(name), v)
		case !allowed && (got.Get(name) == v || got.Has(name) != plain.Has(name)):
			t.Errorf("%s: the client has its way: %q", name, got.Get(name))
		}
	}
	for _, odd := range []any{"text", []any{"prompt"}, map[string]any{"prompt": 7, "hd": []any{"a"}, "login_hint": strings.Repeat("a", maxUpstream+1)}} {
		if got := leave(t, p, &flow.Flow{Kind: flow.Login}, map[string]any{"upstream_parameters": odd}).Query(); got.Has("prompt") || got.Has("hd") || got.Has("login_hint") {
			t.Errorf("%.40v: got %v", odd, got)
		}
	}
	// Who has to sign in anew can't be told not to.
	again := leave(t, p, &flow.Flow{Kind: flow.Login, Refresh: true}, map[string]any{"upstream_parameters": map[string]any{"prompt": "none"}}).Query()
	if again.Get("prompt") != "login" {
		t.Errorf("a confirmation asks with prompt=%q", again.Get("prompt"))
	}
}

func TestRequestedClaimsAreAskedFor(t *testing.T) {
	p := config.OIDCProvider{Provider: "google", RequestedClaims: json.RawMessage(`{"id_token": {"email": {"essential": true}, "given_name": null}}`)}
	got := leave(t, p, &flow.Flow{Kind: flow.Login}, nil).Query().Get("claims")
	if want := `{"id_token":{"email":{"essential":true},"given_name":null}}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// TestAppleCanReadTheSecret checks the signature as Apple does.
func TestAppleCanReadTheSecret(t *testing.T) {
	p := apples(config.OIDCProvider{ClientID: "org.example"})
	now := time.Unix(1_700_000_000, 0)
	secret, err := appleSecret(&p, now)
	if err != nil {
		t.Fatal(err)
	}
	parts := strings.Split(secret, ".")
	var head, body map[string]any
	for n, into := range []*map[string]any{&head, &body} {
		raw, err := base64.RawURLEncoding.DecodeString(parts[n])
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(raw, into); err != nil {
			t.Fatal(err)
		}
	}
	want := map[string]any{"iss": "TEAM", "sub": "org.example", "aud": "https://appleid.apple.com", "iat": 1.7e9, "exp": 1.7e9 + 300}
	if diff := cmp.Diff(want, body); diff != "" || head["alg"] != "ES256" || head["kid"] != "KEY" {
		t.Errorf("got head %v; body (-want +got):\n%s", head, diff)
	}
	signature, err := base64.RawURLEncoding.DecodeString(parts[2])
	if err != nil || len(signature) != 64 {
		t.Fatalf("got a signature of %d bytes, %v, want 64", len(signature), err)
	}
	key, err := appleKey(&p)
	if err != nil {
		t.Fatal(err)
	}
	digest := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	r, s := new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:])
	if !ecdsa.Verify(&key.PublicKey, digest[:], r, s) {
		t.Error("the signature is wrong")
	}
}

func TestScopesThatWereNotGranted(t *testing.T) {
	for granting, want := range map[string]bool{"": true, "identify email": true, "identify,email,more": true, "identify": false} {
		token := (&oauth2.Token{}).WithExtra(map[string]any{"scope": granting})
		if got := granted(token, []string{"identify", "email"}); got != want {
			t.Errorf("%q: got %v, want %v", granting, got, want)
		}
	}
	for _, name := range []string{"discord", "slack", "spotify"} {
		if !kinds[name].allScopes {
			t.Errorf("%s lets people take scopes away", name)
		}
	}
}
