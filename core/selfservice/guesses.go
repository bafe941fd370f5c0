package selfservice

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/gatehouse-id/gatehouse/core/flow"
	"github.com/gatehouse-id/gatehouse/core/guess"
	"github.com/gatehouse-id/gatehouse/core/identity"
	"github.com/gatehouse-id/gatehouse/core/session"
	"github.com/gatehouse-id/gatehouse/core/ui"
)

// compare lets the method compare what was typed, unless too many answers were wrong: an
// account that somebody guesses at is slowed on all nodes. who is whose second factor is
// asked for, or nil.
func (r *run) compare(ctx context.Context, who *identity.Identity) (flow.Outcome, error) {
	switch m := r.method.(type) {
	case flow.AccountMethod:
		return r.comparePassword(ctx, m)
	case flow.GuessableMethod:
		if err := r.countCode(ctx, m, who); err != nil {
			return flow.Outcome{}, err
		}
	}
	return r.method.(flow.LoginMethod).Login(ctx, r.f.Flow, who, r.sub)
}

// countCode counts a code before it is compared. A flow that has taken too many is over.
func (r *run) countCode(ctx context.Context, m flow.GuessableMethod, who *identity.Identity) error {
	if who == nil || !m.Answers(r.sub) {
		return nil
	}
	g := &guess.Guess{
		At: r.e.now(), IdentityID: who.ID, Method: string(m.Name()), Limit: guess.Codes,
		FlowID: r.f.ID, FlowEnds: r.f.ExpiresAt, PerFlow: r.e.Config().SelfService.Flows.Login.MaxSubmissions,
	}
	err := r.e.Guesses.CountGuess(ctx, g)
	if errors.Is(err, guess.ErrFlowOver) {
		return r.e.replaceWith(ctx, r.f, r.c, tooManyGuesses, g.At)
	}
	if err != nil {
		return r.mustWait(err, g.At)
	}
	r.changes.ForgetGuess = g // by the commit that it is right for
	return nil
}

// comparePassword counts an answer when it was wrong.
func (r *run) comparePassword(ctx context.Context, m flow.AccountMethod) (flow.Outcome, error) {
	identifier, who, err := m.Account(ctx, r.sub)
	if err != nil {
		return flow.Outcome{}, err
	}
	if identifier == "" {
		return m.Login(ctx, r.f.Flow, nil, r.sub) // which says what is missing
	}
	g := &guess.Guess{At: r.e.now(), IdentityID: r.e.nobody(identifier), Method: string(m.Name()), Limit: guess.Passwords}
	if who != nil {
		g.IdentityID = who.ID
	}
	leave, err := r.e.Gate.Enter(ctx, g.IdentityID)
	if err != nil {
		return flow.Outcome{}, err
	}
	defer leave()
	wrong, err := r.wrongGuesses(ctx, g)
	if err != nil {
		return flow.Outcome{}, r.mustWait(err, g.At)
	}
	out, err := m.Login(ctx, r.f.Flow, nil, r.sub)
	switch {
	case err != nil:
	case out.Rejected:
		err = r.countWrong(ctx, g)
	case wrong > 0:
		r.changes.ForgetGuess = g
	}
	return out, err
}

// countWrong counts an answer that was wrong. It was compared while others were, so it
// may be one for which there would be a wait by now.
func (r *run) countWrong(ctx context.Context, g *guess.Guess) error {
	var wait *guess.WaitError
	if err := r.e.Guesses.CountGuess(ctx, g); err != nil && !errors.As(err, &wait) {
		return fmt.Errorf("counting a wrong answer: %w", err)
	}
	return nil
}

// wrongGuesses tells how many answers were wrong. It lets people in whose account
// strangers guess at: answers from an address that the account has signed in from before
// are counted apart.
func (r *run) wrongGuesses(ctx context.Context, g *guess.Guess) (int, error) {
	n, err := r.e.Guesses.WrongGuesses(ctx, g)
	var wait *guess.WaitError
	if !errors.As(err, &wait) || r.c.IP == "" {
		return n, err
	}
	all, err := r.e.Sessions.Sessions(ctx, g.IdentityID)
	if err != nil {
		return n, fmt.Errorf("listing the sessions of %s: %w", g.IdentityID, err)
	}
	here := func(d session.Device) bool { return d.IPAddress == r.c.IP }
	if !slices.ContainsFunc(all, func(s *session.Session) bool { return slices.ContainsFunc(s.Devices, here) }) {
		return n, wait
	}
	g.Source = r.c.IP
	return r.e.Guesses.WrongGuesses(ctx, g)
}

// nobody names an account that doesn't exist, so that guesses at it are counted as those
// at others are, and tell nobody which is which.
func (e *Engine) nobody(identifier string) string {
	return "nobody-" + hex.EncodeToString(e.Keys.MAC("guesses at nobody", []byte(identifier))[:16])
}

// mustWait tells the person how long no answer is compared; other errors pass.
func (r *run) mustWait(err error, now time.Time) error {
	var wait *guess.WaitError
	if !errors.As(err, &wait) {
		return fmt.Errorf("counting an answer: %w", err)
	}
	r.f.Messages = append(r.f.Messages, waitToGuess(wait.Until.Sub(now)))
	return errRejected
}

// tooManyGuesses is what the flow says that takes the place of one that is over.
var tooManyGuesses = ui.Invalid("There were too many wrong codes. Please check which code is asked for, and start again here.")

func waitToGuess(d time.Duration) ui.Message {
	minutes := int(d.Truncate(time.Minute)/time.Minute) + 1
	if minutes == 1 {
		return ui.Invalid("There were too many wrong tries. Please wait a minute and try again.")
	}
	return ui.Invalid(fmt.Sprintf("There were too many wrong tries. Please wait %d minutes and try again.", minutes))
}
