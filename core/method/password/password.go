// Package password is the credential method "password": sign-up and sign-in with an identifier and a password.
package password

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/gatehouse-id/gatehouse/core/apierror"
	"github.com/gatehouse-id/gatehouse/core/flow"
	"github.com/gatehouse-id/gatehouse/core/hash"
	"github.com/gatehouse-id/gatehouse/core/identity"
	"github.com/gatehouse-id/gatehouse/core/schema"
	"github.com/gatehouse-id/gatehouse/core/session"
	"github.com/gatehouse-id/gatehouse/core/ui"
)

// Method signs people in and up with a password. All fields must be set.
type Method struct {
	Identities identity.Store
	Hasher     func() *hash.Hasher // by the configuration in force
	Policy     func() Policy
	On         func() bool // whether the method is enabled
	Logger     *slog.Logger
	Now        func() time.Time
}

// Name implements flow.Method.
func (m *Method) Name() identity.CredentialType { return identity.Password }

// Enabled implements flow.Method.
func (m *Method) Enabled() bool { return m.On() }

// Proves implements flow.LoginMethod: a password is a first factor.
func (m *Method) Proves(level session.AAL) bool { return level == session.AAL1 }

// NeedsIdentifier implements flow.Identifying.
func (m *Method) NeedsIdentifier() bool { return true }

// LoginForm implements flow.LoginMethod.
func (m *Method) LoginForm(_ *flow.Flow, who *identity.Identity) ui.Nodes {
	label := ui.MsgLoginPassword
	if who != nil {
		if len(who.Credentials[identity.Password].Identifiers) == 0 || who.PasswordHash() == "" {
			return nil
		}
		label = ui.MsgLogin
	}
	return ui.Nodes{passwordNode("current-password"), ui.NewSubmit(ui.GroupPassword, "method", "password", label.Message())}
}

// Account implements flow.AccountMethod.
func (m *Method) Account(ctx context.Context, s flow.Submission) (string, *identity.Identity, error) {
	identifier := schema.Normalize(s.String("identifier"))
	if identifier == "" || s.String("password") == "" {
		return "", nil, nil
	}
	i, err := m.find(ctx, identifier)
	return identifier, i, err
}

// find returns nil when nobody has the identifier.
func (m *Method) find(ctx context.Context, identifier string) (*identity.Identity, error) {
	i, err := m.Identities.ByIdentifier(ctx, identity.Password, identifier)
	switch {
	case errors.Is(err, identity.ErrNotFound):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("looking up the identifier: %w", err)
	}
	return i, nil
}

// Login implements flow.LoginMethod. An unknown identifier, an account without
// a password and a wrong password get the same answer after the same work.
func (m *Method) Login(ctx context.Context, f *flow.Flow, _ *identity.Identity, s flow.Submission) (flow.Outcome, error) {
	identifier, password := s.String("identifier"), s.String("password")
	f.SetValue("identifier", identifier)
	if missing(f, "identifier", identifier) || missing(f, "password", password) {
		missing(f, "password", password) // report both
		return flow.Outcome{Rejected: true}, nil
	}
	i, err := m.find(ctx, schema.Normalize(identifier))
	if err != nil {
		return flow.Outcome{}, err
	}
	ok, err := m.compare(ctx, i, password)
	if err != nil {
		return flow.Outcome{}, busy(err)
	}
	if !ok {
		f.Messages = append(f.Messages, ui.MsgCredentialsInvalid.Message())
		return flow.Outcome{Rejected: true}, nil
	}
	return flow.Outcome{Identity: i, IdentityChange: m.rehash(ctx, i, password), AMR: m.amr()}, nil
}

// compare does the work of one password check whether or not there is anything
// to compare with.
func (m *Method) compare(ctx context.Context, i *identity.Identity, password string) (bool, error) {
	h := m.Hasher()
	var ok bool
	var err error
	if i == nil || i.PasswordHash() == "" {
		err = h.CompareUnknown(ctx, []byte(password))
	} else {
		ok, err = h.Compare(ctx, []byte(password), i.PasswordHash())
	}
	if errors.Is(err, hash.ErrTooLong) {
		return false, nil // no stored hash can be of such a password
	}
	return ok, err
}

// rehash moves a hash made with other parameters to the configured ones, now that
// the password is known. A failure keeps the old hash and doesn't stop the login.
func (m *Method) rehash(ctx context.Context, i *identity.Identity, password string) bool {
	h := m.Hasher()
	if !h.NeedsRehash(i.PasswordHash()) {
		return false
	}
	next, err := h.Hash(ctx, []byte(password))
	if err != nil {
		m.Logger.WarnContext(ctx, "keeping a password hash with old parameters", "identity", i.ID, "error", err)
		return false
	}
	i.SetPassword(next, m.Now())
	return true
}

// RegistrationForm implements flow.RegistrationMethod.
func (m *Method) RegistrationForm(*flow.Flow) ui.Nodes {
	return ui.Nodes{passwordNode("new-password"), ui.NewSubmit(ui.GroupPassword, "method", "password", ui.MsgRegistration.Message())}
}

// CheckRegistration implements flow.RegistrationMethod.
func (m *Method) CheckRegistration(f *flow.Flow, s flow.Submission) {
	missing(f, "password", s.String("password"))
}

// Register implements flow.RegistrationMethod.
func (m *Method) Register(ctx context.Context, f *flow.Flow, s flow.Submission, i *identity.Identity) (flow.Outcome, error) {
	ok, err := m.set(ctx, f, s.String("password"), i)
	if err != nil || !ok {
		return flow.Outcome{Rejected: err == nil}, err
	}
	return flow.Outcome{Identity: i, AMR: m.amr()}, nil
}

// set gives the identity a password that the policy allows; else it says in f why not.
func (m *Method) set(ctx context.Context, f *flow.Flow, password string, i *identity.Identity) (ok bool, err error) {
	msg, err := m.Policy().Check(ctx, password, i.Credentials[identity.Password].Identifiers)
	if err != nil {
		return false, fmt.Errorf("checking the password policy: %w", err)
	}
	if msg != nil {
		f.AddField("password", *msg)
		return false, nil
	}
	h, err := m.Hasher().Hash(ctx, []byte(password))
	if errors.Is(err, hash.ErrTooLong) {
		f.AddField("password", ui.PasswordTooLong(m.Hasher().MaxLength(), len(password)))
		return false, nil
	}
	if err != nil {
		return false, busy(err)
	}
	i.SetPassword(h, m.Now())
	return true, nil
}

func (m *Method) amr() session.AuthenticationMethod {
	return session.AuthenticationMethod{Method: string(identity.Password), AAL: session.AAL1, CompletedAt: m.Now().UTC().Round(0)}
}

func passwordNode(autocomplete string) *ui.Node {
	return ui.NewInput(ui.GroupPassword, "password", ui.InputPassword, ui.Required(), ui.Autocomplete(autocomplete), ui.Label(ui.MsgPasswordLabel.Message()))
}

// missing puts the message of a missing field into the flow, once.
func missing(f *flow.Flow, name, value string) bool {
	if value != "" {
		return false
	}
	if len(f.FieldMessages[name]) == 0 {
		f.AddField(name, ui.Missing(name))
	}
	return true
}

// busy tells the client to come back when the hash limiter is full.
func busy(err error) error {
	if errors.Is(err, hash.ErrBusy) {
		return apierror.TooManyRequests("Too many people are signing in at this moment. Please try again in a few seconds.")
	}
	return err
}
