package storage

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/gatehouse-id/gatehouse/core/project"
	"github.com/gatehouse-id/gatehouse/core/secret"
	"github.com/gatehouse-id/gatehouse/storage/kv"
)

// Projects keeps the projects of an installation, beside the records that each of them has in a Store of its own.
type Projects struct {
	records *Store // its keys are those of the console project and not used here
	seal    *secret.Keys
}

var _ project.Registry = (*Projects)(nil)

// NewProjects keeps projects in a store. Revisions hold secrets and are sealed with the keys.
func NewProjects(store kv.Store, seal *secret.Keys) *Projects {
	return &Projects{records: New(store, project.Console), seal: seal}
}

// nameRecord is the value of a slug or host: whose it is.
type nameRecord struct {
	ProjectID string `json:"project_id"`
}

// revisionRecord is a revision as it is stored.
type revisionRecord struct {
	ID     string `json:"id"`
	Sealed string `json:"sealed"` // its JSON
}

const revisionPurpose = "project revision"

func decodeProject(e kv.Entry) (*project.Project, error) {
	p := &project.Project{}
	if err := decode(e.Key, e.Value, p); err != nil {
		return nil, err
	}
	if rooted.project(p.ID) != e.Key || p.Number < 1 {
		return nil, fmt.Errorf("decoding %q: it holds another project: %w", e.Key, ErrDamaged)
	}
	p.Made, p.Changed = e.CreateRevision, e.ModRevision
	return p, nil
}

// Projects lists all, without their revisions.
func (s *Projects) Projects(ctx context.Context) ([]*project.Project, error) {
	all, _, err := s.list(ctx, false)
	return all, err
}

// list reads all projects at one revision of the store, which it returns. It leaves out damaged ones if it may.
func (s *Projects) list(ctx context.Context, lenient bool) (all []*project.Project, revision int64, err error) {
	o := kv.ListOptions{}
	for {
		snap, err := s.records.KV.List(ctx, rootRecords, o)
		if err != nil {
			return nil, 0, fmt.Errorf("listing projects: %w", err)
		}
		o.Revision = snap.Revision
		for _, e := range snap.Entries {
			o.After = e.Key
			p, err := decodeProject(e)
			if err != nil && lenient {
				continue
			}
			if err != nil {
				return nil, 0, err
			}
			all = append(all, p)
		}
		if !snap.More || len(snap.Entries) == 0 {
			return all, snap.Revision, nil
		}
	}
}

// Project reads one project with its current revision.
func (s *Projects) Project(ctx context.Context, id string) (*project.Project, error) {
	for range attempts {
		e, err := s.records.get(ctx, rooted.project(id))
		if err != nil {
			return nil, err
		}
		if !e.Exists() {
			return nil, project.ErrUnknownProject
		}
		p, err := decodeProject(e)
		if err != nil {
			return nil, err
		}
		r, err := s.records.get(ctx, rooted.revision(id, p.Number))
		if err != nil {
			return nil, err
		}
		if !r.Exists() {
			continue // many newer ones were made meanwhile, or the project was purged
		}
		p.Current, err = s.open(r)
		return p, err
	}
	return nil, fmt.Errorf("reading project %s: its revision is missing: %w", id, ErrDamaged)
}

func (s *Projects) open(e kv.Entry) (*project.Revision, error) {
	var stored revisionRecord
	if err := decode(e.Key, e.Value, &stored); err != nil {
		return nil, err
	}
	raw, err := s.seal.OpenString(revisionPurpose, stored.Sealed, []byte(e.Key))
	if err != nil {
		return nil, fmt.Errorf("opening %q: %w: was secrets.cipher or secrets.default replaced without keeping the old one behind it?", e.Key, err)
	}
	r := &project.Revision{}
	if err := json.Unmarshal(raw, r); err != nil {
		return nil, fmt.Errorf("decoding %q: %w", e.Key, ErrDamaged)
	}
	return r, nil
}

