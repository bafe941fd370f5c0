package code

import (
	"context"

	"github.com/gatehouse-id/gatehouse/core/flow"
	"github.com/gatehouse-id/gatehouse/core/identity"
	"github.com/gatehouse-id/gatehouse/core/session"
	"github.com/gatehouse-id/gatehouse/core/ui"
)

// Proves implements flow.LoginMethod.
func (m *Code) Proves(level session.AAL) bool {
	if level == session.AAL2 {
		return m.SecondFactor()
	}
	return m.SignsIn()
}

// NeedsIdentifier implements flow.Identifying: a code has to be sent somewhere.
func (m *Code) NeedsIdentifier() bool { return true }

// LoginForm implements flow.LoginMethod. A second factor goes to one of the addresses that
// are on file.
func (m *Code) LoginForm(f *flow.Flow, who *identity.Identity) ui.Nodes {
	if f.RequestedAAL != session.AAL2 {
		if who != nil && len(who.SignInAddresses(m.FallsBack())) == 0 {
			return nil
		}
		return ui.Nodes{ui.NewSubmit(ui.GroupCode, "method", string(m.Name()), ui.MsgLoginCode.Message())}
	}
	if who == nil {
		return nil
	}
	var nodes ui.Nodes
	for _, a := range who.CodeAddresses() {
		nodes.Append(ui.NewSubmit(ui.GroupCode, flow.SecondAddressField, a.Value, ui.LoginCodeTo(a.Via, a.Value)))
	}
	return nodes
}

// Claims implements flow.Claimer: the buttons with the addresses, and the one that sends
// another code.
func (m *Code) Claims(s flow.Submission) bool {
	return s.String(flow.SecondAddressField) != "" || s.String(flow.ResendField) == string(m.Name())
}

// Answers implements flow.GuessableMethod.
func (m *Code) Answers(s flow.Submission) bool {
	return s.String("code") != "" && s.String(flow.ResendField) == ""
}

// Login implements flow.LoginMethod for who has brought the code back.
func (m *Code) Login(_ context.Context, f *flow.Flow, who *identity.Identity, _ flow.Submission) (flow.Outcome, error) {
	return flow.Outcome{Identity: who, AMR: m.amr(f.RequestedAAL)}, nil
}

// RegistrationForm implements flow.RegistrationMethod.
func (m *Code) RegistrationForm(*flow.Flow) ui.Nodes {
	return ui.Nodes{ui.NewSubmit(ui.GroupCode, "method", string(m.Name()), ui.MsgRegistrationCode.Message())}
}

// CheckRegistration implements flow.RegistrationMethod: the traits say it all.
func (m *Code) CheckRegistration(*flow.Flow, flow.Submission) {}

// Register implements flow.RegistrationMethod. The traits have made the credential already.
func (m *Code) Register(_ context.Context, _ *flow.Flow, _ flow.Submission, i *identity.Identity) (flow.Outcome, error) {
	return flow.Outcome{Identity: i, AMR: m.amr(session.AAL1)}, nil
}

func (m *Code) amr(level session.AAL) session.AuthenticationMethod {
	return session.AuthenticationMethod{Method: string(m.Name()), AAL: level, CompletedAt: m.Now().UTC().Round(0)}
}
