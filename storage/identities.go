package storage

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"github.com/gatehouse-id/gatehouse/core/flow"
	"github.com/gatehouse-id/gatehouse/core/identity"
	"github.com/gatehouse-id/gatehouse/storage/kv"
)

// Identity reads one identity.
func (s *Store) Identity(ctx context.Context, id string) (*identity.Identity, error) {
	e, err := s.get(ctx, s.keys.identity(id))
	if err != nil {
		return nil, err
	}
	return decodeIdentity(e, id)
}

// decodeIdentity reads an identity out of its entry; ErrNotFound when the entry is missing.
func decodeIdentity(e kv.Entry, id string) (*identity.Identity, error) {
	if !e.Exists() {
		return nil, identity.ErrNotFound
	}
	i := &identity.Identity{}
	if err := decode(e.Key, e.Value, i); err != nil {
		return nil, err
	}
	if i.ID != id {
		return nil, fmt.Errorf("decoding %q: it holds another identity: %w", e.Key, ErrDamaged)
	}
	i.Revision = e.ModRevision
	return i, nil
}

// ByIdentifier finds an identity by the index of its identifiers.
func (s *Store) ByIdentifier(ctx context.Context, t identity.CredentialType, identifier string) (*identity.Identity, error) {
	return s.indexed(ctx, s.keys.identifier(t, identifier))
}

// indexed reads the identity that a unique key belongs to.
func (s *Store) indexed(ctx context.Context, key string) (*identity.Identity, error) {
	e, err := s.get(ctx, key)
	if err != nil {
		return nil, err
	}
	if !e.Exists() {
		return nil, identity.ErrNotFound
	}
	id, err := owner(e)
	if err != nil {
		return nil, err
	}
	return s.Identity(ctx, id)
}

// Create stores a new identity.
func (s *Store) Create(ctx context.Context, i *identity.Identity) error {
	return s.Commit(ctx, &flow.Changes{CreateIdentity: i})
}

// Update stores a changed identity.
func (s *Store) Update(ctx context.Context, i *identity.Identity) error {
	return s.Commit(ctx, &flow.Changes{UpdateIdentity: i})
}

func (s *Store) planCreateIdentity(ctx context.Context, p *plan, i *identity.Identity) error {
	if id, err := uuid.Parse(i.ID); err != nil || id.String() != i.ID {
		return errors.New("creating an identity: its id is no UUID")
	}
	snap, err := s.getAll(ctx, s.keys.identity(i.ID), s.keys.count(shardOf(i.ID)))
	if err != nil {
		return err
	}
	e, count := snap.Entries[0], snap.Entries[1]
	if e.Exists() {
		return identity.ErrDuplicate
	}
	if err := s.room(ctx); err != nil {
		return err
	}
	if err := s.planIndexes(ctx, p, i.ID, nil, s.keys.indexes(i)); err != nil {
		return err
	}
	epoch := s.keys.epoch(i.ID)
	p.when(kv.Missing(e.Key), kv.Missing(epoch))
	p.stored = append(p.stored, func(revision int64) { i.Revision = revision })
	if err := p.put(epoch, epochRecord{i.ID}, nil, 0); err != nil {
		return err
	}
	if err := p.count(count, 1); err != nil {
		return err
	}
	return p.put(e.Key, i, nil, 0)
}

// room refuses one identity too many.
func (s *Store) room(ctx context.Context) error {
	if s.Most <= 0 {
		return nil
	}
	t, err := s.tally(ctx)
	if err == nil && t.total >= s.Most {
		err = identity.ErrFull
	}
	return err
}

func (s *Store) planUpdateIdentity(ctx context.Context, p *plan, i *identity.Identity) error {
	e, old, err := s.storedIdentity(ctx, i.ID)
	if err != nil {
		return err
	}
	if old.Revision != i.Revision {
		return identity.ErrChanged
	}
	if err := s.planIndexes(ctx, p, i.ID, s.keys.indexes(old), s.keys.indexes(i)); err != nil {
		return err
	}
	p.when(kv.Unchanged(e.Key, i.Revision))
	p.stored = append(p.stored, func(revision int64) { i.Revision = revision })
	return p.put(e.Key, i, e.Value, 0)
}

// planProven makes the commit depend on the identity that a credential was compared
// with: a password that is replaced meanwhile opens nothing any more.
func (s *Store) planProven(ctx context.Context, p *plan, i *identity.Identity) error {
	e, now, err := s.storedIdentity(ctx, i.ID)
	if err != nil {
		return err
	}
	if now.Revision != i.Revision {
		return identity.ErrChanged
	}
	p.when(kv.Unchanged(e.Key, i.Revision))
	return nil
}

func (s *Store) storedIdentity(ctx context.Context, id string) (kv.Entry, *identity.Identity, error) {
	e, err := s.get(ctx, s.keys.identity(id))
	if err != nil {
		return e, nil, err
	}
	i, err := decodeIdentity(e, id)
	return e, i, err
}
