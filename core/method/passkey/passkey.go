// Package passkey is the credential method "passkey": keys that sign somebody in who has named nobody.
package passkey

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/gatehouse-id/gatehouse/core/apierror"
	"github.com/gatehouse-id/gatehouse/core/ceremony"
	"github.com/gatehouse-id/gatehouse/core/flow"
	"github.com/gatehouse-id/gatehouse/core/identity"
	"github.com/gatehouse-id/gatehouse/core/session"
	"github.com/gatehouse-id/gatehouse/core/ui"
)

// Method implements flow.LoginMethod, flow.RegistrationMethod and flow.SettingsMethod, for
// browsers only. All fields but Party must be set.
type Method struct {
	Party      *ceremony.Party // nil switches the method off
	Identities identity.Store
	// Account is what devices call an account, and NameField the trait that it is, "" for none.
	Account   func(i *identity.Identity) string
	NameField func() string
	// WaysIn counts what somebody can sign in with here, by whichever method.
	WaysIn func(i *identity.Identity) int
	Logger *slog.Logger
	Now    func() time.Time
}

// The fields of the forms; their names are those that the script fills in.
const (
	fieldLogin      = "passkey_login"
	fieldChallenge  = "passkey_challenge"
	fieldCreate     = "passkey_create_data"
	fieldRegister   = "passkey_register"
	fieldAdd        = "passkey_settings_register"
	fieldName       = "passkey_display_name"
	fieldRemove     = "passkey_remove"
	loginTrigger    = "passkey_login_trigger"
	registerTrigger = "passkey_register_trigger"
	autofill        = "oryPasskeyLoginAutocompleteInit"
)

// Name implements flow.Method.
func (m *Method) Name() identity.CredentialType { return identity.Passkey }

// Enabled implements flow.Method.
func (m *Method) Enabled() bool { return m.Party != nil }

// Proves implements flow.LoginMethod: what unlocks a passkey is up to the device, so it is one
// factor and no second one.
func (m *Method) Proves(level session.AAL) bool { return level == session.AAL1 }

// Autofills implements flow.Autofilling.
func (m *Method) Autofills() {}

// Claims implements flow.Claimer.
func (m *Method) Claims(s flow.Submission) bool {
	return slices.ContainsFunc([]string{fieldLogin, fieldRegister, fieldAdd, fieldRemove}, func(name string) bool { return s.String(name) != "" })
}

// binding is what the next challenge of the flow is good for.
func binding(f *flow.Flow) ceremony.Binding {
	return ceremony.Binding{FlowID: f.ID, Method: string(identity.Passkey), Round: note(f).Round}
}

func note(f *flow.Flow) ceremony.Note { return ceremony.ReadNote(f.Notes[identity.Passkey]) }

// spend makes the challenge that was answered worthless.
func spend(f *flow.Flow) {
	n := note(f)
	n.Round++
	f.Note(identity.Passkey, n.Bytes())
}

// LoginForm implements flow.LoginMethod. Who confirms who they are is offered their own passkeys.
func (m *Method) LoginForm(f *flow.Flow, who *identity.Identity) ui.Nodes {
	if f.Type != flow.Browser {
		return nil
	}
	var u ceremony.User
	if who != nil {
		if u.Keys = who.KeyConfig(identity.Passkey).Keys; len(u.Keys) == 0 {
			return nil
		}
	}
	options, err := m.Party.Assertion(binding(f), u)
	if err != nil {
		m.Logger.Error("showing a login form without passkeys", "error", err)
		return nil
	}
	trigger := ceremony.Trigger(ui.GroupPasskey, loginTrigger, "oryPasskeyLogin", nil, ui.MsgLoginPasskey.Message())
	if who == nil {
		in := trigger.Input()
		in.OnLoad, in.OnLoadTrigger = "window."+autofill+"()", autofill
	}
	return ui.Nodes{
		ceremony.Field(ui.GroupPasskey, fieldChallenge, string(options)), ceremony.Field(ui.GroupPasskey, fieldLogin, ""),
		trigger, ceremony.ScriptNode(ui.GroupPasskey),
	}
}

// Login implements flow.LoginMethod. Who it is, the passkey says.
func (m *Method) Login(ctx context.Context, f *flow.Flow, _ *identity.Identity, s flow.Submission) (flow.Outcome, error) {
	if f.Type != flow.Browser {
		return flow.Outcome{}, errBrowsersOnly
	}
	i, changed, err := m.proven(ctx, f, s.String(fieldLogin))
	switch {
	case errors.Is(err, ceremony.ErrMalformed):
		return refuse(f, ui.Invalid("What the passkey sent can not be read. Please try again."))
	case errors.Is(err, ceremony.ErrRefused), errors.Is(err, ceremony.ErrCloned), errors.Is(err, identity.ErrNotFound):
		return refuse(f, ui.KeyRefused())
	case err != nil:
		return flow.Outcome{}, err
	}
	return flow.Outcome{Identity: i, IdentityChange: changed, AMR: session.AuthenticationMethod{
		Method: string(identity.Passkey), AAL: session.AAL1, CompletedAt: m.Now().UTC().Round(0),
	}}, nil
}

var errBrowsersOnly = apierror.BadRequest("Passkeys are used in browsers only. Please start a flow of the type browser.")

// refuse ends a submission; its challenge counts no more.
func refuse(f *flow.Flow, why ui.Message) (flow.Outcome, error) {
	spend(f)
	f.Messages = append(f.Messages, why)
	return flow.Outcome{Rejected: true}, nil
}

// proven finds the identity whose passkey made the answer, with the passkey as it is to be
// stored, and tells whether that is news.
func (m *Method) proven(ctx context.Context, f *flow.Flow, answer string) (i *identity.Identity, changed bool, err error) {
	signature, err := ceremony.ReadSignature(answer)
	if err != nil {
		return nil, false, err
	}
	i, err = m.Identities.ByIdentifier(ctx, identity.Passkey, string(signature.Handle()))
	if err != nil {
		return nil, false, fmt.Errorf("looking for the owner of a passkey: %w", err)
	}
	u := ceremony.User{Handle: signature.Handle(), Keys: i.KeyConfig(identity.Passkey).Keys}
	k, err := m.Party.Check(binding(f), u, false, signature)
	switch {
	case errors.Is(err, ceremony.ErrCloned):
		i.SetKey(identity.Passkey, k, m.Now())
		m.warn(ctx, i)
		return nil, false, err
	case err != nil:
		return nil, false, err
	}
	return i, i.SetKey(identity.Passkey, k, m.Now()), nil
}

// warn keeps for the owner that there is a copy of the passkey. If somebody else changes the
// account at this moment, the next try will tell again.
func (m *Method) warn(ctx context.Context, i *identity.Identity) {
	err := m.Identities.Update(ctx, i)
	m.Logger.WarnContext(ctx, "refusing a passkey whose counter has not risen: there is a copy of it", "identity", i.ID, "noted", err == nil)
}

// userOf is the account as devices know it.
func (m *Method) userOf(i *identity.Identity) ceremony.User {
	c := i.KeyConfig(identity.Passkey)
	if len(c.UserHandle) == 0 {
		c.UserHandle = m.Party.NewHandle(i.ID)
	}
	return ceremony.User{Handle: c.UserHandle, Name: m.Account(i), Keys: c.Keys}
}

// registration is what the script needs to name an account that has no name yet.
type registration struct {
	Options   json.RawMessage `json:"credentialOptions"`
	NameField string          `json:"displayNameFieldName"`
}
