// Package webauthn is the credential method "webauthn": security keys, as a second factor or in place of a password.
package webauthn

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/gatehouse-id/gatehouse/core/apierror"
	"github.com/gatehouse-id/gatehouse/core/ceremony"
	"github.com/gatehouse-id/gatehouse/core/flow"
	"github.com/gatehouse-id/gatehouse/core/identity"
	"github.com/gatehouse-id/gatehouse/core/schema"
	"github.com/gatehouse-id/gatehouse/core/session"
	"github.com/gatehouse-id/gatehouse/core/ui"
)

// Method implements flow.SteppingMethod, flow.RegistrationMethod and flow.SettingsMethod, for
// browsers only. All fields but Party must be set.
type Method struct {
	Party *ceremony.Party // nil switches the method off
	// Passwordless says that new keys sign in alone. Those that were added as a second factor
	// go on being one, and the other way round.
	Passwordless func() bool
	Identities   identity.Store
	// WaysIn counts what somebody can sign in with here, by whichever method.
	WaysIn func(i *identity.Identity) int
	// Account is what keys with a display call an account.
	Account func(i *identity.Identity) string
	Logger  *slog.Logger
	Now     func() time.Time
}

// The fields of the forms; their names are those that the script fills in.
const (
	fieldLogin      = "webauthn_login"
	fieldRegister   = "webauthn_register"
	fieldName       = "webauthn_register_displayname"
	fieldRemove     = "webauthn_remove"
	loginTrigger    = "webauthn_login_trigger"
	registerTrigger = "webauthn_register_trigger"
)

// Name implements flow.Method.
func (m *Method) Name() identity.CredentialType { return identity.WebAuthn }

// Enabled implements flow.Method.
func (m *Method) Enabled() bool { return m.Party != nil }

// Proves implements flow.LoginMethod.
func (m *Method) Proves(level session.AAL) bool { return level == session.AAL2 || m.Passwordless() }

// NeedsIdentifier implements flow.Identifying.
func (m *Method) NeedsIdentifier() bool { return m.Passwordless() }

// Serves implements flow.Selective: an account needs a key that signs in alone.
func (m *Method) Serves(k flow.Kind) bool { return k != flow.Registration || m.Passwordless() }

// Claims implements flow.Claimer.
func (m *Method) Claims(s flow.Submission) bool {
	return slices.ContainsFunc([]string{fieldLogin, fieldRegister, fieldRemove}, func(name string) bool { return s.String(name) != "" })
}

// binding is what the next challenge of the flow is good for.
func binding(f *flow.Flow) ceremony.Binding {
	return ceremony.Binding{FlowID: f.ID, Method: string(identity.WebAuthn), Round: note(f).Round}
}

func note(f *flow.Flow) ceremony.Note { return ceremony.ReadNote(f.Notes[identity.WebAuthn]) }

// spend makes the challenge that was answered worthless.
func spend(f *flow.Flow) {
	n := note(f)
	n.Round++
	f.Note(identity.WebAuthn, n.Bytes())
}

// refuse ends a submission; its challenge counts no more.
func refuse(f *flow.Flow, why ui.Message) (flow.Outcome, error) {
	spend(f)
	f.Messages = append(f.Messages, why)
	return flow.Outcome{Rejected: true}, nil
}

var errBrowsersOnly = apierror.BadRequest("Security keys are used in browsers only. Please start a flow of the type browser.")

// userOf is the account as keys know it, with those of its keys that are asked for.
func (m *Method) userOf(i *identity.Identity, wanted func(identity.Key) bool) ceremony.User {
	c := i.KeyConfig(identity.WebAuthn)
	u := ceremony.User{Handle: c.UserHandle, Name: m.Account(i)}
	if len(u.Handle) == 0 {
		id, _ := uuid.Parse(i.ID) // an identity has no other id
		u.Handle = id[:]
	}
	for _, k := range c.Keys {
		if wanted(k) {
			u.Keys = append(u.Keys, k)
		}
	}
	return u
}

func every(identity.Key) bool { return true }

// proving picks the keys that prove a level.
func proving(level session.AAL) func(identity.Key) bool {
	return func(k identity.Key) bool { return k.Passwordless == (level == session.AAL1) }
}

// Halfway implements flow.SteppingMethod: somebody has said who they are.
func (m *Method) Halfway(f *flow.Flow) bool {
	return f.Type == flow.Browser && f.RequestedAAL == session.AAL1 && note(f).IdentityID != ""
}

// LoginForm implements flow.LoginMethod.
func (m *Method) LoginForm(f *flow.Flow, who *identity.Identity) ui.Nodes {
	n := note(f)
	switch {
	case f.Type != flow.Browser:
		return nil
	case who != nil:
		return m.prompt(f, m.userOf(who, proving(f.RequestedAAL)), ui.MsgLoginWebAuthn)
	case f.RequestedAAL == session.AAL2:
		return nil
	case n.IdentityID != "":
		identifier := ui.NewInput(ui.GroupDefault, flow.IdentifierField, ui.InputHidden, ui.Value(f.Values[flow.IdentifierField]))
		return append(m.prompt(f, ceremony.User{Handle: n.Handle, Keys: n.Keys}, ui.MsgLoginContinue), identifier)
	}
	return ui.Nodes{ui.NewSubmit(ui.GroupWebAuthn, "method", string(m.Name()), ui.MsgLoginContinueWebAuthn.Message())}
}

