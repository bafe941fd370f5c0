package caddymodule

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/gatehouse-id/gatehouse/core/apierror"
	"github.com/gatehouse-id/gatehouse/internal/adminapi"
	"github.com/gatehouse-id/gatehouse/internal/gateway"
)

func init() { caddy.RegisterModule(new(LocalAdmin)) }

// LocalAdmin lets those who may reload this Caddy use the part of the admin API that the
// subcommands need, over Caddy's own admin endpoint below /gatehouse/: this is how they work
// without a token. It gives nobody new powers, since who reaches that endpoint can replace the
// whole configuration.
type LocalAdmin struct{}

// CaddyModule returns the Caddy module information.
func (*LocalAdmin) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "admin.api.gatehouse", New: func() caddy.Module { return new(LocalAdmin) }}
}

// localPrefix is put before the paths of the admin API.
const localPrefix = "/gatehouse"

// localAreas are the parts of the admin API that are served there. Messages and links into accounts are not: no subcommand
// needs them.
var localAreas = []string{"tokens", "identities", "sessions", "projects"}

// Routes implements caddy.AdminRouter.
func (*LocalAdmin) Routes() []caddy.AdminRoute {
	handler := caddy.AdminHandlerFunc(serveLocally)
	var routes []caddy.AdminRoute
	for _, area := range localAreas {
		for _, pattern := range []string{localPrefix + "/" + area, localPrefix + "/" + area + "/"} {
			routes = append(routes, caddy.AdminRoute{Pattern: pattern, Handler: handler})
		}
	}
	return routes
}

func serveLocally(w http.ResponseWriter, r *http.Request) error {
	app, err := activeApp(r.Context())
	if err != nil {
		return caddy.APIError{HTTPStatus: http.StatusNotFound, Err: errors.New("gatehouse does not run here")}
	}
	g, leave, err := app.enterLocally(r)
	if err != nil {
		return localError(err)
	}
	defer leave()
	if !g.Server.OpenAdmin(w, localRequest(r)) {
		return caddy.APIError{HTTPStatus: http.StatusNotFound, Err: errors.New("no such path")}
	}
	return nil
}

// startGrace is how long a request waits for the app. Caddy lets sites serve a moment before it tells of its apps, and a
// script that starts a server and waits until that answers makes a token next.
const startGrace = 2 * time.Second

// activeApp is the gateway of the configuration that runs.
func activeApp(ctx context.Context) (*App, error) {
	ctx, stop := context.WithTimeout(ctx, startGrace)
	defer stop()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		found, err := caddy.ActiveContext().AppIfConfigured("gatehouse")
		if err == nil {
			return found.(*App), nil
		}
		select {
		case <-ctx.Done():
			return nil, err
		case <-tick.C:
		}
	}
}

// enterLocally finds the project that a header names; the console's when none does.
func (a *App) enterLocally(r *http.Request) (*gateway.Gateway, func(), error) {
	if r.Header.Get(adminapi.ProjectHeader) != "" {
		return a.enterAdmin(r)
	}
	g, err := a.running(r.Context())
	return g, func() {}, err
}

// localError tells what is wrong as Caddy's endpoint does.
func localError(err error) error {
	if e, ok := errors.AsType[*apierror.Error](err); ok {
		return caddy.APIError{HTTPStatus: e.Status(), Err: errors.New(e.Reason)}
	}
	return caddy.APIError{HTTPStatus: http.StatusServiceUnavailable, Err: err}
}

// localRequest is the request as the admin API knows it. Host and origin are checked by
// Caddy's endpoint, which knows what they may be.
func localRequest(r *http.Request) *http.Request {
	inner := r.Clone(r.Context())
	path, mount := strings.TrimPrefix(r.URL.Path, localPrefix), "/admin"
	if path == "/projects" || strings.HasPrefix(path, "/projects/") {
		mount = "/backoffice/public"
	}
	inner.URL = &url.URL{Path: mount + path, RawQuery: r.URL.RawQuery}
	inner.Host = "localhost"
	for _, name := range []string{"Origin", "Sec-Fetch-Site"} {
		inner.Header.Del(name)
	}
	return inner
}

var _ caddy.AdminRouter = (*LocalAdmin)(nil)
