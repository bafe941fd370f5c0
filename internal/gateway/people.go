package gateway

import (
	"context"
	"errors"

	"github.com/google/uuid"

	"github.com/gatehouse-id/gatehouse/core/identity"
	"github.com/gatehouse-id/gatehouse/core/project"
)

// Person finds an active identity as the members of projects see each other.
func (g *Gateway) Person(ctx context.Context, id string) (*project.Person, error) {
	if _, err := uuid.Parse(id); err != nil {
		return nil, project.ErrNobody
	}
	i, err := g.Store.Identity(ctx, id)
	switch {
	case errors.Is(err, identity.ErrNotFound):
		return nil, project.ErrNobody
	case err != nil:
		return nil, err
	case i.State != identity.Active:
		return nil, project.ErrNobody
	}
	p := &project.Person{ID: i.ID, Name: g.displayName(i)}
	for _, a := range i.Verifiable {
		if a.Via == "email" && p.Email == "" {
			p.Email = a.Value
		}
	}
	return p, nil
}
