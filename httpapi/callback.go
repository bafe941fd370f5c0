package httpapi

import (
	"errors"
	"net/http"
	"net/url"

	"github.com/gatehouse-id/gatehouse/core/apierror"
	"github.com/gatehouse-id/gatehouse/core/flow"
	"github.com/gatehouse-id/gatehouse/core/identity"
	"github.com/gatehouse-id/gatehouse/core/selfservice"
	"github.com/gatehouse-id/gatehouse/core/session"
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
	k, _ := c.s.Engine.KindOf(id)
	c.decided(returned(k, res), res, err)
	if err != nil {
		return c.submitFailed(err, k, id, asJSON)
	}
	if to := c.appURL(res); to != "" {
		c.redirect(to)
		return nil
	}
	return c.submitted(res.Flow.Kind, res, asJSON)
}

// returned is the kind of flow that a return is logged as: who began to sign in may have
// signed up, and a state that is made up is somebody who tries to sign in.
func returned(k flow.Kind, res *selfservice.Result) flow.Kind {
	switch {
	case res != nil:
		return res.Flow.Kind
	case k == "":
		return flow.Login
	}
	return k
}

// appURL opens the app whose flow has come to an end, or has something to show, in a
// browser that isn't its own; "" when there is no such app.
func (c *call) appURL(res *selfservice.Result) string {
	switch {
	case res.Code != "":
		return withQuery(res.ReturnTo, "code", res.Code)
	case res.Rejected && res.Flow.Type == flow.API && res.Flow.ReturnTo != "":
		return withQuery(res.Flow.ReturnTo, "flow", res.Flow.ID)
	}
	return ""
}

// exchangeToken serves GET /sessions/token-exchange.
func (c *call) exchangeToken() error {
	if c.r.Method != http.MethodGet {
		return apierror.MethodNotAllowed("The codes can be exchanged by GET only.")
	}
	q := c.r.URL.Query()
	token, err := c.s.Engine.Exchange(c.r.Context(), q.Get("init_code"), q.Get("return_to_code"))
	if err != nil {
		return err
	}
	facts, err := c.s.Checker.Check(c.r.Context(), session.HashToken(token))
	if errors.Is(err, session.ErrNotFound) {
		return apierror.SessionInactive()
	}
	if err != nil {
		return err
	}
	return c.json(http.StatusOK, map[string]any{
		"session_token": token, "session": c.m.dialect.session(c, facts.Session, facts.Identity),
	})
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
