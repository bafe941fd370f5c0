package selfservice

import (
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/gatehouse-id/gatehouse/core/apierror"
	"github.com/gatehouse-id/gatehouse/core/flow"
)

// ErrSignedIn marks the errors that say "you are signed in already"; a browser
// is sent on to where it wanted to go in place of seeing them.
var ErrSignedIn = errors.New("selfservice: signed in already")

func alreadySignedIn(k flow.Kind) *apierror.Error {
	return apierror.SessionAlreadyAvailable(string(k)).WithCause(ErrSignedIn)
}

// gone answers a read of a flow that can't be used any more and says where a
// new one is to be had.
func gone(f *flow.Flow, c *Client) *apierror.Error {
	init := c.Base + "/self-service/" + string(f.Kind) + "/" + string(f.Type)
	e := apierror.Gone("").WithID(apierror.IDFlowExpired)
	if f.Type == flow.API {
		e.Reason = fmt.Sprintf("This %s flow is over. The API endpoint in the details starts a new one.", f.Kind)
		return e.WithDetail("api", init)
	}
	if f.ReturnTo != "" {
		init += "?return_to=" + url.QueryEscape(f.ReturnTo)
	}
	e.Reason = fmt.Sprintf("This %s flow is over. Send the browser to the address in the details to start a new one.", f.Kind)
	return e.WithDetail("redirect_to", init).WithDetail("return_to", f.ReturnTo)
}

// ErrForeignPage refuses a form that a page of another site submits.
var ErrForeignPage = apierror.CSRF("The browser says that a page of another site has sent the request.")

// csrfViolation says why a browser's submission is refused (behaviours.md 5).
func csrfViolation(c *Client) *apierror.Error {
	return CSRFError(c.HasCookies, len(c.CSRF) > 0 && !c.NewCSRF)
}

// CSRFError is the answer to a request that fails the CSRF check.
func CSRFError(hasCookies, hasCSRFCookie bool) *apierror.Error {
	switch {
	case !hasCookies:
		return apierror.CSRF("The request carries no cookies.")
	case !hasCSRFCookie:
		return apierror.CSRF("The request carries cookies, but not the CSRF cookie of this site.")
	}
	return apierror.CSRF("The request carries a CSRF cookie, but the CSRF token it sent does not fit to it.")
}

func lower(s string) string { return strings.ToLower(s) }

// shorten makes client input fit to be repeated in an error.
func shorten(s string) string {
	if len(s) > 64 {
		return s[:64] + "..."
	}
	return s
}
