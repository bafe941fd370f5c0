package caddymodule

import (
	"errors"
	"net/http"
	"runtime/debug"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/gatehouse-id/gatehouse/core/apierror"
	"github.com/gatehouse-id/gatehouse/httpapi"
)

func init() {
	caddy.RegisterModule(new(Handler))
	httpcaddyfile.RegisterHandlerDirective("gatehouse", parseHandler)
	// Before rewrites: try_files of a single-page app must not take our paths away.
	httpcaddyfile.RegisterDirectiveOrder("gatehouse", httpcaddyfile.Before, "method")
}

// Handler serves the public identity API and the built-in pages: /self-service/*,
// /sessions/*, /schemas/*, /health/*, /version, /.well-known/ory/webauthn.js, /auth/*
// and the same API below /api/kratos/public. Other paths go on to the next
// handler, without the identity headers that only a guard may set; those that no
// honest client sends (dot segments, backslashes, control characters) are refused.
type Handler struct {
	app *App
}

// CaddyModule returns the Caddy module information.
func (*Handler) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.handlers.gatehouse", New: func() caddy.Module { return new(Handler) }}
}

// Provision finds the app.
func (h *Handler) Provision(ctx caddy.Context) (err error) {
	h.app, err = app(ctx)
	return err
}

// ServeHTTP implements caddyhttp.MiddlewareHandler.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
	g, leave, err := h.app.enter(r)
	if err != nil {
		return closed(w, r, err)
	}
	defer leave()
	if g.Server.Public(w, r) {
		return nil
	}
	if doubt := pathDoubt(r.URL.EscapedPath(), true); doubt != "" {
		// A guard that has a matcher never sees a request that its matcher misreads.
		httpapi.WriteError(w, r, errPathDoubt(doubt))
		return nil
	}
	h.app.managed.strip(r)
	return next.ServeHTTP(w, r)
}

// closed answers a request that no gateway is there for.
func closed(w http.ResponseWriter, r *http.Request, err error) error {
	var e *apierror.Error
	if !errors.As(err, &e) {
		return caddyhttp.Error(http.StatusServiceUnavailable, err)
	}
	httpapi.WriteError(w, r, e)
	return nil
}

func parseHandler(h httpcaddyfile.Helper) (caddyhttp.MiddlewareHandler, error) {
	return new(Handler), bare(h)
}

// bare refuses arguments and blocks: what there is to set stands in the global
// block, once for all sites.
func bare(h httpcaddyfile.Helper) error {
	for h.Next() {
		name := h.Val()
		if h.NextArg() {
			return h.Errf("%s takes no argument, got %q: settings go into the global gatehouse block", name, h.Val())
		}
		for h.NextBlock(0) {
			return h.Errf("%s takes no block, got %q: settings go into the global gatehouse block", name, h.Val())
		}
	}
	return nil
}

// clientIP is the address of the client as Caddy trusts it (trusted_proxies).
func clientIP(r *http.Request) string {
	ip, _ := caddyhttp.GetVar(r.Context(), caddyhttp.ClientIPVarKey).(string)
	return ip
}

// version is the version of this module in the binary; "devel" for one built
// from a working tree.
func version() string {
	const path = "github.com/gatehouse-id/gatehouse"
	found := "(devel)"
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, m := range append(info.Deps, &info.Main) {
			if m.Path == path && m.Replace == nil {
				found = m.Version
			}
		}
	}
	return strings.Trim(found, "()")
}

var (
	_ caddy.Provisioner           = (*Handler)(nil)
	_ caddyhttp.MiddlewareHandler = (*Handler)(nil)
)
