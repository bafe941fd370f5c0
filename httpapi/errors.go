package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/google/uuid"

	"github.com/gatehouse-id/gatehouse/core/apierror"
	"github.com/gatehouse-id/gatehouse/core/flow"
	"github.com/gatehouse-id/gatehouse/core/identity"
	"github.com/gatehouse-id/gatehouse/core/session"
)

// errorLifetime is how long an error can be read by the page it was shown on.
const errorLifetime = 10 * time.Minute

// known makes an API error of every error; what is not one already is a 500 whose
// text stays inside.
func known(err error) *apierror.Error {
	if errors.Is(err, session.ErrUnavailable) || errors.Is(err, context.DeadlineExceeded) {
		return apierror.Unavailable(err, "The store can not be reached at the moment.")
	}
	if errors.Is(err, identity.ErrTooLarge) {
		return apierror.TooLarge("There is too much in the traits or metadata of the identity. Please shorten them.")
	}
	if errors.Is(err, identity.ErrFull) {
		return apierror.Forbidden("There are as many accounts here as the operator allows.")
	}
	return apierror.From(err)
}

// fail answers with an error as JSON.
func (c *call) fail(err error) {
	e := known(err)
	c.s.logFailure(c.r, e)
	c.writeError(e)
}

func (c *call) writeError(e *apierror.Error) {
	if !c.m.flat {
		WriteError(c.w, c.r, e)
		return
	}
	retryLater(c.w, e)
	writeJSON(c.w, e.Status(), "application/json", flatError(e, c.r.Header.Get("X-Request-ID")))
}

// WriteError answers a request with an error as every operation of the Kratos API does.
func WriteError(w http.ResponseWriter, r *http.Request, e *apierror.Error) {
	retryLater(w, e)
	writeJSON(w, e.Status(), "application/json", e.Body(r.Header.Get("X-Request-ID")))
}

func retryLater(w http.ResponseWriter, e *apierror.Error) {
	if e.Kind == apierror.KindUnavailable || e.Kind == apierror.KindTooManyRequests {
		w.Header().Set("Retry-After", "2")
	}
}

// logFailure writes what the client isn't told. Refusals that are the client's
// doing are no news.
func (s *Server) logFailure(r *http.Request, e *apierror.Error) {
	if e.Status() >= 500 {
		s.Logger.ErrorContext(r.Context(), "request failed", "method", r.Method, "path", r.URL.Path, "status", e.Status(), "error", e.Error())
	}
}

// failPage answers an error the way the client reads it: JSON, or a redirect to
// the error page, which then fetches the error by its id.
func (c *call) failPage(err error, asJSON bool) error {
	if asJSON {
		return err
	}
	e := known(err)
	c.s.logFailure(c.r, e)
	id, err := c.s.keepError(c.r.Context(), e)
	if err != nil {
		return err
	}
	c.seeOther(withQuery(c.s.Config().SelfService.Flows.Error.UIURL, "id", id), c.m.dialect.toError)
	return nil
}

// keepError makes an error readable by an id. What every client may provoke at
// will is not stored: such an error is written into the id itself.
func (s *Server) keepError(ctx context.Context, e *apierror.Error) (string, error) {
	now := s.Now().UTC()
	if n := catalogued(e); n >= 0 {
		return s.errorID(uint8(n), now), nil
	}
	raw, err := json.Marshal(e.Payload(""))
	if err != nil {
		return "", fmt.Errorf("encoding an error: %w", err)
	}
	id := uuid.NewString()
	return id, s.Flows.SaveError(ctx, &flow.StoredError{ID: id, Error: raw, CreatedAt: now, ExpiresAt: now.Add(errorLifetime)})
}

// selfServiceError serves GET /self-service/errors (behaviours.md 28).
func (c *call) selfServiceError() error {
	q := c.r.URL.Query()
	id := first(q.Get("error"), q.Get("id"))
	if id == "stub:500" {
		e := apierror.Internal(nil).WithReason("This is a stub error.")
		return c.json(http.StatusOK, errorView(uuid.NewString(), e.Payload(""), time.Time{}))
	}
	e, at, err := c.s.findError(c.r.Context(), id)
	if err != nil {
		return err
	}
	return c.json(http.StatusOK, errorView(id, e, at))
}

// findError finds an error that keepError made readable.
func (s *Server) findError(ctx context.Context, id string) (any, time.Time, error) {
	if _, err := uuid.Parse(id); err != nil {
		return nil, time.Time{}, apierror.NoRecord()
	}
	if n, at, ok := s.parseErrorID(id); ok {
		if s.Now().Sub(at) > errorLifetime {
			return nil, at, apierror.NoRecord()
		}
		return catalogue[n].Payload(""), at, nil
	}
	e, err := s.Flows.LoadError(ctx, id)
	if errors.Is(err, flow.ErrNotFound) || err == nil && s.Now().After(e.ExpiresAt) {
		return nil, time.Time{}, apierror.NoRecord()
	}
	if err != nil {
		return nil, time.Time{}, err
	}
	return e.Error, e.CreatedAt, nil
}

func errorView(id string, e any, at time.Time) map[string]any {
	return map[string]any{"id": id, "error": e, "created_at": at, "updated_at": at}
}
