package totp

import (
	"context"
	"crypto/rand"

	"github.com/gatehouse-id/gatehouse/core/flow"
	"github.com/gatehouse-id/gatehouse/core/identity"
	"github.com/gatehouse-id/gatehouse/core/onetime"
	"github.com/gatehouse-id/gatehouse/core/ui"
)

// offer is the secret that a settings flow offers. It is derived, so that showing the form
// stores nothing. The note makes it another one after an app was removed in the same flow:
// the old one may be in the wrong hands.
func (m *Method) offer(f *flow.Flow) []byte {
	of := f.ID + "\x00" + f.Identity.ID + "\x00" + string(f.Notes[identity.TOTP])
	return m.Keys.MAC("totp offer", []byte(of))[:secretSize]
}

// SettingsForm implements flow.SettingsMethod.
func (m *Method) SettingsForm(f *flow.Flow) ui.Nodes {
	if f.Identity.HasCredential(identity.TOTP) {
		return ui.Nodes{ui.NewInput(ui.GroupTOTP, "totp_unlink", ui.InputSubmit, ui.Required(), ui.Value("true"),
			ui.Label(ui.MsgSettingsUnlinkTOTP.Message()))}
	}
	key := m.offer(f)
	k, err := link(key, m.Issuer(), m.Account(f.Identity))
	if err != nil {
		return nil // a link that can't be read, which escaping rules out
	}
	src, err := picture(k)
	if err != nil {
		return nil // more than a QR code can hold, which maxName rules out
	}
	qr := ui.NewNode(ui.GroupTOTP, &ui.Image{Name: "totp_qr", Src: src, Width: imageSize, Height: imageSize})
	typed := ui.NewNode(ui.GroupTOTP, &ui.Text{Name: "totp_secret_key", Text: ui.TOTPSecret(text.EncodeToString(key))})
	return ui.Nodes{
		qr.WithLabel(ui.MsgSettingsTOTPQR.Message()),
		typed.WithLabel(ui.MsgSettingsTOTPSecretLabel.Message()),
		ui.NewInput(ui.GroupTOTP, "totp_code", ui.InputText, ui.Required(), ui.Label(ui.MsgTOTPCodeLabel.Message())),
		ui.NewSubmit(ui.GroupTOTP, "method", string(m.Name()), ui.MsgSave.Message()),
	}
}

// Privileged implements flow.SettingsMethod.
func (m *Method) Privileged() bool { return true }

// Claims implements flow.Claimer.
func (m *Method) Claims(s flow.Submission) bool { return s.Bool("totp_unlink") }

// ChangeSettings implements flow.SettingsMethod.
func (m *Method) ChangeSettings(_ context.Context, f *flow.Flow, s flow.Submission, i *identity.Identity) (flow.Outcome, error) {
	if !i.HasCredential(identity.TOTP) {
		return m.add(f, s, i)
	}
	if s.Bool("totp_unlink") {
		delete(i.Credentials, identity.TOTP)
		f.Note(identity.TOTP, []byte(rand.Text()))
	}
	return flow.Outcome{Identity: i, IdentityChange: true}, nil
}

// add links the app whose code was entered. The code may sign in once more: Kratos allows
// it, and people who have just set an app up are asked for it on their other device. Those
// that were shown before it may not.
func (m *Method) add(f *flow.Flow, s flow.Submission, i *identity.Identity) (flow.Outcome, error) {
	if !m.Answers(s) {
		f.AddField("totp_code", ui.Missing("totp_code"))
		return flow.Outcome{Rejected: true}, nil
	}
	key := m.offer(f)
	code, _ := onetime.ParseCode(s.String("totp_code"))
	step, ok := match(key, string(code), m.Now())
	if !ok {
		f.AddField("totp_code", ui.MsgTOTPInvalid.Message())
		return flow.Outcome{Rejected: true}, nil
	}
	c := credential{Secret: m.Cipher.Seal(sealPurpose, key, []byte(i.ID)), LastStep: step - 1}
	if err := m.write(i, c); err != nil {
		return flow.Outcome{}, err
	}
	return flow.Outcome{Identity: i, IdentityChange: true, AMR: m.amr()}, nil
}
