package oidc

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/gatehouse-id/gatehouse/core/flow"
	"github.com/gatehouse-id/gatehouse/core/identity"
	"github.com/gatehouse-id/gatehouse/core/session"
	"github.com/gatehouse-id/gatehouse/core/ui"
)

// errNoProof is a bug in the engine: it must have sent the browser away first.
var errNoProof = errors.New("oidc: the submission has no proof of an account elsewhere")

// Login implements flow.LoginMethod.
func (m *Method) Login(ctx context.Context, f *flow.Flow, _ *identity.Identity, s flow.Submission) (flow.Outcome, error) {
	if s.Proof == nil {
		return flow.Outcome{}, errNoProof
	}
	i, err := m.Identities.ByIdentifier(ctx, identity.OIDC, s.Proof.Identifier)
	if errors.Is(err, identity.ErrNotFound) {
		f.Messages = append(f.Messages, ui.MsgNoSuchAccount.Message())
		return flow.Outcome{Rejected: true}, nil
	}
	if err != nil {
		return flow.Outcome{}, fmt.Errorf("looking for the identity of an account: %w", err)
	}
	out := flow.Outcome{Identity: i, AMR: m.amr(s.Proof)}
	if out.IdentityChange, err = renewed(m.Keys, i, m.Now()); err != nil {
		m.Logger.WarnContext(ctx, "sealing tokens anew", "identity", i.ID, "error", err)
	}
	if p, err := m.provider(s.Proof.Site); err == nil && p.UpdateIdentityOnLogin == automatic {
		out.Traits = s.Proof.Traits
	}
	return out, nil
}

func (m *Method) amr(p *flow.Proof) session.AuthenticationMethod {
	return session.AuthenticationMethod{
		Method: string(identity.OIDC), AAL: session.AAL1, Provider: p.Site, CompletedAt: m.Now().UTC().Round(0),
	}
}

// CheckRegistration implements flow.RegistrationMethod. What is missing in the traits is
// asked for in a form that leads back to the same provider.
func (m *Method) CheckRegistration(f *flow.Flow, s flow.Submission) {
	if s.Proof != nil {
		f.Note(identity.OIDC, []byte(s.Proof.Site))
	}
}

// Register implements flow.RegistrationMethod.
func (m *Method) Register(_ context.Context, _ *flow.Flow, s flow.Submission, i *identity.Identity) (flow.Outcome, error) {
	if s.Proof == nil {
		return flow.Outcome{}, errNoProof
	}
	claims, err := parseClaims(s.Proof.Claims)
	if err != nil {
		return flow.Outcome{}, err
	}
	i.MetadataPublic, i.MetadataAdmin = s.Proof.MetadataPublic, s.Proof.MetadataAdmin
	for _, a := range vouched(s.Proof.Verified, claims) {
		i.Verify(a.Via, a.Value, m.Now())
	}
	return flow.Outcome{Identity: i, AMR: m.amr(s.Proof)}, m.Adopt(i, s.Proof)
}

// Adopt implements flow.CallbackMethod.
func (m *Method) Adopt(i *identity.Identity, p *flow.Proof) error {
	var a Account
	if err := json.Unmarshal(p.Config, &a); err != nil {
		return fmt.Errorf("reading an account: %w", err)
	}
	all := Accounts(i)
	if slices.ContainsFunc(all, func(b Account) bool { return b.identifier() == a.identifier() }) {
		return nil
	}
	a.seal(m.Keys, i.ID)
	return setAccounts(i, append(all, a), m.Now())
}

// Privileged implements flow.SettingsMethod: a further account is a further way in.
func (m *Method) Privileged() bool { return true }

// ChangeSettings implements flow.SettingsMethod: it links an account or unlinks one.
func (m *Method) ChangeSettings(_ context.Context, f *flow.Flow, s flow.Submission, i *identity.Identity) (flow.Outcome, error) {
	var wrong string
	switch {
	case s.String("link") != "" && s.String("unlink") != "":
		wrong = "Please link or unlink one account at a time."
	case s.Proof == nil:
		return m.unlink(f, s.String("unlink"), i)
	case slices.Contains(i.Credentials[identity.OIDC].Identifiers, s.Proof.Identifier):
		wrong = fmt.Sprintf("This account at %s is linked already.", s.Proof.Label)
	}
	if wrong != "" {
		return refused(f, wrong), nil
	}
	return flow.Outcome{Identity: i, IdentityChange: true}, m.Adopt(i, s.Proof)
}

// unlink takes an account away: that of a provider, or one of several there by its identifier.
func (m *Method) unlink(f *flow.Flow, which string, i *identity.Identity) (flow.Outcome, error) {
	all := Accounts(i)
	n := slices.IndexFunc(all, func(a Account) bool { return a.Provider == which || a.identifier() == which })
	switch {
	case m.WaysIn(i) < 2:
		return refused(f, "This is the last way to sign in to your account. Please set up another one first."), nil
	case n < 0:
		return refused(f, "No such account is linked."), nil
	}
	return flow.Outcome{Identity: i, IdentityChange: true}, setAccounts(i, slices.Delete(all, n, n+1), m.Now())
}

func refused(f *flow.Flow, why string) flow.Outcome {
	f.Messages = append(f.Messages, ui.Invalid(why))
	return flow.Outcome{Rejected: true}
}
