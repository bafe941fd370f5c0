package storage

import (
	"context"
	"fmt"
	"strings"

	"github.com/gatehouse-id/gatehouse/core/project"
	"github.com/gatehouse-id/gatehouse/storage/kv"
)

// ProjectChange tells that a project was made or changed, or with a nil Project that it is gone.
type ProjectChange struct {
	Key     string // tells projects apart; it is no id
	Project *project.Project
}

// Follow lists all projects and tells every change from then on. The channel is closed when ctx ends or when it may miss
// one. A record that can't be read counts as a project that is gone.
func (s *Projects) Follow(ctx context.Context) (all []ProjectChange, changes <-chan ProjectChange, err error) {
	listed, revision, err := s.list(ctx, true)
	if err != nil {
		return nil, nil, err
	}
	for _, p := range listed {
		all = append(all, ProjectChange{Key: part(p.ID), Project: p})
	}
	w, err := s.records.KV.Watch(ctx, rootRecords, revision)
	if err != nil {
		return nil, nil, fmt.Errorf("watching projects: %w", err)
	}
	out := make(chan ProjectChange)
	go tellProjects(ctx, w, out)
	return all, out, nil
}

// tellProjects ends with ctx or with the watch.
func tellProjects(ctx context.Context, w kv.Watch, out chan<- ProjectChange) {
	defer close(out)
	defer w.Close()
	for {
		select {
		case <-ctx.Done():
			return
		case b, open := <-w.Batches():
			if !open {
				return
			}
			for _, e := range b.Events {
				select {
				case out <- changeOf(e):
				case <-ctx.Done():
					return
				}
			}
		}
	}
}

func changeOf(e kv.Event) ProjectChange {
	c := ProjectChange{Key: strings.TrimPrefix(e.Key, rootRecords)}
	if !e.Deleted {
		if p, err := decodeProject(e.Entry); err == nil {
			c.Project = p
		}
	}
	return c
}
