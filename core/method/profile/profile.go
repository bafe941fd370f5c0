// Package profile is the settings method "profile": people change their own traits.
package profile

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"

	"github.com/gatehouse-id/gatehouse/core/flow"
	"github.com/gatehouse-id/gatehouse/core/identity"
	"github.com/gatehouse-id/gatehouse/core/schema"
	"github.com/gatehouse-id/gatehouse/core/ui"
)

// Name is what submissions call the method. It is no credential, but is named where credentials are.
const Name identity.CredentialType = "profile"

// Method implements flow.SettingsMethod. All fields must be set.
type Method struct {
	Schema func(id string) *schema.Schema // nil when there is none with that id
	On     func() bool                    // whether the method is enabled
}

// Name implements flow.Method.
func (m *Method) Name() identity.CredentialType { return Name }

// Enabled implements flow.Method.
func (m *Method) Enabled() bool { return m.On() }

// Privileged implements flow.SettingsMethod: a nickname can be changed in any session. The engine asks for more when
// the traits hold an identifier or an address.
func (m *Method) Privileged() bool { return false }

// SettingsForm shows the traits by the schema of the identity itself. What was refused is shown as it was sent, with
// nothing between that the person has deleted.
func (m *Method) SettingsForm(f *flow.Flow) ui.Nodes {
	s := m.Schema(f.Identity.SchemaID)
	if s == nil {
		return nil
	}
	nodes := flow.TraitNodes(s, ui.GroupProfile)
	if len(f.Values) == 0 {
		nodes.SetValues("traits", decode(f.Identity.Traits))
	}
	nodes.Append(ui.NewSubmit(ui.GroupProfile, "method", string(Name), ui.MsgSave.Message()))
	return nodes
}

// decode keeps numbers as they are written. Traits are an object whenever they were valid once; others show as none.
func decode(traits json.RawMessage) map[string]any {
	var values map[string]any
	d := json.NewDecoder(bytes.NewReader(traits))
	d.UseNumber()
	if d.Decode(&values) != nil {
		return nil
	}
	return values
}

// ChangeSettings implements flow.SettingsMethod. The traits that were sent replace all others: one that is not sent is deleted.
func (m *Method) ChangeSettings(_ context.Context, f *flow.Flow, s flow.Submission, i *identity.Identity) (flow.Outcome, error) {
	t := s.Traits()
	if t == nil {
		// Not the same as {}: a client that forgets them must not empty the account.
		f.AddField("traits", ui.Missing("traits"))
		return flow.Outcome{Rejected: true}, nil
	}
	raw, err := json.Marshal(t)
	if err != nil {
		return flow.Outcome{}, fmt.Errorf("encoding traits: %w", err)
	}
	i.Traits = raw
	return flow.Outcome{Identity: i, IdentityChange: true}, nil
}
