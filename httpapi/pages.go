package httpapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/gatehouse-id/gatehouse/core/apierror"
	"github.com/gatehouse-id/gatehouse/core/flow"
	"github.com/gatehouse-id/gatehouse/core/selfservice"
	"github.com/gatehouse-id/gatehouse/core/session"
	"github.com/gatehouse-id/gatehouse/pages"
)

// pagesPrefix is where the built-in pages are served.
const pagesPrefix = "/auth/"

// pageTable says which page is behind which path below pagesPrefix.
var pageTable = map[string]func(c *call) error{
	"login":        func(c *call) error { return c.flowPage(flow.Login) },
	"registration": func(c *call) error { return c.flowPage(flow.Registration) },
	"settings":     (*call).settingsPage,
	"recovery":     func(c *call) error { return c.flowPage(flow.Recovery) },
	"verification": func(c *call) error { return c.flowPage(flow.Verification) },
	"sessions":     (*call).sessionsPage,
	"error":        (*call).errorPage,
	"welcome":      (*call).welcomePage,
}

// servePages serves the built-in pages; they are a client of the same engine as
// every other user interface.
func (s *Server) servePages(w http.ResponseWriter, r *http.Request) bool {
	name, ok := strings.CutPrefix(r.URL.Path, pagesPrefix)
	posts := r.Method == http.MethodPost && name == "sessions" // the one page with a form of its own
	if !ok || r.Method != http.MethodGet && r.Method != http.MethodHead && !posts {
		return false
	}
	if asset, ok := strings.CutPrefix(name, "assets/"); ok {
		return s.serveAsset(w, asset)
	}
	page, ok := pageTable[name]
	if !ok {
		return false
	}
	c := &call{s: s, m: s.rootMount(), w: w, r: r, path: r.URL.Path}
	w.Header().Set("Cache-Control", "private, no-cache, no-store, must-revalidate")
	w.Header().Add("Vary", "Cookie")
	c.readCSRF()
	if err := page(c); err != nil {
		e := known(err)
		s.logFailure(r, e)
		if err := c.page(e.Status(), pages.Page{Kind: pages.Error, Error: view("", e.Payload("")), Links: s.links()}, ""); err != nil {
			c.fail(err)
		}
	}
	return true
}

// rootMount is the mount that speaks today's dialect at the root.
func (s *Server) rootMount() *mount { return &s.public[len(s.public)-1] }

// serveAsset serves a style sheet or script; its name carries a hash of its content.
func (s *Server) serveAsset(w http.ResponseWriter, name string) bool {
	t, body, ok := s.Pages.Asset(name)
	if !ok {
		return false
	}
	w.Header().Set("Content-Type", t)
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	_, _ = w.Write(body)
	return true
}

// links are the pages the pages point to.
func (s *Server) links() pages.Links {
	l := pages.Links{Login: "/self-service/login/browser", Settings: "/self-service/settings/browser", Sessions: sessionsPath, Home: s.Config().SelfService.DefaultBrowserReturnURL}
	if s.Config().SelfService.Flows.Registration.Enabled {
		l.Registration = "/self-service/registration/browser"
	}
	if s.Config().SelfService.Flows.Recovery.Enabled {
		l.Recovery = "/self-service/recovery/browser"
	}
	if s.Config().SelfService.Flows.Verification.Enabled {
		l.Verification = "/self-service/verification/browser"
	}
	return l
}

// page answers with an HTML page. goesTo is where its form may lead the browser.
func (c *call) page(status int, p pages.Page, goesTo string) error {
	var buf bytes.Buffer
	if err := c.s.Pages.Render(&buf, p); err != nil {
		return err
	}
	h := c.w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", pages.CSP(c.formTargets(goesTo)...))
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Referrer-Policy", "strict-origin") // with "no-referrer" browsers send "Origin: null" with forms
	c.w.WriteHeader(status)
	_, _ = c.w.Write(buf.Bytes())
	return nil
}

// formTargets lists the origins a form may lead to: browsers apply form-action
// to the redirect behind a submission as well.
func (c *call) formTargets(goesTo string) []string {
	out := []string{c.s.PublicURL()}
	for _, u := range []string{goesTo, c.s.Engine.DefaultReturnURL("", c.base())} {
		if u != "" {
			out = append(out, u)
		}
	}
	return append(out, c.sites()...)
}

