package selfservice

import (
	"crypto/sha256"
	"encoding/binary"

	"github.com/gatehouse-id/gatehouse/core/flow"
	"github.com/gatehouse-id/gatehouse/core/identity"
	"github.com/gatehouse-id/gatehouse/core/secret"
	"github.com/gatehouse-id/gatehouse/core/session"
)

// Client is what the edge knows about the sender of a request.
type Client struct {
	// Base is the absolute URL of the mount the request came in on, without a
	// trailing slash; every URL in an answer starts with it.
	Base string
	// Facts is the valid session of the request, or nil.
	Facts *session.Facts
	// Token is the session token that Facts was found with.
	Token string

	// CSRF is the secret in the browser's CSRF cookie, or nil. NewCSRF says that
	// the browser didn't send it but is being given it by this very answer.
	CSRF    []byte
	NewCSRF bool
	// NextCSRF is the secret that a browser is given if this request signs it in.
	NextCSRF []byte
	// LinksOnly says that the client is of the time before one-time codes.
	LinksOnly bool
	// AllSites says that the client confirms a session at any other site, also where the
	// person has no account.
	AllSites bool
	// KeepsToken says that the client expects no other session cookie from settings.
	KeepsToken bool
	// Continuity is a secret that only this browser has, for as long as it is at another
	// site. A browser that has none yet is given it when it is sent there.
	Continuity string
	// Binding is what the browser's flow cookie remembers of the flow, or nil.
	Binding *Binding

	HasCookies bool // the request carried a Cookie header
	HasOrigin  bool // the request carried an Origin header
	// ForeignPage says that a page made the request which may not submit our forms.
	ForeignPage bool
	// Redirects says that the client follows redirects (a browser form) and does
	// not read JSON.
	Redirects bool

	UserAgent string
	IP        string
	Request   flow.Request
}

// Binding is what an anonymous browser flow needs beyond its id. It travels in
// one sealed cookie, so that starting a flow stores nothing; a browser that has
// lost it can still finish the flow and then goes to the default place.
type Binding struct {
	ID         string `json:"i"`
	RequestURL string `json:"u"`           // path and query of the init request
	ReturnTo   string `json:"r,omitempty"` // checked
}

// owner ties a flow id to a CSRF cookie, in as many bits as an id has room for. A
// flow can be read and submitted only by a browser that holds the cookie it was
// made with. Another browser fits by chance once in a million flows, without
// being able to tell or to gain from it: the form it submits still needs the
// token of its own cookie.
func owner(csrf []byte) uint32 {
	sum := sha256.Sum256(append([]byte("flow owner\x00"), csrf...))
	return binary.BigEndian.Uint32(sum[:]) >> (32 - secret.FlowOwnerBits)
}

// identityOwner ties the id of a settings flow to an identity, as owner does to a
// browser. An identity that fits by chance finds its own account in the form: all
// that the flow shows and changes is read from the session's identity.
func identityOwner(id string) uint32 {
	sum := sha256.Sum256([]byte("flow identity\x00" + id))
	return max(1, binary.BigEndian.Uint32(sum[:])>>(32-secret.FlowOwnerBits)) // 0 means none
}

// owns tells whether the client may see and submit a flow: the identity that it is
// about, an API client, or the browser that started it.
func (e *Engine) owns(c *Client, f *flow.Flow) bool {
	if f.Identity != nil {
		p, ok := e.Keys.ParseFlowID(f.ID)
		return ok && p.Owner == identityOwner(f.Identity.ID)
	}
	return f.Type == flow.API || !c.NewCSRF && e.MadeFor(f.ID, c.CSRF)
}

// MadeFor tells whether a browser flow was started with that CSRF secret. The edge
// asks when a browser sends several CSRF cookies: only the one that the flow is
// bound to decides.
func (e *Engine) MadeFor(id string, csrf []byte) bool {
	p, ok := e.Keys.ParseFlowID(id)
	return ok && !p.API && len(csrf) > 0 && p.Owner == owner(csrf)
}

// confirming is whom a method's login form is made for.
func (c *Client) confirming(m flow.Method, who *identity.Identity) *identity.Identity {
	if _, ok := m.(flow.CallbackMethod); ok && c.AllSites {
		return nil
	}
	return who
}

// signedIn tells whether the client has a valid session.
func (c *Client) signedIn() bool { return c.Facts != nil }

// IsAPI tells whether a flow id is one of ours and belongs to an API client,
// who is answered in JSON whatever it accepts.
func (e *Engine) IsAPI(id string) bool {
	p, ok := e.Keys.ParseFlowID(id)
	return ok && p.API
}
