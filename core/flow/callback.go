package flow

import (
	"context"
	"encoding/json"
	"net/url"

	"github.com/gatehouse-id/gatehouse/core/apierror"
	"github.com/gatehouse-id/gatehouse/core/identity"
)

// Trip is what a method has to know of the way there and back.
type Trip struct {
	// State comes back with the browser. It can't be guessed, and fits this trip only.
	State string
	// Mount is the absolute URL of the mount that the browser comes back to.
	Mount string
}

// Departure sends a browser to another site, where the person proves who they are.
type Departure struct {
	Site string // the site's id, as in the path that the browser comes back to
	To   string // absolute
	// Luggage is what the method has to know when the browser is back. The engine seals
	// it, and nobody else sees it.
	Luggage []byte
}

// Proof is what somebody has shown of an account at another site.
type Proof struct {
	Site string
	// Label is what people call the site.
	Label string
	// Identifier is that of the credential, for example "acme:1234".
	Identifier string

	// Traits, metadata and addresses are for a new identity. Traits are not validated.
	Traits         map[string]any
	MetadataPublic json.RawMessage
	MetadataAdmin  json.RawMessage
	// Verified are addresses that a mapper says the site has seen to be the person's.
	Verified []identity.Address
	// Claims are what the site says of the person, a JSON object, for hooks that map it. They are not kept.
	Claims json.RawMessage `json:"-"`

	// Address is one that the site has seen to be the person's, wherever the traits have it.
	Address identity.Address

	// Config is the method's part of the credential. Secrets in it are sealed when
	// Adopt gives it to an identity, and not before.
	Config json.RawMessage
}

// Unmappable tells a person that a site's claims can't be made an identity of. Why is for the
// operator: mappers and their errors may hold any claim.
func Unmappable(label string) *apierror.Error {
	return apierror.BadRequest("What %s says of you can't be used here. Please contact support, or use another way.", label)
}

// PresentedMethod is a CallbackMethod to which clients can also hand what they have from
// the site by other means, such as an ID token of the system they run on.
type PresentedMethod interface {
	CallbackMethod
	// Present checks what a submission hands in; nil when that is nothing. Errors are as those of Depart.
	Present(ctx context.Context, f *Flow, s Submission) (*Proof, error)
}

// CallbackMethod has people prove at another site who they are. The engine sends the
// browser there, takes it back only where it was sent from, and only once; the steps of
// the other interfaces then find the Proof in the submission.
type CallbackMethod interface {
	Method
	// Depart tells where a submission sends the browser. It is nil when the submission
	// can be answered here, and ErrNotResponsible when it doesn't say where to go. What is
	// wrong on the way is an *apierror.Error of kind BadRequest, to be shown in the flow.
	Depart(ctx context.Context, f *Flow, s Submission, t Trip) (*Departure, error)
	// Arrive redeems what the browser brought back from the site, with an error as that of
	// Depart. Whatever it costs to be right, it is called once for a departure.
	Arrive(ctx context.Context, d Departure, t Trip, answer url.Values) (*Proof, error)
	// Adopt gives the account to an identity, as one more credential.
	Adopt(i *identity.Identity, p *Proof) error
	// Holds tells whether the flow waits for more from somebody who has been at a site, so
	// that its form has no room for other methods.
	Holds(f *Flow) bool
}
