package gateway

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/gatehouse-id/gatehouse/core/config"
	"github.com/gatehouse-id/gatehouse/core/flow"
	"github.com/gatehouse-id/gatehouse/core/hash"
	"github.com/gatehouse-id/gatehouse/core/identity"
	"github.com/gatehouse-id/gatehouse/core/method/code"
	"github.com/gatehouse-id/gatehouse/core/method/lookup"
	"github.com/gatehouse-id/gatehouse/core/method/password"
	"github.com/gatehouse-id/gatehouse/core/method/profile"
	"github.com/gatehouse-id/gatehouse/core/method/totp"
	"github.com/gatehouse-id/gatehouse/core/schema"
	"github.com/gatehouse-id/gatehouse/core/secret"
)

// methods is the table of credential methods, in the order in which a
// submission is offered to them (behaviours.md 8.5).
func (g *Gateway) methods(o Options, hasher *hash.Hasher, cipher *secret.Keys) ([]flow.Method, error) {
	securityKeys, err := g.webauthn(o)
	if err != nil {
		return nil, err
	}
	passkeys, err := g.passkey(o)
	if err != nil {
		return nil, err
	}
	return []flow.Method{
		g.password(o, hasher),
		g.oidc,
		&profile.Method{
			Schema: func(id string) *schema.Schema { return g.Schemas.Get(id) },
			On:     func() bool { return o.Config.SelfService.Methods.Profile.Enabled },
		},
		&code.Link{
			On:       func() bool { return o.Config.SelfService.Methods.Link.Enabled },
			Lifespan: o.Config.SelfService.Methods.Link.Config.Lifespan.Std,
			Mount:    func() string { return strings.TrimSuffix(o.Config.SelfService.Methods.Link.Config.BaseURL, "/") },
		},
		codeMethod(o),
		&totp.Method{
			On:     func() bool { return o.Config.SelfService.Methods.TOTP.Enabled },
			Issuer: o.issuer, Account: g.accountName, Cipher: cipher, Keys: o.Keys, Now: o.Now,
		},
		securityKeys,
		&lookup.Method{
			On:     func() bool { return o.Config.SelfService.Methods.LookupSecret.Enabled },
			Cipher: cipher, Now: o.Now,
		},
		passkeys,
	}, nil
}

func codeMethod(o Options) *code.Code {
	c := &o.Config.SelfService.Methods.Code
	return &code.Code{
		On: func() bool { return c.Enabled }, Lifespan: c.Config.Lifespan.Std,
		SignsIn: c.SignsIn, SignsUp: c.SignsUp, SecondFactor: c.SecondFactor, FallsBack: c.FallsBack, Now: o.Now,
	}
}

// Cipher are the keys for secrets that are stored for years. Those made before
// secrets.cipher was set can still be read.
func (o Options) Cipher() (*secret.Keys, error) {
	if len(o.Config.Secrets.Cipher) == 0 {
		return o.Keys, nil
	}
	k, err := secret.NewKeys(o.Config.Secrets.Cipher)
	if err != nil {
		return nil, fmt.Errorf("secrets.cipher: %w", err)
	}
	return k.Or(o.Keys), nil
}

// issuer is what authenticator apps call the site.
func (o Options) issuer() string {
	if name := o.Config.SelfService.Methods.TOTP.Config.Issuer; name != "" {
		return name
	}
	if u, err := url.Parse(o.PublicURL()); err == nil && u.Hostname() != "" {
		return u.Hostname()
	}
	return "Gatehouse"
}

// accountName is what authenticator apps call an account.
func (g *Gateway) accountName(i *identity.Identity) string {
	if s := g.Schemas.Get(i.SchemaID); s != nil {
		if name, err := s.AccountName(i.Traits); err == nil && name != "" {
			return name
		}
	}
	return i.ID
}

func (g *Gateway) password(o Options, hasher *hash.Hasher) *password.Method {
	return &password.Method{
		Identities: g.Store, Hasher: func() *hash.Hasher { return hasher },
		Policy: func() password.Policy { return policy(o.Config, g.client) },
		On:     func() bool { return o.Config.SelfService.Methods.Password.Enabled },
		Logger: o.Logger, Now: o.Now,
	}
}

func policy(c *config.Config, client *http.Client) password.Policy {
	p := &c.SelfService.Methods.Password.Config
	out := password.Policy{
		MinLength: p.MinPasswordLength, Similar: p.IdentifierSimilarityCheckEnabled,
		MaxBreaches: p.MaxBreaches, IgnoreErrors: p.IgnoreNetworkErrors,
	}
	if p.HaveIBeenPwnedEnabled {
		out.Breaches = (&password.Breaches{Host: p.HaveIBeenPwnedHost, Client: client}).Count
	}
	return out
}
