package storage

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/gatehouse-id/gatehouse/core/identity"
	"github.com/gatehouse-id/gatehouse/storage/kv"
)

// listed is the largest part of the identities that one listing reads from. etcd walks
// through all keys of a range, however few of them are asked for, so a range must not
// grow with the store.
const listed = 1000

// Identities lists in id order.
func (s *Store) Identities(ctx context.Context, page identity.Page) ([]*identity.Identity, error) {
	t, err := s.tally(ctx)
	if err != nil {
		return nil, err
	}
	page.Limit = min(max(page.Limit, 1), listed)
	var out []*identity.Identity
	for _, sp := range t.spans() {
		if page.After != "" && sp.prefix < page.After[:min(len(sp.prefix), len(page.After))] {
			continue
		}
		out, err = s.read(ctx, t.revision, sp, out, page)
		if err != nil || len(out) == page.Limit {
			return out, err
		}
	}
	return out, nil
}

// read appends the identities of a span that belong to the page.
func (s *Store) read(ctx context.Context, revision int64, sp span, out []*identity.Identity, page identity.Page) ([]*identity.Identity, error) {
	prefix := s.keys.identities() + sp.prefix
	o := kv.ListOptions{Revision: revision}
	if strings.HasPrefix(page.After, sp.prefix) && page.After != "" {
		o.After = s.keys.identity(page.After)
	}
	for {
		o.Limit = min(page.Limit-len(out), listed)
		snap, err := s.KV.List(ctx, prefix, o)
		if err != nil {
			return nil, fmt.Errorf("listing identities: %w", err)
		}
		for _, e := range snap.Entries {
			i, err := decodeIdentity(e, e.Key[len(s.keys.identities()):])
			if err != nil {
				return nil, err
			}
			out = append(out, i)
			o.After = e.Key
		}
		if !snap.More || len(out) == page.Limit {
			return out, nil
		}
	}
}

// IdentitiesFrom lists in id order, leaving the first ones out, and tells how many there are.
func (s *Store) IdentitiesFrom(ctx context.Context, offset, limit int) ([]*identity.Identity, int, error) {
	t, err := s.tally(ctx)
	if err != nil {
		return nil, 0, err
	}
	out, page := []*identity.Identity{}, identity.Page{Limit: limit}
	for _, sp := range t.spans() {
		if offset >= sp.count {
			offset -= sp.count
			continue
		}
		page.After, err = s.skip(ctx, t.revision, sp, offset)
		if err != nil {
			return nil, 0, err
		}
		before := len(out)
		out, err = s.read(ctx, t.revision, sp, out, page)
		if err != nil || len(out) == limit {
			return out, t.total, err
		}
		if offset+len(out)-before != sp.count {
			s.recount(ctx, sp)
		}
		offset = 0
	}
	return out, t.total, nil
}

// skip is the id behind which a page begins that leaves out the first identities of a span.
func (s *Store) skip(ctx context.Context, revision int64, sp span, offset int) (string, error) {
	o := kv.ListOptions{Revision: revision, KeysOnly: true}
	for offset > 0 {
		o.Limit = min(offset, listed)
		snap, err := s.KV.List(ctx, s.keys.identities()+sp.prefix, o)
		if err != nil {
			return "", fmt.Errorf("listing identities: %w", err)
		}
		if len(snap.Entries) == 0 {
			break
		}
		offset -= len(snap.Entries)
		o.After = snap.Entries[len(snap.Entries)-1].Key
	}
	return strings.TrimPrefix(o.After, s.keys.identities()), nil
}

// Among reads the identities that exist of those asked for.
func (s *Store) Among(ctx context.Context, ids []string) ([]*identity.Identity, error) {
	out := make([]*identity.Identity, 0, len(ids))
	for part := range slices.Chunk(slices.Compact(slices.Sorted(slices.Values(ids))), kv.MaxOps) {
		keys := make([]string, len(part))
		for n, id := range part {
			keys[n] = s.keys.identity(id)
		}
		snap, err := s.getAll(ctx, keys...)
		if err != nil {
			return nil, err
		}
		for n, e := range snap.Entries {
			i, err := decodeIdentity(e, part[n])
			if errors.Is(err, identity.ErrNotFound) {
				continue
			}
			if err != nil {
				return nil, err
			}
			out = append(out, i)
		}
	}
	return out, nil
}

