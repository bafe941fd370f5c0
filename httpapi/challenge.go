package httpapi

import (
	"errors"
	"net/http"
	"strings"

	"github.com/gatehouse-id/gatehouse/core/apierror"
	"github.com/gatehouse-id/gatehouse/core/flow"
	"github.com/gatehouse-id/gatehouse/core/selfservice"
)

// openLink serves GET /self-service/{recovery,verification}?flow=&token=, the links
// in mails. Whatever comes of it is a page, so the answer is a redirect.
func (c *call) openLink(k flow.Kind) error {
	if c.looksAhead() {
		// Scanners of mails and previews of links ask like this. The link is for the person.
		return c.noContent()
	}
	q := c.r.URL.Query()
	id, token := q.Get("flow"), q.Get("token")
	if id == "" {
		return c.failPage(errNoFlow, false)
	}
	if token == "" {
		c.redirect(withQuery(c.s.Engine.UIURL(k), "flow", id)) // a link to the page that takes the code
		return nil
	}
	c.readCSRF()
	fresh := c.csrf == nil
	if fresh {
		c.renewCSRF()
	}
	cl, err := c.client()
	if err != nil {
		return c.failPage(err, false)
	}
	c.recall(id, cl)
	res, err := c.s.Engine.Open(c.r.Context(), k, id, token, cl)
	c.decided(k, res, err)
	if err != nil {
		return c.linkFailed(err, k)
	}
	c.forget(res)
	if res.Session != nil {
		if !fresh {
			c.renewCSRF() // somebody may have planted the one of before
		}
		c.setSession(res.Token, res.Session.ExpiresAt)
	}
	c.redirect(c.m.dialect.afterLink(c, k, res))
	return nil
}

// looksAhead tells whether a request only looks what there is, without a person behind it.
func (c *call) looksAhead() bool {
	h := c.r.Header
	purpose := strings.ToLower(first(h.Get("Sec-Purpose"), h.Get("Purpose"), h.Get("X-Moz")))
	return c.r.Method == http.MethodHead || strings.HasPrefix(purpose, "prefetch") || strings.HasPrefix(purpose, "preview")
}

// linkFailed answers a link that doesn't count.
func (c *call) linkFailed(err error, k flow.Kind) error {
	var ex *selfservice.ExpiredError
	switch {
	case errors.As(err, &ex):
		c.keepCSRF()
		c.redirect(withQuery(c.s.Engine.UIURL(k), "flow", ex.Next.ID))
		return nil
	case errors.Is(err, selfservice.ErrSignedIn):
		c.redirect(c.s.Engine.DefaultReturnURL("", c.base()))
		return nil
	}
	return c.failPage(err, false)
}

// afterLink is where the browser goes when a link has done its work.
func (d *dialect) afterLink(c *call, k flow.Kind, res *selfservice.Result) string {
	if k == flow.Verification && !d.linksOnly {
		return withQuery(c.s.Engine.UIURL(k), "flow", res.Flow.ID)
	}
	return res.ReturnTo
}

// stays answers a submission after which the flow goes on.
func (c *call) stays(k flow.Kind, res *selfservice.Result, asJSON bool) error {
	if !asJSON {
		c.redirect(withQuery(c.s.Engine.UIURL(k), "flow", res.Flow.ID))
		return nil
	}
	status := http.StatusOK
	if k == flow.Login || k == flow.Registration {
		status = http.StatusBadRequest // nobody is signed in or up yet, as today's clients know it
	}
	return c.json(status, c.m.dialect.echo(c.m.dialect.flow(c, res.Flow), res))
}

// echo adds the transient payload to the answer of a submission, an empty one too.
func (d *dialect) echo(v map[string]any, res *selfservice.Result) map[string]any {
	if !d.extras {
		return v
	}
	v["transient_payload"] = struct{}{}
	if len(res.Payload) > 0 {
		v["transient_payload"] = res.Payload
	}
	return v
}

// recovered answers the code that let somebody in: an app gets its session, a script
// is told where to send the browser.
func (c *call) recovered(res *selfservice.Result) error {
	if res.Flow.Type != flow.API {
		return apierror.BrowserLocationChange(res.ReturnTo)
	}
	d := c.m.dialect
	v := d.echo(d.flow(c, res.Flow), res)
	v["continue_with"] = []map[string]any{
		{"action": "set_ory_session_token", "ory_session_token": res.Token},
		{"action": "show_settings_ui", "flow": map[string]any{"id": res.Next.ID}},
	}
	return c.json(http.StatusOK, v)
}

// showVerification tells the client of the flow in which the new address is verified.
func (c *call) showVerification(f *flow.Flow) map[string]any {
	view := map[string]any{"id": f.ID, "verifiable_address": f.Values[flow.AddressField]}
	if f.Type == flow.Browser {
		view["url"] = c.absolute(withQuery(c.s.Engine.UIURL(flow.Verification), "flow", f.ID))
	}
	return map[string]any{"action": "show_verification_ui", "flow": view}
}

// absolute makes a URL of a path of ours.
func (c *call) absolute(to string) string {
	if strings.HasPrefix(to, "/") {
		return c.s.PublicURL() + to
	}
	return to
}