// sites are where providers are that a form may lead to. They send people on through
// hosts of theirs that nobody can list, so that any of them has to do.
func (c *call) sites() []string {
	o := c.s.Config().SelfService.Methods.OIDC
	if !o.Enabled || len(o.Config.Providers) == 0 {
		return nil
	}
	out := []string{"https:"}
	for _, p := range o.Config.Providers {
		if strings.HasPrefix(p.IssuerURL, "http:") {
			out = append(out, p.IssuerURL)
		}
	}
	return out
}

// flowPage shows the form of a flow, or starts one when there is none to show.
func (c *call) flowPage(k flow.Kind) error {
	id := c.r.URL.Query().Get("flow")
	init := "/self-service/" + string(k) + "/browser"
	if id == "" {
		c.redirect(keepReturnTo(init, c.r.URL.Query()))
		return nil
	}
	if c.csrf == nil {
		return apierror.BadRequest("This page needs cookies. Please allow cookies for this site and open the page you came from again.")
	}
	cl, err := c.client()
	if err != nil {
		return err
	}
	c.recall(id, cl)
	f, err := c.s.Engine.Get(c.r.Context(), k, id, cl)
	if err != nil {
		return c.restart(err, init, cl.Binding)
	}
	links := c.s.links()
	if cl.Facts != nil {
		links.Logout = c.logoutLink(cl.Facts.Session)
	}
	return c.page(http.StatusOK, pages.Page{
		Kind: pages.Kind(k), UI: &f.UI, Refresh: f.Refresh, RequestedAAL: string(f.RequestedAAL), ReturnTo: f.ReturnTo, Links: links,
	}, f.ReturnTo)
}

// logoutLink signs the session out when it is opened.
func (c *call) logoutLink(s *session.Session) string {
	return "/self-service/logout?" + url.Values{"token": {c.logoutToken(s)}}.Encode()
}

// restart begins a new flow in place of one that can't be shown any more.
func (c *call) restart(err error, init string, b *selfservice.Binding) error {
	var ae *apierror.Error
	if !errors.As(err, &ae) || ae.Status() >= 500 || ae.ID == apierror.IDFlowDisabled {
		return err
	}
	q := url.Values{}
	if to, _ := ae.Details["return_to"].(string); to != "" {
		q.Set("return_to", to)
	} else if b != nil && b.ReturnTo != "" {
		q.Set("return_to", b.ReturnTo)
	}
	c.redirect(keepReturnTo(init, q))
	return nil
}

func keepReturnTo(path string, q url.Values) string {
	if to := q.Get("return_to"); to != "" {
		return path + "?" + url.Values{"return_to": {to}}.Encode()
	}
	return path
}

// errorPage shows an error that another request ended with.
func (c *call) errorPage() error {
	id := c.r.URL.Query().Get("id")
	e, _, err := c.s.findError(c.r.Context(), id)
	if err != nil {
		return err
	}
	return c.page(http.StatusOK, pages.Page{Kind: pages.Error, Error: view(id, e), Links: c.s.links()}, "")
}

// view reads what a person may see out of an error as the API shows it.
func view(id string, e any) *pages.ErrorView {
	raw, _ := json.Marshal(e) // our own types
	var p apierror.Payload
	_ = json.Unmarshal(raw, &p) // another shape shows as an empty error
	return &pages.ErrorView{ID: id, Code: p.Code, Status: p.Status, Reason: p.Reason, Message: p.Message}
}

// welcomePage shows who is signed in.
func (c *call) welcomePage() error {
	f, _, err := c.facts()
	if err != nil {
		return err
	}
	p := pages.Page{Kind: pages.Welcome, Links: c.s.links()}
	if f != nil && c.lacksFactor(f) {
		c.signInFor(c.path, f) // what is on the page is for who has both factors
		return nil
	}
	if f != nil {
		traits := map[string]any{}
		_ = json.Unmarshal(f.Identity.Traits, &traits) // unreadable traits show as none
		p.Session = &pages.SessionView{
			IdentityID: f.Identity.ID, AAL: string(f.Session.AAL()), Traits: traits,
			AuthenticatedAt: f.Session.AuthenticatedAt.Round(time.Second), ExpiresAt: f.Session.ExpiresAt.Round(time.Second),
			LogoutURL: c.logoutLink(f.Session),
		}
	}
	return c.page(http.StatusOK, p, "")
}
