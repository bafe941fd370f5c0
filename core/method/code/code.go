// Package code holds the methods "code" and "link": people prove a mailbox by what was sent to it.
package code

import (
	"time"

	"github.com/gatehouse-id/gatehouse/core/courier"
	"github.com/gatehouse-id/gatehouse/core/flow"
	"github.com/gatehouse-id/gatehouse/core/identity"
	"github.com/gatehouse-id/gatehouse/core/onetime"
	"github.com/gatehouse-id/gatehouse/core/session"
	"github.com/gatehouse-id/gatehouse/core/ui"
)

// Code implements flow.ChallengeMethod with six digits that people type into the
// page they come from. All fields must be set.
type Code struct {
	On       func() bool
	Lifespan func() time.Duration
	// SignsIn, SignsUp and SecondFactor tell what else than recovery and verification a
	// code is enough for.
	SignsIn, SignsUp, SecondFactor func() bool
	// FallsBack tells whether verified addresses will do where the schema marks none.
	FallsBack func() bool
	Now       func() time.Time
}

// Name implements flow.Method.
func (m *Code) Name() identity.CredentialType { return identity.Code }

// Enabled implements flow.Method.
func (m *Code) Enabled() bool { return m.On() }

// Serves implements flow.Selective.
func (m *Code) Serves(k flow.Kind) bool {
	switch k {
	case flow.Login:
		return m.SignsIn() || m.SecondFactor()
	case flow.Registration:
		return m.SignsUp()
	}
	return true
}

// labels are the labels of the field.
var labels = map[flow.Kind]ui.MessageID{
	flow.Recovery: ui.MsgRecoveryCodeLabel, flow.Verification: ui.MsgVerificationCodeLabel,
	flow.Login: ui.MsgLoginCodeLabel, flow.Registration: ui.MsgRegistrationCodeLabel,
}

// ChallengeForm implements flow.ChallengeMethod. Who has no address in the flow got
// the code from somebody else and can't ask for another.
func (m *Code) ChallengeForm(f *flow.Flow) ui.Nodes {
	another := m.resend(f)
	if f.State != flow.StateSentEmail {
		return askForAddress(ui.GroupCode, m.Name())
	}
	nodes := ui.Nodes{
		ui.NewInput(ui.GroupCode, "code", ui.InputText, ui.Required(), ui.Pattern("[0-9]+"), ui.MaxLen(6),
			ui.Autocomplete("one-time-code"), ui.Label(labels[f.Kind].Message())),
	}
	if another != nil {
		// The button that sends another code doesn't name the method.
		nodes.Append(ui.NewInput(ui.GroupCode, "method", ui.InputHidden, ui.Value(string(m.Name()))))
	}
	nodes.Append(ui.NewSubmit(ui.GroupCode, "method", string(m.Name()), ui.MsgContinue.Message()))
	if another != nil {
		nodes.Append(another)
	}
	return nodes
}

// resend is the button that sends another code, or nil.
func (m *Code) resend(f *flow.Flow) *ui.Node {
	if f.Kind == flow.Login || f.Kind == flow.Registration {
		return ui.NewSubmit(ui.GroupCode, flow.ResendField, string(m.Name()), ui.MsgResendCode.Message())
	}
	address, named := f.Values[flow.AddressField]
	if !named {
		return nil
	}
	return ui.NewInput(ui.GroupCode, flow.AddressField, ui.InputSubmit, ui.Value(address), ui.Label(ui.MsgResendCode.Message()))
}

// NewChallenge implements flow.ChallengeMethod.
func (m *Code) NewChallenge(f *flow.Flow, _ string) flow.Challenge {
	code := string(onetime.NewCode())
	c := flow.Challenge{Secret: code, Lifespan: m.Lifespan()}
	c.Data.ExpiresInMinutes = minutes(c.Lifespan)
	switch f.Kind {
	case flow.Recovery:
		c.Data.RecoveryCode = code
	case flow.Login:
		c.Data.LoginCode = code
	case flow.Registration:
		c.Data.RegistrationCode = code
	default:
		c.Data.VerificationCode = code
	}
	return c
}

// Answer implements flow.ChallengeMethod.
func (m *Code) Answer(s flow.Submission) (answer, field string) {
	code, _ := onetime.ParseCode(s.String("code"))
	return string(code), "code"
}

// words are by kind of flow. Nobody is written to who wants to sign in and has no account.
var words = map[flow.Kind]flow.ChallengeWords{
	flow.Recovery: {
		Sent: ui.MsgRecoveryCodeSent.Message(), Wrong: ui.MsgRecoveryCodeInvalid.Message(), AMR: "code_recovery",
		Valid: courier.RecoveryCodeValid, Invalid: courier.RecoveryCodeInvalid,
	},
	flow.Verification: {
		Sent: ui.MsgVerificationCodeSent.Message(), Wrong: ui.MsgVerificationCodeInvalid.Message(),
		Valid: courier.VerificationCodeValid, Invalid: courier.VerificationCodeInvalid,
	},
	flow.Login: {
		Sent: ui.MsgLoginCodeSent.Message(), Wrong: ui.MsgLoginCodeInvalid.Message(),
		Valid: courier.LoginCodeValid, Invalid: courier.LoginCodeValid,
	},
	flow.Registration: {
		Sent: ui.MsgRegistrationCodeSent.Message(), Wrong: ui.MsgRegistrationCodeInvalid.Message(),
		Valid: courier.RegistrationCodeValid, Invalid: courier.RegistrationCodeValid,
	},
}

// Words implements flow.ChallengeMethod.
func (m *Code) Words(f *flow.Flow) flow.ChallengeWords {
	w := words[f.Kind]
	if f.RequestedAAL == session.AAL2 {
		w.Sent = ui.MsgLoginCodeSentMasked.Message() // the address is on file, nobody has typed it
	}
	return w
}

// askForAddress is how recovery and verification begin.
func askForAddress(g ui.Group, method identity.CredentialType) ui.Nodes {
	return ui.Nodes{
		ui.NewInput(g, flow.AddressField, ui.InputEmail, ui.Required(), ui.Label(ui.MsgEmailLabel.Message())),
		ui.NewSubmit(g, "method", string(method), ui.MsgContinue.Message()),
	}
}

func minutes(d time.Duration) int { return int(d.Round(time.Minute) / time.Minute) }
