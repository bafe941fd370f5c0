package oidc

import (
	"slices"

	"github.com/gatehouse-id/gatehouse/core/flow"
	"github.com/gatehouse-id/gatehouse/core/identity"
	"github.com/gatehouse-id/gatehouse/core/ui"
)

// LoginForm implements flow.LoginMethod. On a refresh it shows the accounts that the
// person has.
func (m *Method) LoginForm(_ *flow.Flow, who *identity.Identity) ui.Nodes {
	var nodes ui.Nodes
	for n := range m.Config().Config.Providers {
		p := &m.Config().Config.Providers[n]
		if who == nil || has(who, p.ID) {
			nodes.Append(ui.NewSubmit(ui.GroupOIDC, "provider", p.ID, ui.LoginWith(label(p), p.ID)))
		}
	}
	return nodes
}

func has(i *identity.Identity, provider string) bool {
	return slices.ContainsFunc(Accounts(i), func(a Account) bool { return a.Provider == provider })
}

// Holds implements flow.CallbackMethod: who has been at a provider, and has only traits
// left to fill in, is asked for nothing else.
func (m *Method) Holds(f *flow.Flow) bool {
	return f.Kind == flow.Registration && len(f.Notes[identity.OIDC]) > 0
}

// RegistrationForm implements flow.RegistrationMethod.
func (m *Method) RegistrationForm(f *flow.Flow) ui.Nodes {
	if m.Holds(f) {
		return ui.Nodes{ui.NewSubmit(ui.GroupOIDC, "provider", string(f.Notes[identity.OIDC]), ui.MsgRegistrationContinue.Message())}
	}
	var nodes ui.Nodes
	for n := range m.Config().Config.Providers {
		p := &m.Config().Config.Providers[n]
		nodes.Append(ui.NewSubmit(ui.GroupOIDC, "provider", p.ID, ui.RegistrationWith(label(p), p.ID)))
	}
	return nodes
}

// SettingsForm implements flow.SettingsMethod. The last way in can't be unlinked.
func (m *Method) SettingsForm(f *flow.Flow) ui.Nodes {
	var links, unlinks ui.Nodes
	for n := range m.Config().Config.Providers {
		p := &m.Config().Config.Providers[n]
		if !has(f.Identity, p.ID) {
			links.Append(ui.NewSubmit(ui.GroupOIDC, "link", p.ID, ui.SettingsLink(label(p))))
			continue
		}
		if m.WaysIn(f.Identity) > 1 {
			unlinks = append(unlinks, unlinkButtons(f.Identity, p.ID, label(p))...)
		}
	}
	return append(links, unlinks...)
}

// unlinkButtons has one button for a provider, or one for each of several accounts there.
func unlinkButtons(i *identity.Identity, provider, label string) ui.Nodes {
	mine := slices.DeleteFunc(Accounts(i), func(a Account) bool { return a.Provider != provider })
	if len(mine) == 1 {
		return ui.Nodes{ui.NewSubmit(ui.GroupOIDC, "unlink", provider, ui.SettingsUnlink(label))}
	}
	var nodes ui.Nodes
	for _, a := range mine {
		nodes.Append(ui.NewSubmit(ui.GroupOIDC, "unlink", a.identifier(), ui.SettingsUnlink(label+" ("+a.Subject+")")))
	}
	return nodes
}