// prompt asks for one of the user's keys; nothing when there is none.
func (m *Method) prompt(f *flow.Flow, u ceremony.User, label ui.MessageID) ui.Nodes {
	if len(u.Keys) == 0 {
		return nil
	}
	options, err := m.Party.Assertion(binding(f), u)
	if err != nil {
		m.Logger.Error("showing a login form without security keys", "error", err)
		return nil
	}
	return ui.Nodes{
		ceremony.Trigger(ui.GroupWebAuthn, loginTrigger, "oryWebAuthnLogin", options, label.Message()),
		ceremony.Field(ui.GroupWebAuthn, fieldLogin, ""), ceremony.ScriptNode(ui.GroupWebAuthn),
	}
}

// Login implements flow.LoginMethod. As a first factor it takes two steps: who it is, and the key.
func (m *Method) Login(ctx context.Context, f *flow.Flow, who *identity.Identity, s flow.Submission) (flow.Outcome, error) {
	answer := s.String(fieldLogin)
	switch {
	case f.Type != flow.Browser:
		return flow.Outcome{}, errBrowsersOnly
	case answer == "" && who != nil:
		f.AddField(fieldLogin, ui.Missing(fieldLogin))
		return flow.Outcome{Rejected: true}, nil
	case answer == "":
		return m.identify(ctx, f, s.String(flow.IdentifierField))
	}
	who, err := m.named(ctx, f, who, s.String(flow.IdentifierField))
	if errors.Is(err, identity.ErrNotFound) {
		return refuse(f, ui.MsgNoWebAuthnAccount.Message())
	}
	if err != nil {
		return flow.Outcome{}, err
	}
	return m.check(ctx, f, who, answer)
}

// identify takes the first step of a sign-in without a password.
func (m *Method) identify(ctx context.Context, f *flow.Flow, identifier string) (flow.Outcome, error) {
	f.SetValue(flow.IdentifierField, identifier)
	if identifier == "" {
		f.AddField(flow.IdentifierField, ui.Missing(flow.IdentifierField))
		return flow.Outcome{Rejected: true}, nil
	}
	who, err := m.Identities.ByIdentifier(ctx, identity.WebAuthn, schema.Normalize(identifier))
	if err != nil && !errors.Is(err, identity.ErrNotFound) {
		return flow.Outcome{}, fmt.Errorf("looking up the identifier: %w", err)
	}
	var u ceremony.User
	if who != nil {
		u = m.userOf(who, proving(session.AAL1))
	}
	if len(u.Keys) == 0 {
		f.Messages = append(f.Messages, ui.MsgNoWebAuthnAccount.Message())
		return flow.Outcome{Rejected: true}, nil
	}
	n := note(f)
	n.IdentityID, n.Handle, n.Keys = who.ID, u.Handle, u.Keys
	f.Note(identity.WebAuthn, n.Bytes())
	f.Messages = append(f.Messages, ui.MsgLoginWebAuthnPrepare.Message())
	return flow.Outcome{Rejected: true}, nil // as clients know it: the form is shown again, with the key
}

// named finds who is to prove who they are: the owner of the session, who was named in the
// step before, or who is named now.
func (m *Method) named(ctx context.Context, f *flow.Flow, who *identity.Identity, identifier string) (*identity.Identity, error) {
	id := note(f).IdentityID
	switch {
	case who != nil:
		return who.Clone(), nil
	case id != "":
		return m.Identities.Identity(ctx, id)
	}
	return m.Identities.ByIdentifier(ctx, identity.WebAuthn, schema.Normalize(identifier))
}

// check takes the key's answer. That its counter has risen is stored with the sign-in, on the
// condition that the identity is unchanged: of two answers with one counter one fails.
func (m *Method) check(ctx context.Context, f *flow.Flow, who *identity.Identity, answer string) (flow.Outcome, error) {
	u := m.userOf(who, proving(f.RequestedAAL))
	if len(u.Keys) == 0 {
		return refuse(f, ui.MsgNoWebAuthn.Message())
	}
	signature, err := ceremony.ReadSignature(answer)
	if err != nil {
		return refuse(f, ui.Invalid("What the security key sent can not be read. Please try again."))
	}
	k, err := m.Party.Check(binding(f), u, true, signature)
	switch {
	case errors.Is(err, ceremony.ErrCloned):
		who.SetKey(identity.WebAuthn, k, m.Now())
		m.warn(ctx, who)
		return refuse(f, ui.KeyRefused())
	case err != nil:
		return refuse(f, ui.KeyRefused())
	}
	changed := who.SetKey(identity.WebAuthn, k, m.Now())
	return flow.Outcome{Identity: who, IdentityChange: changed, AMR: m.amr(f.RequestedAAL)}, nil
}

// warn keeps for the owner that there is a copy of the key. If somebody else changes the account
// at this moment, the next try will tell again.
func (m *Method) warn(ctx context.Context, i *identity.Identity) {
	err := m.Identities.Update(ctx, i)
	m.Logger.WarnContext(ctx, "refusing a security key whose counter has not risen: there is a copy of it", "identity", i.ID, "noted", err == nil)
}

func (m *Method) amr(level session.AAL) session.AuthenticationMethod {
	return session.AuthenticationMethod{Method: string(identity.WebAuthn), AAL: level, CompletedAt: m.Now().UTC().Round(0)}
}
