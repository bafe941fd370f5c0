package oidc

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/oauth2"

	"github.com/gatehouse-id/gatehouse/core/apierror"
	"github.com/gatehouse-id/gatehouse/core/config"
	"github.com/gatehouse-id/gatehouse/core/flow"
)

// luggage is what is kept while a browser is at a provider.
type luggage struct {
	Verifier string `json:"v,omitempty"` // of PKCE; "" when it isn't used
	Nonce    string `json:"n,omitempty"` // "" when there is none
	Redirect string `json:"r"`           // the same at the token endpoint
	// Issuer and Client are whom the code is from and for: what is configured under the id
	// may be another when the browser is back.
	Issuer string `json:"i"`
	Client string `json:"c"`
}

// callbackPath is where providers send browsers back to, with the provider's id behind it.
const callbackPath = "/self-service/methods/oidc/callback/"

// Depart implements flow.CallbackMethod.
func (m *Method) Depart(ctx context.Context, f *flow.Flow, s flow.Submission, t flow.Trip) (*flow.Departure, error) {
	id := s.String("provider")
	if f.Kind == flow.Settings {
		if s.String("unlink") != "" {
			return nil, nil
		}
		id = s.String("link")
	}
	if id == "" {
		return nil, flow.ErrNotResponsible
	}
	p, err := m.provider(id)
	if err != nil {
		return nil, err
	}
	conn, err := m.connections.get(m.Caller.context(ctx), p, m.Now)
	if err != nil {
		return nil, m.failed(ctx, p, "reaching a provider", err, apierror.BadRequest(
			"%s can't be reached at the moment. Please try again in a minute, or use another way.", label(p)))
	}
	l := luggage{Redirect: m.redirect(p, t), Issuer: conn.issuer, Client: p.ClientID}
	if conn.challenged() {
		l.Verifier = oauth2.GenerateVerifier()
	}
	if conn.verifier != nil && conn.kind.claims == nil && conn.guarded() {
		l.Nonce = rand.Text()
	}
	to, err := m.authorizeURL(conn, l, f, s, t)
	if err != nil {
		return nil, err
	}
	packed, err := json.Marshal(l)
	if err != nil {
		return nil, fmt.Errorf("packing for a trip to provider %s: %w", p.ID, err)
	}
	return &flow.Departure{Site: p.ID, To: to, Luggage: packed}, nil
}

// redirect is where the provider sends the browser back to. Providers compare it letter
// by letter with what is registered there.
func (m *Method) redirect(p *config.OIDCProvider, t flow.Trip) string {
	base := t.Mount
	if own := m.Config().Config.BaseRedirectURI; own != "" {
		base = strings.TrimSuffix(own, "/")
	}
	return base + callbackPath + url.PathEscape(p.ID)
}

// upstream are the parameters that a client may add to the address at the provider. None
// of them changes who is asked for what.
var upstream = []string{"login_hint", "hd", "prompt", "auth_type", "acr_values"}

// maxUpstream bounds one of them.
const maxUpstream = 512

// authorizeURL is the address that asks the person.
func (m *Method) authorizeURL(conn *connection, l luggage, f *flow.Flow, s flow.Submission, t flow.Trip) (string, error) {
	client, err := conn.client(l.Redirect, m.Now())
	if err != nil {
		return "", err
	}
	var options []oauth2.AuthCodeOption
	if l.Verifier != "" {
		options = append(options, oauth2.S256ChallengeOption(l.Verifier))
	}
	u, err := url.Parse(client.AuthCodeURL(t.State, options...))
	if err != nil {
		return "", fmt.Errorf("reading the address of provider %s: %w", conn.config.ID, err)
	}
	q := u.Query()
	asked, _ := s.Fields["upstream_parameters"].(map[string]any)
	for _, name := range upstream {
		if v, ok := asked[name].(string); ok && v != "" && len(v) <= maxUpstream {
			q.Set(name, v)
		}
	}
	if l.Nonce != "" {
		q.Set("nonce", l.Nonce)
	}
	if k := conn.kind; k.formPost != nil && k.formPost(conn.config) {
		q.Set("response_mode", "form_post")
	}
	if f.Refresh {
		q.Set("prompt", conn.kind.prompt())
	}
	if conn.kind.parameters != nil {
		conn.kind.parameters(q, f.Refresh)
	}
	if err := setRequestedClaims(q, conn.config.RequestedClaims); err != nil {
		return "", err
	}
	u.RawQuery = q.Encode()
	return u.String(), nil
}

// prompt has people sign in once more.
func (k *kind) prompt() string {
	if k.confirm != "" {
		return k.confirm
	}
	return "login"
}

func setRequestedClaims(q url.Values, requested json.RawMessage) error {
	if len(requested) == 0 {
		return nil
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, requested); err != nil {
		return fmt.Errorf("reading requested_claims: %w", err)
	}
	q.Set("claims", compact.String())
	return nil
}

