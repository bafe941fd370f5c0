package flow

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/gatehouse-id/gatehouse/core/courier"
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
	// Proof is what a browser has come back with from another site, or nil.
	Proof *Proof
}

// String returns the field as text, or "" when it is missing or not text.
func (s Submission) String(name string) string {
	v, _ := s.Fields[name].(string)
	return v
}

// Bool tells whether the field is true, or "true" as a form sends it.
func (s Submission) Bool(name string) bool { return s.Fields[name] == true || s.String(name) == "true" }

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
	// Shows says, in settings, that the flow has something to show before there is
	// anything to store but the flow itself.
	Shows bool

	Identity       *identity.Identity // who has proven to be it, or the new identity
	IdentityChange bool               // Identity was changed (a rehash) and is to be stored
	// Traits are, at a login, those that the identity should have from now on; nil leaves
	// it as it is. They are not validated.
	Traits map[string]any
	// AMR is the factor that was proven; in settings, one that was set up, if any.
	AMR session.AuthenticationMethod
}

// Method is a credential method. What it can do beyond its name is said by the
// further interfaces it implements.
type Method interface {
	Name() identity.CredentialType
	// Enabled tells whether the current configuration has the method switched on.
	Enabled() bool
}

// Claimer is a method that also recognises submissions that don't name it, by a button
// of its own: browsers send the button that was pressed and no other.
type Claimer interface {
	Method
	Claims(s Submission) bool
}

// Selective is a method that, as it is configured, serves only some of the kinds of flow
// that it could.
type Selective interface {
	Method
	Serves(k Kind) bool
}

// IdentifierField is the field of a login in which people say who they are.
const IdentifierField = "identifier"

// Identifying is a login method that has to be told who signs in. The engine asks for it,
// once for all of them.
type Identifying interface {
	LoginMethod
	NeedsIdentifier() bool
}

// Autofilling is a login method that browsers offer in the field for the identifier.
type Autofilling interface {
	LoginMethod
	Autofills()
}

// LoginMethod can sign somebody in.
type LoginMethod interface {
	Method
	// Proves tells whether the method is of use in flows that ask for the level: as a
	// first factor (session.AAL1), or as one beside another (session.AAL2).
	Proves(level session.AAL) bool
	// LoginForm returns the method's nodes. who is the signed-in identity on a refresh
	// and where a second factor is asked for, else nil.
	LoginForm(f *Flow, who *identity.Identity) ui.Nodes
	// Login checks the submitted credential. It puts what is wrong into f. who is the
	// identity, as it is stored now, whose second factor is asked for, else nil. To a
	// ChallengeMethod it is whoever has brought back what was sent, which has proven it.
	Login(ctx context.Context, f *Flow, who *identity.Identity, s Submission) (Outcome, error)
}

// AccountMethod is a first factor that people type with the name of their account. The
// engine counts its answers, and lets few wrong ones reach Login.
type AccountMethod interface {
	LoginMethod
	// Account tells whose secret a submission is about to be compared with: the normalised
	// identifier, "" when nothing will be compared, and the identity, nil when nobody has
	// the identifier.
	Account(ctx context.Context, s Submission) (identifier string, who *identity.Identity, err error)
}

// SteppingMethod asks who somebody is before it asks for the proof.
type SteppingMethod interface {
	LoginMethod
	// Halfway tells whether it waits for the proof: the form shows nothing else then.
	Halfway(f *Flow) bool
}

// GuessableMethod is a second factor that people type. The engine counts its answers, and
// lets few of them reach Login.
type GuessableMethod interface {
	LoginMethod
	// Answers tells whether the submission holds something to compare.
	Answers(s Submission) bool
}

// RegistrationMethod can give a new identity its first credential.
type RegistrationMethod interface {
	Method
	RegistrationForm(f *Flow) ui.Nodes
	// CheckRegistration puts what is missing in the submission into f; it does no
	// expensive work.
	CheckRegistration(f *Flow, s Submission)
	// Register adds the credential to i, whose traits are valid and applied. A
	// ChallengeMethod is asked when its challenge is passed.
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

// Fields that name the mailbox to prove: in recovery and verification, and where a code is
// the second factor.
const (
	AddressField       = "email"
	SecondAddressField = "address"
)

// ResendField is the button of a sign-in or sign-up that sends another code.
const ResendField = "resend"

// Challenge is a fresh secret that proves a mailbox, and what the letter says that brings it there.
type Challenge struct {
	Secret   string // for the letter and nowhere else
	Lifespan time.Duration
	Data     courier.Data
}

// ChallengeWords are what a method says in a flow.
type ChallengeWords struct {
	Sent, Wrong ui.Message           // the letter is on its way; what was brought back opens nothing
	Valid       courier.TemplateType // of the letter to somebody who has the address
	Invalid     courier.TemplateType // of the letter to an address that nobody has
	AMR         string               // how a recovery was proven, as sessions tell it
}

// ChallengeMethod lets people prove that they read what is sent to an address. In recovery
// and verification that is all there is to do; one that also is a LoginMethod or a
// RegistrationMethod lets them sign in and up with it.
type ChallengeMethod interface {
	Method
	// ChallengeForm returns the nodes that ask for the address, or for what was sent to it.
	// In a login or registration it is asked for the latter only.
	ChallengeForm(f *Flow) ui.Nodes
	// NewChallenge makes a challenge for the flow. mount is the URL the API is served at.
	NewChallenge(f *Flow, mount string) Challenge
	// Answer finds in a submission what was sent, in the form in which it was made;
	// "" when it can't be that. field is the name of the field it has to be in.
	Answer(s Submission) (answer, field string)
	Words(f *Flow) ChallengeWords
}

// ImportMethod can take over the credentials of another system.
type ImportMethod interface {
	Method
	// Import adds to i what a document of the admin API says, whose shape is that of Kratos.
	// What can't be used is refused with an *apierror.Error.
	Import(i *identity.Identity, config json.RawMessage) error
}
