package httpapi

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"

	"github.com/gatehouse-id/gatehouse/core/apierror"
	"github.com/gatehouse-id/gatehouse/core/flow"
	"github.com/gatehouse-id/gatehouse/core/identity"
	"github.com/gatehouse-id/gatehouse/core/selfservice"
	"github.com/gatehouse-id/gatehouse/core/ui"
)

// dialect is everything in which the seed's contract differs from today's, as
// far as the edge is concerned (docs/architecture.md, "Two mounts").
type dialect struct {
	rejected int // status that sends a browser back to a form with messages
	toError  int // status that sends a browser to the error page
	// emptyObjects: object traits that were not sent become empty objects.
	emptyObjects bool
	// schemaURL is the path of a schema below the mount.
	schemaURL func(id string) string
	// nodes rewrites a form; nil leaves it.
	nodes func(f *flow.Flow) ui.Nodes
	// messages rewrites messages; nil leaves them.
	messages func(ui.Messages) ui.Messages
	// extras adds the keys that only today's answers have.
	extras bool
	// linksOnly: clients know recovery and verification by link only, and are sent on
	// from a verified address.
	linksOnly bool
	// noSession is the reason in whoami's 401.
	noSession string
	// includable are the credentials whose contents can be asked for.
	includable []identity.CredentialType
	// nobodyToRecover refuses a recovery link for an identity that doesn't exist.
	nobodyToRecover *apierror.Error
}

// today is Kratos as its clients use it now.
var today = &dialect{
	rejected: http.StatusSeeOther, toError: http.StatusSeeOther,
	emptyObjects: true,
	schemaURL:    func(id string) string { return "/schemas/" + encodeID(id) },
	extras:       true,
	noSession:    "The request carries no session that is valid.",
	includable: []identity.CredentialType{
		identity.Password, identity.OIDC, identity.TOTP, identity.LookupSecret, identity.WebAuthn, identity.Passkey, identity.Code,
	},

	nobodyToRecover: apierror.BadRequest("There is no identity with this identity_id."),
}

// seed is Kratos of February 2022.
var seed = &dialect{
	rejected: http.StatusFound, toError: http.StatusFound,
	schemaURL:  func(id string) string { return "/schemas/" + url.PathEscape(id) },
	nodes:      seedNodes,
	messages:   seedMessages,
	linksOnly:  true,
	includable: []identity.CredentialType{identity.OIDC},
	noSession:  "The request carries no session cookie that is valid.",

	nobodyToRecover: apierror.NotFound("There is no identity with this identity_id."),
}

// seedGroups is the order of groups in the seed's forms.
var seedGroups = []ui.Group{ui.GroupDefault, ui.GroupOIDC, ui.GroupPassword}

// seedNodes puts the fields of the password form into its group, as they were
// before groups were shared, and calls the identifier by its old name.
func seedNodes(f *flow.Flow) ui.Nodes {
	out := make(ui.Nodes, 0, len(f.UI.Nodes))
	for _, n := range f.UI.Nodes {
		if n.Group == ui.GroupOIDC && f.Type == flow.API {
			continue // apps could not go to another site then
		}
		n := *n // the form may be shown elsewhere too
		switch id := n.ID(); {
		case id == "identifier":
			legacyIdentifier(&n)
		case f.Kind == flow.Registration && n.Group == ui.GroupDefault && id != ui.CSRFName:
			n.Group = ui.GroupPassword
			if f.UI.Messages.Has(ui.MsgDuplicate) {
				forget(&n) // the seed lost what was entered when the account existed
			}
		case id == "link":
			n.WithLabel(ui.SettingsLink(fmt.Sprint(n.Input().Value)))
		case id == "unlink":
			n.WithLabel(ui.SettingsUnlink(fmt.Sprint(n.Input().Value)))
		case f.Kind == flow.Login && id == "method" && n.Group == ui.GroupPassword:
			n.WithLabel(ui.MsgLogin.Message())
		case n.Group == ui.GroupWebAuthn:
			seedKey(&n)
		}
		n.Messages = seedMessages(n.Messages)
		if n.Meta.Label != nil {
			n.WithLabel(seedMessage(*n.Meta.Label))
		}
		out.Append(&n)
	}
	slices.SortStableFunc(out, func(a, b *ui.Node) int {
		return slices.Index(seedGroups, a.Group) - slices.Index(seedGroups, b.Group)
	})
	sortSeedKeys(out)
	return out
}

// forget empties a field.
func forget(n *ui.Node) {
	in := *n.Input()
	in.Value = nil
	n.Attributes = &in
}

// legacyIdentifier gives the login field its old name, place and label.
func legacyIdentifier(n *ui.Node) {
	in := *n.Input()
	// Also where today's form hides it, on a refresh.
	in.Name, in.Type, in.Required = "password_identifier", ui.InputText, true
	n.Attributes, n.Group = &in, ui.GroupPassword
	n.WithLabel(ui.MsgIdentifierLabel.Message())
}

// seedMessages gives every message the context it always had then.
func seedMessages(in ui.Messages) ui.Messages {
	out := make(ui.Messages, len(in))
	for n, m := range in {
		out[n] = seedMessage(m)
	}
	return out
}

