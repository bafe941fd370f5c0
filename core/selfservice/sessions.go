package selfservice

import (
	"context"
	"slices"

	"github.com/gatehouse-id/gatehouse/core/session"
)

// OtherSessions lists the sessions of an identity that count, apart from the one
// with the id keep.
func (e *Engine) OtherSessions(ctx context.Context, identityID, keep string) ([]*session.Session, error) {
	all, err := e.Sessions.Sessions(ctx, identityID)
	now := e.now()
	return slices.DeleteFunc(all, func(s *session.Session) bool { return s.ID == keep || !s.Active(now) }), err
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
