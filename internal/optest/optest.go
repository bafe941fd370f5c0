// Package optest runs an OpenID provider for tests: it keeps to the rules, and breaks them where a test says so.
//
// It signs in whoever the test says without a question. It checks what a client must
// send, exact redirect URIs and PKCE among it, and redeems a code once.
package optest

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"
)

// What the client has to know.
const (
	ClientID     = "gatehouse"
	ClientSecret = "tulip-9431"
)

// Provider is a running provider. Its fields are set before it is asked.
type Provider struct {
	URL string

	mu    sync.Mutex
	knobs Knobs // guarded by mu, as the rest
	codes map[string]grant
	users map[string]map[string]any // by access token
	keys  []key
	asked map[string]int
}

// Knobs are what a test can turn.
type Knobs struct {
	Claims map[string]any // of whoever signs in next
	Deny   bool           // the person says no
	// Twist changes an ID token before it is signed.
	Twist func(claims map[string]any)
	// Forge changes an ID token after it was signed.
	Forge func(token string) string
	// Issuer is what the provider calls itself in answers; "" is its URL.
	Issuer string
	// NamesIssuer adds "iss" to what browsers bring back (RFC 9207).
	NamesIssuer bool
	// Instead answers a path in place of the provider.
	Instead map[string]http.HandlerFunc
	Now     func() time.Time
}

type grant struct {
	query  url.Values // of the authorization request
	claims map[string]any
}

type key struct {
	id      string
	private *rsa.PrivateKey
}

// New starts a provider that ends with the test.
func New(t testing.TB) *Provider {
	t.Helper()
	p := &Provider{codes: map[string]grant{}, users: map[string]map[string]any{}, asked: map[string]int{}}
	p.knobs.Now = time.Now
	p.RotateKeys(t)
	s := httptest.NewServer(http.HandlerFunc(p.serve))
	t.Cleanup(s.Close)
	p.URL = s.URL
	return p
}

// Turn changes the knobs.
func (p *Provider) Turn(turn func(k *Knobs)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	turn(&p.knobs)
}

// SignInAs has the provider vouch for somebody from now on.
func (p *Provider) SignInAs(claims map[string]any) { p.Turn(func(k *Knobs) { k.Claims = claims }) }

// Asked counts the requests for a path.
func (p *Provider) Asked(path string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.asked[path]
}

// RotateKeys has the provider sign with a new key and forget the old one.
func (p *Provider) RotateKeys(t testing.TB) {
	t.Helper()
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.keys = []key{{rand.Text(), private}}
}

// IDToken is one that an app has got from the provider itself, with a nonce of its own.
func (p *Provider) IDToken(claims map[string]any, nonce string) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.idToken(grant{url.Values{"nonce": {nonce}}, claims})
}

func (p *Provider) serve(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asked[r.URL.Path]++
	if h := p.knobs.Instead[r.URL.Path]; h != nil {
		p.mu.Unlock() // a slow answer must not hold the others up
		defer p.mu.Lock()
		h(w, r)
		return
	}
	switch r.URL.Path {
	case "/.well-known/openid-configuration":
		p.discovery(w)
	case "/keys":
		p.jwks(w)
	case "/authorize":
		p.authorize(w, r)
	case "/token":
		p.token(w, r)
	case "/userinfo":
		p.userinfo(w, r)
	default:
		http.NotFound(w, r)
	}
}

func (p *Provider) issuer() string {
	if p.knobs.Issuer != "" {
		return p.knobs.Issuer
	}
	return p.URL
}

func (p *Provider) discovery(w http.ResponseWriter) {
	answer(w, http.StatusOK, map[string]any{
		"issuer": p.issuer(), "authorization_endpoint": p.URL + "/authorize", "token_endpoint": p.URL + "/token",
		"jwks_uri": p.URL + "/keys", "userinfo_endpoint": p.URL + "/userinfo", "response_types_supported": []string{"code"},
		"subject_types_supported": []string{"public"}, "id_token_signing_alg_values_supported": []string{"RS256"},
		"code_challenge_methods_supported":               []string{"S256"},
		"authorization_response_iss_parameter_supported": p.knobs.NamesIssuer,
	})
}

