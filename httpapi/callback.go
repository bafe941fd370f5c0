package httpapi

import (
	"net/http"
	"net/url"

	"github.com/gatehouse-id/gatehouse/core/apierror"
	"github.com/gatehouse-id/gatehouse/core/flow"
	"github.com/gatehouse-id/gatehouse/core/identity"
	"github.com/gatehouse-id/gatehouse/core/selfservice"
)

// Limits of what a browser brings back from another site: codes of some are long.
const (
	maxAnswerQuery = 16 << 10
	maxAnswerBody  = 64 << 10
)

// oidcCallback serves GET /self-service/methods/oidc/callback/{provider}.
func (c *call) oidcCallback() error {
	asJSON := wantsJSON(c.r)
	if c.r.Method != http.MethodGet { // HEAD must not use the code up
		return c.failPage(apierror.MethodNotAllowed("The code can be brought back by GET only."), asJSON)
	}
	if len(c.r.URL.RawQuery) > maxAnswerQuery {
		return c.failPage(errLongQuery, asJSON)
	}
	q := c.r.URL.Query()
	a := selfservice.Arrival{Method: identity.OIDC, Site: c.r.PathValue("provider"), State: q.Get("state"), Answer: q}
	id := selfservice.FlowOfState(a.State)
	cl, err := c.client()
	if err != nil {
		return c.failPage(err, asJSON)
	}
	c.recall(id, cl)
	if _, pending := c.continuity(); cl.Continuity != "" {
		c.keepContinuity(cl.Continuity, pending) // other tabs may be away still
	}
	res, err := c.s.Engine.Return(c.r.Context(), a, cl)
	if err != nil {
		k, _ := c.s.Engine.KindOf(id)
		return c.submitFailed(err, k, id, asJSON)
	}
	return c.submitted(res.Flow.Kind, res, asJSON)
}

// oidcCallbackForm serves POST, by which some providers answer. A browser sends none of
// our cookies with a form of another site, so it is asked to come by GET.
func (c *call) oidcCallbackForm() error {
	c.r.Body = http.MaxBytesReader(c.w, c.r.Body, maxAnswerBody)
	form, err := c.formValues("application/x-www-form-urlencoded")
	if err != nil {
		return c.failPage(err, wantsJSON(c.r))
	}
	q := url.Values{}
	for _, name := range []string{"state", "code", "iss", "error", "error_description", "user"} {
		if v, ok := form[name]; ok {
			q[name] = v
		}
	}
	c.redirect(c.base() + c.path + "?" + q.Encode())
	return nil
}

// rejectedStatus sends a browser back to a form with messages.
func (c *call) rejectedStatus(k flow.Kind) int {
	if c.r.Method == http.MethodGet && k == flow.Registration {
		return http.StatusFound // as Kratos does with a sign-up that comes back from a provider
	}
	return c.m.dialect.rejected
}
