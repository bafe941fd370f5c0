package tenancy

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/gatehouse-id/gatehouse/core/config"
	"github.com/gatehouse-id/gatehouse/core/project"
	"github.com/gatehouse-id/gatehouse/core/secret"
	"github.com/gatehouse-id/gatehouse/internal/gateway"
)

// gatewayOptions are what the gateway of a project is made of.
func (t *Tenants) gatewayOptions(p *project.Project) (gateway.Options, error) {
	o := t.options.Base
	c, err := t.config(p)
	if err != nil {
		return o, err
	}
	o.Config, o.Project, o.MostIdentities = c, p, t.options.MostIdentities
	o.BaseURL, o.AdminURL = c.Serve.Public.BaseURL, c.Serve.Public.BaseURL
	o.Confined, o.Office, o.Plugins, o.BaseDir = true, nil, nil, ""
	o.Logger = o.Logger.With("project", p.Slug)
	o.Keys, err = secret.NewKeys(c.Secrets.Cookie)
	return o, err
}

// config is the configuration of a project: what its revision says, and what only the installation can say.
func (t *Tenants) config(p *project.Project) (*config.Config, error) {
	document, err := t.overlay(p.Current.Document(), p)
	if err != nil {
		return nil, err
	}
	c, _, err := config.Parse("", document)
	if err != nil {
		return nil, plainly(err)
	}
	operator := t.options.Base.Config
	c.Dev, c.Hashers = operator.Dev, operator.Hashers
	c.Clients.HTTP.DisallowPrivateIPRanges = !t.options.PrivateNetworks
	if c.Courier.SMTP.ConnectionURI == "" {
		c.Courier.SMTP.ConnectionURI = operator.Courier.SMTP.ConnectionURI
	}
	return c, plainly(c.Validate())
}

// overlay sets the keys of the document that no revision has.
func (t *Tenants) overlay(document []byte, p *project.Project) ([]byte, error) {
	var d map[string]any
	if err := json.Unmarshal(document, &d); err != nil {
		return nil, err
	}
	base := t.baseURL(p)
	under(d, "serve", "public")["base_url"] = base
	if s := under(d, "selfservice"); s["default_browser_return_url"] == nil {
		s["default_browser_return_url"] = base + "/"
	}
	return json.Marshal(d)
}

// under finds or makes the object at a path.
func under(d map[string]any, path ...string) map[string]any {
	for _, key := range path {
		next, ok := d[key].(map[string]any)
		if !ok {
			next = map[string]any{}
			d[key] = next
		}
		d = next
	}
	return d
}

// plainly makes an error of a configuration that nobody has written as a file.
func plainly(err error) error {
	if err == nil {
		return nil
	}
	return errors.New(project.Plainly(err))
}

// Try assembles a project as every node will.
func (t *Tenants) Try(ctx context.Context, p *project.Project) error {
	o, err := t.gatewayOptions(p)
	if err != nil {
		return err
	}
	g, err := gateway.New(ctx, o)
	if err != nil {
		return err
	}
	g.Discard()
	return nil
}
