package httpapi

import (
	"errors"
	"net/http"

	"github.com/gatehouse-id/gatehouse/core/apierror"
	"github.com/gatehouse-id/gatehouse/core/flow"
	"github.com/gatehouse-id/gatehouse/core/schema"
	"github.com/gatehouse-id/gatehouse/core/selfservice"
)

// maxQuery bounds what a flow remembers of its init request, in bytes.
const maxQuery = 4096

// Errors that anybody can provoke; the catalogue has them.
var (
	errLongQuery = apierror.BadRequest("The query of the request is too long.")
	errNoFlow    = apierror.BadRequest("The submission names no flow: the query parameter \"flow\" is missing.")
)

// initFlow serves GET /self-service/<kind>/{browser,api}.
func (c *call) initFlow(k flow.Kind, t flow.Type) error {
	asJSON := t == flow.API || acceptsJSON(c.r)
	cl, err := c.client()
	if err != nil {
		return c.failPage(err, asJSON)
	}
	in := selfservice.Init{Type: t, Path: c.path, Query: c.r.URL.Query(), Raw: c.r.URL.RawQuery}
	if len(in.Raw) > maxQuery {
		return c.failPage(errLongQuery, asJSON)
	}
	f, b, err := c.s.Engine.Create(c.r.Context(), k, in, cl)
	if err != nil {
		if errors.Is(err, selfservice.ErrSignedIn) && !asJSON {
			return c.sendOn(k, in)
		}
		if to := c.signInFirst(k, err, in.Query); to != "" && !asJSON {
			c.redirect(to)
			return nil
		}
		return c.failPage(c.m.dialect.refused(k, t, err), asJSON)
	}
	if b != nil {
		c.bind(b)
	}
	if asJSON {
		return c.json(http.StatusOK, c.m.dialect.flow(c, f))
	}
	c.redirect(withQuery(c.s.Engine.UIURL(k), "flow", f.ID))
	return nil
}

// sendOn takes a browser that is signed in already to where it wanted to go.
func (c *call) sendOn(k flow.Kind, in selfservice.Init) error {
	to, err := c.s.Engine.ReturnTo(in.Query.Get("return_to"), c.base())
	if err != nil {
		return c.failPage(err, false)
	}
	if to == "" {
		to = c.s.Engine.DefaultReturnURL("", c.base())
	}
	if k == flow.Recovery {
		c.seeOther(to, http.StatusFound) // as Kratos does, for this kind only
		return nil
	}
	c.redirect(to)
	return nil
}

// getFlow serves GET /self-service/<kind>/flows?id=.
func (c *call) getFlow(k flow.Kind) error {
	id := c.r.URL.Query().Get("id")
	cl, err := c.client()
	if err != nil {
		return err
	}
	c.recall(id, cl)
	f, err := c.s.Engine.Get(c.r.Context(), k, id, cl)
	if err != nil {
		return err
	}
	return c.json(http.StatusOK, c.m.dialect.flow(c, f))
}

// submitFlow serves POST /self-service/<kind>?flow=.
func (c *call) submitFlow(k flow.Kind) error {
	asJSON := wantsJSON(c.r)
	id := c.r.URL.Query().Get("flow")
	if id == "" {
		return c.failPage(errNoFlow, asJSON)
	}
	cl, err := c.client()
	if err != nil {
		return c.failPage(err, asJSON)
	}
	c.recall(id, cl)
	c.r.Body = http.MaxBytesReader(c.w, c.r.Body, maxBody)
	res, err := c.s.Engine.Submit(c.r.Context(), k, id, cl, func(s *schema.Schema) (flow.Submission, error) {
		return c.decode(s)
	})
	c.decided(k, res, err)
	if err != nil {
		return c.submitFailed(err, k, id, asJSON)
	}
	return c.submitted(k, res, asJSON)
}

// submitted answers a submission that reached its end.
func (c *call) submitted(k flow.Kind, res *selfservice.Result, asJSON bool) error {
	asJSON = asJSON || res.Flow.Type == flow.API
	if res.Rejected {
		if asJSON {
			return c.json(http.StatusBadRequest, c.m.dialect.flow(c, res.Flow))
		}
		c.seeOther(withQuery(c.s.Engine.UIURL(k), "flow", res.Flow.ID), c.rejectedStatus(k))
		return nil
	}
	if res.Stays {
		c.forget(res)
		return c.stays(k, res, asJSON)
	}
	return c.completed(k, res, asJSON)
}

// submitFailed answers a submission that came to nothing.
func (c *call) submitFailed(err error, k flow.Kind, id string, asJSON bool) error {
	var ex *selfservice.ExpiredError
	if errors.As(err, &ex) {
		if asJSON || ex.Next.Type == flow.API {
			return ex.API
		}
		c.redirect(withQuery(c.s.Engine.UIURL(ex.Next.Kind), "flow", ex.Next.ID))
		return nil
	}
	if errors.Is(err, selfservice.ErrSignedIn) && !asJSON {
		c.redirect(c.s.Engine.DefaultReturnURL("", c.base()))
		return nil
	}
	c.pause(err)
	c.keepSecret(err)
	asJSON = asJSON || c.s.Engine.IsAPI(id)
	if to := c.signInFirst(k, err, c.settingsFlow(id)); to != "" && !asJSON {
		c.redirect(to)
		return nil
	}
	if ae := known(err); ae.ID == apierror.IDBrowserLocationChangeRequired && !asJSON {
		if to, ok := ae.Extra["redirect_browser_to"].(string); ok {
			c.redirect(to)
			return nil
		}
	}
	return c.failPage(err, asJSON)
}

// completed hands a finished flow to the client.
func (c *call) completed(k flow.Kind, res *selfservice.Result, asJSON bool) error {
	c.forget(res)
	browser := res.Flow.Type == flow.Browser
	if browser && res.Session != nil && (k != flow.Settings || c.m.dialect.extras) {
		if res.RenewCSRF {
			c.renewCSRF()
		}
		c.setSession(res.Token, res.Session.ExpiresAt)
	}
	if !asJSON {
		c.redirect(first(res.SecondFactor, res.ReturnTo))
		return nil
	}
	if res.SecondFactor != "" && browser && c.m.dialect.extras {
		return apierror.BrowserLocationChange(res.SecondFactor)
	}
	if k == flow.Recovery {
		return c.recovered(res)
	}
	return c.json(http.StatusOK, c.m.dialect.completed(c, k, res))
}
