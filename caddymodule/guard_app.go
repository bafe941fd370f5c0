package caddymodule

import (
	"net/http"

	"github.com/caddyserver/caddy/v2"

	"github.com/gatehouse-id/gatehouse/core/session"
	"github.com/gatehouse-id/gatehouse/internal/gateway"
)

// protector is the app as its guards see it.
type protector interface {
	// Protection returns what the guards decide with now. Every guarded request asks for
	// it, so it has to be as cheap as an atomic load; while the app starts it may wait.
	// An error means that the gateway isn't up: the request is answered with 503.
	Protection(r *http.Request) (*protection, error)
	// IdentityHeaders is the app's one set of identity headers. It is there before the
	// app starts: guards add theirs to it while they are provisioned.
	IdentityHeaders() *managedHeaders
}

// protection is a running gateway as its guards see it. It never changes: the app
// replaces it as a whole. All fields but
// Slider must be set.
type protection struct {
	Checker *session.Checker
	// Slider extends sessions that are in use; nil where they are not to be.
	Slider *session.Slider
	// SessionCookie is the name of the cookie that carries the session token.
	SessionCookie string
	// OwnCookies are the cookies that nobody behind the gateway needs to see, the
	// session cookie among them (httpapi.Server.CookieNames).
	OwnCookies []string
	// BaseURL is the public URL of the gateway without a trailing slash, for example
	// "https://example.org".
	BaseURL string
	// LoginURL starts a login in a browser; it has no query, for example
	// "https://example.org/self-service/login/browser".
	LoginURL string
	// RequiredAAL is session.whoami.required_aal of the configuration.
	RequiredAAL string
	// SecondFactors are those that the site asks for.
	SecondFactors session.Factors
	// ReturnTo tells whether a login may end at an absolute URL, and returns the URL as
	// it is to be used. It has to allow the pages below BaseURL.
	ReturnTo func(raw string) (string, error)
}

// guardApp finds the app of a configuration.
func guardApp(ctx caddy.Context) (protector, error) { return app(ctx) }

// IdentityHeaders implements protector.
func (a *App) IdentityHeaders() *managedHeaders { return &a.managed }

// Protection implements protector.
func (a *App) Protection(r *http.Request) (*protection, error) {
	g, leave, err := a.enter(r)
	if err != nil {
		return nil, err
	}
	defer leave()
	return g.Derived(protectionOf).(*protection), nil
}

// protectionOf is what guards see of a gateway.
func protectionOf(g *gateway.Gateway) any {
	base, names := g.Server.PublicURL(), g.Server.CookieNames()
	return &protection{
		Checker: g.Checker, Slider: g.Slider, SessionCookie: names[0], OwnCookies: names,
		BaseURL: base, LoginURL: base + "/self-service/login/browser",
		RequiredAAL:   g.Engine.Config().Session.Whoami.RequiredAAL,
		SecondFactors: g.Engine.SecondFactors(),
		ReturnTo:      func(raw string) (string, error) { return g.Engine.ReturnTo(raw, base) },
	}
}