// Arrive implements flow.CallbackMethod.
func (m *Method) Arrive(ctx context.Context, d flow.Departure, _ flow.Trip, answer url.Values) (*flow.Proof, error) {
	p, err := m.provider(d.Site)
	if err != nil {
		return nil, err
	}
	if code := answer.Get("error"); code != "" {
		return nil, apierror.BadRequest("%s did not sign you in. It says: %s", label(p), said(code, answer.Get("error_description")))
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	claims, token, err := m.redeem(ctx, p, d.Luggage, answer)
	if err != nil {
		return nil, m.failed(ctx, p, "taking back somebody from a provider", err, apierror.BadRequest(
			"%s could not confirm who you are. Please try again.", label(p)))
	}
	return m.proof(ctx, p, claims, token)
}

// maxSaid bounds what is repeated of a provider's words.
const maxSaid = 200

// said makes a provider's error fit to be read. It comes with the browser, so that
// anybody may have written it.
func said(code, description string) string {
	text := code
	if description != "" {
		text += ": " + description
	}
	text = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(text, ""))
	if runes := []rune(text); len(runes) > maxSaid {
		text = string(runes[:maxSaid]) + "…"
	}
	return text
}

// Errors of a return.
var (
	errMoved  = errors.New("the provider was configured anew while the browser was there")
	errMixup  = errors.New("another provider has answered")
	errNoCode = errors.New("the browser brought no code")
	errScopes = errors.New("not all that is asked for was granted")
)

// redeem trades the code for tokens, and finds out who has them.
func (m *Method) redeem(ctx context.Context, p *config.OIDCProvider, packed []byte, answer url.Values) (Claims, *oauth2.Token, error) {
	var l luggage
	if err := json.Unmarshal(packed, &l); err != nil {
		return nil, nil, err
	}
	out := m.Caller.context(ctx)
	conn, err := m.connections.get(out, p, m.Now)
	if err != nil {
		return nil, nil, err
	}
	if err := conn.expects(l, answer); err != nil {
		return nil, nil, err
	}
	client, err := conn.client(l.Redirect, m.Now())
	if err != nil {
		return nil, nil, err
	}
	var options []oauth2.AuthCodeOption
	if l.Verifier != "" {
		options = append(options, oauth2.VerifierOption(l.Verifier))
	}
	token, err := client.Exchange(out, answer.Get("code"), options...)
	if err != nil {
		return nil, nil, brief(err)
	}
	if conn.kind.allScopes && !granted(token, p.Scope) {
		return nil, nil, errScopes
	}
	claims, err := m.claims(out, conn, token, l.Nonce)
	if err != nil {
		return nil, nil, err
	}
	if conn.kind.answered != nil {
		conn.kind.answered(answer, claims)
	}
	return claims, token, claims.check()
}

// expects holds an answer against what the browser was sent away with. A code is not
// shown to anybody but the provider that it is from (RFC 9207).
func (c *connection) expects(l luggage, answer url.Values) error {
	issuer, named := answer["iss"]
	switch {
	case l.Issuer != c.issuer || l.Client != c.config.ClientID:
		return errMoved
	case named && !slices.Equal(issuer, []string{c.issuer}), !named && c.namesIssuer:
		return errMixup
	case len(answer["code"]) != 1 || answer.Get("code") == "":
		return errNoCode
	}
	return nil
}

// claims asks for them where the kind of provider has them.
func (m *Method) claims(ctx context.Context, conn *connection, token *oauth2.Token, nonce string) (Claims, error) {
	a := m.Caller.api(conn, token)
	if conn.kind.claims != nil {
		return conn.kind.claims(ctx, a)
	}
	c, err := conn.idClaims(ctx, token, nonce, m.Now())
	if err != nil {
		return nil, err
	}
	if conn.config.ClaimsSource == userinfo {
		more, err := userinfoClaims(ctx, a)
		switch {
		case err != nil:
			return nil, err
		case more.subject() != c.subject():
			return nil, errors.New("the userinfo endpoint speaks of somebody else than the ID token")
		}
		more["iss"] = c["iss"]
		c = more
	}
	if conn.kind.subject != nil {
		if err := conn.kind.subject(ctx, a, c); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// granted tells whether all scopes are in the token. A token that names none has all.
func granted(t *oauth2.Token, want []string) bool {
	text, _ := t.Extra("scope").(string)
	if text == "" {
		return true
	}
	got := strings.FieldsFunc(text, func(r rune) bool { return r == ' ' || r == ',' })
	return !slices.ContainsFunc(want, func(s string) bool { return !slices.Contains(got, s) })
}

// brief takes the answer's body out of an error: it is foreign, and may repeat a secret.
func brief(err error) error {
	if re, ok := errors.AsType[*oauth2.RetrieveError](err); ok {
		return fmt.Errorf("the token endpoint answered %d %.64q", re.Response.StatusCode, re.ErrorCode)
	}
	return err
}
