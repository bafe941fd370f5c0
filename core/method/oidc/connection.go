package oidc

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/gatehouse-id/gatehouse/core/config"
)

// connection is what is known of a provider while it is in use.
type connection struct {
	config *config.OIDCProvider
	kind   *kind
	places places
	issuer string
	style  oauth2.AuthStyle
	// verifier checks ID tokens, and handed those that come from elsewhere and may be for
	// another client; nil where there are none.
	verifier, handed *oidc.IDTokenVerifier
	// pkce says that the provider knows PKCE, namesIssuer that it says who answers (RFC 9207).
	pkce, namesIssuer bool

	made time.Time
}

// announcement is what discovery says beyond what the library reads.
type announcement struct {
	Challenges  []string `json:"code_challenge_methods_supported"`
	Auth        []string `json:"token_endpoint_auth_methods_supported"`
	NamesIssuer bool     `json:"authorization_response_iss_parameter_supported"`
}

const (
	// connectionLife is how long an announcement counts: providers move, if rarely.
	connectionLife = time.Hour
	// outage is how long a provider that could not be reached isn't asked again.
	outage = 5 * time.Second
	// skew is by how much clocks may differ.
	skew = time.Minute
)

// connections keeps one connection for each configured provider. A provider is asked
// when somebody goes to it and not before, so that one that is down stops nothing else.
type connections struct {
	mu  sync.Mutex
	all map[string]*slot // by provider id; guarded by mu
}

// slot is the place of one connection. Its lock is held while the provider is asked: one
// question is enough, and nobody waits for another provider.
type slot struct {
	mu     sync.Mutex
	conn   *connection // guarded by mu, as the rest
	err    error
	failed time.Time
}

// get finds the connection of a provider, or makes it.
func (c *connections) get(ctx context.Context, p *config.OIDCProvider, now func() time.Time) (*connection, error) {
	c.mu.Lock()
	if c.all == nil {
		c.all = map[string]*slot{}
	}
	s := c.all[p.ID]
	if s == nil {
		s = &slot{}
		c.all[p.ID] = s
	}
	c.mu.Unlock()

	s.mu.Lock()
	defer s.mu.Unlock()
	at := now()
	switch {
	case s.conn != nil && s.conn.config == p && at.Sub(s.conn.made) < connectionLife:
		return s.conn, nil
	case s.err != nil && at.Sub(s.failed) < outage:
		return nil, s.err
	}
	conn, err := connect(ctx, p, now)
	if err != nil {
		s.err, s.failed = err, at
		return nil, err
	}
	s.conn, s.err = conn, nil
	return conn, nil
}

// connect makes a connection. The context carries the HTTP client.
func connect(ctx context.Context, p *config.OIDCProvider, now func() time.Time) (*connection, error) {
	k, err := kindOf(p)
	if err != nil {
		return nil, err
	}
	c := &connection{config: p, kind: k, issuer: k.issuerFor(p), places: k.places, style: k.style, made: now(), pkce: !k.noPKCE}
	if k.connect != nil {
		if err := k.connect(p, &c.places); err != nil {
			return nil, err
		}
	}
	if c.places.authorize == "" {
		return c, c.discover(ctx, now)
	}
	c.places = c.places.below(c.issuer)
	if c.places.keys != "" {
		keys := oidc.NewRemoteKeySet(ctx, c.places.keys)
		c.verifyBy(func(o *oidc.Config) *oidc.IDTokenVerifier { return oidc.NewVerifier(c.issuer, keys, o) }, now)
	}
	return c, nil
}

// discover asks the provider for its endpoints. The issuer has to call itself as we do.
func (c *connection) discover(ctx context.Context, now func() time.Time) error {
	p, err := oidc.NewProvider(ctx, c.issuer)
	if err != nil {
		return fmt.Errorf("asking provider %s for its endpoints: %w", c.config.ID, err)
	}
	var a announcement
	if err := p.Claims(&a); err != nil {
		return fmt.Errorf("reading what provider %s says of itself: %w", c.config.ID, err)
	}
	at := p.Endpoint()
	c.places = places{authorize: at.AuthURL, token: at.TokenURL, userinfo: p.UserInfoEndpoint()}
	for _, place := range []string{at.AuthURL, at.TokenURL} {
		if u, err := url.Parse(place); err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" {
			return fmt.Errorf("provider %s names an endpoint that is no URL", c.config.ID)
		}
	}
	c.pkce, c.namesIssuer = slices.Contains(a.Challenges, "S256"), a.NamesIssuer
	c.style = oauth2.AuthStyleInHeader // what the specification says when nothing is announced
	if len(a.Auth) > 0 && !slices.Contains(a.Auth, "client_secret_basic") {
		c.style = oauth2.AuthStyleInParams
	}
	c.verifyBy(func(o *oidc.Config) *oidc.IDTokenVerifier { return p.VerifierContext(ctx, o) }, now)
	return nil
}

