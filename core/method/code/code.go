// Package code holds the methods "code" and "link": people prove a mailbox by what was sent to it.
package code

import (
	"time"

	"github.com/gatehouse-id/gatehouse/core/courier"
	"github.com/gatehouse-id/gatehouse/core/flow"
	"github.com/gatehouse-id/gatehouse/core/identity"
	"github.com/gatehouse-id/gatehouse/core/onetime"
	"github.com/gatehouse-id/gatehouse/core/ui"
)

// Code implements flow.ChallengeMethod with six digits that people type into the
// page they come from. All fields must be set.
type Code struct {
	On       func() bool
	Lifespan func() time.Duration
}

// Name implements flow.Method.
func (m *Code) Name() identity.CredentialType { return identity.Code }

// Enabled implements flow.Method.
func (m *Code) Enabled() bool { return m.On() }

// codeLabels are the labels of the field.
var codeLabels = map[flow.Kind]ui.MessageID{
	flow.Recovery: ui.MsgRecoveryCodeLabel, flow.Verification: ui.MsgVerificationCodeLabel,
}

// ChallengeForm implements flow.ChallengeMethod. Who has no address in the flow got
// the code from somebody else and can't ask for another.
func (m *Code) ChallengeForm(f *flow.Flow) ui.Nodes {
	if f.State != flow.StateSentEmail {
		return askForAddress(ui.GroupCode, m.Name())
	}
	nodes := ui.Nodes{
		ui.NewInput(ui.GroupCode, "code", ui.InputText, ui.Required(), ui.Pattern("[0-9]+"), ui.MaxLen(6),
			ui.Autocomplete("one-time-code"), ui.Label(codeLabels[f.Kind].Message())),
	}
	address, resend := f.Values[flow.AddressField]
	if resend {
		// The button that sends another code names the address, not the method.
		nodes.Append(ui.NewInput(ui.GroupCode, "method", ui.InputHidden, ui.Value(string(m.Name()))))
	}
	nodes.Append(ui.NewSubmit(ui.GroupCode, "method", string(m.Name()), ui.MsgContinue.Message()))
	if resend {
		nodes.Append(ui.NewInput(ui.GroupCode, flow.AddressField, ui.InputSubmit, ui.Value(address), ui.Label(ui.MsgResendCode.Message())))
	}
	return nodes
}

// NewChallenge implements flow.ChallengeMethod.
func (m *Code) NewChallenge(f *flow.Flow, _ string) flow.Challenge {
	code := string(onetime.NewCode())
	c := flow.Challenge{Secret: code, Lifespan: m.Lifespan()}
	c.Data.ExpiresInMinutes = minutes(c.Lifespan)
	if f.Kind == flow.Recovery {
		c.Data.RecoveryCode = code
	} else {
		c.Data.VerificationCode = code
	}
	return c
}

// Answer implements flow.ChallengeMethod.
func (m *Code) Answer(s flow.Submission) (answer, field string) {
	code, _ := onetime.ParseCode(s.String("code"))
	return string(code), "code"
}

var codeWords = map[flow.Kind]flow.ChallengeWords{
	flow.Recovery: {
		Sent: ui.MsgRecoveryCodeSent.Message(), Wrong: ui.MsgRecoveryCodeInvalid.Message(), AMR: "code_recovery",
		Valid: courier.RecoveryCodeValid, Invalid: courier.RecoveryCodeInvalid,
	},
	flow.Verification: {
		Sent: ui.MsgVerificationCodeSent.Message(), Wrong: ui.MsgVerificationCodeInvalid.Message(),
		Valid: courier.VerificationCodeValid, Invalid: courier.VerificationCodeInvalid,
	},
}

// Words implements flow.ChallengeMethod.
func (m *Code) Words(k flow.Kind) flow.ChallengeWords { return codeWords[k] }

// askForAddress is how every such flow begins.
func askForAddress(g ui.Group, method identity.CredentialType) ui.Nodes {
	return ui.Nodes{
		ui.NewInput(g, flow.AddressField, ui.InputEmail, ui.Required(), ui.Label(ui.MsgEmailLabel.Message())),
		ui.NewSubmit(g, "method", string(method), ui.MsgContinue.Message()),
	}
}

func minutes(d time.Duration) int { return int(d.Round(time.Minute) / time.Minute) }
