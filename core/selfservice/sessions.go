package selfservice

import (
	"context"
	"fmt"
	"slices"

	"github.com/gatehouse-id/gatehouse/core/flow"
	"github.com/gatehouse-id/gatehouse/core/session"
)

// OtherSessions lists the sessions of an identity that count, apart from the one
// with the id keep.
func (e *Engine) OtherSessions(ctx context.Context, identityID, keep string) ([]*session.Session, error) {
	all, err := e.Sessions.Sessions(ctx, identityID)
	now := e.now()
	return slices.DeleteFunc(all, func(s *session.Session) bool { return s.ID == keep || !s.Active(now) }), err
}

// updateSession makes the commit store a session whose person has proven something more,
// and returns its token. A browser gets another one, so that who has stolen the old one
// gains nothing by it; an API client keeps the one it has stored.
func (r *run) updateSession(s *session.Session) (token string) {
	r.changes.UpdateSession = s
	if r.f.Type != flow.Browser || r.c.KeepsToken && r.f.Kind == flow.Settings {
		return r.c.Token
	}
	token, old := newToken(), s.TokenHash
	s.TokenHash, r.changes.ReplacesToken = session.HashToken(token), &old
	return token
}

// revokeWithCommit makes the commit end the identity's other sessions, as many as fit into it. The rest, and one that is
// made at the same moment, are for RevokeOthers right after it.
func (r *run) revokeWithCommit(ctx context.Context, identityID, keep string) error {
	others, err := r.e.OtherSessions(ctx, identityID, keep)
	if err != nil {
		return fmt.Errorf("listing the sessions of %s: %w", identityID, err)
	}
	for _, s := range others[:min(len(others), flow.MaxRevoked)] {
		r.changes.RevokeSessions = append(r.changes.RevokeSessions, s.ID)
	}
	return nil
}

// RevokeOthers ends these sessions and returns them.
func (e *Engine) RevokeOthers(ctx context.Context, identityID, keep string) ([]*session.Session, error) {
	others, err := e.OtherSessions(ctx, identityID, keep)
	if err != nil {
		return nil, err
	}
	for _, s := range others {
		if err := e.Sessions.Revoke(ctx, s.ID); err != nil {
			return nil, err
		}
	}
	return others, nil
}
