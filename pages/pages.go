// Package pages renders the built-in self-service pages from embedded templates.
//
// A page is made from the nodes of a flow, whatever method put them there, and works without JavaScript: every form is a
// plain POST to the flow's action. The markup carries no inline script or style, so that [CSP] can forbid both.
package pages

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"html/template"
	"io"
	"strings"
	"time"

	"github.com/gatehouse-id/gatehouse/core/ui"
)

// Kind names a page, for example "login". The kinds of flows are named as in the paths of the API.
type Kind string

// The pages there are.
const (
	Login        Kind = "login"
	Registration Kind = "registration"
	Recovery     Kind = "recovery"
	Verification Kind = "verification"
	Settings     Kind = "settings"
	Error        Kind = "error"
	Welcome      Kind = "welcome"
	Sessions     Kind = "sessions"
)

// Page is everything one page shows. Which of UI, Error and Session is read depends on Kind.
type Page struct {
	Kind Kind

	// UI is the form of the flow. Required by the kinds that are flows.
	UI *ui.Container
	// Refresh says that a signed-in user has to confirm who they are.
	Refresh bool
	// RequestedAAL is the level a login flow asks for, "aal1" or "aal2"; empty is "aal1".
	RequestedAAL string
	// ReturnTo is where the user wants to go afterwards. It is added to the links between sign-in and sign-up, which
	// would lose it otherwise. The caller has checked it against the allow list.
	ReturnTo string

	Links   Links
	Error   *ErrorView
	Session *SessionView // nil on the welcome page: nobody is signed in
	Devices *DevicesView // of the page Sessions, where it is required
}

// Links are the pages a page may point to. An empty link is not shown: that is how a disabled flow disappears.
// A link that is neither a path nor an http(s) URL is treated as empty.
type Links struct {
	Login        string // starts a login flow
	Registration string
	Recovery     string
	Verification string // shown to whom it keeps from signing in that no address is verified
	Settings     string
	Logout       string // with the logout token; shown where a second factor is asked for
	Sessions     string // where the user is signed in
	Home         string // where a lost user can start again; the error page falls back to Login
}

// ErrorView is an error that the user may read. Its fields are those of a stored self-service error.
type ErrorView struct {
	ID      string // shown so that support can find the log line
	Code    int    // HTTP status
	Status  string
	Reason  string
	Message string
}

// SessionView is the session of the user who is signed in.
type SessionView struct {
	IdentityID      string
	AAL             string         // for example "aal1"
	Traits          map[string]any // as stored; shown as a table
	AuthenticatedAt time.Time      // not shown when zero
	ExpiresAt       time.Time      // not shown when zero
	LogoutURL       string         // with the logout token
}

// DevicesView lists where the user is signed in. Each but the first can be signed out by a form that posts its id as
// "session" to Action, all of them by one that posts "others".
type DevicesView struct {
	Action string // URL of the forms
	CSRF   string // the hidden field csrf_token of the forms
	Here   Device // the session that asks
	Others []Device
}

// Device is a session as its user knows it again.
type Device struct {
	SessionID       string
	UserAgent       string // as the browser sent it; shown in words
	IPAddress       string
	AuthenticatedAt time.Time
}

// Options are the settings of a Renderer. The zero value works.
type Options struct {
	// Name is shown as the name of the product on every page. Default "Gatehouse".
	Name string
	// Logo is shown in place of the name: a path on this site, such as "/logo.svg", or a data:image URL. Images of other
	// sites are refused, they would tell that site who visits the sign-in page. Default none.
	Logo string
	// Accent is the colour of buttons and links as #rgb or #rrggbb. It is made lighter or darker where text could not be
	// read on it otherwise. Default a blue.
	Accent string
	// AssetPath is the path that the names of [Renderer.Asset] are served below. Default "/auth/assets/".
	AssetPath string
}

// Renderer renders pages. It is safe for concurrent use.
type Renderer struct {
	name       string
	logo       template.URL
	assetPath  string
	stylesheet string // name of the asset
	script     string // name of the asset
	assets     map[string]asset
	templates  map[Kind]*template.Template
}

// New returns a Renderer, or an error that names the option it cannot use.
func New(o Options) (*Renderer, error) {
	logo, err := logoURL(o.Logo)
	if err != nil {
		return nil, err
	}
	theme, err := themeCSS(o.Accent)
	if err != nil {
		return nil, err
	}
	path, err := assetPath(o.AssetPath)
	if err != nil {
		return nil, err
	}
	templates, err := parseTemplates()
	if err != nil {
		return nil, err
	}
	r := &Renderer{name: cmp.Or(o.Name, "Gatehouse"), logo: logo, assetPath: path, templates: templates}
	return r, r.loadAssets(theme)
}

// Render writes p as an HTML document. Nothing is written when it returns an error, so that the caller can still answer
// with another page.
func (r *Renderer) Render(w io.Writer, p Page) error {
	t, ok := r.templates[p.Kind]
	if !ok {
		return fmt.Errorf("rendering page %q: unknown kind", p.Kind)
	}
	v, err := r.view(p)
	if err != nil {
		return fmt.Errorf("rendering page %q: %w", p.Kind, err)
	}
	var b bytes.Buffer
	if err := t.ExecuteTemplate(&b, "layout", v); err != nil {
		return fmt.Errorf("rendering page %q: %w", p.Kind, err)
	}
	_, err = b.WriteTo(w)
	return err
}

func logoURL(raw string) (template.URL, error) {
	if raw == "" {
		return "", nil
	}
	if url, ok := imageURL(raw); ok && !strings.HasPrefix(raw, "http") {
		return url, nil
	}
	return "", errors.New("branding.logo: must be a path such as /logo.svg or a data:image/png URL")
}

func assetPath(path string) (string, error) {
	path = cmp.Or(path, "/auth/assets/")
	if _, ok := linkURL(path); !ok || !strings.HasPrefix(path, "/") || !strings.HasSuffix(path, "/") {
		return "", fmt.Errorf("asset path %q: must begin and end with a slash", path)
	}
	return path, nil
}
