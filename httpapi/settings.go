package httpapi

import (
	"errors"
	"net/http"
	"net/url"

	"github.com/gatehouse-id/gatehouse/core/apierror"
	"github.com/gatehouse-id/gatehouse/core/flow"
	"github.com/gatehouse-id/gatehouse/core/selfservice"
)

// resumeSettings serves GET /self-service/settings?flow=: the way back from a fresh
// sign-in. A change that waited for it is made now; without one, the form is shown.
func (c *call) resumeSettings() error {
	id := c.r.URL.Query().Get("flow")
	if id == "" {
		return c.failPage(errNoFlow, wantsJSON(c.r))
	}
	_, pending := c.continuity()
	// A script can submit again by itself, and HEAD must not change anything.
	if pending == "" || wantsJSON(c.r) || c.r.Method != http.MethodGet {
		c.redirect(withQuery(c.s.Engine.UIURL(flow.Settings), "flow", id))
		return nil
	}
	cl, err := c.client()
	if err != nil {
		return c.failPage(err, false)
	}
	c.recall(id, cl)
	res, err := c.s.Engine.Resume(c.r.Context(), id, cl, pending)
	if errors.Is(err, selfservice.ErrNothingPending) {
		c.redirect(withQuery(c.s.Engine.UIURL(flow.Settings), "flow", id))
		return nil
	}
	c.decided(flow.Settings, res, err)
	if err != nil {
		return c.submitFailed(err, flow.Settings, id, false)
	}
	c.keepPending("")
	return c.submitted(flow.Settings, res, false)
}

// signInFirst is where a browser goes whose session is not good enough for
// settings; "" when another sign-in would not help. q may hold a return_to.
func (c *call) signInFirst(k flow.Kind, err error, q url.Values) string {
	var ae *apierror.Error
	if k != flow.Settings || !errors.As(err, &ae) {
		return ""
	}
	switch ae.ID {
	case apierror.IDSessionInactive:
		return keepReturnTo(c.base()+"/self-service/login/browser", q)
	case apierror.IDSessionAAL2Required, apierror.IDSessionRefreshRequired:
		to, _ := ae.Extra["redirect_browser_to"].(string)
		return to
	}
	return ""
}

// pause hands the change of a RefreshError to the browser.
func (c *call) pause(err error) {
	var re *selfservice.RefreshError
	if errors.As(err, &re) && re.Pending != "" {
		c.keepPending(re.Pending)
	}
}

// settingsFlow is where a browser comes back to a settings flow.
func (c *call) settingsFlow(id string) url.Values {
	return url.Values{"return_to": {c.base() + "/self-service/settings?" + url.Values{"flow": {id}}.Encode()}}
}

// refused adds to the answer of a settings init what only today's Kratos says there
// to a script: clients that generate strict types from answers know the key.
func (d *dialect) refused(k flow.Kind, t flow.Type, err error) error {
	var ae *apierror.Error
	if d.extras && k == flow.Settings && t == flow.Browser && errors.As(err, &ae) && ae.ID == apierror.IDSessionInactive {
		return ae.WithExtra("CredentialsMissing", false)
	}
	return err
}
