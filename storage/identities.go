package storage

import (
	"context"
	"errors"
	"fmt"

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
	e, err := s.get(ctx, s.keys.identifier(t, identifier))
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

// Delete removes an identity with its indexes and, by removing the epoch, ends
// all its sessions. It puts nothing, so it works when the store is full.
func (s *Store) Delete(ctx context.Context, id string) error {
	return s.commit(ctx, func(p *plan) error { return s.planDeleteIdentity(ctx, p, id) })
}

// Identities lists in id order.
func (s *Store) Identities(ctx context.Context, page identity.Page) ([]*identity.Identity, error) {
	o := kv.ListOptions{Limit: min(max(page.Limit, 1), 500)}
	if page.After != "" {
		o.After = s.keys.identity(page.After)
	}
	snap, err := s.KV.List(ctx, s.keys.identities(), o)
	if err != nil {
		return nil, fmt.Errorf("listing identities: %w", err)
	}
	out := make([]*identity.Identity, 0, len(snap.Entries))
	for _, e := range snap.Entries {
		i, err := decodeIdentity(e, e.Key[len(s.keys.identities()):])
		if err != nil {
			return nil, err
		}
		out = append(out, i)
	}
	return out, nil
}

func (s *Store) planCreateIdentity(ctx context.Context, p *plan, i *identity.Identity) error {
	if !plain(i.ID) {
		return errors.New("creating an identity: its id is not a plain name")
	}
	e, err := s.get(ctx, s.keys.identity(i.ID))
	if err != nil {
		return err
	}
	if e.Exists() {
		return identity.ErrDuplicate
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
	return p.put(e.Key, i, nil, 0)
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

func (s *Store) planDeleteIdentity(ctx context.Context, p *plan, id string) error {
	e, old, err := s.storedIdentity(ctx, id)
	if err != nil {
		return err
	}
	if err := s.planIndexes(ctx, p, id, s.keys.indexes(old), nil); err != nil {
		return err
	}
	p.when(kv.Unchanged(e.Key, e.ModRevision))
	p.do(kv.Delete(e.Key), kv.Delete(s.keys.epoch(id)))
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
