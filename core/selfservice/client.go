package selfservice

import (
	"crypto/subtle"

	"github.com/gatehouse-id/gatehouse/core/flow"
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
	// Binding is what the browser's flow cookie remembers of the flow, or nil.
	Binding *Binding

	HasCookies bool // the request carried a Cookie header
	HasOrigin  bool // the request carried an Origin header
	// Redirects says that the client follows redirects (a browser form) and does
	// not read JSON.
	Redirects bool

	UserAgent string
	IP        string
	Request   flow.Request
}

// Binding ties an anonymous browser flow to the browser that started it. It
// travels in one sealed cookie, so that starting a flow stores nothing.
type Binding struct {
	ID         string `json:"i"`
	RequestURL string `json:"u"`           // path and query of the init request
	ReturnTo   string `json:"r,omitempty"` // checked
	Tag        []byte `json:"t"`           // ties the flow to the CSRF cookie, see Engine.tag
}

// tag computes what ties a flow to a CSRF cookie. A flow can be read and
// submitted only by a browser that holds the cookie it was made with.
func (e *Engine) tag(csrf []byte, id string) []byte {
	return e.Keys.MAC("flow binding", append([]byte(id+"\x00"), csrf...))[:16]
}

// owns tells whether the client is the browser that the tag was made for.
func (e *Engine) owns(c *Client, id string, tag []byte) bool {
	if len(c.CSRF) == 0 || c.NewCSRF || len(tag) == 0 {
		return false
	}
	return subtle.ConstantTimeCompare(e.tag(c.CSRF, id), tag) == 1
}

// signedIn tells whether the client has a valid session.
func (c *Client) signedIn() bool { return c.Facts != nil }
