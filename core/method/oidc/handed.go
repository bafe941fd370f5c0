package oidc

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/oauth2"

	"github.com/gatehouse-id/gatehouse/core/apierror"
	"github.com/gatehouse-id/gatehouse/core/config"
	"github.com/gatehouse-id/gatehouse/core/flow"
)

// maxIDToken bounds an ID token that is handed in.
const maxIDToken = 16 << 10

// errUnsigned says that a kind of provider has no ID tokens that tell who somebody is.
var errUnsigned = errors.New("the provider is asked for people by its API, not by ID tokens")

// Present implements flow.PresentedMethod: apps of a phone's own sign-in have an ID token
// without a trip. It is the provider's word to them, so it has to say that they, or we,
// are whom it is for, and to hold the nonce that they have asked with.
func (m *Method) Present(ctx context.Context, f *flow.Flow, s flow.Submission) (*flow.Proof, error) {
	raw := s.String("id_token")
	if raw == "" || f.Kind == flow.Settings {
		return nil, nil
	}
	p, err := m.provider(s.String("provider"))
	if err != nil {
		return nil, apierror.BadRequest("The ID token is of a provider that is not configured.")
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	claims, err := m.handed(ctx, p, raw, s.String("id_token_nonce"))
	if err != nil {
		return nil, m.failed(ctx, p, "checking an ID token", err, apierror.BadRequest("The ID token does not prove an account at %s.", label(p)))
	}
	token := (&oauth2.Token{}).WithExtra(map[string]any{"id_token": raw})
	return m.proof(ctx, p, claims, token)
}

// handed checks an ID token that did not come over our own connection to the provider.
func (m *Method) handed(ctx context.Context, p *config.OIDCProvider, raw, nonce string) (Claims, error) {
	if len(raw) > maxIDToken {
		return nil, fmt.Errorf("an ID token of %d bytes", len(raw))
	}
	out := m.Caller.context(ctx)
	conn, err := m.connections.get(out, p, m.Now)
	if err != nil {
		return nil, err
	}
	claims, err := conn.handedClaims(out, raw, nonce, m.Now())
	if err != nil {
		return nil, err
	}
	if conn.kind.subject != nil {
		if err := conn.kind.subject(ctx, m.Caller.api(conn, &oauth2.Token{}), claims); err != nil {
			return nil, err
		}
	}
	return claims, claims.check()
}

// handedClaims is idClaims for a token that somebody hands in. Which app has asked for it
// ("azp") doesn't matter: on phones that is another client than the one it is for.
func (c *connection) handedClaims(ctx context.Context, raw, nonce string, now time.Time) (Claims, error) {
	if c.kind.claims != nil || c.handed == nil {
		return nil, errUnsigned
	}
	id, claims, err := read(ctx, c.handed, raw)
	if err != nil {
		return nil, err
	}
	stranger := func(client string) bool {
		return client != c.config.ClientID && !slices.Contains(c.config.AdditionalIDTokenAudiences, client)
	}
	switch {
	case nonce == "" || subtle.ConstantTimeCompare([]byte(id.Nonce), []byte(nonce)) != 1:
		return nil, errNonce
	case len(id.Audience) == 0 || slices.ContainsFunc(id.Audience, stranger):
		return nil, errParty
	}
	return claims, c.genuine(id, claims, now)
}

var _ flow.PresentedMethod = (*Method)(nil)
