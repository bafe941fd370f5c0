// Package storage keeps identities, sessions, flows, messages and projects as records in a kv.Store; keys, indexes and codecs are here only.
//
// Every change is one compare-guarded commit over a record and all its indexes.
// docs/storage-keys.md lists the keys and the rules they follow.
package storage

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gatehouse-id/gatehouse/core/flow"
	"github.com/gatehouse-id/gatehouse/core/identity"
	"github.com/gatehouse-id/gatehouse/core/project"
	"github.com/gatehouse-id/gatehouse/core/session"
	"github.com/gatehouse-id/gatehouse/storage/kv"
)

// ErrDamaged says that a record cannot be understood: its bytes are damaged or a
// newer program wrote it. Whatever depends on the record has to be refused.
var ErrDamaged = errors.New("storage: the record cannot be read")

// slack is how much longer than its lifespan a record is kept. It covers clocks
// that disagree and lets a late sign-out still find its session.
const slack = time.Hour

// attempts bounds how often a commit is planned again after a lost race. Each
// new plan reads afresh, so a race that decides the outcome ends the loop early.
const attempts = 8

// Store keeps the records of one project.
type Store struct {
	KV      kv.Store
	Project string           // names the project in every key; "default" unless set
	Now     func() time.Time // time.Now unless set; decides TTLs only
	// Most is how many identities there may be, give or take those made at the same moment; 0 is any number.
	Most int

	keys keys
	// fence holds while the project exists. Every commit that writes something depends on it, so
	// that nothing can be written for a project that was purged.
	fence []kv.Cond
}

var (
	_ identity.Directory = (*Store)(nil)
	_ session.Registry   = (*Store)(nil)
	_ session.Feed       = (*Store)(nil)
	_ flow.Store         = (*Store)(nil)
)

// New makes the store of a project; an empty name means "default".
func New(store kv.Store, project string) *Store {
	if project == "" {
		project = "default"
	}
	return &Store{KV: store, Project: project, Now: time.Now, keys: newKeys(project)}
}

// Fence lets nothing be written once the record of the project is gone that p was read from.
func (s *Store) Fence(p *project.Project) {
	s.fence = []kv.Cond{kv.Created(rooted.project(p.ID), p.Made)}
}

// get reads one key.
func (s *Store) get(ctx context.Context, key string) (kv.Entry, error) {
	snap, err := s.getAll(ctx, key)
	if err != nil {
		return kv.Entry{}, err
	}
	return snap.Entries[0], nil
}

// getAll reads keys at one revision.
func (s *Store) getAll(ctx context.Context, keys ...string) (kv.Snapshot, error) {
	snap, err := s.KV.Get(ctx, keys...)
	if err != nil {
		return snap, fmt.Errorf("reading %q: %w", keys[0], err)
	}
	if len(snap.Entries) != len(keys) {
		// A backend that breaks its contract must not end in an index panic below.
		return snap, fmt.Errorf("reading %q: %d entries for %d keys", keys[0], len(snap.Entries), len(keys))
	}
	return snap, nil
}

// ttl is how long a record that expires at a time is kept.
func (s *Store) ttl(expires time.Time) time.Duration {
	return max(expires.Sub(s.Now()), 0) + slack
}
