package selfservice

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gatehouse-id/gatehouse/core/apierror"
	"github.com/gatehouse-id/gatehouse/core/flow"
	"github.com/gatehouse-id/gatehouse/core/guess"
	"github.com/gatehouse-id/gatehouse/core/identity"
	"github.com/gatehouse-id/gatehouse/core/session"
	"github.com/gatehouse-id/gatehouse/core/ui"
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

// countGuess counts an answer before the method compares it. A flow that has taken too
// many is over, and an identity whose codes somebody guesses is slowed on all nodes.
func (r *run) countGuess(ctx context.Context, who *identity.Identity) error {
	m, ok := r.method.(flow.GuessableMethod)
	if !ok || who == nil || !m.Answers(r.sub) {
		return nil
	}
	g := &guess.Guess{
		At: r.e.now(), IdentityID: who.ID, Method: string(m.Name()),
		FlowID: r.f.ID, FlowEnds: r.f.ExpiresAt, PerFlow: r.e.Config().SelfService.Flows.Login.MaxSubmissions,
	}
	var wait *guess.WaitError
	err := r.e.Guesses.CountGuess(ctx, g)
	switch {
	case errors.Is(err, guess.ErrFlowOver):
		return r.e.replaceWith(ctx, r.f, r.c, tooManyGuesses, g.At)
	case errors.As(err, &wait):
		r.f.Messages = append(r.f.Messages, waitToGuess(wait.Until.Sub(g.At)))
		return errRejected
	case err != nil:
		return fmt.Errorf("counting an answer: %w", err)
	}
	r.changes.ForgetGuess = g // by the commit that it is right for
	return nil
}

// tooManyGuesses is what the flow says that takes the place of one that is over.
var tooManyGuesses = ui.Invalid("There were too many wrong codes. Please check which code is asked for, and start again here.")

func waitToGuess(d time.Duration) ui.Message {
	minutes := int(d.Truncate(time.Minute)/time.Minute) + 1
	if minutes == 1 {
		return ui.Invalid("There were too many wrong codes. Please wait a minute and try again.")
	}
	return ui.Invalid(fmt.Sprintf("There were too many wrong codes. Please wait %d minutes and try again.", minutes))
}
