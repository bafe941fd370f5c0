package webauthn

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"

	"github.com/gatehouse-id/gatehouse/core/ceremony"
	"github.com/gatehouse-id/gatehouse/core/flow"
	"github.com/gatehouse-id/gatehouse/core/identity"
	"github.com/gatehouse-id/gatehouse/core/session"
	"github.com/gatehouse-id/gatehouse/core/ui"
)

// newcomer is who registers in the flow.
func (m *Method) newcomer(f *flow.Flow) ceremony.User {
	return ceremony.User{Handle: m.Party.NewHandle(f.ID)}
}

// RegistrationForm implements flow.RegistrationMethod.
func (m *Method) RegistrationForm(f *flow.Flow) ui.Nodes {
	if f.Type != flow.Browser {
		return nil
	}
	return m.newKey(f, m.newcomer(f), ui.MsgRegistrationWebAuthn)
}

// newKey asks for a key and a name for it.
func (m *Method) newKey(f *flow.Flow, u ceremony.User, label ui.MessageID) ui.Nodes {
	options, err := m.Party.Creation(binding(f), u)
	if err != nil {
		m.Logger.Error("showing a form without a new security key", "error", err)
		return nil
	}
	return ui.Nodes{
		ui.NewInput(ui.GroupWebAuthn, fieldName, ui.InputText, ui.Value(""), ui.Label(ui.MsgSettingsWebAuthnName.Message())),
		ceremony.Trigger(ui.GroupWebAuthn, registerTrigger, "oryWebAuthnRegistration", options, label.Message()),
		ceremony.Field(ui.GroupWebAuthn, fieldRegister, ""), ceremony.ScriptNode(ui.GroupWebAuthn),
	}
}

// CheckRegistration implements flow.RegistrationMethod.
func (m *Method) CheckRegistration(f *flow.Flow, s flow.Submission) { complete(f, s) }

// complete tells whether a new key came with its name.
func complete(f *flow.Flow, s flow.Submission) bool {
	ok := true
	for _, name := range []string{fieldRegister, fieldName} {
		if s.String(name) == "" {
			f.AddField(name, ui.Missing(name))
			ok = false
		}
	}
	if n := len(s.String(fieldName)); n > identity.MaxKeyName {
		f.AddField(fieldName, ui.MaxLength(identity.MaxKeyName, n))
		ok = false
	}
	return ok
}

// Register implements flow.RegistrationMethod.
func (m *Method) Register(_ context.Context, f *flow.Flow, s flow.Submission, i *identity.Identity) (flow.Outcome, error) {
	if f.Type != flow.Browser {
		return flow.Outcome{}, errBrowsersOnly
	}
	out, err := m.add(f, m.newcomer(f), s, i)
	out.AMR = m.amr(session.AAL1)
	return out, err
}

// add gives the identity the key that the submission brings.
func (m *Method) add(f *flow.Flow, u ceremony.User, s flow.Submission, i *identity.Identity) (flow.Outcome, error) {
	k, err := m.Party.Create(binding(f), u, s.String(fieldRegister), m.Now())
	switch {
	case errors.Is(err, ceremony.ErrMalformed):
		return refuse(f, ui.Invalid("What the security key sent can not be read. Please try again."))
	case errors.Is(err, ceremony.ErrRefused):
		return refuse(f, ui.KeyRefused())
	case err != nil:
		return flow.Outcome{}, fmt.Errorf("reading a new security key: %w", err)
	}
	spend(f)
	c := i.KeyConfig(identity.WebAuthn)
	k.DisplayName, k.Passwordless = s.String(fieldName), m.Passwordless()
	c.UserHandle, c.Keys = u.Handle, append(slices.Clone(c.Keys), k)
	i.SetKeys(identity.WebAuthn, c, m.Now())
	out := flow.Outcome{Identity: i, IdentityChange: true}
	if !k.Passwordless {
		out.AMR = m.amr(session.AAL2) // who has just used a key has it at hand
	}
	return out, nil
}

// removable are the keys that the identity can do without.
func (m *Method) removable(i *identity.Identity) []identity.Key {
	last := m.Passwordless() && m.WaysIn(i) < 2
	return slices.DeleteFunc(i.KeyConfig(identity.WebAuthn).Keys, func(k identity.Key) bool { return last && k.Passwordless })
}

// SettingsForm implements flow.SettingsMethod. The last way to sign in can't be removed.
func (m *Method) SettingsForm(f *flow.Flow) ui.Nodes {
	if f.Type != flow.Browser {
		return nil
	}
	nodes := ceremony.RemoveButtons(ui.GroupWebAuthn, fieldRemove, m.removable(f.Identity), func(k identity.Key) ui.Message { return ui.WebAuthnRemove(k.DisplayName, k.AddedAt) })
	u := m.userOf(f.Identity, every)
	if len(u.Keys) >= identity.MaxKeys {
		return nodes
	}
	return append(nodes, m.newKey(f, u, ui.MsgSettingsWebAuthnAdd)...)
}

// Privileged implements flow.SettingsMethod.
func (m *Method) Privileged() bool { return true }

// ChangeSettings implements flow.SettingsMethod.
func (m *Method) ChangeSettings(_ context.Context, f *flow.Flow, s flow.Submission, i *identity.Identity) (flow.Outcome, error) {
	u := m.userOf(i, every)
	switch {
	case f.Type != flow.Browser:
		return flow.Outcome{}, errBrowsersOnly
	case s.String(fieldRemove) != "":
		return m.remove(f, s.String(fieldRemove), i)
	case !complete(f, s):
		return flow.Outcome{Rejected: true}, nil
	case len(u.Keys) >= identity.MaxKeys:
		return refuse(f, ui.Invalid("There are as many security keys as there can be. Please remove one first."))
	}
	return m.add(f, u, s, i)
}

func (m *Method) remove(f *flow.Flow, id string, i *identity.Identity) (flow.Outcome, error) {
	raw, err := hex.DecodeString(id)
	c := i.KeyConfig(identity.WebAuthn)
	at := c.Find(raw)
	reason := ""
	switch {
	case err != nil || at < 0:
		reason = "This security key is not there any more."
	case identity.KeyConfig{Keys: m.removable(i)}.Find(raw) < 0:
		reason = "This security key is the only way to sign in. Please set up another one first."
	}
	if reason != "" {
		f.Messages = append(f.Messages, ui.Invalid(reason))
		return flow.Outcome{Rejected: true}, nil
	}
	c.Keys = slices.Delete(c.Keys, at, at+1)
	i.SetKeys(identity.WebAuthn, c, m.Now())
	return flow.Outcome{Identity: i, IdentityChange: true}, nil
}
