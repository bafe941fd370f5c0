package caddymodule

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/caddyauth"
	"go.uber.org/zap"

	"github.com/gatehouse-id/gatehouse/core/apierror"
	"github.com/gatehouse-id/gatehouse/core/session"
	"github.com/gatehouse-id/gatehouse/httpapi"
)

func init() { caddy.RegisterModule(new(Guard)) }

// Guard lets a request pass that comes with a good session, and tells the upstream who
// it is from. Everything else ends here:
//
//   - A browser that opens a page without a session is sent to the login page, and back
//     to the page afterwards.
//   - Other clients get 401 as JSON, with the error id `session_inactive`.
//   - While nobody can tell whether sessions are good, everybody gets 503.
//
// In the Caddyfile it is the directive `guard`, see there. In JSON it is a provider of
// the `authentication` handler, with the handler `gatehouse_answered` before it in the
// same route. It has to be the only provider of its handler.
//
// The upstream gets the id of the identity in `X-Kratos-Authenticated-Identity-Id` and
// the configured headers. Headers under these names that a client sends are removed, in
// every spelling that an upstream could take for the same name (`X_User`, `x.user`).
// Printable ASCII is sent as it is, other text as an encoded word (RFC 2047,
// `=?utf-8?b?...?=`), lists and objects as JSON. A header is absent when the identity
// does not have the fact, or when the text is empty, has control characters or needs
// more than 4096 bytes.
//
// For other handlers of the route there are placeholders:
//
//	{http.auth.user.id}                      id of the identity
//	{http.auth.user.session_id}              id of the session
//	{http.auth.user.aal}                     aal1 or aal2
//	{http.auth.user.traits.<path>}           a trait, for example traits.name.first
//	{http.auth.user.<path>}                  the same, where it is none of the others
//	{http.auth.user.metadata_public.<path>}  public metadata
//
// WebSockets, event streams, long downloads and uploads are cut when the session ends.
// A WebSocket that a page of another site opens is refused with 403.
type Guard struct {
	// More headers for the upstream: name to fact. A fact is `id`, `session.id`, `aal`,
	// `identity.traits.<path>` or `identity.metadata_public.<path>`.
	Headers map[string]string `json:"headers,omitempty"`

	// Pass the session on to the upstream. By default the gateway's cookies, the headers
	// `X-Session-Token` and `X-Session-Cookie` and a session token in `Authorization`
	// are removed: an upstream that leaks them would leak the account. From its answers,
	// cookies of the gateway and identity headers are removed: it could plant somebody
	// else's session in the browser.
	KeepSession bool `json:"keep_session,omitempty"`

	// The assurance level needed: `aal1`, or `aal2` for a second factor of everybody. By
	// default, what `session.whoami.required_aal` of the configuration asks for, which is a
	// second factor of those who have set one up. Who has less is sent to the login page for
	// the rest; other clients get 403 with the error id `session_aal2_required`.
	AAL session.AAL `json:"aal,omitempty"`

	// How long ago the person may have signed in; unlimited by default. Who did so
	// earlier is asked to sign in again; other clients get 403 with the error id
	// `session_refresh_required`.
	MaxAge caddy.Duration `json:"max_age,omitempty"`

	// What to do with a path that the upstream may read in another way than the matchers
	// of this site do. Always refused, with 400: dot segments, plain or encoded, backslashes,
	// control characters, overlong UTF-8. `strict`, the default, refuses also: semicolons
	// (`/admin;x/`), encoded slashes (`%2F`), escapes that are encoded again (`%2561`), and a
	// dot or blank at the end of a directory (`/admin./x`). `lenient` lets these pass, for
	// applications that use them.
	Paths string `json:"paths,omitempty"`

	app        protector
	principals *principals
	open       *openRequests
	logger     *zap.Logger
	told       atomic.Bool // about foreign cookies
}

// CaddyModule returns the Caddy module information.
func (*Guard) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.authentication.providers.gatehouse", New: func() caddy.Module { return new(Guard) }}
}

// Provision sets the guard up.
func (g *Guard) Provision(ctx caddy.Context) error {
	g.logger = ctx.Logger()
	if g.app == nil {
		app, err := guardApp(ctx)
		if err != nil {
			return err
		}
		g.app = app
	}
	wanted, err := parseHeaders(g.Headers)
	if err != nil {
		return err
	}
	for _, w := range wanted {
		g.app.IdentityHeaders().add(w.name)
	}
	g.principals = &principals{wanted: wanted}
	g.open = &openRequests{}
	g.open.start()
	return nil
}

// Validate checks the options.
func (g *Guard) Validate() error {
	switch g.AAL {
	case "", session.AAL1, session.AAL2:
	default:
		return fmt.Errorf("aal is %q: use aal1 or aal2", g.AAL)
	}
	switch g.Paths {
	case "", pathsStrict, pathsLenient:
	default:
		return fmt.Errorf("paths is %q: use strict or lenient", g.Paths)
	}
	if g.MaxAge < 0 {
		return fmt.Errorf("max_age is %s: use a positive duration", time.Duration(g.MaxAge))
	}
	return nil
}

// Cleanup stops looking for open requests.
func (g *Guard) Cleanup() error {
	if g.open != nil {
		g.open.stop()
	}
	return nil
}

