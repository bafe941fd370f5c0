package flow

import (
	"context"
	"strings"

	"github.com/gatehouse-id/gatehouse/core/identity"
	"github.com/gatehouse-id/gatehouse/core/session"
	"github.com/gatehouse-id/gatehouse/core/ui"
)

// Point names a place in a flow where hooks run, for example "registration.pre_persist".
type Point string

// Hook points.
const (
	BeforeLogin             Point = "login.before"
	AfterLogin              Point = "login.after"
	BeforeRegistration      Point = "registration.before"
	PrePersistRegistration  Point = "registration.pre_persist"
	PostPersistRegistration Point = "registration.post_persist"
	BeforeSettings          Point = "settings.before"
	PrePersistSettings      Point = "settings.pre_persist"
	PostPersistSettings     Point = "settings.post_persist"
	BeforeRecovery          Point = "recovery.before"
	AfterRecovery           Point = "recovery.after"
	BeforeVerification      Point = "verification.before"
	AfterVerification       Point = "verification.after"
	// MapClaims is when somebody has come back from another site: what becomes of its claims?
	MapClaims Point = "oidc.claims"
)

// Points lists the places where hooks run.
func Points() []Point {
	return []Point{
		BeforeRegistration, PrePersistRegistration, PostPersistRegistration, BeforeLogin, AfterLogin,
		BeforeSettings, PrePersistSettings, PostPersistSettings,
		BeforeRecovery, AfterRecovery, BeforeVerification, AfterVerification, MapClaims,
	}
}

// Before tells whether the point lies before a submission is looked at.
func (p Point) Before() bool { return strings.HasSuffix(string(p), ".before") }

// Request is what hooks may know about the HTTP request. It never holds
// cookies, credentials or tokens.
type Request struct {
	Method   string
	URL      string
	ClientIP string
	Headers  map[string][]string // allow-listed
}

// HookInput is what a hook is told.
type HookInput struct {
	Point    Point
	Method   identity.CredentialType
	Flow     *Flow
	Identity *identity.Identity // nil before anybody is known; a pre-persist hook may change it
	Session  *session.Session   // nil when there is none (yet)
	Request  Request
	Payload  []byte // the client's transient payload, JSON, or nil
	// Proof is, at MapClaims, what somebody has come back with. Identity is then what has been made of it so far.
	Proof *Proof
}

// PointedMessage is a message for the node that a JSON pointer names
// ("#/traits/email"); an empty pointer or "#/" means the whole form.
type PointedMessage struct {
	Pointer string
	Message ui.Message
}

// Decision is what the hooks at one point decided together. The zero value
// lets the flow go on.
type Decision struct {
	Messages   []PointedMessage // not empty: the submission is rejected with these
	RedirectTo string           // not empty: the browser is sent there and the flow stops
	Denied     bool             // stop with a 403 and nothing more
	// IdentityChanged says that traits or metadata of the input's identity were
	// changed; the traits must be validated again.
	IdentityChanged bool
	// IssueSession asks for a session after a registration (the hook "session").
	IssueSession bool
	// RevokeOthers asks that all other sessions of the identity end with the commit.
	RevokeOthers bool
	// ShowVerification asks that a registration goes on with the verification of the new address.
	ShowVerification bool
	// AfterCommit is to be called once the submission is stored, and not at all when it
	// isn't. The functions don't block.
	AfterCommit []func()
}

// Stops tells whether the flow must not go on.
func (d Decision) Stops() bool { return len(d.Messages) > 0 || d.RedirectTo != "" || d.Denied }

// Hooks runs the hooks configured for a point, in order. An error is a technical
// failure of a hook whose failure denies.
type Hooks interface {
	Run(ctx context.Context, in *HookInput) (Decision, error)
}