func (p *Provider) jwks(w http.ResponseWriter) {
	var keys []map[string]any
	for _, k := range p.keys {
		keys = append(keys, map[string]any{
			"kty": "RSA", "kid": k.id, "use": "sig", "alg": "RS256",
			"n": text(k.private.N.Bytes()), "e": text(big.NewInt(int64(k.private.E)).Bytes()),
		})
	}
	answer(w, http.StatusOK, map[string]any{"keys": keys})
}

// authorize sends the browser back at once.
func (p *Provider) authorize(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	if q.Get("client_id") != ClientID || q.Get("response_type") != "code" || q.Get("state") == "" {
		http.Error(w, "this is no authorization request", http.StatusBadRequest)
		return
	}
	back := url.Values{"state": {q.Get("state")}}
	if p.knobs.NamesIssuer {
		back.Set("iss", p.issuer())
	}
	if p.knobs.Deny {
		back.Set("error", "access_denied")
		back.Set("error_description", "the person said no")
	} else {
		code := rand.Text()
		p.codes[code] = grant{q, p.knobs.Claims}
		back.Set("code", code)
	}
	http.Redirect(w, r, q.Get("redirect_uri")+"?"+back.Encode(), http.StatusFound)
}

func (p *Provider) token(w http.ResponseWriter, r *http.Request) {
	g, ok := p.codes[r.PostFormValue("code")]
	delete(p.codes, r.PostFormValue("code"))
	id, secret, _ := r.BasicAuth()
	verifier := sha256.Sum256([]byte(r.PostFormValue("code_verifier")))
	switch {
	case id != ClientID || secret != ClientSecret:
		answer(w, http.StatusUnauthorized, map[string]any{"error": "invalid_client"})
		return
	case !ok, r.PostFormValue("redirect_uri") != g.query.Get("redirect_uri"),
		g.query.Get("code_challenge_method") != "S256", text(verifier[:]) != g.query.Get("code_challenge"):
		answer(w, http.StatusBadRequest, map[string]any{"error": "invalid_grant"})
		return
	}
	access := rand.Text()
	p.users[access] = g.claims
	answer(w, http.StatusOK, map[string]any{
		"access_token": access, "refresh_token": rand.Text(), "token_type": "Bearer", "expires_in": 3600, "id_token": p.idToken(g),
	})
}

func (p *Provider) idToken(g grant) string {
	now := p.knobs.Now()
	claims := map[string]any{"iss": p.issuer(), "aud": ClientID, "iat": now.Unix(), "exp": now.Add(time.Hour).Unix()}
	if nonce := g.query.Get("nonce"); nonce != "" {
		claims["nonce"] = nonce
	}
	for name, v := range g.claims {
		claims[name] = v
	}
	if p.knobs.Twist != nil {
		p.knobs.Twist(claims)
	}
	token := p.sign(claims)
	if p.knobs.Forge != nil {
		token = p.knobs.Forge(token)
	}
	return token
}

func (p *Provider) sign(claims map[string]any) string {
	k := p.keys[len(p.keys)-1]
	head, _ := json.Marshal(map[string]any{"alg": "RS256", "kid": k.id, "typ": "JWT"})
	body, _ := json.Marshal(claims)
	signed := text(head) + "." + text(body)
	digest := sha256.Sum256([]byte(signed))
	signature, err := rsa.SignPKCS1v15(nil, k.private, crypto.SHA256, digest[:])
	if err != nil {
		panic("optest: " + err.Error()) // a key of 2048 bits signs any digest
	}
	return signed + "." + text(signature)
}

func (p *Provider) userinfo(w http.ResponseWriter, r *http.Request) {
	claims, ok := p.users[strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")]
	if !ok {
		answer(w, http.StatusUnauthorized, map[string]any{"error": "invalid_token"})
		return
	}
	answer(w, http.StatusOK, claims)
}

func answer(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // the client is gone when this fails
}

func text(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }
