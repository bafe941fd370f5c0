// Package httpapi serves the public, admin and project HTTP API: routes, decoding, cookies, CSRF, redirects, error bodies.
//
// Two mounts of one handler tree speak two dialects of the contract: today's
// Kratos at the root, and the seed's below /api/kratos. What differs between
// them stands in dialect.go and present.go and nowhere else.
package httpapi

import (
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gatehouse-id/gatehouse/core/config"
	"github.com/gatehouse-id/gatehouse/core/flow"
	"github.com/gatehouse-id/gatehouse/core/identity"
	"github.com/gatehouse-id/gatehouse/core/project"
	"github.com/gatehouse-id/gatehouse/core/schema"
	"github.com/gatehouse-id/gatehouse/core/secret"
	"github.com/gatehouse-id/gatehouse/core/selfservice"
	"github.com/gatehouse-id/gatehouse/core/session"
	"github.com/gatehouse-id/gatehouse/pages"
)

// Options are what a Server is made of. All fields must be set unless the
// comment says otherwise.
type Options struct {
	Config     func() *config.Config
	Schemas    func() *schema.Set
	Engine     *selfservice.Engine
	Identities identity.Directory
	Sessions   session.Registry
	Flows      flow.Store
	Messages   MessageStore
	Checker    Checker
	Accounts   *selfservice.Accounts
	Keys       *secret.Keys
	Pages      *pages.Renderer
	// Disclose opens the credentials that an administrator may ask for; those of a type that
	// isn't there stay closed.
	Disclose map[identity.CredentialType]func(*identity.Identity) (json.RawMessage, error)
	// BaseURL is the public URL used when the configuration names none
	// (serve.public.base_url), for example "http://localhost:8080".
	BaseURL string
	// AdminURL is the same for serve.admin.base_url.
	AdminURL string
	// Ready tells why the server is not ready to serve; nil when it is.
	Ready   func(r *http.Request) error
	Version string
	Logger  *slog.Logger
	Now     func() time.Time
	// ClientIP returns the address of the client as the host trusts it; nil means
	// the peer of the connection. Never a raw header.
	ClientIP func(r *http.Request) string
	// Access checks the tokens that open the admin API, and Tokens keeps them.
	Access *project.Access
	Tokens project.Store
	// Slider extends sessions that whoami sees; nil means that they end as they were made to.
	Slider *session.Slider
	// Office serves the project API; nil where there is none.
	Office *project.Office
}

// Server answers the API. It is safe for concurrent use.
type Server struct {
	Options
	public []mount
	admin  []mount
	open   []mount // admin, without asking for tokens
}

// mount is one prefix under which a route table is served.
type mount struct {
	prefix  string
	dialect *dialect
	mux     *http.ServeMux
	paths   *http.ServeMux  // the same patterns without methods: which paths exist
	areas   map[string]bool // the first segments of these paths
	admin   bool
	open    bool // an admin mount that asks for no token
	flat    bool // errors have no envelope
}

// New builds a server and its route tables.
func New(o Options) (*Server, error) {
	if o.Config == nil || o.Schemas == nil || o.Engine == nil || o.Checker == nil || o.Access == nil || o.Keys == nil || o.Pages == nil {
		return nil, errors.New("httpapi: Config, Schemas, Engine, Checker, Access, Keys and Pages must be set")
	}
	t := tables()
	s := &Server{Options: o, public: t.public, admin: t.admin, open: t.open}
	if s.Office != nil {
		s.admin, s.open = slices.Concat(t.admin, t.projects), slices.Concat(t.open, opened(t.projects))
	}
	return s, nil
}

// tables are the mounts, which all servers of a process share: a call carries its server along.
var tables = sync.OnceValue(func() (t struct{ public, admin, open, projects []mount }) {
	t.public = []mount{
		newMount("/api/kratos/public", seed, publicRoutes, false),
		newMount("", today, publicRoutes, false),
	}
	t.admin = []mount{
		newMount("/api/kratos/admin", seed, adminRoutes, true),
		newMount("/admin", today, adminRoutes, true),
		newMount("", today, rootRoutes, true),
	}
	t.open = opened(t.admin)
	t.projects = []mount{newMount(projectsMount, today, projectRoutes, true)}
	t.projects[0].flat = true
	return t
})

// opened are the same mounts for those who need no token.
func opened(mounts []mount) []mount {
	out := slices.Clone(mounts)
	for n := range out {
		out[n].open = true
	}
	return out
}

// Public serves the public API and the built-in pages. It returns false, having
// done nothing, when the path is neither.
func (s *Server) Public(w http.ResponseWriter, r *http.Request) bool {
	return s.serve(s.public, w, r) || s.servePages(w, r)
}

// Admin serves the admin API, likewise. Everything but health and version needs a
// personal access token.
func (s *Server) Admin(w http.ResponseWriter, r *http.Request) bool {
	return s.serve(s.admin, w, r)
}

// OpenAdmin serves the admin API to whoever reaches it, for listeners that something
// else keeps closed.
func (s *Server) OpenAdmin(w http.ResponseWriter, r *http.Request) bool {
	return s.serve(s.open, w, r)
}

func (s *Server) serve(mounts []mount, w http.ResponseWriter, r *http.Request) bool {
	m, path := s.find(mounts, r)
	if m == nil {
		return false
	}
	if m.admin || !s.preflight(w, r) {
		s.dispatch(m, path, w, r)
	}
	return true
}

// find returns the mount that has the path, and the path below it; nil when none
// has.
func (s *Server) find(mounts []mount, r *http.Request) (*mount, string) {
	for n := range mounts {
		m := &mounts[n]
		path, ok := strings.CutPrefix(collapse(r.URL.Path), m.prefix)
		if ok && strings.HasPrefix(path, "/") && m.handles(path) {
			return m, path
		}
	}
	return nil, ""
}

// collapse removes double slashes, as Kratos does before it routes. Other unclean
// paths are not ours.
func collapse(path string) string {
	for strings.Contains(path, "//") {
		path = strings.ReplaceAll(path, "//", "/")
	}
	return path
}

// handles tells whether any route of the mount has the path, whatever the method.
func (m *mount) handles(path string) bool {
	if !m.areas[firstSegment(path)] {
		return false // nearly every request of a guarded site: ServeMux takes much longer to say so
	}
	if strings.Contains(path, "/.") && !strings.HasPrefix(path, "/.well-known/") {
		return false // ServeMux would answer dot segments with a redirect of its own
	}
	probe := &http.Request{Method: http.MethodGet, URL: pathURL(path)}
	_, pattern := m.paths.Handler(probe)
	return pattern != ""
}
