package httpapi

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/gatehouse-id/gatehouse/core/ceremony"
	"github.com/gatehouse-id/gatehouse/core/flow"
)

// route is one operation of the API.
type route struct {
	pattern string // method and path as in http.ServeMux
	csrf    csrfClass
	handle  func(c *call) error
}

// csrfClass says what the CSRF protection does on a route (behaviours.md 5).
type csrfClass uint8

const (
	// csrfFull sets the cookie when it is missing, and refuses methods that the
	// path doesn't have unless they carry a token.
	csrfFull csrfClass = iota
	// csrfRead reads the cookie and does nothing else: API calls, and submissions,
	// which are checked in the engine once the token is decoded.
	csrfRead
	// csrfNone does not look at cookies at all.
	csrfNone
)

// publicRoutes is the table of the public API.
var publicRoutes = slices.Concat(flowRoutes(flow.Login), flowRoutes(flow.Registration), flowRoutes(flow.Settings),
	flowRoutes(flow.Recovery), flowRoutes(flow.Verification), whoamiRoutes(), []route{
		{"GET /self-service/recovery", csrfRead, func(c *call) error { return c.openLink(flow.Recovery) }},
		{"GET /self-service/verification", csrfRead, func(c *call) error { return c.openLink(flow.Verification) }},
		{"GET /self-service/settings", csrfRead, (*call).resumeSettings},
		{"GET /self-service/methods/oidc/callback/{provider}", csrfRead, (*call).oidcCallback},
		{"POST /self-service/methods/oidc/callback/{provider}", csrfRead, (*call).oidcCallbackForm},
		{"GET /self-service/logout/browser", csrfFull, (*call).logoutURL},
		{"GET /self-service/logout", csrfFull, (*call).logout},
		{"DELETE /self-service/logout/api", csrfRead, (*call).logoutAPI},
		{"GET /self-service/errors", csrfFull, (*call).selfServiceError},
		{"GET /sessions", csrfRead, (*call).listMySessions},
		{"DELETE /sessions", csrfRead, (*call).revokeMySessions},
		{"DELETE /sessions/{id}", csrfRead, (*call).revokeMySession},
		{"GET /sessions/token-exchange", csrfRead, (*call).exchangeToken},
		{"GET /schemas", csrfRead, (*call).schemas},
		{"GET /schemas/{id}", csrfRead, (*call).schema},
		{"GET " + ceremony.ScriptPath, csrfFull, (*call).webauthnJS},
		{"GET /health/alive", csrfNone, (*call).alive},
		{"GET /health/ready", csrfNone, (*call).ready},
		{"GET /version", csrfNone, (*call).version},
	})

// whoamiRoutes answer every method alike: proxies ask with that of the request
// they have at hand. One pattern for all would clash with DELETE /sessions/{id}.
func whoamiRoutes() []route {
	var out []route
	for _, m := range []string{"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "CONNECT", "TRACE"} {
		out = append(out, route{m + " /sessions/whoami", csrfRead, (*call).whoami})
	}
	return out
}

// flowRoutes are the operations every kind of flow has.
func flowRoutes(k flow.Kind) []route {
	p := "/self-service/" + string(k)
	return []route{
		{"GET " + p + "/browser", csrfFull, func(c *call) error { return c.initFlow(k, flow.Browser) }},
		{"GET " + p + "/api", csrfRead, func(c *call) error { return c.initFlow(k, flow.API) }},
		{"GET " + p + "/flows", csrfFull, func(c *call) error { return c.getFlow(k) }},
		{"POST " + p, csrfRead, func(c *call) error { return c.submitFlow(k) }},
	}
}

// probeRoutes are for those who only look whether the server lives.
var probeRoutes = []route{
	{"GET /health/alive", csrfNone, (*call).alive},
	{"GET /health/ready", csrfNone, (*call).ready},
	{"GET /version", csrfNone, (*call).version},
}

// rootRoutes are all that the admin listener has without a prefix. Kratos' command line asks there for the schemas that it
// compares files with; everybody may read these on the public API.
var rootRoutes = append([]route{
	{"GET /schemas", csrfNone, (*call).schemas},
	{"GET /schemas/{id}", csrfNone, (*call).schema},
}, probeRoutes...)

// adminRoutes is the table of the admin API, below its prefix.
var adminRoutes = append([]route{
	{"POST /identities", csrfNone, (*call).createIdentity},
	{"GET /identities", csrfNone, (*call).listIdentities},
	{"GET /identities/{id}", csrfNone, (*call).getIdentity},
	{"PATCH /identities", csrfNone, (*call).createIdentities},
	{"GET /identities/by/external/{externalID...}", csrfNone, (*call).identityByExternalID},
	{"PUT /identities/{id}", csrfNone, (*call).replaceIdentity},
	{"PATCH /identities/{id}", csrfNone, (*call).patchIdentity},
	{"DELETE /identities/{id}", csrfNone, (*call).deleteIdentity},
	{"DELETE /identities/{id}/credentials/{type}", csrfNone, (*call).deleteCredential},
	{"GET /identities/{id}/sessions", csrfNone, (*call).listIdentitySessions},
	{"DELETE /identities/{id}/sessions", csrfNone, (*call).deleteIdentitySessions},
	{"GET /sessions", csrfNone, (*call).listSessions},
	{"GET /sessions/{id}", csrfNone, (*call).getSession},
	{"DELETE /sessions/{id}", csrfNone, (*call).disableSession},
	{"PATCH /sessions/{id}/extend", csrfNone, (*call).extendSession},
	{"POST /recovery/link", csrfNone, (*call).createRecoveryLink},
	{"POST /recovery/code", csrfNone, (*call).createRecoveryCode},
	{"GET /tokens", csrfNone, (*call).listTokens},
	{"POST /tokens", csrfNone, (*call).createToken},
	{"DELETE /tokens/{id}", csrfNone, (*call).revokeToken},
	{"GET /courier/messages", csrfNone, (*call).listMessages},
	{"GET /courier/messages/{id}", csrfNone, (*call).getMessage},
}, probeRoutes...)

func newMount(prefix string, d *dialect, routes []route, admin bool) mount {
	m := mount{
		prefix: prefix, dialect: d, areas: map[string]bool{}, mux: http.NewServeMux(), paths: http.NewServeMux(), admin: admin,
	}
	seen := map[string]bool{}
	for _, rt := range routes {
		m.mux.Handle(rt.pattern, routeHandler(rt))
		path := rt.pattern[strings.Index(rt.pattern, "/"):]
		if !seen[path] {
			seen[path] = true
			m.areas[firstSegment(path)] = true
			m.paths.Handle(path, http.NotFoundHandler())
		}
	}
	return m
}

// firstSegment is "sessions" of "/sessions/whoami".
func firstSegment(path string) string {
	segment, _, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	return segment
}

// routeHandler lets http.ServeMux pick the route; the call travels beside it.
func routeHandler(rt route) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c := w.(*callWriter).call
		c.r = r // carries the path values
		c.run(rt)
	})
}

func pathURL(path string) *url.URL { return &url.URL{Path: path} }
