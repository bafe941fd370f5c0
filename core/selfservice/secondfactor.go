package selfservice

import (
	"context"
	"errors"
	"fmt"

	"github.com/gatehouse-id/gatehouse/core/apierror"
	"github.com/gatehouse-id/gatehouse/core/flow"
	"github.com/gatehouse-id/gatehouse/core/identity"
	"github.com/gatehouse-id/gatehouse/core/session"
)

// strengthens finds whose second factor the login asks for, as it is stored now: codes
// that were used a moment ago, on whichever node, count no more. nil in a login with a
// first factor.
func (r *run) strengthens(ctx context.Context) (*identity.Identity, error) {
	if r.f.RequestedAAL != session.AAL2 {
		return nil, nil
	}
	return r.e.owner(ctx, r.c)
}

// owner reads the identity of the client's session anew.
func (e *Engine) owner(ctx context.Context, c *Client) (*identity.Identity, error) {
	if !c.signedIn() {
		return nil, apierror.SessionInactive()
	}
	i, err := e.Identities.Identity(ctx, c.Facts.Identity.ID)
	switch {
	case errors.Is(err, identity.ErrNotFound) || err == nil && i.State != identity.Active:
		return nil, apierror.SessionInactive()
	case err != nil:
		return nil, fmt.Errorf("reading the identity of the session: %w", err)
	}
	return i, nil
}

// Reaches tells whether a session is good enough for a required_aal setting.
func (e *Engine) Reaches(required string, s *session.Session, i *identity.Identity) bool {
	return s.Reaches(required, i, e.SecondFactors())
}

// SecondFactors are those that the site asks for.
func (e *Engine) SecondFactors() session.Factors {
	var on session.Factors
	for _, m := range e.Methods {
		if proves(m, session.AAL2) {
			on |= session.FactorOf(m.Name())
		}
	}
	return on
}

// WaysIn counts what the identity can sign in with, of what the site takes.
func (e *Engine) WaysIn(i *identity.Identity) int {
	n := 0
	for _, m := range e.Methods {
		if proves(m, session.AAL1) {
			n += i.WaysIn(m.Name())
		}
	}
	return n
}

// proves tells whether the method is on and of use for the level.
func proves(m flow.Method, level session.AAL) bool {
	l, ok := m.(flow.LoginMethod)
	return ok && m.Enabled() && l.Proves(level)
}
