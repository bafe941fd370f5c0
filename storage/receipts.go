package storage

import (
	"context"
	"errors"

	"github.com/gatehouse-id/gatehouse/core/flow"
	"github.com/gatehouse-id/gatehouse/core/identity"
	"github.com/gatehouse-id/gatehouse/storage/kv"
)

// Receipt finds what was made with an idempotency key; identity.ErrNotFound when nothing was, or too long ago.
func (s *Store) Receipt(ctx context.Context, key string) (*identity.Receipt, error) {
	e, err := s.get(ctx, s.keys.receipt(key))
	if err != nil {
		return nil, err
	}
	return s.decodeReceipt(e)
}

func (s *Store) decodeReceipt(e kv.Entry) (*identity.Receipt, error) {
	if !e.Exists() {
		return nil, identity.ErrNotFound
	}
	r := &identity.Receipt{}
	if err := decode(e.Key, e.Value, r); err != nil {
		return nil, err
	}
	if !s.Now().Before(r.ExpiresAt) {
		return nil, identity.ErrNotFound
	}
	return r, nil
}

// CreateOnce stores a new identity together with its receipt; identity.ErrRepeated when there is one already.
func (s *Store) CreateOnce(ctx context.Context, i *identity.Identity, r *identity.Receipt) error {
	return s.commit(ctx, func(p *plan) error {
		e, err := s.get(ctx, s.keys.receipt(r.Key))
		if err != nil {
			return err
		}
		_, err = s.decodeReceipt(e)
		if err == nil {
			return identity.ErrRepeated
		}
		if !errors.Is(err, identity.ErrNotFound) {
			return err
		}
		p.when(kv.Unchanged(e.Key, e.ModRevision))
		if err := p.put(e.Key, r, nil, s.ttl(r.ExpiresAt)); err != nil {
			return err
		}
		return s.plan(ctx, p, &flow.Changes{CreateIdentity: i})
	})
}
