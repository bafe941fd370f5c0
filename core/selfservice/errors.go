package selfservice

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/gatehouse-id/gatehouse/core/apierror"
	"github.com/gatehouse-id/gatehouse/core/flow"
)

// ErrSignedIn marks the errors that say "you are signed in already"; a browser
// is sent on to where it wanted to go in place of seeing them.
var ErrSignedIn = errors.New("selfservice: signed in already")

const alreadyReason = "A valid session was detected and thus %s is not possible."

func alreadySignedIn(k flow.Kind, hint string) *apierror.Error {
	e := apierror.BadRequest(fmt.Sprintf(alreadyReason, k) + hint).WithID(apierror.IDSessionAlreadyAvailable)
	e.Message = "you are already logged in"
	e.Err = ErrSignedIn
	return e
}

func disabled(k flow.Kind) *apierror.Error {
	return apierror.BadRequest(fmt.Sprintf("The %s flow is switched off by the administrator.", k)).WithID(apierror.IDFlowDisabled)
}

// gone answers a read of a flow that can't be used any more and says where a
// new one is to be had.
func gone(f *flow.Flow, c *Client) *apierror.Error {
	init := c.Base + "/self-service/" + string(f.Kind) + "/" + string(f.Type)
	e := apierror.Gone("").WithID(apierror.IDFlowExpired)
	if f.Type == flow.API {
		e.Reason = fmt.Sprintf("The %s flow has expired. Call the %s flow init API endpoint to initialize a new one.", f.Kind, f.Kind)
		return e.WithDetail("api", init)
	}
	if f.ReturnTo != "" {
		init += "?return_to=" + url.QueryEscape(f.ReturnTo)
	}
	e.Reason = fmt.Sprintf("The %s flow has expired. Send the browser to the %s flow init endpoint to initialize a new one.", f.Kind, f.Kind)
	return e.WithDetail("redirect_to", init).WithDetail("return_to", f.ReturnTo)
}

// expiredError answers the submission of an expired flow and names the flow
// that takes its place.
func expiredError(at, now time.Time, next *flow.Flow) *apierror.Error {
	e := apierror.Gone(fmt.Sprintf("The self-service flow expired %.2f minutes ago, initialize a new one.", now.Sub(at).Minutes()))
	e.ID, e.Message = apierror.IDFlowExpired, "self-service flow expired"
	e.Extra = map[string]any{"since": now.Sub(at).Nanoseconds(), "expired_at": at, "use_flow_id": next.ID}
	return e
}

// csrfViolation says why a browser's submission is refused (behaviours.md 5).
func csrfViolation(c *Client) *apierror.Error {
	return CSRFError(c.HasCookies, len(c.CSRF) > 0 && !c.NewCSRF)
}

// CSRFError is the answer to a request that fails the CSRF check.
func CSRFError(hasCookies, hasCSRFCookie bool) *apierror.Error {
	why := "The request carries a CSRF cookie, but the CSRF token it sent does not fit to it. Delete the cookies of this site and start the flow again."
	switch {
	case !hasCookies:
		why = "The request carries no cookies."
	case !hasCSRFCookie:
		why = "The request carries cookies, but not the CSRF cookie of this site."
	}
	e := apierror.Forbidden("The request was rejected to protect you from Cross-Site-Request-Forgery (CSRF). Please start again, and delete the cookies of this site if that does not help.").
		WithID(apierror.IDCSRFViolation)
	e.Message = "the request was rejected to protect you from Cross-Site-Request-Forgery"
	return e.WithDetail("docs", "https://www.ory.com/docs/troubleshooting/csrf").
		WithDetail("hint", "Browsers must send the cookies that they got when the flow was started. Servers must pass the Cookie header of the browser on.").
		WithDetail("reject_reason", why)
}

func lower(s string) string { return strings.ToLower(s) }

// quoteShort makes client input fit to be repeated in an error.
func quoteShort(s string) string {
	if len(s) > 64 {
		s = s[:64] + "..."
	}
	return fmt.Sprintf("%q", s)
}
