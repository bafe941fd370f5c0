package password

import (
	"context"

	"github.com/gatehouse-id/gatehouse/core/flow"
	"github.com/gatehouse-id/gatehouse/core/identity"
	"github.com/gatehouse-id/gatehouse/core/ui"
)

// SettingsForm implements flow.SettingsMethod. It is the same whether there is a password already or not.
func (m *Method) SettingsForm(*flow.Flow) ui.Nodes {
	return ui.Nodes{passwordNode("new-password"), ui.NewSubmit(ui.GroupPassword, "method", "password", ui.MsgSave.Message())}
}

// Privileged implements flow.SettingsMethod: who finds an unlocked phone must not take the account over.
func (m *Method) Privileged() bool { return true }

// ChangeSettings implements flow.SettingsMethod: it sets another password, or a first one.
func (m *Method) ChangeSettings(ctx context.Context, f *flow.Flow, s flow.Submission, i *identity.Identity) (flow.Outcome, error) {
	password := s.String("password")
	if missing(f, "password", password) {
		return flow.Outcome{Rejected: true}, nil
	}
	if len(i.Credentials[identity.Password].Identifiers) == 0 {
		f.Messages = append(f.Messages, ui.MsgNoIdentifier.Message())
		return flow.Outcome{Rejected: true}, nil
	}
	ok, err := m.set(ctx, f, password, i)
	if err != nil || !ok {
		return flow.Outcome{Rejected: err == nil}, err
	}
	return flow.Outcome{Identity: i, IdentityChange: true}, nil
}
