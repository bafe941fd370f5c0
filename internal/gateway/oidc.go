package gateway

import (
	"context"
	"net/url"
	"slices"

	"github.com/gatehouse-id/gatehouse/core/config"
	"github.com/gatehouse-id/gatehouse/core/flow"
	"github.com/gatehouse-id/gatehouse/core/method/oidc"
	"github.com/gatehouse-id/gatehouse/core/secret"
	"github.com/gatehouse-id/gatehouse/internal/jsonnet"
)

// prepareOIDC makes the method and reads its mappers.
func (g *Gateway) prepareOIDC(ctx context.Context, o Options, cipher *secret.Keys) (*oidc.Method, error) {
	m := newOIDC(o)
	m.Identities, m.WaysIn, m.Keys = g.Store, g.waysIn, cipher
	return m, m.Prepare(ctx)
}

// newOIDC makes the method without a store and keys.
func newOIDC(o Options) *oidc.Method {
	client := o.client(localIssuers(o.Config)...)
	return &oidc.Method{
		Config: func() *config.OIDCMethod { return &o.Config.SelfService.Methods.OIDC },
		Caller: oidc.Caller{Client: client}, Source: o.source(client), Sandbox: &jsonnet.Sandbox{},
		PluginsMap: slices.ContainsFunc(o.Plugins, func(p Plugin) bool { return p.Point == flow.MapClaims }),
		Logger:     o.Logger, Now: o.Now,
	}
}

func checkOIDC(ctx context.Context, o Options) error {
	m := newOIDC(o)
	defer m.Caller.Client.CloseIdleConnections()
	return m.Prepare(ctx)
}

// localIssuers are the providers on a developer's own machine, which may be called there
// without being named twice. In production they are an exception like any other.
func localIssuers(c *config.Config) []string {
	if !c.Dev {
		return nil
	}
	var out []string
	for _, p := range c.SelfService.Methods.OIDC.Config.Providers {
		if u, err := url.Parse(p.IssuerURL); err == nil && u.Host != "" {
			out = append(out, u.Scheme+"://"+u.Host+"/*")
		}
	}
	return out
}