// verifyBy makes the verifiers.
func (c *connection) verifyBy(verifier func(*oidc.Config) *oidc.IDTokenVerifier, now func() time.Time) {
	o := oidc.Config{
		ClientID: c.config.ClientID, SkipIssuerCheck: c.kind.issuedBy != nil,
		Now: func() time.Time { return now().Add(-skew) },
	}
	c.verifier = verifier(&o)
	others := o
	others.ClientID, others.SkipClientIDCheck = "", true // handedClaims looks at the clients
	c.handed = verifier(&others)
}

// below makes paths absolute.
func (p places) below(issuer string) places {
	base := strings.TrimSuffix(issuer, "/")
	for _, at := range []*string{&p.authorize, &p.token, &p.userinfo, &p.keys} {
		if strings.HasPrefix(*at, "/") {
			*at = base + *at
		}
	}
	return p
}

// guarded tells whether code and ID token are tied to the browser's trip, by PKCE and a
// nonce. An https provider always is asked to. One that is spoken to in the clear, which
// is on a developer's machine, is sent what it announces: Kratos sends no more than that
// to any, and its recorded requests are our contract.
func (c *connection) guarded() bool {
	return c.pkce || c.config.PKCE == force || strings.HasPrefix(c.places.authorize, "https:")
}

// challenged tells whether PKCE is used.
func (c *connection) challenged() bool {
	return c.config.PKCE == force || c.config.PKCE != never && !c.kind.noPKCE && c.guarded()
}

// client is the OAuth2 client that we are to the provider.
func (c *connection) client(redirect string, now time.Time) (*oauth2.Config, error) {
	secret := c.config.ClientSecret
	if c.kind.secret != nil {
		var err error
		if secret, err = c.kind.secret(c.config, now); err != nil {
			return nil, fmt.Errorf("making the client secret for provider %s: %w", c.config.ID, err)
		}
	}
	scopes := scopesOf(c.kind, c.config)
	if c.kind.separator != "" {
		scopes = []string{strings.Join(scopes, c.kind.separator)}
	}
	return &oauth2.Config{
		ClientID: c.config.ClientID, ClientSecret: secret, RedirectURL: redirect, Scopes: scopes,
		Endpoint: oauth2.Endpoint{AuthURL: c.places.authorize, TokenURL: c.places.token, AuthStyle: c.style},
	}, nil
}

// Errors of an ID token beyond what the library finds.
var (
	errNoIDToken = errors.New("the provider sent no ID token")
	errNonce     = errors.New("the ID token is for another sign-in: its nonce is not ours")
	errParty     = errors.New("the ID token was made for another client")
	errFuture    = errors.New("the ID token is from the future")
	errIssuer    = errors.New("the ID token is by another issuer")
	errHash      = errors.New("the access token does not belong to the ID token")
)

// idClaims checks an ID token and reads its claims (OpenID Connect Core 3.1.3.7).
func (c *connection) idClaims(ctx context.Context, t *oauth2.Token, nonce string, now time.Time) (Claims, error) {
	raw, _ := t.Extra("id_token").(string)
	if raw == "" {
		return nil, errNoIDToken
	}
	id, claims, err := read(ctx, c.verifier, raw)
	if err != nil {
		return nil, err
	}
	party, named := claims["azp"]
	switch {
	case subtle.ConstantTimeCompare([]byte(id.Nonce), []byte(nonce)) != 1:
		return nil, errNonce // also where we sent none: the code was made for somebody else
	case named && party != c.config.ClientID, !named && len(id.Audience) > 1:
		return nil, errParty
	case id.AccessTokenHash != "" && id.VerifyAccessToken(t.AccessToken) != nil:
		return nil, errHash
	}
	return claims, c.genuine(id, claims, now)
}

// read checks the signature of an ID token, whom it is by and for, and when it expires.
func read(ctx context.Context, v *oidc.IDTokenVerifier, raw string) (*oidc.IDToken, Claims, error) {
	id, err := v.Verify(ctx, raw)
	if err != nil {
		return nil, nil, err
	}
	var plain rawClaims
	if err := id.Claims(&plain); err != nil {
		return nil, nil, err
	}
	claims, err := parseClaims(plain)
	return id, claims, err
}

// genuine checks what does not depend on how a token came here.
func (c *connection) genuine(id *oidc.IDToken, claims Claims, now time.Time) error {
	switch {
	case id.IssuedAt.After(now.Add(skew)):
		return errFuture
	case c.kind.issuedBy != nil && !c.kind.issuedBy(c.config, claims):
		return errIssuer
	}
	return nil
}

// rawClaims takes JSON as it is.
type rawClaims []byte

// UnmarshalJSON implements json.Unmarshaler.
func (r *rawClaims) UnmarshalJSON(raw []byte) error {
	*r = slices.Clone(raw)
	return nil
}
