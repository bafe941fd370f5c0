package storage

import (
	"context"
	"fmt"
	"slices"

	"github.com/gatehouse-id/gatehouse/core/identity"
	"github.com/gatehouse-id/gatehouse/storage/kv"
)

// indexRecord is the value of a unique index: whose it is.
type indexRecord struct {
	IdentityID string `json:"identity_id"`
}

// maxIndexes bounds the unique keys of one identity, so that replacing all of
// them together with a flow and a session still fits into one commit.
const maxIndexes = 45

// owner tells which identity an index entry belongs to.
func owner(e kv.Entry) (string, error) {
	var r indexRecord
	if err := decode(e.Key, e.Value, &r); err != nil {
		return "", err
	}
	if r.IdentityID == "" {
		return "", fmt.Errorf("decoding %q: it names no identity: %w", e.Key, ErrDamaged)
	}
	return r.IdentityID, nil
}

// planIndexes takes an identity's unique keys from old to next: new ones must
// be free, gone ones are removed, kept ones must still belong to the identity.
func (s *Store) planIndexes(ctx context.Context, p *plan, id string, old, next []string) error {
	if len(next) > maxIndexes {
		return fmt.Errorf("indexing identity %s: %d identifiers and addresses, %d are allowed: %w: %w",
			id, len(next), maxIndexes, identity.ErrTooLarge, kv.ErrTooLarge)
	}
	all := slices.Compact(slices.Sorted(slices.Values(slices.Concat(old, next))))
	if len(all) == 0 {
		return nil
	}
	snap, err := s.getAll(ctx, all...)
	if err != nil {
		return err
	}
	for _, e := range snap.Entries {
		if err := p.index(e, id, slices.Contains(next, e.Key)); err != nil {
			return err
		}
	}
	return nil
}

// index makes one unique key belong to the identity, or not any more.
func (p *plan) index(e kv.Entry, id string, wanted bool) error {
	p.when(kv.Unchanged(e.Key, e.ModRevision)) // of a missing key: still missing
	if !e.Exists() {
		if !wanted {
			return nil
		}
		return p.put(e.Key, indexRecord{id}, nil, 0)
	}
	holder, err := owner(e)
	switch {
	case err != nil:
		return err
	case holder == id && !wanted:
		p.do(kv.Delete(e.Key))
	case holder != id && wanted:
		return identity.ErrDuplicate
	}
	return nil
}