// Identified finds the identities that have a credential of one of the types with the identifier.
func (s *Store) Identified(ctx context.Context, types []identity.CredentialType, identifier string) ([]*identity.Identity, error) {
	keys := make([]string, len(types))
	for n, t := range types {
		keys[n] = s.keys.identifier(t, identifier)
	}
	snap, err := s.getAll(ctx, keys...)
	if err != nil {
		return nil, err
	}
	return s.owners(ctx, snap.Entries)
}

// owners reads the identities that index entries belong to.
func (s *Store) owners(ctx context.Context, entries []kv.Entry) ([]*identity.Identity, error) {
	var ids []string
	for _, e := range entries {
		if !e.Exists() {
			continue
		}
		id, err := owner(e)
		if err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	return s.Among(ctx, ids)
}

// ByExternalID finds the identity with an external id; identity.ErrNotFound when there is none.
func (s *Store) ByExternalID(ctx context.Context, id string) (*identity.Identity, error) {
	return s.indexed(ctx, s.keys.external(id))
}

// Search finds identities by the index of a trait, in the order of the values. The next page begins behind the token.
func (s *Store) Search(ctx context.Context, q identity.Query) (found []*identity.Identity, next string, err error) {
	prefix := s.keys.searched(q.Trait, q.Value)
	if !q.Prefix {
		prefix += "/"
	}
	o := kv.ListOptions{Limit: min(max(q.Limit, 1), listed)}
	if q.After != "" {
		value, id, _ := strings.Cut(q.After, "/")
		if o.After = s.keys.search(q.Trait) + q.After; !strings.HasPrefix(o.After, prefix) || !printable(value) || !plain(id) {
			return nil, "", identity.ErrToken
		}
	}
	snap, err := s.KV.List(ctx, prefix, o)
	if err != nil {
		return nil, "", fmt.Errorf("searching identities: %w", err)
	}
	all, err := s.owners(ctx, snap.Entries)
	if err != nil {
		return nil, "", err
	}
	if snap.More {
		next = strings.TrimPrefix(snap.Entries[len(snap.Entries)-1].Key, s.keys.search(q.Trait))
	}
	return inOrder(all, snap.Entries, q), next, nil
}

// inOrder brings identities into the order of their index entries. It leaves out those that changed meanwhile, and those
// whose value is like the one asked for only as far as keys go. One with several values is there once for each page.
func inOrder(all []*identity.Identity, entries []kv.Entry, q identity.Query) []*identity.Identity {
	byID := make(map[string]*identity.Identity, len(all))
	for _, i := range all {
		if i.Answers(q) {
			byID[i.ID] = i
		}
	}
	out := make([]*identity.Identity, 0, len(byID))
	for _, e := range entries {
		id := e.Key[strings.LastIndexByte(e.Key, '/')+1:]
		if i := byID[id]; i != nil {
			out = append(out, i)
			delete(byID, id)
		}
	}
	return out
}

// printable tells whether a text could be a part of a key.
func printable(text string) bool {
	return strings.IndexFunc(text, func(r rune) bool { return r <= ' ' || r > '~' }) < 0
}

// UsesSchema finds one of the schemas that some identity has; "" when none has any. It reads every identity.
func (s *Store) UsesSchema(ctx context.Context, schemas []string) (string, error) {
	o := kv.ListOptions{Limit: listed}
	for {
		snap, err := s.KV.List(ctx, s.keys.identities(), o)
		if err != nil {
			return "", fmt.Errorf("looking for schemas: %w", err)
		}
		for _, e := range snap.Entries {
			var i struct {
				SchemaID string `json:"schema_id"`
			}
			if err := decode(e.Key, e.Value, &i); err != nil {
				return "", err
			}
			if slices.Contains(schemas, i.SchemaID) {
				return i.SchemaID, nil
			}
			o.After = e.Key
		}
		if !snap.More || len(snap.Entries) == 0 {
			return "", nil
		}
	}
}
