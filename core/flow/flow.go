// Package flow says what a self-service flow is, what a method may do in it, and what a hook may decide.
//
// It holds the words that engine, methods, hooks and the HTTP edge share, and
// no behaviour: the phases live in package selfservice.
package flow

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/gatehouse-id/gatehouse/core/courier"
	"github.com/gatehouse-id/gatehouse/core/guess"
	"github.com/gatehouse-id/gatehouse/core/identity"
	"github.com/gatehouse-id/gatehouse/core/onetime"
	"github.com/gatehouse-id/gatehouse/core/session"
	"github.com/gatehouse-id/gatehouse/core/ui"
)

// Kind names a flow kind as in the paths of the API, for example "login".
type Kind string

// Flow kinds.
const (
	Login        Kind = "login"
	Registration Kind = "registration"
	Settings     Kind = "settings"
	Recovery     Kind = "recovery"
	Verification Kind = "verification"
)

// Type tells who drives a flow.
type Type string

// Flow types.
const (
	API     Type = "api"
	Browser Type = "browser"
)

// States of a flow.
const (
	StateChooseMethod    = "choose_method"    // it waits for a first submission
	StateSentEmail       = "sent_email"       // a message is on its way
	StatePassedChallenge = "passed_challenge" // recovery and verification: the code or link was right
	StateShowForm        = "show_form"        // settings: it waits for changes
	StateSuccess         = "success"          // settings: the last change is stored
)

// Flow is one run of a self-service form. An anonymous flow lives in its id and,
// for browsers, in a sealed cookie; a record is stored from the first submission
// that leaves something to remember (design promise 3).
type Flow struct {
	ID           string
	Kind         Kind
	Type         Type
	IssuedAt     time.Time
	ExpiresAt    time.Time
	RequestURL   string // absolute URL of the init request
	ReturnTo     string // allowed and absolute, or empty
	Refresh      bool
	RequestedAAL session.AAL
	Active       identity.CredentialType // method used last, or empty
	State        string
	Completed    bool
	// IdentityID is whose settings these are, or who a recovery or verification
	// turned out to be about; "" before that is known.
	IdentityID string
	// Unbound says that the flow belongs to whoever has its id: an administrator made
	// it, or all it shows is that an address is verified.
	Unbound bool
	// Identity is, in a settings flow, the identity as it is stored now. It is read
	// when the flow is, and never stored with it.
	Identity *identity.Identity

	Values        map[string]any          // submitted values kept for the form, by node name; never secrets
	Messages      []ui.Message            // global messages of the last submission
	FieldMessages map[string][]ui.Message // by node name

	// ExchangeCode is the first of two codes by which an app gets its session; it is told
	// when the flow begins and never again.
	ExchangeCode string

	// Notes are what methods remember from one submission to the next, such as codes that
	// were shown and not confirmed yet. They are sealed in the record.
	Notes map[identity.CredentialType][]byte

	UI ui.Container // derived when the flow is shown, never stored

	// Revision is the store's revision of the record; 0 = the flow has none.
	Revision int64
}

// Expired tells whether the flow can't be used any more at the time now.
func (f *Flow) Expired(now time.Time) bool { return !now.Before(f.ExpiresAt) }

// AddField puts a message beside the node with that name.
func (f *Flow) AddField(name string, m ui.Message) {
	if f.FieldMessages == nil {
		f.FieldMessages = map[string][]ui.Message{}
	}
	f.FieldMessages[name] = append(f.FieldMessages[name], m)
}

// ClearMessages forgets the messages of an earlier submission.
func (f *Flow) ClearMessages() { f.Messages, f.FieldMessages = nil, nil }

// Untouched presets a field with "", which it has until something was submitted.
func (f *Flow) Untouched() ui.Option {
	if len(f.Messages) == 0 && len(f.FieldMessages) == 0 {
		return ui.Value("")
	}
	return ui.Value(nil)
}

// SetValue keeps a submitted value for the form.
func (f *Flow) SetValue(name string, v any) {
	if f.Values == nil {
		f.Values = map[string]any{}
	}
	f.Values[name] = v
}

// Note remembers something for the method; nil forgets it.
func (f *Flow) Note(m identity.CredentialType, note []byte) {
	if note == nil {
		delete(f.Notes, m)
		return
	}
	if f.Notes == nil {
		f.Notes = map[identity.CredentialType][]byte{}
	}
	f.Notes[m] = note
}

