package selfservice

import (
	"context"
	"net/url"

	"github.com/gatehouse-id/gatehouse/core/apierror"
	"github.com/gatehouse-id/gatehouse/core/flow"
	"github.com/gatehouse-id/gatehouse/core/identity"
	"github.com/gatehouse-id/gatehouse/core/secret"
	"github.com/gatehouse-id/gatehouse/core/session"
)

// Init is a request for a new flow.
type Init struct {
	Type flow.Type
	// Path and Query are those of the request below the mount; the request URL is
	// built from them and the configured base, never from a header.
	Path  string
	Query url.Values
	Raw   string // the query as it was sent
}

// Create starts a flow and writes nothing. For a browser flow the Binding must
// be given to the browser. Errors are of type *apierror.Error.
func (e *Engine) Create(ctx context.Context, k flow.Kind, in Init, c *Client) (*flow.Flow, *Binding, error) {
	kd, s := kinds[k], kinds[k].settings(e.Config())
	if !s.enabled {
		return nil, nil, apierror.FlowDisabled(string(k))
	}
	o, err := parseOptions(in.Query)
	if err != nil {
		return nil, nil, err
	}
	if err := kd.admit(o, c); err != nil {
		return nil, nil, err
	}
	who, err := e.person(ctx, kd, c)
	if err != nil {
		return nil, nil, err
	}
	returnTo, err := e.ReturnTo(in.Query.Get("return_to"), c.Base)
	if err != nil {
		return nil, nil, err
	}
	f := e.newFlow(k, in.Type, o, c, who)
	f.ReturnTo = returnTo
	f.RequestURL = c.Base + in.Path
	if in.Raw != "" {
		f.RequestURL += "?" + in.Raw
	}
	if in.Query.Get("return_session_token_exchange_code") == "true" {
		if err := e.promiseExchange(ctx, f); err != nil {
			return nil, nil, err
		}
	}
	e.show(f, c)
	return f, bind(f, in), nil
}

// newFlow makes a flow whose id says everything about it. It belongs to the
// identity who or, when that is nil, to the browser.
func (e *Engine) newFlow(k flow.Kind, t flow.Type, o options, c *Client, who *identity.Identity) *flow.Flow {
	p := secret.FlowID{
		Kind: kinds[k].code(), API: t == flow.API, Refresh: o.refresh, AAL2: o.aal == session.AAL2, IssuedAt: e.now(),
	}
	switch {
	case who != nil:
		p.Owner = identityOwner(who.ID)
	case t == flow.Browser:
		p.Owner = owner(c.CSRF)
	}
	f := e.fromID(k, e.Keys.NewFlowID(p))
	f.Identity = who
	return f
}

// bind makes what a browser has to remember of the flow; nil for API flows.
func bind(f *flow.Flow, in Init) *Binding {
	if f.Type != flow.Browser {
		return nil
	}
	u := in.Path
	if in.Raw != "" {
		u += "?" + in.Raw
	}
	return &Binding{ID: f.ID, RequestURL: u, ReturnTo: f.ReturnTo}
}

// fromID rebuilds a flow from its id alone; nil when the id is not one of ours
// or of another kind.
func (e *Engine) fromID(k flow.Kind, id string) *flow.Flow {
	p, ok := e.Keys.ParseFlowID(id)
	if !ok || p.Kind != kinds[k].code() {
		return nil
	}
	f := &flow.Flow{
		ID: id, Kind: k, Type: flow.Browser, IssuedAt: p.IssuedAt, State: flow.StateChooseMethod,
		ExpiresAt: p.IssuedAt.Add(kinds[k].settings(e.Config()).lifespan),
		Refresh:   p.Refresh, RequestedAAL: session.AAL1,
	}
	if p.API {
		f.Type = flow.API
	}
	if p.AAL2 {
		f.RequestedAAL = session.AAL2
	}
	if k == flow.Settings {
		f.State = flow.StateShowForm
	}
	return f
}

// ErrAAL refuses an assurance level nobody knows. It does not repeat what was sent: it is one fixed sentence, so that showing it
// on the error page stores nothing.
var ErrAAL = apierror.BadRequest("The query asks for an assurance level that does not exist. Those there are: [aal1, aal2].")

func parseOptions(q url.Values) (options, error) {
	o := options{refresh: q.Get("refresh") == "true", aal: session.AAL1}
	switch lower(q.Get("aal")) {
	case "", "aal1":
	case "aal2":
		o.aal = session.AAL2
	default:
		return o, ErrAAL
	}
	return o, nil
}