// CreateProject stores a project with its names and first revision.
func (s *Projects) CreateProject(ctx context.Context, p *project.Project) error {
	return s.records.commit(ctx, func(pl *plan) error {
		pl.when(kv.Missing(rooted.project(p.ID)))
		if err := s.planNames(ctx, pl, p.ID, nil, namesOf(p)); err != nil {
			return err
		}
		return s.planProject(pl, p, nil)
	})
}

// namesOf are the keys of a project's names.
func namesOf(p *project.Project) []string {
	out := []string{rooted.slug(p.Slug)}
	for _, h := range p.Hosts {
		out = append(out, rooted.host(h))
	}
	return out
}

func (s *Projects) planProject(pl *plan, p *project.Project, old []byte) error {
	if err := pl.put(rooted.project(p.ID), p, old, 0); err != nil {
		return err
	}
	pl.stored = append(pl.stored, func(revision int64) {
		p.Changed = revision
		if p.Made == 0 {
			p.Made = revision
		}
	})
	if p.Current == nil {
		return nil
	}
	raw, err := json.Marshal(p.Current)
	if err != nil {
		return fmt.Errorf("encoding a revision: %w", err)
	}
	key := rooted.revision(p.ID, p.Number)
	return pl.put(key, revisionRecord{ID: p.Current.ID, Sealed: s.seal.SealString(revisionPurpose, raw, []byte(key))}, nil, 0)
}

// planNames takes a project's names from old to next: new ones must be free.
func (s *Projects) planNames(ctx context.Context, pl *plan, id string, old, next []string) error {
	all := slices.Compact(slices.Sorted(slices.Values(slices.Concat(old, next))))
	snap, err := s.records.getAll(ctx, all...)
	if err != nil {
		return err
	}
	for _, e := range snap.Entries {
		wanted, had := slices.Contains(next, e.Key), slices.Contains(old, e.Key)
		pl.when(kv.Unchanged(e.Key, e.ModRevision))
		switch {
		case wanted && !e.Exists():
			if err := pl.put(e.Key, nameRecord{id}, nil, 0); err != nil {
				return err
			}
		case wanted && !had:
			return &project.TakenError{Name: nameIn(e.Key)}
		case !wanted && e.Exists():
			pl.do(kv.Delete(e.Key))
		}
	}
	return nil
}

// nameIn is the slug or host of a key, as far as it can be read.
func nameIn(key string) string {
	last := key[strings.LastIndex(key, "/")+1:]
	return unpart(last)
}

// UpdateProject stores a project that was read before.
func (s *Projects) UpdateProject(ctx context.Context, p *project.Project) error {
	next := *p
	return s.records.commit(ctx, func(pl *plan) error {
		e, old, err := s.unchanged(ctx, p)
		if err != nil {
			return err
		}
		if next.Current = p.Current; p.Number == old.Number {
			next.Current = nil // that revision is stored
		} else if gone := p.Number - project.MaxRevisions; gone > 0 {
			pl.do(kv.Delete(rooted.revision(p.ID, gone)))
		}
		pl.when(kv.Unchanged(e.Key, e.ModRevision))
		if err := s.planNames(ctx, pl, p.ID, namesOf(old), namesOf(p)); err != nil {
			return err
		}
		pl.stored = append(pl.stored, func(revision int64) { p.Changed = revision })
		return s.planProject(pl, &next, e.Value)
	})
}

// unchanged reads the stored form of a project that nobody has changed since it was read.
func (s *Projects) unchanged(ctx context.Context, p *project.Project) (kv.Entry, *project.Project, error) {
	e, err := s.records.get(ctx, rooted.project(p.ID))
	if err != nil {
		return e, nil, err
	}
	if !e.Exists() {
		return e, nil, project.ErrUnknownProject
	}
	if e.ModRevision != p.Changed {
		return e, nil, project.ErrRaced
	}
	old, err := decodeProject(e)
	return e, old, err
}

// Revisions lists the history of a project, the newest first.
func (s *Projects) Revisions(ctx context.Context, id string) ([]*project.Revision, error) {
	snap, err := s.records.KV.List(ctx, rooted.revisions(id), kv.ListOptions{Reverse: true, Limit: project.MaxRevisions})
	if err != nil {
		return nil, fmt.Errorf("listing revisions: %w", err)
	}
	var out []*project.Revision
	for _, e := range snap.Entries {
		r, err := s.open(e)
		if err != nil {
			return nil, err
		}
		out = append(out, r)
	}
	return out, nil
}

