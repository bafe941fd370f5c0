package selfservice

import (
	"context"
	"slices"

	"github.com/gatehouse-id/gatehouse/core/flow"
	"github.com/gatehouse-id/gatehouse/core/identity"
	"github.com/gatehouse-id/gatehouse/core/session"
	"github.com/gatehouse-id/gatehouse/core/ui"
)

// step is what submissions call a part of a form that proves nothing: it leads to the
// methods that do. It stands where methods stand.
type step identity.CredentialType

const (
	stepIdentifier step = "identifier_first" // of a login: who signs in comes before how
	stepProfile    step = "profile"          // of a registration: who signs up comes before how
)

// Name implements flow.Method.
func (s step) Name() identity.CredentialType { return identity.CredentialType(s) }

// Enabled implements flow.Method.
func (s step) Enabled() bool { return true }

// ScreenField is the button that leads from one step of a registration to another.
const ScreenField = "screen"

// Screens of a registration in steps.
const (
	screenTraits      = "previous"
	screenCredentials = "credential-selection"
)

// takesStep tells whether a submission to the flow that names s means a step of it.
func (e *Engine) takesStep(s step, f *flow.Flow, c *Client) bool {
	switch s {
	case stepIdentifier:
		return e.identifierFirst(f, c)
	case stepProfile:
		return e.profileFirst(f, c)
	}
	return false
}

// identifierFirst tells whether a login asks for the identifier before all else. Whoever
// is known already isn't asked.
func (e *Engine) identifierFirst(f *flow.Flow, c *Client) bool {
	return f.Kind == flow.Login && e.Config().SelfService.Flows.Login.Style == "identifier_first" &&
		!c.LinksOnly && f.RequestedAAL == session.AAL1 && !(f.Refresh && c.signedIn())
}

// profileFirst tells whether a registration asks for the traits before all else.
func (e *Engine) profileFirst(f *flow.Flow, c *Client) bool {
	return f.Kind == flow.Registration && e.Config().SelfService.Flows.Registration.Style == "profile_first" && !c.LinksOnly
}

// identify takes the identifier of a login in steps. What comes next is the same for
// everybody, so it tells nobody who has an account and how they sign in.
func (r *run) identify(ctx context.Context) error {
	r.f.Active, r.f.State = r.method.Name(), flow.StateChooseMethod
	text := r.sub.String(flow.IdentifierField)
	r.f.SetValue(flow.IdentifierField, text)
	if text == "" {
		r.f.AddField(flow.IdentifierField, ui.Missing(flow.IdentifierField))
		return errRejected
	}
	return r.stay(ctx, r.f.record())
}

// identifierNode asks who signs in by one of the methods, unless that is known.
func (e *Engine) identifierNode(who *identity.Identity, by []flow.Method) *ui.Node {
	if who == nil {
		return ui.NewInput(ui.GroupDefault, flow.IdentifierField, ui.InputText, ui.Required(), ui.Value(""), ui.Label(e.identifierLabel(by)))
	}
	for _, m := range by {
		if ids := who.Credentials[m.Name()].Identifiers; len(ids) > 0 {
			return ui.NewInput(ui.GroupDefault, flow.IdentifierField, ui.InputHidden, ui.Value(ids[0]))
		}
	}
	return ui.NewInput(ui.GroupDefault, flow.IdentifierField, ui.InputHidden, ui.Value(""))
}

// identifierLabel is the title of the first trait that people sign in with by one of the methods.
func (e *Engine) identifierLabel(by []flow.Method) ui.Message {
	s, err := e.defaultSchema()
	if err != nil {
		return ui.MsgIdentifierLabel.Message()
	}
	for _, f := range s.Fields() {
		if f.Title != "" && slices.ContainsFunc(by, func(m flow.Method) bool { return slices.Contains(f.Identifies, string(m.Name())) }) {
			return ui.TraitLabel(f.Title, f.Path)
		}
	}
	return ui.MsgIdentifierLabel.Message()
}
