// Package apierror defines the one error type whose text may reach an API client.
//
// Everything else that is returned as an error is a 500 to the outside and whole in the log. Reason, Message, Details and
// Extra are public; Err is for the log only.
package apierror

import (
	"errors"
	"fmt"
	"maps"
	"strings"
)

// Error is an error that a client may read.
//
// An Error is immutable once returned: the With methods answer with a copy, so that a package-level value can be shared by
// concurrent requests and still be given details.
type Error struct {
	Kind    Kind           // class: decides status and default message
	ID      string         // stable name from id.go; may be empty
	Reason  string         // what is wrong with this request, for a person
	Message string         // replaces the fixed text of the kind; usually empty
	Details map[string]any // goes to error.details
	Extra   map[string]any // goes beside "error" at the top level, such as redirect_browser_to
	Err     error          // the cause; logged, never sent
}

// Error describes the error for the log: kind, id, reason and cause.
func (e *Error) Error() string {
	parts := []string{strings.ToLower(e.Kind.StatusText())}
	for _, part := range []string{e.ID, e.Message, e.Reason} {
		if part != "" {
			parts = append(parts, part)
		}
	}
	if e.Err != nil {
		parts = append(parts, e.Err.Error())
	}
	return strings.Join(parts, ": ")
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Status is the HTTP status code to answer with.
func (e *Error) Status() int { return e.Kind.Status() }

// WithID returns a copy with the given id.
func (e *Error) WithID(id string) *Error {
	c := e.clone()
	c.ID = id
	return c
}

// WithReason returns a copy with the given reason.
func (e *Error) WithReason(format string, args ...any) *Error {
	c := e.clone()
	c.Reason = sprintf(format, args)
	return c
}

// WithMessage returns a copy whose message replaces the fixed text of its kind.
func (e *Error) WithMessage(format string, args ...any) *Error {
	c := e.clone()
	c.Message = sprintf(format, args)
	return c
}

// WithDetail returns a copy with one more entry in error.details.
func (e *Error) WithDetail(key string, value any) *Error {
	c := e.clone()
	if c.Details == nil {
		c.Details = map[string]any{}
	}
	c.Details[key] = value
	return c
}

// WithExtra returns a copy with one more top-level key beside "error".
func (e *Error) WithExtra(key string, value any) *Error {
	c := e.clone()
	if c.Extra == nil {
		c.Extra = map[string]any{}
	}
	c.Extra[key] = value
	return c
}

// WithCause returns a copy that wraps err for the log.
func (e *Error) WithCause(err error) *Error {
	c := e.clone()
	c.Err = err
	return c
}

func (e *Error) clone() *Error {
	c := *e
	c.Details = maps.Clone(e.Details)
	c.Extra = maps.Clone(e.Extra)
	return &c
}

// sprintf leaves a format without arguments alone, because such reasons may hold a literal percent sign (a URL, say).
func sprintf(format string, args []any) string {
	if len(args) == 0 {
		return format
	}
	return fmt.Sprintf(format, args...)
}

// From returns the Error in err's chain. Any other error becomes a KindInternal that wraps it and says nothing of it to
// the client. From(nil) is nil.
func From(err error) *Error {
	if err == nil {
		return nil
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	return &Error{Kind: KindInternal, Err: err}
}

// Is reports whether err carries an Error with this id.
func Is(err error, id string) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && e.ID == id
}

// IsKind reports whether err carries an Error of this kind.
func IsKind(err error, kind Kind) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && e.Kind == kind
}
