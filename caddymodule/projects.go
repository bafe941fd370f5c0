package caddymodule

import (
	"context"
	"errors"
	"net/http"
	"strconv"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"go.uber.org/zap"

	"github.com/gatehouse-id/gatehouse/core/apierror"
	"github.com/gatehouse-id/gatehouse/core/project"
	"github.com/gatehouse-id/gatehouse/internal/adminapi"
	"github.com/gatehouse-id/gatehouse/internal/gateway"
	"github.com/gatehouse-id/gatehouse/internal/tenancy"
	"github.com/gatehouse-id/gatehouse/storage"
)

// Projects says how the user pools live that are made at run time, through the project API.
type Projects struct {
	// Domain is what the host of every project ends in: <slug>.<domain>. Default: "projects."
	// before the host of the public URL.
	Domain string `json:"domain,omitempty"`
	// Limit is how many projects there may be. Default 10000.
	Limit int `json:"limit,omitempty"`
	// Identities is how many identities a project may have. Default: any number.
	Identities int `json:"identities,omitempty"`
	// PrivateNetworks lets projects call web hooks and sign-in providers at private and local addresses.
	PrivateNetworks bool `json:"private_networks,omitempty"`
}

// parseProjects reads:
//
//	projects {
//		domain projects.example.org
//		limit 500
//		identities 100000
//		private_networks
//	}
func (a *App) parseProjects(d *caddyfile.Dispenser) error {
	if d.NextArg() {
		return d.Errf("projects takes no argument, got %q: its settings go into a block", d.Val())
	}
	for nesting := d.Nesting(); d.NextBlock(nesting); {
		if err := a.parseProjectSetting(d); err != nil {
			return err
		}
	}
	return nil
}

func (a *App) parseProjectSetting(d *caddyfile.Dispenser) error {
	p := &a.Projects
	switch d.Val() {
	case "domain":
		if err := argument(d, &p.Domain); err != nil {
			return err
		}
		if !variable(p.Domain) {
			host, err := project.NormalizeHost(p.Domain)
			if err != nil {
				return d.Errf("domain: %v", err)
			}
			p.Domain = host
		}
		return nil
	case "limit":
		return count(d, &p.Limit)
	case "identities":
		return count(d, &p.Identities)
	case "private_networks":
		if d.NextArg() {
			return d.Errf("private_networks takes no argument, got %q", d.Val())
		}
		p.PrivateNetworks = true
		return nil
	}
	return unknown(d, d.Val(), "domain", "limit", "identities", "private_networks")
}

func count(d *caddyfile.Dispenser, to *int) error {
	name, text := d.Val(), ""
	if err := argument(d, &text); err != nil {
		return err
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		return d.Errf("%s: %q is no number above 0", name, text)
	}
	*to = n
	return nil
}

// openProjects makes the tenants of the store, and the office that the project API goes through. It has no people before
// the console's gateway is there.
func (a *App) openProjects(o gateway.Options) (*tenancy.Tenants, *project.Office, error) {
	seal, err := o.Cipher()
	if err != nil {
		return nil, nil, err
	}
	registry := storage.NewProjects(o.KV, seal)
	tenants, err := tenancy.New(tenancy.Options{
		Base: o, Domain: a.Projects.Domain, MostIdentities: a.Projects.Identities, PrivateNetworks: a.Projects.PrivateNetworks,
	}, registry)
	if err != nil {
		return nil, nil, err
	}
	return tenants, &project.Office{Registry: registry, Stage: tenants, Most: a.Projects.Limit}, nil
}

var errUnknownHost = apierror.NotFound("There is no project at this address.")

// enter finds the gateway that a request is for by its host, and keeps it running until leave is called.
func (a *App) enter(r *http.Request) (g *gateway.Gateway, leave func(), err error) {
	if _, err := a.running(r.Context()); err != nil {
		return nil, nil, err
	}
	g, leave, err = a.tenants.Enter(r.Context(), r.Host)
	return g, leave, a.toldApart(r, err)
}

// enterAdmin does the same on an admin listener, where a header may name the project.
func (a *App) enterAdmin(r *http.Request) (g *gateway.Gateway, leave func(), err error) {
	name := r.Header.Get(adminapi.ProjectHeader)
	if name == "" {
		return a.enter(r)
	}
	if _, err := a.running(r.Context()); err != nil {
		return nil, nil, err
	}
	g, leave, err = a.tenants.EnterNamed(r.Context(), name)
	return g, leave, a.toldApart(r, err)
}

// toldApart makes answers of the two ways in which a project is not to be had.
func (a *App) toldApart(r *http.Request, err error) error {
	switch {
	case errors.Is(err, project.ErrUnknownProject):
		return errUnknownHost
	case err != nil:
		a.log.Error("a project can't be reached", zap.String("host", r.Host), zap.Error(err))
		return apierror.Unavailable(err, "The project can't be reached at the moment.")
	}
	return nil
}

// ServesHost tells whether a host is that of a project, or of the gateway itself.
func (a *App) ServesHost(ctx context.Context, host string) (bool, error) {
	if _, err := a.running(ctx); err != nil {
		return false, err
	}
	return a.tenants.Knows(ctx, host)
}