// Active is the project that somebody has chosen.
func (s *Projects) Active(ctx context.Context, who string) (string, error) {
	e, err := s.records.get(ctx, rooted.active(who))
	if err != nil || !e.Exists() {
		return "", err
	}
	var r nameRecord
	err = decode(e.Key, e.Value, &r)
	return r.ProjectID, err
}

// SetActive remembers the choice.
func (s *Projects) SetActive(ctx context.Context, who, id string) error {
	return s.records.commit(ctx, func(pl *plan) error { return pl.put(rooted.active(who), nameRecord{id}, nil, 0) })
}

// PurgeProject removes a project and all its records.
func (s *Projects) PurgeProject(ctx context.Context, p *project.Project) error {
	err := s.condemn(ctx, p, true)
	if errors.Is(err, kv.ErrNoSpace) { // a full store takes no mark, and purging is what makes room
		err = s.condemn(ctx, p, false)
	}
	if err != nil {
		return err
	}
	return s.sweep(ctx, p.ID)
}

// condemn removes the record that every write of the project depends on, and its names. The mark lets
// any node finish what this one has begun.
func (s *Projects) condemn(ctx context.Context, p *project.Project, mark bool) error {
	return s.records.commit(ctx, func(pl *plan) error {
		e, old, err := s.unchanged(ctx, p)
		if err != nil {
			return err
		}
		pl.when(kv.Unchanged(e.Key, e.ModRevision))
		pl.do(kv.Delete(e.Key))
		for _, name := range namesOf(old) {
			pl.do(kv.Delete(name))
		}
		if !mark {
			return nil
		}
		return pl.put(rooted.purge(p.ID), nameRecord{p.ID}, nil, 0)
	})
}

// sweep deletes what is left of a condemned project.
func (s *Projects) sweep(ctx context.Context, id string) error {
	for _, prefix := range []string{newKeys(id).prefix, rooted.revisions(id)} {
		if err := s.erase(ctx, prefix); err != nil {
			return fmt.Errorf("purging project %s: %w", id, err)
		}
	}
	if err := s.forgetChoices(ctx, id); err != nil {
		return err
	}
	return s.records.delete(ctx, rooted.purge(id))
}

// forgetChoices removes that somebody works on a project.
func (s *Projects) forgetChoices(ctx context.Context, id string) error {
	o := kv.ListOptions{}
	for {
		snap, err := s.records.KV.List(ctx, rootActive, o)
		if err != nil {
			return fmt.Errorf("listing who works on what: %w", err)
		}
		for _, e := range snap.Entries {
			o.After = e.Key
			var r nameRecord
			if decode(e.Key, e.Value, &r) != nil || r.ProjectID != id {
				continue
			}
			if err := s.records.delete(ctx, e.Key); err != nil {
				return err
			}
		}
		if !snap.More || len(snap.Entries) == 0 {
			return nil
		}
	}
}

func (s *Projects) erase(ctx context.Context, prefix string) error {
	for {
		snap, err := s.records.KV.List(ctx, prefix, kv.ListOptions{KeysOnly: true, Limit: kv.MaxOps})
		if err != nil || len(snap.Entries) == 0 {
			return err
		}
		var ops []kv.Op
		for _, e := range snap.Entries {
			ops = append(ops, kv.Delete(e.Key))
		}
		if _, err := s.records.KV.Commit(ctx, nil, ops); err != nil {
			return err
		}
	}
}

// ResumePurges finishes the purges that a node has begun and not ended.
func (s *Projects) ResumePurges(ctx context.Context) error {
	snap, err := s.records.KV.List(ctx, rootPurges, kv.ListOptions{})
	if err != nil {
		return fmt.Errorf("listing purges: %w", err)
	}
	for _, e := range snap.Entries {
		var r nameRecord
		if err := decode(e.Key, e.Value, &r); err != nil {
			return err
		}
		if err := s.sweep(ctx, r.ProjectID); err != nil {
			return err
		}
	}
	return nil
}
