package selfservice

import (
	"context"
	"errors"
	"fmt"
	"net/url"

	"github.com/gatehouse-id/gatehouse/core/apierror"
	"github.com/gatehouse-id/gatehouse/core/flow"
	"github.com/gatehouse-id/gatehouse/core/identity"
	"github.com/gatehouse-id/gatehouse/core/secret"
	"github.com/gatehouse-id/gatehouse/core/session"
	"github.com/gatehouse-id/gatehouse/core/ui"
)

// loaded is a flow as it was found.
type loaded struct {
	*flow.Flow
	owned bool // by this client: an API flow, or one that this browser started
	keys  *secret.Keys
}

// Get reads a flow for showing it. Errors: 404 for an id that isn't ours, 403
// for a browser that didn't start the flow, 410 for an expired or completed one.
func (e *Engine) Get(ctx context.Context, k flow.Kind, id string, c *Client) (*flow.Flow, error) {
	if !kinds[k].settings(e.Config()).enabled {
		return nil, apierror.FlowDisabled(string(k))
	}
	f, err := e.load(ctx, k, id, c)
	if err != nil {
		return nil, err
	}
	if !f.owned {
		return nil, f.foreign(c)
	}
	if f.Completed || f.Expired(e.now()) {
		return nil, gone(f.Flow, c)
	}
	e.show(f.Flow, c)
	return f.Flow, nil
}

// load finds a flow by its id: from the id itself, the browser's binding, and
// the record that an earlier submission left.
func (e *Engine) load(ctx context.Context, k flow.Kind, id string, c *Client) (*loaded, error) {
	who, err := e.person(ctx, kinds[k], c)
	if err != nil {
		return nil, err
	}
	f := e.fromID(k, id)
	if f == nil {
		return nil, apierror.NoRecord()
	}
	f.Identity = who
	l := &loaded{Flow: f, owned: e.owns(c, f), keys: e.Keys}
	l.fromBinding(c)
	rec, err := e.Flows.Flow(ctx, id)
	switch {
	case err == nil:
		l.fromRecord(rec)
	case !errors.Is(err, flow.ErrNotFound):
		return nil, fmt.Errorf("reading flow %s: %w", id, err)
	}
	l.belongTo(who)
	if !l.owned {
		// What others have entered is none of this client's business.
		l.Values, l.FieldMessages, l.Notes = nil, nil, nil
		if !l.Unbound {
			l.Messages = nil
		}
	}
	l.owned = l.owned || l.Unbound
	return l, nil
}

// person finds the identity that the flows of a kind belong to; nil when they
// belong to whoever started them.
func (e *Engine) person(ctx context.Context, k kind, c *Client) (*identity.Identity, error) {
	if p, ok := k.(personal); ok {
		return p.person(ctx, e, c)
	}
	return nil, nil
}

// belongTo gives a flow without a record to its identity, and takes one away from
// an identity that its id fits by chance.
func (l *loaded) belongTo(who *identity.Identity) {
	switch {
	case who == nil:
	case l.IdentityID == "":
		l.IdentityID = who.ID
	case l.IdentityID != who.ID:
		l.owned = false
	}
}

// foreign is the answer to a client whose flow it is not.
func (l *loaded) foreign(c *Client) error {
	if l.Identity != nil {
		return apierror.IdentityMismatch()
	}
	return csrfViolation(c)
}

func (l *loaded) fromBinding(c *Client) {
	l.RequestURL = c.Base + "/self-service/" + string(l.Kind) + "/" + string(l.Type)
	if q := optionQuery(l.Flow); q != "" {
		l.RequestURL += "?" + q
	}
	if b := c.Binding; b != nil && b.ID == l.ID && l.Type == flow.Browser {
		l.RequestURL, l.ReturnTo = c.Base+b.RequestURL, b.ReturnTo
	}
}

func (l *loaded) fromRecord(r *flow.Record) {
	l.Revision, l.Completed, l.Active = r.Revision, r.Completed, r.Active
	l.ReturnTo, l.IdentityID = r.ReturnTo, r.IdentityID
	if r.State != "" {
		l.State = r.State
	}
	if l.Unbound = r.Unbound; l.Unbound {
		l.ExpiresAt = r.ExpiresAt // an administrator may have chosen it
	}
	l.Values, l.Messages, l.FieldMessages = r.Values, r.Messages, r.FieldMessages
	l.openNotes(r.Notes)
	if r.RequestURL != "" {
		l.RequestURL = r.RequestURL
	}
}

// record is the inverse of fromRecord.
func (l *loaded) record() *flow.Record {
	return &flow.Record{
		ID: l.ID, RequestURL: l.RequestURL, ReturnTo: l.ReturnTo, ExpiresAt: l.ExpiresAt, Active: l.Active,
		Completed: l.Completed, State: l.State, IdentityID: l.IdentityID, Unbound: l.Unbound, Values: l.Values, Messages: l.Messages, FieldMessages: l.FieldMessages,
		Notes: l.sealNotes(), Revision: l.Revision,
	}
}

// optionQuery rebuilds the query of an API flow from the options in its id.
func optionQuery(f *flow.Flow) string {
	q := url.Values{}
	if f.Refresh {
		q.Set("refresh", "true")
	}
	if f.RequestedAAL == session.AAL2 {
		q.Set("aal", "aal2")
	}
	return q.Encode()
}

// show derives the form of the flow from the configuration in force.
func (e *Engine) show(f *flow.Flow, c *Client) {
	nodes, standing := kinds[f.Kind].form(e, f, c)
	for _, n := range nodes {
		if s, ok := n.Attributes.(*ui.Script); ok {
			s.Src = c.Base + s.Src
		}
	}
	f.UI = ui.Container{
		Action: c.Base + "/self-service/" + string(f.Kind) + "?flow=" + f.ID, Method: "POST", Nodes: nodes,
	}
	if k, ok := kinds[f.Kind].(leading); ok {
		if action, method := k.target(e, f, c); action != "" {
			f.UI.Action, f.UI.Method = action, method
		}
	}
	for name, v := range f.Values {
		f.UI.Nodes.SetValue(name, v)
	}
	// What the last submission came to replaces what the form says at first.
	f.UI.Messages = f.Messages
	if len(f.Messages) == 0 && len(f.FieldMessages) == 0 {
		f.UI.Messages = standing
	}
	for name, ms := range f.FieldMessages {
		for _, m := range ms {
			f.UI.AddMessage(name, m)
		}
	}
}
