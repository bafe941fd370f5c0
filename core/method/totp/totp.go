// Package totp is the credential method "totp": a second factor by an authenticator app that shows another code every half minute.
package totp

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/gatehouse-id/gatehouse/core/flow"
	"github.com/gatehouse-id/gatehouse/core/identity"
	"github.com/gatehouse-id/gatehouse/core/onetime"
	"github.com/gatehouse-id/gatehouse/core/secret"
	"github.com/gatehouse-id/gatehouse/core/session"
	"github.com/gatehouse-id/gatehouse/core/ui"
)

// Method implements flow.GuessableMethod and flow.SettingsMethod. All fields must be set.
type Method struct {
	On func() bool // whether the method is enabled
	// Issuer is what apps call this site, for example "example.org".
	Issuer func() string
	// Account is what apps call the account, for example "ada@example.org".
	Account func(i *identity.Identity) string
	// Cipher seals the secrets that are stored, Keys makes those that are offered.
	Cipher, Keys *secret.Keys
	Now          func() time.Time
}

// Name implements flow.Method.
func (m *Method) Name() identity.CredentialType { return identity.TOTP }

// Enabled implements flow.Method.
func (m *Method) Enabled() bool { return m.On() }

// Proves implements flow.LoginMethod.
func (m *Method) Proves(level session.AAL) bool { return level == session.AAL2 }

// credential is the config of the stored credential.
type credential struct {
	Secret []byte `json:"secret"` // shared with the app, sealed
	// LastStep is the time step of the code that signed in last. It only grows, and a code
	// of it or of an earlier one counts no more: it may have been watched.
	LastStep int64 `json:"last_step,omitempty"`
}

const sealPurpose = "totp secret"

// read opens the credential of an identity that has one.
func (m *Method) read(i *identity.Identity) (credential, []byte, error) {
	var c credential
	if err := json.Unmarshal(i.Credentials[identity.TOTP].Config, &c); err != nil {
		return c, nil, fmt.Errorf("reading the authenticator app of %s: %w", i.ID, err)
	}
	key, err := m.Cipher.Open(sealPurpose, c.Secret, []byte(i.ID))
	if err != nil {
		return c, nil, fmt.Errorf("reading the authenticator app of %s: %w", i.ID, err)
	}
	return c, key, nil
}

func (m *Method) write(i *identity.Identity, c credential) error {
	config, err := json.Marshal(c)
	if err != nil {
		return fmt.Errorf("encoding the authenticator app of %s: %w", i.ID, err)
	}
	i.SetCredential(identity.TOTP, []string{i.ID}, config, m.Now())
	return nil
}

// LoginForm implements flow.LoginMethod.
func (m *Method) LoginForm(f *flow.Flow, who *identity.Identity) ui.Nodes {
	if who == nil || !who.HasCredential(identity.TOTP) {
		return nil
	}
	return ui.Nodes{
		ui.NewInput(ui.GroupTOTP, "totp_code", ui.InputText, ui.Required(), f.Untouched(), ui.Autocomplete("one-time-code"),
			ui.Label(ui.MsgLoginTOTPLabel.Message())),
		ui.NewSubmit(ui.GroupTOTP, "method", string(m.Name()), ui.MsgLoginTOTP.Message()),
	}
}

// Answers implements flow.GuessableMethod.
func (m *Method) Answers(s flow.Submission) bool { return s.String("totp_code") != "" }

// Login implements flow.LoginMethod. A code that was right is stored with the sign-in, on
// the condition that the identity is unchanged: of two that use it one fails.
func (m *Method) Login(_ context.Context, f *flow.Flow, who *identity.Identity, s flow.Submission) (flow.Outcome, error) {
	switch {
	case !m.Answers(s):
		f.AddField("totp_code", ui.Missing("totp_code"))
		return flow.Outcome{Rejected: true}, nil
	case who == nil || !who.HasCredential(identity.TOTP):
		f.Messages = append(f.Messages, ui.MsgNoTOTP.Message())
		return flow.Outcome{Rejected: true}, nil
	}
	c, key, err := m.read(who)
	if err != nil {
		return flow.Outcome{}, err
	}
	code, _ := onetime.ParseCode(s.String("totp_code"))
	step, ok := match(key, string(code), m.Now())
	if !ok || step <= c.LastStep {
		f.Messages = append(f.Messages, ui.MsgTOTPInvalid.Message())
		return flow.Outcome{Rejected: true}, nil
	}
	i := who.Clone()
	c.LastStep = step
	if err := m.write(i, c); err != nil {
		return flow.Outcome{}, err
	}
	return flow.Outcome{Identity: i, IdentityChange: true, AMR: m.amr()}, nil
}

func (m *Method) amr() session.AuthenticationMethod {
	return session.AuthenticationMethod{Method: string(identity.TOTP), AAL: session.AAL2, CompletedAt: m.Now().UTC().Round(0)}
}
