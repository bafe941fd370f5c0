package lookup

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/gatehouse-id/gatehouse/core/flow"
	"github.com/gatehouse-id/gatehouse/core/identity"
	"github.com/gatehouse-id/gatehouse/core/ui"
)

// The buttons of the settings form.
const (
	reveal     = "lookup_secret_reveal"
	regenerate = "lookup_secret_regenerate"
	confirm    = "lookup_secret_confirm"
	disable    = "lookup_secret_disable"
)

// note is what the flow remembers between two submissions.
type note struct {
	New      []string `json:"new,omitempty"`      // codes that are shown and not confirmed
	Revealed bool     `json:"revealed,omitempty"` // the list of codes is open
}

func noted(f *flow.Flow) note {
	var n note
	_ = json.Unmarshal(f.Notes[identity.LookupSecret], &n) // none is an empty one
	return n
}

func keep(f *flow.Flow, n note) error {
	raw, err := json.Marshal(n)
	if err != nil {
		return fmt.Errorf("encoding a note: %w", err)
	}
	f.Note(identity.LookupSecret, raw)
	return nil
}

// SettingsForm implements flow.SettingsMethod.
func (m *Method) SettingsForm(f *flow.Flow) ui.Nodes {
	n := noted(f)
	if len(n.New) > 0 {
		return ui.Nodes{newList(n.New), button(confirm, ui.MsgSettingsLookupConfirm.Message())}
	}
	renew, off := button(regenerate, ui.MsgSettingsLookupRegenerate.Message()), button(disable, ui.MsgSettingsLookupDisable.Message())
	if !f.Identity.HasCredential(identity.LookupSecret) {
		return ui.Nodes{renew}
	}
	c, err := m.read(f.Identity)
	if err != nil {
		return ui.Nodes{renew, off} // what can't be read can be replaced
	}
	if n.Revealed {
		return ui.Nodes{oldList(c.Codes), renew, off}
	}
	return ui.Nodes{button(reveal, ui.CodesLeft(ui.MsgSettingsLookupReveal, c.left())), off}
}

func button(name string, label ui.Message) *ui.Node {
	return ui.NewSubmit(ui.GroupLookupSecret, name, "true", label)
}

// newList shows codes for the first and last time.
func newList(codes []string) *ui.Node {
	var all ui.Messages
	for _, code := range codes {
		all = append(all, ui.LookupCode(code))
	}
	return list(ui.MsgSettingsLookupLabel.Message(), all)
}

// oldList shows which codes are left. They are hashed, so only their hints can be shown.
func oldList(codes []stored) *ui.Node {
	var all ui.Messages
	for _, s := range codes {
		if s.UsedAt != nil {
			all = append(all, ui.LookupCodeUsed(*s.UsedAt))
			continue
		}
		all = append(all, ui.LookupCode(s.Hint+strings.Repeat("•", length-hint)))
	}
	return list(ui.LookupHints(), all)
}

func list(label ui.Message, codes ui.Messages) *ui.Node {
	n := ui.NewNode(ui.GroupLookupSecret, &ui.Text{Name: "lookup_secret_codes", Text: ui.LookupCodes(codes)})
	return n.WithLabel(label)
}

// Privileged implements flow.SettingsMethod.
func (m *Method) Privileged() bool { return true }

// Claims implements flow.Claimer.
func (m *Method) Claims(s flow.Submission) bool {
	return s.Bool(reveal) || s.Bool(regenerate) || s.Bool(confirm) || s.Bool(disable)
}

// ChangeSettings implements flow.SettingsMethod. New codes are held by the flow and count
// once the person has confirmed them; the old ones count until then.
func (m *Method) ChangeSettings(_ context.Context, f *flow.Flow, s flow.Submission, i *identity.Identity) (flow.Outcome, error) {
	switch {
	case s.Bool(regenerate):
		return flow.Outcome{Shows: true}, keep(f, note{New: newCodes()})
	case s.Bool(reveal):
		if !i.HasCredential(identity.LookupSecret) {
			return refuse(f, "There are no backup codes to show. Please generate new ones first.")
		}
		return flow.Outcome{Shows: true}, keep(f, note{Revealed: true})
	case s.Bool(confirm):
		return m.confirm(f, i)
	case s.Bool(disable):
		f.Note(identity.LookupSecret, nil)
		delete(i.Credentials, identity.LookupSecret)
		return flow.Outcome{Identity: i, IdentityChange: true}, nil
	}
	return reject(f, ui.MsgSettingsNoMethod)
}

// confirm makes the new codes count, and no other.
func (m *Method) confirm(f *flow.Flow, i *identity.Identity) (flow.Outcome, error) {
	codes := noted(f).New
	if len(codes) == 0 {
		return refuse(f, "There are no new backup codes to confirm. Please generate new ones first.")
	}
	c := credential{Codes: make([]stored, len(codes))}
	for n, code := range codes {
		c.Codes[n] = stored{Hash: m.Cipher.MAC(hashPurpose, hashed(i, code)), Hint: code[:hint]}
	}
	f.Note(identity.LookupSecret, nil)
	if err := m.write(i, c); err != nil {
		return flow.Outcome{}, err
	}
	return flow.Outcome{Identity: i, IdentityChange: true, AMR: m.amr()}, nil
}

// refuse says what has no message of its own.
func refuse(f *flow.Flow, reason string) (flow.Outcome, error) {
	f.Messages = append(f.Messages, ui.Invalid(reason))
	return flow.Outcome{Rejected: true}, nil
}
