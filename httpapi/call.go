package httpapi

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/url"
	"strings"

	"github.com/gatehouse-id/gatehouse/core/apierror"
	"github.com/gatehouse-id/gatehouse/core/flow"
	"github.com/gatehouse-id/gatehouse/core/project"
	"github.com/gatehouse-id/gatehouse/core/secret"
	"github.com/gatehouse-id/gatehouse/core/selfservice"
	"github.com/gatehouse-id/gatehouse/core/session"
)

// Checker answers whether a session token is good, from memory where it can.
// It returns session.ErrNotFound for every token that does not count, and
// session.ErrUnavailable when no fresh answer can be had.
type Checker interface {
	Check(ctx context.Context, h session.TokenHash) (*session.Facts, error)
	// Forget and ForgetIdentity drop what is remembered of a session, or of all
	// sessions of an identity, so that this node notices a change of its own at once.
	Forget(sessionID string)
	ForgetIdentity(identityID string)
}

// call is one request on its way through a route.
type call struct {
	s    *Server
	m    *mount
	w    http.ResponseWriter
	r    *http.Request
	path string // below the mount
	csrf []byte // the secret of the CSRF cookie, read or new
	// newCSRF says that csrf was made for this answer.
	newCSRF bool
	// nextCSRF is the secret that renewCSRF hands out, where flows may be bound to it already.
	nextCSRF []byte
	token    *project.Token // that opened the admin API; nil where none is asked for
}

// callWriter carries the call through http.ServeMux.
type callWriter struct {
	http.ResponseWriter
	call *call
}

// dispatch serves a path that the mount is known to have.
func (s *Server) dispatch(m *mount, path string, w http.ResponseWriter, r *http.Request) {
	c := &call{s: s, m: m, w: w, path: path}
	// No cache may keep an answer: nearly all of them are about one person.
	h := w.Header()
	h.Set("Cache-Control", "private, no-cache, no-store, must-revalidate")
	h.Set("X-Content-Type-Options", "nosniff")
	if !m.admin {
		h.Add("Vary", "Cookie")
		s.corsHeaders(w, r)
	}
	inner := r.WithContext(r.Context())
	u := *r.URL
	u.Path, u.RawPath = path, ""
	inner.URL = &u
	c.r = inner
	if !m.admin && unsafeMethod(r.Method) && !routed(m, inner) && c.forged() {
		// Kratos checks CSRF before it looks whether the method exists.
		c.fail(c.csrfError())
		return
	}
	if err := c.admit(); err != nil {
		c.fail(err)
		return
	}
	m.mux.ServeHTTP(&callWriter{ResponseWriter: w, call: c}, inner)
}

// routed tells whether a route has this path and method.
func routed(m *mount, r *http.Request) bool {
	_, pattern := m.mux.Handler(r)
	return pattern != ""
}

// forged tells whether the path is under full CSRF protection and the request
// doesn't prove itself. All routes of that class are GETs, so this is for methods
// that they don't have.
func (c *call) forged() bool {
	for _, rt := range publicRoutes {
		if p, ok := strings.CutPrefix(rt.pattern, "GET "); ok && p == c.path && rt.csrf == csrfFull {
			c.readCSRF()
			return !secret.CheckCSRF(c.r.Header.Get("X-CSRF-Token"), c.csrf)
		}
	}
	return false
}

// run serves one route: CSRF class, handler, error.
func (c *call) run(rt route) {
	switch rt.csrf {
	case csrfFull:
		c.readCSRF()
		if c.csrf == nil {
			c.renewCSRF()
		}
	case csrfRead:
		c.readCSRF()
	}
	if err := rt.handle(c); err != nil {
		c.fail(err)
	}
}

func (c *call) csrfError() error {
	return selfservice.CSRFError(len(c.r.Header["Cookie"]) > 0, c.csrf != nil && !c.newCSRF)
}

// base is the absolute URL of the mount.
func (c *call) base() string { return c.s.PublicURL() + c.m.prefix }

// PublicURL is the configured public URL without a trailing slash.
func (s *Server) PublicURL() string {
	if u := s.Config().Serve.Public.BaseURL; u != "" {
		return strings.TrimSuffix(u, "/")
	}
	return strings.TrimSuffix(s.BaseURL, "/")
}

// adminURL is the configured admin URL without a trailing slash.
func (s *Server) adminURL() string {
	if u := s.Config().Serve.Admin.BaseURL; u != "" {
		return strings.TrimSuffix(u, "/")
	}
	return strings.TrimSuffix(s.AdminURL, "/")
}

// facts finds the session of the request, or nil when there is none that counts.
func (c *call) facts() (*session.Facts, string, error) {
	token := SessionToken(c.r, c.s.Config().Session.Cookie.Name)
	if token == "" {
		return nil, "", nil
	}
	f, err := c.s.Checker.Check(c.r.Context(), session.HashToken(token))
	switch {
	case errors.Is(err, session.ErrNotFound):
		return nil, "", nil
	case errors.Is(err, session.ErrUnavailable):
		return nil, "", apierror.Unavailable(err, "The session store can't be reached.")
	case err != nil:
		return nil, "", err
	}
	return f, token, nil
}

// client gathers what the engine may know about the sender.
func (c *call) client() (*selfservice.Client, error) {
	f, token, err := c.facts()
	if err != nil {
		return nil, err
	}
	cl := &selfservice.Client{
		Base: c.base(), Facts: f, Token: token, CSRF: c.csrf, NewCSRF: c.newCSRF,
		HasCookies: len(c.r.Header["Cookie"]) > 0, HasOrigin: c.r.Header.Get("Origin") != "",
		ForeignPage: c.fromForeignPage(), Redirects: !wantsJSON(c.r), UserAgent: c.r.UserAgent(), IP: c.clientIP(), LinksOnly: c.m.dialect.linksOnly,
		KeepsToken: !c.m.dialect.extras, AllSites: !c.m.dialect.extras,
	}
	cl.Continuity = c.knownBrowser()
	if c.r.Method == http.MethodPost {
		c.nextCSRF = secret.NewCSRF()
		cl.NextCSRF = c.nextCSRF
	}
	cl.Request = flow.Request{
		Method: c.r.Method, URL: c.base() + c.path, ClientIP: cl.IP, Headers: hookHeaders(c.r.Header),
	}
	return cl, nil
}

func (c *call) clientIP() string {
	if c.s.ClientIP != nil {
		return c.s.ClientIP(c.r)
	}
	host, _, err := net.SplitHostPort(c.r.RemoteAddr)
	if err != nil {
		return c.r.RemoteAddr
	}
	return host
}

// hookHeaderNames are the request headers hooks may see; none of them can carry
// a credential.
var hookHeaderNames = []string{"Accept", "Accept-Encoding", "Accept-Language", "Content-Type", "Origin", "Priority", "Referer", "Sec-Ch-Ua", "Sec-Fetch-Dest", "Sec-Fetch-Mode", "Sec-Fetch-Site", "User-Agent"}

func hookHeaders(h http.Header) map[string][]string {
	out := map[string][]string{}
	for _, n := range hookHeaderNames {
		if v := h[n]; len(v) > 0 {
			out[n] = v
		}
	}
	return out
}

func unsafeMethod(m string) bool {
	return m != http.MethodGet && m != http.MethodHead && m != http.MethodOptions && m != http.MethodTrace
}

// withQuery adds a parameter to a URL that may have a query already.
func withQuery(raw, key, value string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return raw
	}
	q := u.Query()
	q.Set(key, value)
	u.RawQuery = q.Encode()
	return u.String()
}
