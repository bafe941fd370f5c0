package flow

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/gatehouse-id/gatehouse/core/identity"
	"github.com/gatehouse-id/gatehouse/core/session"
	"github.com/gatehouse-id/gatehouse/core/ui"
)

// ErrNotResponsible is returned by a method that a submission was not meant
// for; any other error of a method is a technical failure.
var ErrNotResponsible = errors.New("flow: the method is not responsible for this submission")

// Submission is a decoded request body. Form fields are already typed by the
// identity schema, and dotted names built into objects.
type Submission struct {
	Method           string         // value of the field "method"
	CSRFToken        string         // value of the field "csrf_token"
	Fields           map[string]any // the whole body, decoded
	TransientPayload json.RawMessage
}

// String returns the field as text, or "" when it is missing or not text.
func (s Submission) String(name string) string {
	v, _ := s.Fields[name].(string)
	return v
}

// Traits returns the submitted traits, or nil.
func (s Submission) Traits() map[string]any {
	t, _ := s.Fields["traits"].(map[string]any)
	return t
}

// Outcome is what a method's step came to.
type Outcome struct {
	// Rejected says that the submission did not succeed and that the reasons stand
	// in the flow's messages. A wrong credential is a rejection, not an error.
	Rejected bool

	Identity       *identity.Identity // who has proven to be it, or the new identity
	IdentityChange bool               // Identity was changed (a rehash) and is to be stored
	AMR            session.AuthenticationMethod
}

// Method is a credential method. What it can do beyond its name is said by the
// further interfaces it implements.
type Method interface {
	Name() identity.CredentialType
	// Enabled tells whether the current configuration has the method switched on.
	Enabled() bool
}

// LoginMethod can sign somebody in.
type LoginMethod interface {
	Method
	// LoginForm returns the method's nodes. who is the signed-in identity on a
	// refresh, else nil.
	LoginForm(f *Flow, who *identity.Identity) ui.Nodes
	// Login checks the submitted credential. It puts what is wrong into f.
	Login(ctx context.Context, f *Flow, s Submission) (Outcome, error)
}

// RegistrationMethod can give a new identity its first credential.
type RegistrationMethod interface {
	Method
	RegistrationForm(f *Flow) ui.Nodes
	// CheckRegistration puts what is missing in the submission into f; it does no
	// expensive work.
	CheckRegistration(f *Flow, s Submission)
	// Register adds the credential to i, whose traits are valid and applied.
	Register(ctx context.Context, f *Flow, s Submission, i *identity.Identity) (Outcome, error)
}

// SettingsMethod can change the account of somebody who is signed in.
type SettingsMethod interface {
	Method
	// SettingsForm returns the method's nodes for the identity f.Identity.
	SettingsForm(f *Flow) ui.Nodes
	// Privileged tells whether every change needs a session that was confirmed
	// lately. Changes of identifiers and addresses need one in any case.
	Privileged() bool
	// ChangeSettings applies the submission to i, a copy of f.Identity. New traits
	// are put in as they came: the engine validates them and derives what follows.
	ChangeSettings(ctx context.Context, f *Flow, s Submission, i *identity.Identity) (Outcome, error)
}
