package storage

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/gatehouse-id/gatehouse/core/identity"
	"github.com/gatehouse-id/gatehouse/core/session"
	"github.com/gatehouse-id/gatehouse/storage/kv"
)

// tokenRecord leads from a token's hash to its session.
type tokenRecord struct {
	SessionID  string `json:"session_id"`
	IdentityID string `json:"identity_id"`
}

// grantRecord is what makes a session count. It is put when the session is made
// and never again after a revocation deleted it.
type grantRecord struct {
	IdentityID string `json:"identity_id"`
	// Epoch is the CreateRevision of the epoch that the session was made in; 0 = the
	// epoch was created by the same commit, whose revision nobody knew beforehand:
	// the grant's own CreateRevision then.
	Epoch int64 `json:"epoch,omitempty"`
}

// epochRecord stands for a span without a revoke-all. Only the revision that
// created its key counts.
type epochRecord struct {
	IdentityID string `json:"identity_id"`
}

// granted tells whether a session's grant exists and was made in the living epoch.
func granted(grant, epoch kv.Entry) (bool, error) {
	if !grant.Exists() || !epoch.Exists() {
		return false, nil
	}
	var g grantRecord
	if err := decode(grant.Key, grant.Value, &g); err != nil {
		return false, err
	}
	made := g.Epoch
	if made == 0 {
		made = grant.CreateRevision
	}
	return made == epoch.CreateRevision, nil
}

// decodeSession reads a session out of its entries, which are of one revision.
func decodeSession(e, grant, epoch kv.Entry, id string) (*session.Session, error) {
	if !e.Exists() {
		return nil, session.ErrNotFound
	}
	out := &session.Session{}
	if err := decode(e.Key, e.Value, out); err != nil {
		return nil, err
	}
	if out.ID != id {
		return nil, fmt.Errorf("decoding %q: it holds another session: %w", e.Key, ErrDamaged)
	}
	ok, err := granted(grant, epoch)
	if err != nil {
		return nil, err
	}
	out.Granted, out.Revision = ok, e.ModRevision
	return out, nil
}

// ByToken finds a session by the hash of its token. What decides is read at one
// revision; the index read before it only tells where to look, and is checked
// against the session, whose token may have been replaced in between.
func (s *Store) ByToken(ctx context.Context, h session.TokenHash) (session.Facts, error) {
	snap, err := s.getAll(ctx, s.keys.token(h))
	if err != nil {
		return session.Facts{}, err
	}
	e := snap.Entries[0]
	if !e.Exists() {
		return session.Facts{Revision: snap.Revision}, session.ErrNotFound
	}
	var t tokenRecord
	if err := decode(e.Key, e.Value, &t); err != nil {
		return session.Facts{}, err
	}
	return s.facts(ctx, t, h)
}

func (s *Store) facts(ctx context.Context, t tokenRecord, h session.TokenHash) (session.Facts, error) {
	snap, err := s.getAll(ctx, s.keys.session(t.SessionID), s.keys.grant(t.SessionID),
		s.keys.epoch(t.IdentityID), s.keys.identity(t.IdentityID))
	if err != nil {
		return session.Facts{}, err
	}
	f := session.Facts{Revision: snap.Revision}
	found, err := decodeSession(snap.Entries[0], snap.Entries[1], snap.Entries[2], t.SessionID)
	if err != nil {
		return f, err
	}
	if found.IdentityID != t.IdentityID {
		return f, fmt.Errorf("decoding %q: it belongs to another identity: %w", snap.Entries[0].Key, ErrDamaged)
	}
	if found.TokenHash != h {
		return f, session.ErrNotFound
	}
	f.Session = found
	f.Identity, err = decodeIdentity(snap.Entries[3], t.IdentityID)
	if errors.Is(err, identity.ErrNotFound) {
		return f, nil // a deleted identity: the session is known, and not valid
	}
	return f, err
}

// Session reads one session by id.
func (s *Store) Session(ctx context.Context, id string) (*session.Session, error) {
	e, err := s.get(ctx, s.keys.session(id))
	if err != nil {
		return nil, err
	}
	first, err := decodeSession(e, kv.Entry{}, kv.Entry{}, id)
	if err != nil {
		return nil, err
	}
	all, err := s.readSessions(ctx, first.IdentityID, []string{id})
	if err != nil {
		return nil, err
	}
	if len(all) == 0 {
		return nil, session.ErrNotFound
	}
	return all[0], nil
}

// Sessions lists the sessions of an identity, newest first.
func (s *Store) Sessions(ctx context.Context, identityID string) ([]*session.Session, error) {
	prefix := s.keys.identitySessions(identityID)
	var out []*session.Session
	o := kv.ListOptions{KeysOnly: true, Limit: (kv.MaxOps - 1) / 2}
	for {
		snap, err := s.KV.List(ctx, prefix, o)
		if err != nil {
			return nil, fmt.Errorf("listing the sessions of identity %s: %w", identityID, err)
		}
		ids := make([]string, 0, len(snap.Entries))
		for _, e := range snap.Entries {
			ids = append(ids, e.Key[len(prefix):])
		}
		page, err := s.readSessions(ctx, identityID, ids)
		if err != nil {
			return nil, err
		}
		out = append(out, page...)
		if !snap.More || len(ids) == 0 {
			break
		}
		o.After = snap.Entries[len(snap.Entries)-1].Key
	}
	slices.SortFunc(out, func(a, b *session.Session) int { return b.IssuedAt.Compare(a.IssuedAt) })
	return out, nil
}

// readSessions reads sessions of an identity at one revision; forgotten ones are left out.
func (s *Store) readSessions(ctx context.Context, identityID string, ids []string) ([]*session.Session, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	names := []string{s.keys.epoch(identityID)}
	for _, id := range ids {
		names = append(names, s.keys.session(id), s.keys.grant(id))
	}
	snap, err := s.getAll(ctx, names...)
	if err != nil {
		return nil, err
	}
	var out []*session.Session
	for n, id := range ids {
		found, err := decodeSession(snap.Entries[1+2*n], snap.Entries[2+2*n], snap.Entries[0], id)
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

// Revoke ends one session. Only the grant goes: record and token stay until they
// expire, so that signing out twice is still recognised.
func (s *Store) Revoke(ctx context.Context, id string) error {
	return s.delete(ctx, s.keys.grant(id))
}

// RevokeAll ends all sessions of an identity, however many there are. The next
// sign-in creates a new epoch, which the old sessions were not made in.
func (s *Store) RevokeAll(ctx context.Context, identityID string) error {
	return s.delete(ctx, s.keys.epoch(identityID))
}

// delete commits nothing but a delete: a full etcd refuses every transaction
// that has a Put in it, and a full disk must not keep a session alive.
func (s *Store) delete(ctx context.Context, key string) error {
	if _, err := s.KV.Commit(ctx, nil, []kv.Op{kv.Delete(key)}); err != nil {
		return fmt.Errorf("deleting %q: %w", key, err)
	}
	return nil
}
