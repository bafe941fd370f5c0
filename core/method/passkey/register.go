package passkey

import (
	"cmp"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/gatehouse-id/gatehouse/core/ceremony"
	"github.com/gatehouse-id/gatehouse/core/flow"
	"github.com/gatehouse-id/gatehouse/core/identity"
	"github.com/gatehouse-id/gatehouse/core/session"
	"github.com/gatehouse-id/gatehouse/core/ui"
)

// newcomer is who registers in the flow. The script fills in what they call themselves.
func (m *Method) newcomer(f *flow.Flow) ceremony.User {
	return ceremony.User{Handle: m.Party.NewHandle(f.ID)}
}

// RegistrationForm implements flow.RegistrationMethod.
func (m *Method) RegistrationForm(f *flow.Flow) ui.Nodes {
	if f.Type != flow.Browser {
		return nil
	}
	options, err := m.Party.Creation(binding(f), m.newcomer(f))
	if err == nil {
		options, err = json.Marshal(registration{Options: options, NameField: m.NameField()})
	}
	if err != nil {
		m.Logger.Error("showing a registration form without passkeys", "error", err)
		return nil
	}
	return ui.Nodes{
		ceremony.Field(ui.GroupPasskey, fieldCreate, string(options)), ceremony.Field(ui.GroupPasskey, fieldRegister, ""),
		ceremony.Trigger(ui.GroupPasskey, registerTrigger, "oryPasskeyRegistration", nil, ui.MsgRegistrationPasskey.Message()),
		ceremony.ScriptNode(ui.GroupPasskey),
	}
}

// CheckRegistration implements flow.RegistrationMethod.
func (m *Method) CheckRegistration(f *flow.Flow, s flow.Submission) {
	if s.String(fieldRegister) == "" {
		f.AddField(fieldRegister, ui.Missing(fieldRegister))
	}
}

// Register implements flow.RegistrationMethod.
func (m *Method) Register(_ context.Context, f *flow.Flow, s flow.Submission, i *identity.Identity) (flow.Outcome, error) {
	if f.Type != flow.Browser {
		return flow.Outcome{}, errBrowsersOnly
	}
	if out, err := m.add(f, m.newcomer(f), s.String(fieldRegister), m.Account(i), i); err != nil || out.Rejected {
		return out, err
	}
	return flow.Outcome{Identity: i, AMR: session.AuthenticationMethod{
		Method: string(identity.Passkey), AAL: session.AAL1, CompletedAt: m.Now().UTC().Round(0),
	}}, nil
}

// add gives the identity the key that the answer brings.
func (m *Method) add(f *flow.Flow, u ceremony.User, answer, name string, i *identity.Identity) (flow.Outcome, error) {
	k, err := m.Party.Create(binding(f), u, answer, m.Now())
	switch {
	case errors.Is(err, ceremony.ErrMalformed):
		return refuse(f, ui.Invalid("What the device sent can not be read. Please try again."))
	case errors.Is(err, ceremony.ErrRefused):
		return refuse(f, ui.KeyRefused())
	case err != nil:
		return flow.Outcome{}, fmt.Errorf("reading a new passkey: %w", err)
	}
	spend(f)
	c := i.KeyConfig(identity.Passkey)
	k.Passwordless, k.DisplayName = true, freeName(name, c.Keys)
	c.UserHandle, c.Keys = u.Handle, append(slices.Clone(c.Keys), k)
	i.SetKeys(identity.Passkey, c, m.Now())
	return flow.Outcome{Identity: i, IdentityChange: true}, nil
}

// freeName tells passkeys of one account apart.
func freeName(name string, keys []identity.Key) string {
	free := name
	for n := 2; slices.ContainsFunc(keys, func(k identity.Key) bool { return k.DisplayName == free }); n++ {
		free = fmt.Sprintf("%s (%d)", name, n)
	}
	return free
}

// SettingsForm implements flow.SettingsMethod. The last way to sign in can't be removed.
func (m *Method) SettingsForm(f *flow.Flow) ui.Nodes {
	if f.Type != flow.Browser {
		return nil
	}
	u := m.userOf(f.Identity)
	var nodes ui.Nodes
	if m.WaysIn(f.Identity) > 1 {
		nodes = ceremony.RemoveButtons(ui.GroupPasskey, fieldRemove, u.Keys, func(k identity.Key) ui.Message { return ui.PasskeyRemove(k.DisplayName, k.AddedAt) })
	}
	if len(u.Keys) >= identity.MaxKeys {
		return nodes
	}
	options, err := m.Party.Creation(binding(f), u)
	if err != nil {
		m.Logger.Error("showing a settings form without a new passkey", "identity", f.Identity.ID, "error", err)
		return nodes
	}
	nodes.Append(
		ui.NewInput(ui.GroupPasskey, fieldName, ui.InputText, ui.Value(""), ui.Label(ui.TraitLabel("Name of the passkey", fieldName))),
		ceremony.Field(ui.GroupPasskey, fieldCreate, string(options)), ceremony.Field(ui.GroupPasskey, fieldAdd, ""),
		ceremony.Trigger(ui.GroupPasskey, registerTrigger, "oryPasskeySettingsRegistration", nil, ui.MsgSettingsPasskeyAdd.Message()),
		ceremony.ScriptNode(ui.GroupPasskey),
	)
	return nodes
}

// Privileged implements flow.SettingsMethod.
func (m *Method) Privileged() bool { return true }

// ChangeSettings implements flow.SettingsMethod.
func (m *Method) ChangeSettings(_ context.Context, f *flow.Flow, s flow.Submission, i *identity.Identity) (flow.Outcome, error) {
	switch {
	case f.Type != flow.Browser:
		return flow.Outcome{}, errBrowsersOnly
	case s.String(fieldRemove) != "":
		return m.remove(f, s.String(fieldRemove), i)
	case s.String(fieldAdd) == "":
		f.AddField(fieldAdd, ui.Missing(fieldAdd))
		return flow.Outcome{Rejected: true}, nil
	case len(i.KeyConfig(identity.Passkey).Keys) >= identity.MaxKeys:
		return refuse(f, ui.Invalid("There are as many passkeys as there can be. Please remove one first."))
	}
	name := strings.TrimSpace(s.String(fieldName))
	if n := len(name); n > identity.MaxKeyName {
		f.AddField(fieldName, ui.MaxLength(identity.MaxKeyName, n))
		return flow.Outcome{Rejected: true}, nil
	}
	// Pages of others may know no names.
	return m.add(f, m.userOf(i), s.String(fieldAdd), cmp.Or(name, m.Account(i)), i)
}

func (m *Method) remove(f *flow.Flow, id string, i *identity.Identity) (flow.Outcome, error) {
	raw, err := hex.DecodeString(id)
	c := i.KeyConfig(identity.Passkey)
	at := c.Find(raw)
	reason := ""
	switch {
	case err != nil || at < 0:
		reason = "This passkey is not there any more."
	case m.WaysIn(i) < 2:
		reason = "This passkey is the only way to sign in. Please set up another one first."
	}
	if reason != "" {
		f.Messages = append(f.Messages, ui.Invalid(reason))
		return flow.Outcome{Rejected: true}, nil
	}
	c.Keys = slices.Delete(slices.Clone(c.Keys), at, at+1)
	i.SetKeys(identity.Passkey, c, m.Now())
	return flow.Outcome{Identity: i, IdentityChange: true}, nil
}