// Record is what is stored of a flow, as JSON.
type Record struct {
	ID            string                  `json:"id"`
	RequestURL    string                  `json:"request_url,omitempty"`
	ReturnTo      string                  `json:"return_to,omitempty"`
	ExpiresAt     time.Time               `json:"expires_at"`
	Active        identity.CredentialType `json:"active,omitempty"`
	Completed     bool                    `json:"completed,omitempty"`
	State         string                  `json:"state,omitempty"` // "" means the state the flow begins in
	IdentityID    string                  `json:"identity_id,omitempty"`
	Unbound       bool                    `json:"unbound,omitempty"`
	Values        map[string]any          `json:"values,omitempty"`
	Messages      []ui.Message            `json:"messages,omitempty"`
	FieldMessages map[string][]ui.Message `json:"field_messages,omitempty"`
	// Notes are Flow.Notes, each sealed for this flow and its method.
	Notes map[identity.CredentialType][]byte `json:"notes,omitempty"`

	// Revision is the store's revision of the record as read; 0 = new.
	Revision int64 `json:"-"`
}

// StoredError is an error kept for the error page of a user interface.
type StoredError struct {
	ID        string          `json:"id"`
	Error     json.RawMessage `json:"error"`
	CreatedAt time.Time       `json:"created_at"`
	ExpiresAt time.Time       `json:"expires_at"`
}

// Errors of a Store.
var (
	// ErrNotFound says that the flow or error has no record.
	ErrNotFound = errors.New("flow: no record")
	// ErrChanged says that the flow was submitted by somebody else at the same time.
	ErrChanged = errors.New("flow: changed by another submission")
)

// Changes is everything one submission changes; it is committed at once or not at all.
type Changes struct {
	// Flow is the new state of the flow's record. Its Revision is the one that was
	// read (0 = there was none): a commit that finds another fails with ErrChanged,
	// so a flow can be completed once only.
	Flow *Record

	CreateIdentity *identity.Identity // identity.ErrDuplicate when an identifier is taken
	UpdateIdentity *identity.Identity // identity.ErrChanged when it is not the newest
	// ProvenIdentity is who has shown a credential, as it was compared with:
	// identity.ErrChanged when the identity was changed since, its password perhaps.
	ProvenIdentity *identity.Identity

	CreateSession *session.Session // with TokenHash set
	UpdateSession *session.Session // session.ErrChanged when revoked or changed meanwhile
	// ReplacesToken is the hash that UpdateSession had before, when its token changed.
	ReplacesToken *session.TokenHash
	// RevokeSessions are the ids of sessions that end with this commit, at most MaxRevoked.
	RevokeSessions []string

	// StartFlows are new flows that this one leads to.
	StartFlows []*Record
	// IssuePasses take the place of the passes that their flows had.
	IssuePasses []*onetime.Pass
	// SpendPass is used up by this commit: onetime.ErrSpent when it was before.
	SpendPass *onetime.Pass
	// ForgetGuess forgets the wrong answers before this one, which was right.
	ForgetGuess *guess.Guess
	// Mailings count the messages of this commit that anybody could ask for:
	// onetime.ErrTooMany when an address has had enough of them.
	Mailings []onetime.Mailing

	// Messages are queued with the rest: nobody gets a mail about what didn't
	// happen, and what happened is never without its mail. A courier.Composer
	// makes them.
	Messages []*courier.Message
	// Decoys are written as messages are and never read: an address that nobody has
	// costs the same work as one that somebody has.
	Decoys []*courier.Message
}

// MaxRevoked bounds Changes.RevokeSessions: one commit has room for so many beside the rest.
const MaxRevoked = 32

// Store keeps flow records and commits what a submission changed.
type Store interface {
	// Flow reads the record of a flow; ErrNotFound when it has none.
	Flow(ctx context.Context, id string) (*Record, error)
	// Commit applies the changes in one transaction and sets the Revisions of
	// what it stored. A retry of a commit whose outcome was unknown recognises
	// its own work.
	Commit(ctx context.Context, c *Changes) error
	// SaveError and LoadError keep errors for the error page; ErrNotFound.
	SaveError(ctx context.Context, e *StoredError) error
	LoadError(ctx context.Context, id string) (*StoredError, error)
}
