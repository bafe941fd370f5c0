package apierror

import "time"

// Constructors by kind. Reasons are sentences for the person who reads the client's log: they name what is wrong and,
// where it helps, the next step; never a secret.

// BadRequest says that the request itself is wrong.
func BadRequest(reason string, args ...any) *Error { return newError(KindBadRequest, reason, args) }

// Unauthorized says that the request does not prove who it is from.
func Unauthorized(reason string, args ...any) *Error { return newError(KindUnauthorized, reason, args) }

// Forbidden says that the sender is known and may not do this.
func Forbidden(reason string, args ...any) *Error { return newError(KindForbidden, reason, args) }

// NotFound says that there is no such resource at this address.
func NotFound(reason string, args ...any) *Error { return newError(KindNotFound, reason, args) }

// NoRecord says that no record has the id asked for. Clients know this case by its own message and absent reason.
func NoRecord() *Error {
	return &Error{Kind: KindNotFound, Message: "There is no such record"}
}

// MethodNotAllowed says that the address exists and does not answer this method.
func MethodNotAllowed(reason string, args ...any) *Error {
	return newError(KindMethodNotAllowed, reason, args)
}

// Conflict says that the change collides with what is stored.
func Conflict(reason string, args ...any) *Error { return newError(KindConflict, reason, args) }

// Gone says that the resource was there and has ended.
func Gone(reason string, args ...any) *Error { return newError(KindGone, reason, args) }

// Precondition says that the resource is not as the client believes.
func Precondition(reason string, args ...any) *Error {
	return newError(KindPrecondition, reason, args)
}

// TooLarge says that the body is over the limit.
func TooLarge(reason string, args ...any) *Error { return newError(KindTooLarge, reason, args) }

// UnsupportedMedia says that the content type of the body isn't read here.
func UnsupportedMedia(reason string, args ...any) *Error {
	return newError(KindUnsupportedMedia, reason, args)
}

// Unprocessable says that the request is well-formed and still can't be carried out.
func Unprocessable(reason string, args ...any) *Error {
	return newError(KindUnprocessable, reason, args)
}

// TooManyRequests says that the server sheds load or that the sender has to slow down.
func TooManyRequests(reason string, args ...any) *Error {
	return newError(KindTooManyRequests, reason, args)
}

// NotImplemented says that this server doesn't offer the operation.
func NotImplemented(reason string, args ...any) *Error {
	return newError(KindNotImplemented, reason, args)
}

// Unavailable says that the server can't answer safely at the moment. err is for the log.
func Unavailable(err error, reason string, args ...any) *Error {
	return newError(KindUnavailable, reason, args).WithCause(err)
}

// Internal hides err behind a 500. Returning err as it is has the same effect; Internal is for code that has to hand out
// an *Error.
func Internal(err error) *Error { return &Error{Kind: KindInternal, Err: err} }

func newError(kind Kind, reason string, args []any) *Error {
	return &Error{Kind: kind, Reason: sprintf(reason, args)}
}

// Named cases: every error with a fixed shape beyond id and reason has its one constructor here.

// SessionInactive is the answer to a request that needs a session and has none that is valid.
func SessionInactive() *Error {
	return &Error{
		Kind:    KindUnauthorized,
		ID:      IDSessionInactive,
		Message: "The request has no valid session",
		Reason:  "This request has no active session. Please sign in and try again.",
	}
}

// SessionAlreadyAvailable is the answer to a signed-in client that starts a flow meant for others. action is the noun
// that is not possible, such as "login".
func SessionAlreadyAvailable(action string) *Error {
	e := BadRequest("There is a valid session, so %s is not possible.", action).WithID(IDSessionAlreadyAvailable)
	if action != "login" {
		return e
	}
	e.Message = "you are already logged in"
	e.Reason += " Add ?refresh=true to sign in again."
	return e
}

