package caddymodule

import (
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/caddyserver/caddy/v2"
)

func init() { caddy.RegisterModule(new(LocalTokens)) }

// LocalTokens lets those who may reload this Caddy manage access tokens, over Caddy's own
// admin endpoint below /gatehouse/tokens: this is how "gatehouse token" works without a
// token. It gives nobody new powers, since who reaches that endpoint can replace the whole
// configuration.
type LocalTokens struct{}

// CaddyModule returns the Caddy module information.
func (*LocalTokens) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "admin.api.gatehouse", New: func() caddy.Module { return new(LocalTokens) }}
}

// localPrefix is put before the paths of the admin API's tokens.
const localPrefix = "/gatehouse"

// Routes implements caddy.AdminRouter.
func (*LocalTokens) Routes() []caddy.AdminRoute {
	handler := caddy.AdminHandlerFunc(serveLocalTokens)
	return []caddy.AdminRoute{{Pattern: localPrefix + "/tokens", Handler: handler}, {Pattern: localPrefix + "/tokens/", Handler: handler}}
}

func serveLocalTokens(w http.ResponseWriter, r *http.Request) error {
	found, err := caddy.ActiveContext().AppIfConfigured("gatehouse")
	if err != nil {
		return caddy.APIError{HTTPStatus: http.StatusNotFound, Err: errors.New("gatehouse does not run here")}
	}
	g, err := found.(*App).running(r.Context())
	if err != nil {
		return caddy.APIError{HTTPStatus: http.StatusServiceUnavailable, Err: err}
	}
	if !g.Server.OpenAdmin(w, localRequest(r)) {
		return caddy.APIError{HTTPStatus: http.StatusNotFound, Err: errors.New("no such path")}
	}
	return nil
}

// localRequest is the request as the admin API knows it. Host and origin are checked by
// Caddy's endpoint, which knows what they may be.
func localRequest(r *http.Request) *http.Request {
	inner := r.Clone(r.Context())
	inner.URL = &url.URL{Path: "/admin" + strings.TrimPrefix(r.URL.Path, localPrefix), RawQuery: r.URL.RawQuery}
	inner.Host = "localhost"
	for _, name := range []string{"Origin", "Sec-Fetch-Site"} {
		inner.Header.Del(name)
	}
	return inner
}

var _ caddy.AdminRouter = (*LocalTokens)(nil)
