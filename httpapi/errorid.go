package httpapi

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/binary"
	"time"

	"github.com/google/uuid"

	"github.com/gatehouse-id/gatehouse/core/apierror"
	"github.com/gatehouse-id/gatehouse/core/selfservice"
)

// catalogue holds the errors that anybody can provoke without an account. Their
// ids say which one they are, so that a flood of bad requests stores nothing.
// Entries are only added at the end: ids made by another version must mean the same.
var catalogue = []*apierror.Error{
	apierror.ReturnToForbidden(""),
	apierror.NoRecord(),
	errNoFlow,
	apierror.AAL1Required(),
	apierror.SessionInactive(),
	errNoLogoutToken,
	errLogoutToken,
	csrfEntry(false, false), csrfEntry(true, false), csrfEntry(true, true),
	selfservice.ErrAAL,
	apierror.FlowDisabled("registration"),
	apierror.Gone("").WithID(apierror.IDFlowExpired),
	apierror.TooManyRequests("Too many requests at this moment. Please try again in a few seconds."),
	apierror.Unavailable(nil, "The store can not be reached at the moment."),
	apierror.Internal(nil),
	apierror.NotFound("The method is not available."),
	apierror.TooLarge("The request body is too large."),
	apierror.Forbidden("A rule of this site does not allow this."),
	apierror.Unprocessable("The browser must continue at another place.").WithID(apierror.IDBrowserLocationChangeRequired),
	errLongQuery,
	apierror.FlowDisabled("recovery"), apierror.FlowDisabled("verification"),
	selfservice.ErrForeignPage,
	selfservice.ErrState,
}

func csrfEntry(cookies, csrfCookie bool) *apierror.Error {
	return apierror.From(selfservice.CSRFError(cookies, csrfCookie))
}

// catalogued finds the entry for an error: the same kind and id, and the same
// reason if there is such an entry. -1 when there is none.
func catalogued(e *apierror.Error) int {
	found := -1
	for n, k := range catalogue {
		if k.Kind != e.Kind || k.ID != e.ID {
			continue
		}
		if k.Reason == e.Reason && k.Details["reject_reason"] == e.Details["reject_reason"] {
			return n
		}
		if found < 0 && (e.ID != "" || e.Status() >= 500) {
			found = n
		}
	}
	return found
}

// errorID writes entry and time into a valid UUID v4: 1 byte entry, 4 bytes
// Unix seconds, 1 byte chance, and 58 bits of a MAC over them in the rest.
func (s *Server) errorID(entry uint8, at time.Time) string {
	var u uuid.UUID
	u[0] = entry
	binary.BigEndian.PutUint32(u[1:5], uint32(at.Unix()))
	_, _ = rand.Read(u[5:6]) // crypto/rand never fails (Go 1.24)
	s.signErrorID(&u)
	return u.String()
}

func (s *Server) signErrorID(u *uuid.UUID) {
	copy(u[6:], s.Keys.MAC("error id", u[:6])[:10])
	u[6] = u[6]&0x0f | 0x40
	u[8] = u[8]&0x3f | 0x80
}

// parseErrorID reads an id made by errorID; ok is false for all others.
func (s *Server) parseErrorID(id string) (entry uint8, at time.Time, ok bool) {
	u, err := uuid.Parse(id)
	if err != nil {
		return 0, time.Time{}, false
	}
	want := u
	s.signErrorID(&want)
	if subtle.ConstantTimeCompare(u[:], want[:]) != 1 || int(u[0]) >= len(catalogue) {
		return 0, time.Time{}, false
	}
	return u[0], time.Unix(int64(binary.BigEndian.Uint32(u[1:5])), 0).UTC(), true
}
