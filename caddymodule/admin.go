package caddymodule

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/gatehouse-id/gatehouse/internal/gateway"
)

func init() {
	caddy.RegisterModule(new(AdminHandler))
	httpcaddyfile.RegisterHandlerDirective("gatehouse_admin", parseAdminHandler)
	httpcaddyfile.RegisterDirectiveOrder("gatehouse_admin", httpcaddyfile.Before, "method")
}

// AdminHandler serves the admin API below /admin and /api/kratos/admin: it reads and
// changes every account. Each call needs a personal access token, as in
// "Authorization: Bearer ory_pat_…"; only health and version answer without one. The
// first start prints a first token, "gatehouse token create" makes more.
type AdminHandler struct {
	// Auth "off" answers whoever reaches the listener. It is for a site that something
	// else keeps closed: a loopback address, client certificates, a network of its own.
	Auth string `json:"auth,omitempty"`

	app *App
}

// authOff is the value of Auth that asks for no tokens.
const authOff = "off"

// CaddyModule returns the Caddy module information.
func (*AdminHandler) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.handlers.gatehouse_admin", New: func() caddy.Module { return new(AdminHandler) }}
}

// Provision finds the app, and tells it that its admin API is served.
func (h *AdminHandler) Provision(ctx caddy.Context) (err error) {
	if h.Auth != "" && h.Auth != authOff {
		return fmt.Errorf("auth of gatehouse_admin is %q: write off, or leave it out to ask for tokens", h.Auth)
	}
	if h.app, err = app(ctx); err != nil {
		return err
	}
	if h.Auth != authOff {
		h.app.asksForTokens = true
	}
	return nil
}

// ServeHTTP implements caddyhttp.MiddlewareHandler.
func (h *AdminHandler) ServeHTTP(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
	g, leave, err := h.app.enterAdmin(r)
	if err != nil {
		return closed(w, r, err)
	}
	defer leave()
	serve := g.Server.Admin
	if h.Auth == authOff {
		serve = g.Server.OpenAdmin
	}
	if serve(w, r) {
		return nil
	}
	return next.ServeHTTP(w, r)
}

// parseAdminHandler reads:
//
//	gatehouse_admin {
//		auth off    # only where something else keeps the site closed
//	}
func parseAdminHandler(h httpcaddyfile.Helper) (caddyhttp.MiddlewareHandler, error) {
	handler := new(AdminHandler)
	for h.Next() {
		if h.NextArg() {
			return nil, h.Errf("gatehouse_admin takes no argument, got %q", h.Val())
		}
		for h.NextBlock(0) {
			if h.Val() != "auth" {
				return nil, unknown(h.Dispenser, h.Val(), "auth")
			}
			if err := argument(h.Dispenser, &handler.Auth); err != nil {
				return nil, err
			}
			if handler.Auth != authOff {
				return nil, h.Errf("auth is %q: write auth off, or leave the line out to ask for tokens", handler.Auth)
			}
		}
	}
	return handler, nil
}

// firstTokenTime bounds the making of the first token: the store has just been opened.
const firstTokenTime = 20 * time.Second

// tellFirstToken prints the token that a new store's admin API is opened with: once, and
// not through the logger, whose files stay.
func (a *App) tellFirstToken(g *gateway.Gateway, to io.Writer) error {
	if !a.asksForTokens {
		return nil
	}
	ctx, cancel := context.WithTimeout(a.ctx, firstTokenTime)
	defer cancel()
	made, t, err := g.FirstToken(ctx)
	if err != nil || made == "" {
		return err
	}
	_, err = fmt.Fprintf(to, "gatehouse: the first token for the admin API, shown only now, good until %s: %s\n", t.ExpiresAt.Format(time.DateOnly), made)
	if err != nil {
		// Nobody has seen it, so nobody should be able to use it.
		return fmt.Errorf("printing the first access token: %w", errors.Join(err, g.Store.RevokeAccessToken(ctx, t.ID)))
	}
	return nil
}

// firstTokenTo is where people look when they start a server.
var firstTokenTo io.Writer = os.Stderr

var (
	_ caddy.Provisioner           = (*AdminHandler)(nil)
	_ caddyhttp.MiddlewareHandler = (*AdminHandler)(nil)
)
