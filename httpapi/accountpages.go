package httpapi

import (
	"net/http"
	"net/url"

	"github.com/google/uuid"

	"github.com/gatehouse-id/gatehouse/core/flow"
	"github.com/gatehouse-id/gatehouse/core/secret"
	"github.com/gatehouse-id/gatehouse/core/selfservice"
	"github.com/gatehouse-id/gatehouse/core/session"
	"github.com/gatehouse-id/gatehouse/pages"
)

// sessionsPath is the page that lists where the person is signed in.
const sessionsPath = pagesPrefix + "sessions"

// signInFor sends somebody whose session is not good enough to the login, for a second
// factor or from the start, and back if the site lets logins lead there.
func (c *call) signInFor(path string, f *session.Facts) {
	q := url.Values{}
	if f != nil {
		q.Set("aal", "aal2")
	}
	if to, err := c.s.Engine.ReturnTo(c.s.PublicURL()+path, c.base()); err == nil {
		q.Set("return_to", to)
	}
	login := "/self-service/login/browser"
	if len(q) > 0 {
		login += "?" + q.Encode()
	}
	c.redirect(login)
}

// settingsPage shows the form of a settings flow.
func (c *call) settingsPage() error {
	f, _, err := c.facts()
	if err != nil {
		return err
	}
	if f == nil {
		c.signInFor("/self-service/settings/browser", nil)
		return nil
	}
	return c.flowPage(flow.Settings)
}

// sessionsPage lists where the person is signed in, and signs out what its forms name.
func (c *call) sessionsPage() error {
	f, _, err := c.facts()
	if err != nil {
		return err
	}
	if f == nil || c.lacksFactor(f) {
		c.signInFor(sessionsPath, f)
		return nil
	}
	if c.r.Method == http.MethodPost {
		return c.signOutDevices(f)
	}
	others, err := c.s.Engine.OtherSessions(c.r.Context(), f.Identity.ID, f.Session.ID)
	if err != nil {
		return err
	}
	if c.csrf == nil {
		c.renewCSRF()
	}
	v := &pages.DevicesView{Action: sessionsPath, CSRF: secret.MaskCSRF(c.csrf), Here: device(f.Session)}
	for _, s := range others {
		v.Others = append(v.Others, device(s))
	}
	return c.page(http.StatusOK, pages.Page{Kind: pages.Sessions, Devices: v, Links: c.s.links()}, "")
}

// device describes a session by where it was used last.
func device(s *session.Session) pages.Device {
	d := pages.Device{SessionID: s.ID, AuthenticatedAt: s.AuthenticatedAt}
	if n := len(s.Devices); n > 0 {
		d.UserAgent, d.IPAddress = s.Devices[n-1].UserAgent, s.Devices[n-1].IPAddress
	}
	return d
}

// signOutDevices ends one other session or all of them.
func (c *call) signOutDevices(f *session.Facts) error {
	c.r.Body = http.MaxBytesReader(c.w, c.r.Body, maxBody)
	if err := c.r.ParseForm(); err != nil {
		return unreadable(err, "The form in the request body could not be read.")
	}
	if c.fromForeignPage() {
		return selfservice.ErrForeignPage
	}
	if !secret.CheckCSRF(c.r.PostForm.Get("csrf_token"), c.csrf) {
		return selfservice.CSRFError(len(c.r.Header["Cookie"]) > 0, c.csrf != nil)
	}
	if err := c.endSessions(f, c.r.PostForm); err != nil {
		return err
	}
	c.redirect(sessionsPath)
	return nil
}

func (c *call) endSessions(f *session.Facts, form url.Values) error {
	if form.Get("others") != "" {
		return c.revokeOthers(f)
	}
	if id := form.Get("session"); uuid.Validate(id) == nil {
		return c.revokeOwn(f, id)
	}
	return nil
}