// AAL1Required is the answer to asking for a second factor before the first one.
func AAL1Required() *Error {
	return &Error{
		Kind:    KindUnauthorized,
		ID:      IDSessionAAL1Required,
		Message: "A second factor can be asked for once a session exists",
		Reason:  "A higher assurance level needs an active session. Please sign in with a first factor.",
	}
}

// AAL2Required sends the client to redirectTo, where the second factor is asked for.
func AAL2Required(redirectTo string) *Error {
	return &Error{
		Kind:    KindForbidden,
		ID:      IDSessionAAL2Required,
		Message: "The session has a lower assurance level than is needed here",
		Reason:  "The session is active, but this needs a second factor. Please complete the second factor and try again.",
		Details: map[string]any{"redirect_browser_to": redirectTo},
		Extra:   map[string]any{"redirect_browser_to": redirectTo},
	}
}

// RefreshRequired sends the client to redirectTo, where the person signs in afresh for a privileged change.
func RefreshRequired(redirectTo string) *Error {
	return &Error{
		Kind:   KindForbidden,
		ID:     IDSessionRefreshRequired,
		Reason: "The session is too old to change these fields. Please sign in again.",
		Extra:  map[string]any{"redirect_browser_to": redirectTo},
	}
}

// FlowExpired is the answer to submitting an expired flow; replacement is the id of the flow to go on with, now is the
// time of the request. "since" goes out in nanoseconds, because that is how clients of the contract read it.
func FlowExpired(expiredAt, now time.Time, replacement string) *Error {
	ago := now.Sub(expiredAt)
	return &Error{
		Kind:    KindGone,
		ID:      IDFlowExpired,
		Message: "The flow has expired",
		Reason:  sprintf("The flow expired %.2f minutes ago. Please continue with the new one.", []any{ago.Minutes()}),
		Extra: map[string]any{
			"expired_at":  expiredAt,
			"since":       ago.Nanoseconds(),
			"use_flow_id": replacement,
		},
	}
}

// BrowserLocationChange tells a client that can't follow redirects itself to send the browser to redirectTo.
func BrowserLocationChange(redirectTo string) *Error {
	return &Error{
		Kind:    KindUnprocessable,
		ID:      IDBrowserLocationChangeRequired,
		Message: "The browser has to go to another address",
		Reason:  "To go on with this flow, send the browser to: " + redirectTo,
		Extra:   map[string]any{"redirect_browser_to": redirectTo},
	}
}

// CSRF refuses a request whose anti-CSRF token can't be trusted; cause tells which part was missing or wrong.
func CSRF(cause string) *Error {
	return &Error{
		Kind:    KindForbidden,
		ID:      IDCSRFViolation,
		Message: "The request was refused, because another site may have forged it",
		Reason: "The request could not be told from one forged by another site, so it was refused. " +
			"Please reload the page and try again; if that does not help, clear the cookies of this site.",
		Details: map[string]any{
			"docs":          "https://www.ory.com/docs/troubleshooting/csrf",
			"hint":          "Browser calls have to include cookies; calls from a server have to forward the Cookie header of the browser.",
			"reject_reason": cause,
		},
	}
}

// ReturnToForbidden refuses a return_to address that is not on the allow-list; "" is an address that nobody remembers.
func ReturnToForbidden(returnTo string) *Error {
	e := BadRequest("The return_to address is not on the list of allowed addresses.")
	if returnTo != "" {
		e = BadRequest("The return_to address %q is not on the list of allowed addresses.", returnTo)
	}
	return e.WithID(IDReturnToForbidden)
}

// FlowDisabled is the answer to starting a flow that the configuration switches off, such as "registration".
func FlowDisabled(flow string) *Error {
	return BadRequest("Self-service %s is switched off on this server.", flow).WithID(IDFlowDisabled)
}

// IdentityMismatch refuses access to a flow of somebody else.
func IdentityMismatch() *Error {
	return Forbidden("This flow was started by another identity. Please go back and start again.").
		WithID(IDIdentityMismatch)
}