// Authenticate lets a request pass or answers it.
func (g *Guard) Authenticate(w http.ResponseWriter, r *http.Request) (caddyauth.User, bool, error) {
	a := admissionOf(r)
	if a == nil {
		a = follow(r, nil) // the handler that should do it is missing, see there
	}
	if !a.admitted { // else these are headers that the guard before set
		g.app.IdentityHeaders().strip(r)
	}
	p, err := g.app.Protection(r)
	var who *principal
	if err == nil {
		who, err = g.admit(r, a, p)
	}
	if err != nil || who == nil {
		g.answer(w, r, p, err)
		a.answered = w
		return caddyauth.User{}, false, nil
	}
	who.setHeaders(r.Header)
	if repl, ok := r.Context().Value(caddy.ReplacerCtxKey).(*caddy.Replacer); ok {
		repl.Map(who.placeholder) // not as metadata of the user: that is copied for every request
	}
	return caddyauth.User{ID: who.facts.Identity.ID}, true, nil
}

// admit decides about a request. Only a principal without an error lets it pass.
func (g *Guard) admit(r *http.Request, a *admission, p *protection) (*principal, error) {
	if err := g.checkRequest(r, p); err != nil {
		return nil, err
	}
	hash := a.hash
	if !a.admitted {
		token := httpapi.SessionToken(r, p.SessionCookie)
		if token == "" {
			return nil, apierror.SessionInactive()
		}
		hash = session.HashToken(token)
	}
	facts, err := p.Checker.Check(r.Context(), hash)
	switch {
	case errors.Is(err, session.ErrNotFound):
		return nil, apierror.SessionInactive()
	case err != nil:
		return nil, err
	}
	who := g.principals.of(&hash, facts)
	if err := g.checkSession(r, who, p); err != nil {
		return nil, err
	}
	if !g.KeepSession {
		stripSession(r.Header, p.OwnCookies)
		a.filter.own, a.filter.guard = p.OwnCookies, g
	}
	if !a.admitted {
		a.admitted, a.hash, a.checker = true, hash, p.Checker
		p.Slider.Seen(facts)
		g.open.add(a)
	}
	return who, nil
}

// foreignCookie tells the operator, once, that an application sets a cookie of ours.
func (g *Guard) foreignCookie(name string) {
	if g.told.CompareAndSwap(false, true) {
		g.logger.Warn("an application behind the guard sets a cookie of the gateway; such cookies are removed from its answers",
			zap.String("cookie", name))
	}
}

// checkSession tells what a good session lacks here.
func (g *Guard) checkSession(r *http.Request, who *principal, p *protection) error {
	if who.aal < session.AAL1 {
		return apierror.SessionInactive() // no factor at all: nobody signed in
	}
	if who.aal < g.needs(who, p) {
		return apierror.AAL2Required(p.LoginURL + "?aal=aal2")
	}
	if g.MaxAge > 0 && time.Since(who.facts.Session.AuthenticatedAt) > time.Duration(g.MaxAge) {
		return apierror.RefreshRequired(p.LoginURL + "?refresh=true").
			WithReason("It is too long ago that this session signed in. Please sign in again.")
	}
	return nil
}

// needs is the assurance level that somebody needs here.
func (g *Guard) needs(who *principal, p *protection) session.AAL {
	switch {
	case g.AAL != "":
		return g.AAL
	case p.RequiredAAL == string(session.AAL1):
		return session.AAL1
	case who.factors&p.SecondFactors != 0:
		return session.AAL2
	}
	return session.AAL1
}

// checkRequest refuses what could mean something else to the upstream.
func (g *Guard) checkRequest(r *http.Request, p *protection) error {
	if r.Method == http.MethodTrace || r.Method == http.MethodConnect && !isWebSocket(r) {
		return apierror.MethodNotAllowed("The method %s is not available here.", r.Method)
	}
	if doubt := pathDoubt(r.URL.EscapedPath(), g.Paths == pathsLenient); doubt != "" {
		return errPathDoubt(doubt)
	}
	if isWebSocket(r) && !sameSite(r, p) {
		return apierror.Forbidden("A page of another site may not open this connection.")
	}
	return nil
}

func errPathDoubt(doubt string) *apierror.Error {
	return apierror.BadRequest("The path of the URL has %s, so it has more than one meaning. Please use a plain path.", doubt)
}

// isWebSocket recognises the handshakes of HTTP/1, 2 and 3.
func isWebSocket(r *http.Request) bool {
	if r.Method == http.MethodConnect {
		return r.Header.Get(":protocol") == "websocket" || r.ProtoMajor == 3 && r.Proto == "websocket"
	}
	upgrade := r.Header["Upgrade"] // not Get, which would look whether the name is canonical, for every request
	return len(upgrade) > 0 && strings.Contains(strings.ToLower(upgrade[0]), "websocket")
}

// sameSite tells whether a WebSocket is opened by a page that may act for the person.
// Browsers send cookies with the handshakes of all pages and leave the check to us.
func sameSite(r *http.Request, p *protection) bool {
	origin := r.Header.Get("Origin")
	if origin == "" || strings.EqualFold(origin, originOf(p.BaseURL)) {
		return true
	}
	scheme, host, _ := strings.Cut(origin, "://")
	if strings.EqualFold(host, r.Host) && (scheme == "https" || r.TLS == nil) {
		return true
	}
	_, err := p.ReturnTo(origin + "/")
	return err == nil
}

var (
	_ caddy.Provisioner       = (*Guard)(nil)
	_ caddy.Validator         = (*Guard)(nil)
	_ caddy.CleanerUpper      = (*Guard)(nil)
	_ caddyauth.Authenticator = (*Guard)(nil)
)
