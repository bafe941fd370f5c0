package storage

import (
	"context"
	"fmt"

	"github.com/gatehouse-id/gatehouse/core/flow"
	"github.com/gatehouse-id/gatehouse/storage/kv"
)

// Flow reads the record of a flow.
func (s *Store) Flow(ctx context.Context, id string) (*flow.Record, error) {
	e, err := s.get(ctx, s.keys.flow(id))
	if err != nil {
		return nil, err
	}
	if !e.Exists() {
		return nil, flow.ErrNotFound
	}
	r := &flow.Record{}
	if err := decode(e.Key, e.Value, r); err != nil {
		return nil, err
	}
	if r.ID != id {
		return nil, fmt.Errorf("decoding %q: it holds another flow: %w", e.Key, ErrDamaged)
	}
	r.Revision = e.ModRevision
	return r, nil
}

// planFlow stores the new state of a flow over the one its submitter saw.
func (s *Store) planFlow(ctx context.Context, p *plan, r *flow.Record) error {
	e, err := s.get(ctx, s.keys.flow(r.ID))
	if err != nil {
		return err
	}
	if e.ModRevision != r.Revision {
		return flow.ErrChanged
	}
	p.when(kv.Unchanged(e.Key, r.Revision))
	p.stored = append(p.stored, func(revision int64) { r.Revision = revision })
	return p.put(e.Key, r, e.Value, s.ttl(r.ExpiresAt))
}

// SaveError keeps an error for the error page.
func (s *Store) SaveError(ctx context.Context, e *flow.StoredError) error {
	return s.commit(ctx, func(p *plan) error {
		return p.put(s.keys.storedError(e.ID), e, nil, s.ttl(e.ExpiresAt))
	})
}

// LoadError reads a kept error until it expires.
func (s *Store) LoadError(ctx context.Context, id string) (*flow.StoredError, error) {
	e, err := s.get(ctx, s.keys.storedError(id))
	if err != nil {
		return nil, err
	}
	if !e.Exists() {
		return nil, flow.ErrNotFound
	}
	var stored flow.StoredError
	if err := decode(e.Key, e.Value, &stored); err != nil {
		return nil, err
	}
	if stored.ID != id || !s.Now().Before(stored.ExpiresAt) {
		return nil, flow.ErrNotFound
	}
	return &stored, nil
}