func seedMessage(m ui.Message) ui.Message {
	if id := seedID(m.ID); id != m.ID {
		m.ID, m.Context = id, map[string]any{"reason": m.Text}
	}
	if m.Context == nil {
		m.Context = map[string]any{}
	}
	if m.Type == ui.Success {
		m.Type = ui.Info
	}
	return m
}

// seedID maps the ids that came later to those that stood for them then: one for
// every refused password, one for every value that doesn't fit the schema, one for
// backup codes that don't count.
func seedID(id ui.MessageID) ui.MessageID {
	switch {
	case ui.MsgPasswordSimilar <= id && id <= ui.MsgPasswordBreached:
		return ui.MsgPasswordPolicy
	case id == ui.MsgLookupInvalid:
		return ui.MsgLookupUsed
	case id == ui.MsgSettingsTOTPSecretLabel:
		return ui.MsgSettingsTOTPSecret
	case id == ui.MsgMinLength, id == ui.MsgPattern, ui.MsgMaxLength <= id && id <= ui.MsgWrongType,
		id == ui.MsgConst, id == ui.MsgConstGeneric, id == ui.MsgEmailInvalid, id == ui.MsgPhoneInvalid:
		return ui.MsgInvalid
	}
	return id
}

// flow presents a flow.
func (d *dialect) flow(c *call, f *flow.Flow) map[string]any {
	container := f.UI
	if d.nodes != nil {
		container.Nodes = d.nodes(f)
	}
	if d.extras && refusedAfterSuccess(f) {
		container.Messages = append(container.Messages, ui.MsgSettingsSaved.Message())
	}
	if d.messages != nil && len(container.Messages) > 0 {
		container.Messages = d.messages(container.Messages)
	}
	v := map[string]any{
		"id": f.ID, "type": f.Type, "issued_at": f.IssuedAt, "expires_at": f.ExpiresAt,
		"request_url": f.RequestURL, "ui": container,
	}
	if f.ReturnTo != "" {
		v["return_to"] = f.ReturnTo
	}
	if f.Active != "" && f.Kind != flow.Settings {
		v["active"] = f.Active
	}
	if f.Kind == flow.Recovery || f.Kind == flow.Verification {
		v["state"] = f.State
	}
	if f.Kind == flow.Settings {
		v["identity"], v["state"] = d.identity(c, f.Identity, false), f.State
	}
	if f.Kind == flow.Login {
		v["refresh"], v["requested_aal"] = f.Refresh, f.RequestedAAL
		v["created_at"], v["updated_at"] = f.IssuedAt, f.IssuedAt
	}
	if f.ExchangeCode != "" {
		v["session_token_exchange_code"] = f.ExchangeCode
	}
	if d.extras {
		v["state"], v["organization_id"] = f.State, nil
	}
	return v
}

// refusedAfterSuccess tells whether traits were refused in a settings flow that has
// saved others before. Today's Kratos repeats its message of success then.
func refusedAfterSuccess(f *flow.Flow) bool {
	return f.Kind == flow.Settings && f.State == flow.StateSuccess && f.Active == "profile" &&
		len(f.FieldMessages) > 0 && len(f.UI.Messages) == 0
}

// completed presents a finished flow to a client that reads JSON.
func (d *dialect) completed(c *call, k flow.Kind, res *selfservice.Result) map[string]any {
	if k == flow.Settings {
		return d.saved(c, res)
	}
	v := map[string]any{}
	if k == flow.Registration {
		v["identity"] = d.identity(c, res.Identity, false)
	}
	api := res.Flow.Type == flow.API
	if res.Session != nil {
		v["session"] = d.signedIn(c, res)
		if api {
			v["session_token"] = res.Token
		}
	}
	if d.extras {
		v["continue_with"] = c.continueWith(k, api, res)
	}
	return v
}

// signedIn presents the session of a sign-in. While a second factor is due, whose it is
// is told to nobody: the password may have been stolen.
func (d *dialect) signedIn(c *call, res *selfservice.Result) map[string]any {
	if res.SecondFactor == "" {
		return d.session(c, res.Session, res.Identity)
	}
	v := d.session(c, res.Session, nil)
	v["identity"] = nil
	return v
}

// saved presents a settings flow, which goes on after a success.
func (d *dialect) saved(c *call, res *selfservice.Result) map[string]any {
	v := d.flow(c, res.Flow)
	if d.extras && res.Flow.Type == flow.Browser {
		v["continue_with"] = c.continueWith(flow.Settings, false, res)
	}
	return v
}

// continueWith tells the client what to do next.
func (c *call) continueWith(k flow.Kind, api bool, res *selfservice.Result) any {
	var steps []map[string]any
	if api && k == flow.Registration && res.Session != nil {
		steps = append(steps, map[string]any{"action": "set_ory_session_token", "ory_session_token": res.Token})
	}
	if res.Next != nil {
		steps = append(steps, c.showVerification(res.Next))
	}
	if !api {
		steps = append(steps, map[string]any{"action": "redirect_browser_to", "redirect_browser_to": res.ReturnTo})
	}
	if steps == nil {
		return nil
	}
	return steps
}
