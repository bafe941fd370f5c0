package storage

import (
	"context"
	"errors"
	"fmt"

	"github.com/gatehouse-id/gatehouse/core/flow"
	"github.com/gatehouse-id/gatehouse/core/identity"
	"github.com/gatehouse-id/gatehouse/core/session"
	"github.com/gatehouse-id/gatehouse/storage/kv"
)

// planCreateSession stores a new session in the living epoch of its identity.
func (s *Store) planCreateSession(ctx context.Context, p *plan, c *flow.Changes) error {
	n := c.CreateSession
	if !plain(n.ID) || n.TokenHash == (session.TokenHash{}) {
		return errors.New("creating a session: it needs an id and a token hash")
	}
	g := grantRecord{IdentityID: n.IdentityID}
	if c.CreateIdentity != nil {
		if c.CreateIdentity.ID != n.IdentityID {
			return fmt.Errorf("creating session %s: it belongs to another identity than the one created with it", n.ID)
		}
	} else {
		epoch, err := s.planEpoch(ctx, p, n.IdentityID, c.UpdateIdentity)
		if err != nil {
			return err
		}
		g.Epoch = epoch
	}
	p.when(kv.Missing(s.keys.session(n.ID)), kv.Missing(s.keys.grant(n.ID)), kv.Missing(s.keys.token(n.TokenHash)))
	return s.putSession(p, n, g, nil, nil)
}

// planEpoch makes sure that the identity may have a new session and returns the
// epoch that the session belongs to; 0 = this commit creates it.
func (s *Store) planEpoch(ctx context.Context, p *plan, id string, update *identity.Identity) (int64, error) {
	snap, err := s.getAll(ctx, s.keys.epoch(id), s.keys.identity(id))
	if err != nil {
		return 0, err
	}
	epoch, record := snap.Entries[0], snap.Entries[1]
	i, err := decodeIdentity(record, id)
	if err != nil {
		return 0, err
	}
	if update != nil && update.ID == id {
		i = update // its plan has the condition on the record already
	} else {
		// Without this a session could outlive an identity deleted meanwhile, and
		// bring its epoch back.
		p.when(kv.Unchanged(record.Key, record.ModRevision))
	}
	if i.State != identity.Active {
		return 0, identity.ErrChanged
	}
	if epoch.Exists() {
		p.when(kv.Created(epoch.Key, epoch.CreateRevision))
		return epoch.CreateRevision, nil
	}
	p.when(kv.Missing(epoch.Key))
	return 0, p.put(epoch.Key, epochRecord{id}, nil, 0)
}

// planUpdateSession stores a changed session, if it still counts.
func (s *Store) planUpdateSession(ctx context.Context, p *plan, n *session.Session, replaces *session.TokenHash) error {
	snap, err := s.getAll(ctx, s.keys.session(n.ID), s.keys.grant(n.ID), s.keys.epoch(n.IdentityID))
	if err != nil {
		return err
	}
	record, grant, epoch := snap.Entries[0], snap.Entries[1], snap.Entries[2]
	if !record.Exists() {
		return session.ErrChanged
	}
	old, err := decodeSession(record, grant, epoch, n.ID)
	if err != nil {
		return err
	}
	if old.Revision != n.Revision || old.IdentityID != n.IdentityID || !old.Granted {
		return session.ErrChanged
	}
	if err := s.planToken(p, old, n, replaces); err != nil {
		return err
	}
	var g grantRecord
	if err := decode(grant.Key, grant.Value, &g); err != nil {
		return err
	}
	// The grant is put again for its TTL only. Created keeps a revocation that
	// came in between from being undone.
	p.when(kv.Unchanged(record.Key, n.Revision), kv.Created(grant.Key, grant.CreateRevision),
		kv.Created(epoch.Key, epoch.CreateRevision))
	return s.putSession(p, n, g, record.Value, grant.Value)
}

// planToken replaces the token of a session: the old one is unknown afterwards.
func (s *Store) planToken(p *plan, old, n *session.Session, replaces *session.TokenHash) error {
	if old.TokenHash == n.TokenHash {
		return nil
	}
	if replaces == nil || *replaces != old.TokenHash {
		return session.ErrChanged
	}
	p.when(kv.Missing(s.keys.token(n.TokenHash)))
	p.do(kv.Delete(s.keys.token(old.TokenHash)))
	return nil
}

// putSession stores a session and all that leads to it, kept equally long.
func (s *Store) putSession(p *plan, n *session.Session, g grantRecord, oldRecord, oldGrant []byte) error {
	ttl := s.ttl(n.ExpiresAt)
	t := tokenRecord{SessionID: n.ID, IdentityID: n.IdentityID}
	for _, put := range []struct {
		key    string
		record any
		old    []byte
	}{
		{s.keys.session(n.ID), n, oldRecord},
		{s.keys.grant(n.ID), g, oldGrant},
		{s.keys.token(n.TokenHash), t, nil},
		{s.keys.identitySession(n.IdentityID, n.ID), t, nil},
	} {
		if err := p.put(put.key, put.record, put.old, ttl); err != nil {
			return err
		}
	}
	p.stored = append(p.stored, func(revision int64) { n.Revision, n.Granted = revision, true })
	return nil
}
