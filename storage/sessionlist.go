package storage

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/gatehouse-id/gatehouse/core/flow"
	"github.com/gatehouse-id/gatehouse/core/session"
	"github.com/gatehouse-id/gatehouse/storage/kv"
)

// AllSessions lists the sessions of all identities in the order of their ids.
func (s *Store) AllSessions(ctx context.Context, p session.Page) ([]*session.Session, bool, error) {
	o := kv.ListOptions{Limit: min(max(p.Limit, 1), 1000)}
	if p.After != "" {
		o.After = s.keys.session(p.After)
	}
	snap, err := s.KV.List(ctx, s.keys.sessions(), o)
	if err != nil {
		return nil, false, fmt.Errorf("listing sessions: %w", err)
	}
	var out []*session.Session
	for entries := range slices.Chunk(snap.Entries, kv.MaxOps/3) {
		page, err := s.decodeListed(ctx, entries)
		if err != nil {
			return nil, false, err
		}
		out = append(out, page...)
	}
	return out, snap.More, nil
}

// decodeListed reads sessions anew with what decides whether they count, at one
// revision. Those that were forgotten meanwhile are left out.
func (s *Store) decodeListed(ctx context.Context, entries []kv.Entry) ([]*session.Session, error) {
	ids, names := make([]string, len(entries)), make([]string, 0, 3*len(entries))
	for n, e := range entries {
		var listed session.Session
		if err := decode(e.Key, e.Value, &listed); err != nil {
			return nil, err
		}
		ids[n] = listed.ID
		names = append(names, e.Key, s.keys.grant(listed.ID), s.keys.epoch(listed.IdentityID))
	}
	snap, err := s.getAll(ctx, names...)
	if err != nil {
		return nil, err
	}
	var out []*session.Session
	for n, id := range ids {
		found, err := decodeSession(snap.Entries[3*n], snap.Entries[3*n+1], snap.Entries[3*n+2], id)
		if errors.Is(err, session.ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		out = append(out, found)
	}
	return out, nil
}

// Erase ends all sessions of an identity, and forgets those that were there
// before. The epoch goes first: what follows is only tidying up.
func (s *Store) Erase(ctx context.Context, identityID string) (int, error) {
	all, err := s.Sessions(ctx, identityID)
	if err != nil || len(all) == 0 {
		return 0, err
	}
	if err := s.RevokeAll(ctx, identityID); err != nil {
		return 0, err
	}
	for some := range slices.Chunk(all, kv.MaxOps/4) {
		var ops []kv.Op
		for _, x := range some {
			ops = append(ops, kv.Delete(s.keys.grant(x.ID)), kv.Delete(s.keys.token(x.TokenHash)),
				kv.Delete(s.keys.session(x.ID)), kv.Delete(s.keys.identitySession(identityID, x.ID)))
		}
		if _, err := s.KV.Commit(ctx, nil, ops); err != nil {
			return 0, fmt.Errorf("forgetting the sessions of identity %s: %w", identityID, err)
		}
	}
	return len(all), nil
}

// Extend stores another end of a session.
func (s *Store) Extend(ctx context.Context, n *session.Session) error {
	return s.Commit(ctx, &flow.Changes{UpdateSession: n})
}
