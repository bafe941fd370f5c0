package oidc

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/gatehouse-id/gatehouse/core/config"
	"github.com/gatehouse-id/gatehouse/internal/egress"
)

// api is the API of a provider that tells who the holder of an access token is.
type api struct {
	config *config.OIDCProvider
	places places
	token  *oauth2.Token
	client *http.Client
	// scheme comes before the token in the Authorization header; "" means Bearer.
	scheme string
}

// maxAnswer bounds what a provider answers.
const maxAnswer = 1 << 20

// errStatus says that an API refused to answer.
var errStatus = errors.New("the provider's API answered")

// get reads a JSON object.
func (a *api) get(ctx context.Context, from string) (Claims, error) {
	raw, err := a.read(ctx, from)
	if err != nil {
		return nil, err
	}
	return parseClaims(raw)
}

func (a *api) read(ctx context.Context, from string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, from, nil)
	if err != nil {
		return nil, err
	}
	scheme := a.scheme
	if scheme == "" {
		scheme = "Bearer"
	}
	req.Header.Set("Authorization", scheme+" "+a.token.AccessToken)
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", "gatehouse") // GitHub wants one
	res, err := a.client.Do(req)
	if err != nil {
		return nil, egress.Cause(err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%w %s", errStatus, res.Status)
	}
	if t := res.Header.Get("Content-Type"); !strings.Contains(t, "json") && !strings.Contains(t, "javascript") {
		return nil, fmt.Errorf("%w with the type %.40q, not JSON", errStatus, t)
	}
	return egress.ReadAll(res.Body, maxAnswer)
}

// userinfoClaims reads the endpoint that providers have by the standard.
func userinfoClaims(ctx context.Context, a *api) (Claims, error) {
	if a.places.userinfo == "" {
		return nil, errors.New("the provider has no userinfo endpoint")
	}
	return a.get(ctx, a.places.userinfo)
}

// rename makes standard claims of what an API calls otherwise: to -> from.
func (c Claims) rename(names map[string]string) Claims {
	for to, from := range names {
		if v, ok := c[from]; ok {
			c[to] = v
		}
	}
	return c
}

// outgoing makes the client for calls to providers of the one that the gateway calls out
// with: faster to give up, since a person waits, and with a limit to what it reads.
func outgoing(c *http.Client) *http.Client {
	limited := *c
	limited.Timeout = patience
	limited.Transport = bounded{c.Transport}
	return &limited
}

// bounded cuts answers that are too long.
type bounded struct{ http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (b bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	inner := b.RoundTripper
	if inner == nil {
		return nil, errors.New("no way to call out is configured")
	}
	res, err := inner.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	res.Body = http.MaxBytesReader(nil, res.Body, maxAnswer)
	return res, nil
}

// Caller calls providers. Its client should be one of package egress.
type Caller struct{ Client *http.Client }

// context makes the libraries call out by the client.
func (c Caller) context(ctx context.Context) context.Context {
	return oidc.ClientContext(ctx, outgoing(c.Client)) // go-oidc and oauth2 look for it under the same key
}

// api is the provider's API for the holder of a token.
func (c Caller) api(conn *connection, t *oauth2.Token) *api {
	return &api{config: conn.config, places: conn.places, token: t, client: outgoing(c.Client)}
}
