package tenancy

import (
	"context"
	"errors"
	"strings"

	"github.com/gatehouse-id/gatehouse/core/project"
	"github.com/gatehouse-id/gatehouse/storage"
)

// replace makes the directory what a listing says.
func (t *Tenants) replace(all []storage.ProjectChange) {
	listed := map[string]bool{}
	for _, c := range all {
		listed[c.Key] = true
		t.take(c)
	}
	t.ids.Range(func(key, _ any) bool {
		if !listed[key.(string)] {
			t.take(storage.ProjectChange{Key: key.(string)})
		}
		return true
	})
}

// take takes up a change of one project. Its gateway is swapped in the background.
func (t *Tenants) take(c storage.ProjectChange) {
	if found := t.enroll(c); found != nil {
		t.running.Go(func() { found.catchUp(t.life) })
	}
}

// enroll brings the directory up to date. It returns the tenant if its gateway may not be.
func (t *Tenants) enroll(c storage.ProjectChange) *tenant {
	t.apply.Lock()
	defer t.apply.Unlock()
	var known *tenant
	if found, ok := t.ids.Load(c.Key); ok {
		known = found.(*tenant)
	}
	switch {
	case c.Project == nil && known == nil:
		return nil
	case c.Project == nil:
		t.forget(c.Key, known)
		return nil
	case known == nil:
		known = &tenant{of: t, turn: make(chan struct{}, 1)}
		known.head.Store(c.Project)
		t.ids.Store(c.Key, known)
		t.count.Add(1)
	case known.head.Load().Changed >= c.Project.Changed:
		return nil // this node was told twice
	default:
		t.unname(known, known.head.Load(), c.Project)
		known.head.Store(c.Project)
	}
	for _, name := range t.namesOf(c.Project) {
		t.names.Store(name, known)
	}
	if len(known.turn) == 0 && known.awake.Load() == nil {
		return nil // whoever wakes it from now on reads what we have read, or newer
	}
	return known
}

// forget drops a project that is gone. Requests that are under way end in errors: nothing can be written any more.
func (t *Tenants) forget(key string, known *tenant) {
	t.ids.Delete(key)
	t.count.Add(-1)
	t.unname(known, known.head.Load(), nil)
	known.retire()
}

// unname takes the names away that a project had and has no more, unless another one has them by now.
func (t *Tenants) unname(known *tenant, old, next *project.Project) {
	kept := map[string]bool{}
	if next != nil {
		for _, name := range t.namesOf(next) {
			kept[name] = true
		}
	}
	for _, name := range t.namesOf(old) {
		if !kept[name] {
			t.names.CompareAndDelete(name, known)
		}
	}
}

func (t *Tenants) namesOf(p *project.Project) []string {
	out := append(t.Hosts(p), p.Slug)
	for n := range out {
		out[n] = strings.ToLower(out[n])
	}
	return out
}

// Refresh makes this node take up what was stored of a project, before it returns if it can. The feed does
// the same a moment later.
func (t *Tenants) Refresh(ctx context.Context, id string) {
	p, err := t.registry.Project(ctx, id)
	if errors.Is(err, project.ErrUnknownProject) {
		t.enroll(storage.ProjectChange{Key: id})
		return
	}
	if err != nil {
		return
	}
	t.enroll(storage.ProjectChange{Key: id, Project: p})
	if found, ok := t.ids.Load(id); ok {
		found.(*tenant).catchUp(ctx) // or wait until another one has done it
	}
}

// Tokens keeps the access tokens of a project.
func (t *Tenants) Tokens(p *project.Project) project.Store {
	s := storage.New(t.options.Base.KV, p.ID)
	s.Fence(p)
	return s
}

// Uses finds one of the schemas that an identity of a project has; "" when none has any.
func (t *Tenants) Uses(ctx context.Context, id string, schemas []string) (string, error) {
	return storage.New(t.options.Base.KV, id).UsesSchema(ctx, schemas)
}
