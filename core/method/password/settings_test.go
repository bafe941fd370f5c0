package password_test

import (
	"slices"
	"testing"

	"github.com/gatehouse-id/gatehouse/core/flow"
	"github.com/gatehouse-id/gatehouse/core/identity"
	"github.com/gatehouse-id/gatehouse/core/ui"
)

func TestSettingsSetAPassword(t *testing.T) {
	for name, tt := range map[string]struct {
		identifiers []string
		password    string
		field       []ui.MessageID
		form        []ui.MessageID
	}{
		"a first password":   {[]string{"ada@example.org"}, secret, nil, nil},
		"none":               {[]string{"ada@example.org"}, "", []ui.MessageID{ui.MsgRequired}, nil},
		"like the address":   {[]string{"ada@example.org"}, "ada@example.org", []ui.MessageID{ui.MsgPasswordSimilar}, nil},
		"without identifier": {nil, secret, nil, []ui.MessageID{ui.MsgNoIdentifier}},
	} {
		t.Run(name, func(t *testing.T) {
			m, f := newBench(t), &flow.Flow{Kind: flow.Settings}
			i := &identity.Identity{Credentials: map[identity.CredentialType]identity.Credential{
				identity.Password: {Type: identity.Password, Identifiers: tt.identifiers},
			}}
			out, err := m.ChangeSettings(t.Context(), f, flow.Submission{Fields: map[string]any{"password": tt.password}}, i)
			if err != nil {
				t.Fatal(err)
			}
			accepted := len(tt.field)+len(tt.form) == 0
			if out.Rejected == accepted || (i.PasswordHash() != "") != accepted {
				t.Errorf("rejected %v, hash %q", out.Rejected, i.PasswordHash())
			}
			if !slices.Equal(ids(f.FieldMessages["password"]), tt.field) || !slices.Equal(ids(f.Messages), tt.form) {
				t.Errorf("messages: %v and %v", f.FieldMessages, f.Messages)
			}
		})
	}
}

func ids(messages []ui.Message) (out []ui.MessageID) {
	for _, m := range messages {
		out = append(out, m.ID)
	}
	return out
}
