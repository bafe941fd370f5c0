package project

import (
	"context"
	"errors"
	"slices"

	"github.com/google/uuid"

	"github.com/gatehouse-id/gatehouse/core/apierror"
)

// List shows the projects of the principal; an operator's are all.
func (o *Office) List(ctx context.Context, by Principal) ([]*Project, error) {
	if err := o.known(ctx, by); err != nil {
		return nil, err
	}
	all, err := o.Registry.Projects(ctx)
	if err != nil {
		return nil, err
	}
	out := []*Project{}
	for _, p := range all {
		if !by.Operator() && p.RoleOf(by.IdentityID) == "" {
			continue
		}
		whole, err := o.Registry.Project(ctx, p.ID)
		if errors.Is(err, ErrUnknownProject) {
			continue // purged meanwhile
		}
		if err != nil {
			return nil, err
		}
		out = append(out, whole)
	}
	return out, nil
}

// Get shows a project.
func (o *Office) Get(ctx context.Context, by Principal, id string) (*Project, error) {
	return o.open(ctx, by, id, Owner, Developer)
}

// History lists the revisions of a project that are kept, the newest first.
func (o *Office) History(ctx context.Context, p *Project) ([]*Revision, error) {
	return o.Registry.Revisions(ctx, p.ID)
}

// Update makes a new revision of a project, which replaces the whole of the one before.
func (o *Office) Update(ctx context.Context, by Principal, id string, r *Revision, n Names) (*Project, error) {
	p, err := o.open(ctx, by, id, Owner, Developer)
	if err != nil {
		return nil, err
	}
	if n.Slug != "" && n.Slug != p.Slug {
		return nil, apierror.BadRequest("slug: it is %q and stays so: it is a part of the project's address.", p.Slug)
	}
	if n.Hosts != nil {
		if err := o.name(by, p, n.Hosts); err != nil {
			return nil, err
		}
	}
	if err := o.revise(ctx, p, r); err != nil {
		return nil, err
	}
	return p, o.stored(ctx, p, o.Registry.UpdateProject(ctx, p))
}

// Configure makes a new revision of a Kratos configuration document. The warnings are
// about what a revision can't hold.
func (o *Office) Configure(ctx context.Context, by Principal, id string, document []byte) (*Project, []Warning, error) {
	p, err := o.open(ctx, by, id, Owner, Developer)
	if err != nil {
		return nil, nil, err
	}
	settings, warnings, err := FromDocument(document)
	if err != nil {
		return nil, nil, err
	}
	p, err = o.Update(ctx, by, id, &Revision{Name: p.Current.Name, Settings: settings}, Names{})
	return p, warnings, err
}

// Rollback makes a new revision out of one that was in force before, secrets included. Those
// that came after it stay behind them, or what they have sealed since could not be read.
func (o *Office) Rollback(ctx context.Context, by Principal, id, revision string) (*Project, error) {
	p, err := o.open(ctx, by, id, Owner, Developer)
	if err != nil {
		return nil, err
	}
	history, err := o.Registry.Revisions(ctx, id)
	if err != nil {
		return nil, err
	}
	at := slices.IndexFunc(history, func(r *Revision) bool { return r.ID == revision })
	if at < 0 {
		return nil, apierror.NotFound("The project has no revision %q any more, or never had: the newest %d are kept.", cut(revision), MaxRevisions)
	}
	again := *history[at]
	again.keepBehind(p.Current)
	if err := o.revise(ctx, p, &again); err != nil {
		return nil, err
	}
	return p, o.stored(ctx, p, o.Registry.UpdateProject(ctx, p))
}

// Purge ends a project: everything that belongs to it is deleted.
func (o *Office) Purge(ctx context.Context, by Principal, id string) error {
	if id == Console {
		return apierror.Forbidden("The console project is the one that the configuration file describes. It can't be purged.")
	}
	p, err := o.open(ctx, by, id, Owner)
	if err != nil {
		return err
	}
	return o.stored(ctx, p, o.Registry.PurgeProject(ctx, p))
}

// Members lists the people who work on a project. Those who have left the console project
// are listed by their id only.
func (o *Office) Members(ctx context.Context, by Principal, id string) ([]Person, error) {
	p, err := o.open(ctx, by, id, Owner, Developer)
	if err != nil {
		return nil, err
	}
	out := []Person{}
	for _, m := range p.Members {
		person, err := o.People.Person(ctx, m.IdentityID)
		if errors.Is(err, ErrNobody) {
			person, err = &Person{ID: m.IdentityID}, nil
		}
		if err != nil {
			return nil, err
		}
		out = append(out, *person)
	}
	return out, nil
}

// AddMember lets an identity of the console project work on a project, or changes its role.
func (o *Office) AddMember(ctx context.Context, by Principal, id, identityID string, role Role) (*Person, error) {
	p, err := o.open(ctx, by, id, Owner)
	if err != nil {
		return nil, err
	}
	if role != Owner && role != Developer {
		return nil, apierror.BadRequest("role: %q is none: write %s or %s.", cut(string(role)), Owner, Developer)
	}
	person, err := o.People.Person(ctx, identityID)
	if errors.Is(err, ErrNobody) {
		return nil, apierror.BadRequest("identity_id: the console project has no active identity %q.", cut(identityID))
	}
	if err != nil {
		return nil, err
	}
	if len(p.Members) >= MaxMembers && p.RoleOf(identityID) == "" {
		return nil, apierror.BadRequest("The project has %d members, which is as many as there can be.", len(p.Members))
	}
	if role == Developer && p.RoleOf(identityID) == Owner && p.owners() == 1 {
		return nil, errLastOwner
	}
	p.setMember(Member{IdentityID: identityID, Role: role, Since: o.now()})
	return person, o.stored(ctx, p, o.Registry.UpdateProject(ctx, p))
}

var errLastOwner = apierror.BadRequest("A project keeps an owner. Make somebody else an owner first.")

// RemoveMember ends a membership.
func (o *Office) RemoveMember(ctx context.Context, by Principal, id, identityID string) error {
	if _, err := uuid.Parse(identityID); err != nil {
		return apierror.BadRequest("The id of a member is a UUID.")
	}
	p, err := o.open(ctx, by, id, Owner)
	if err != nil {
		return err
	}
	switch p.RoleOf(identityID) {
	case "":
		return apierror.BadRequest("This person is no member of the project.")
	case Owner:
		if p.owners() == 1 {
			return errLastOwner
		}
	}
	p.removeMember(identityID)
	return o.stored(ctx, p, o.Registry.UpdateProject(ctx, p))
}

// Active is the id of the project that the principal has chosen to work on; "" when there is none, or no more.
func (o *Office) Active(ctx context.Context, by Principal) (string, error) {
	if err := o.known(ctx, by); err != nil {
		return "", err
	}
	id, err := o.Registry.Active(ctx, by.key())
	if err != nil || id == "" {
		return "", err
	}
	if _, err := o.open(ctx, by, id, Owner, Developer); err != nil {
		if apierror.IsKind(err, apierror.KindNotFound) || apierror.IsKind(err, apierror.KindForbidden) {
			return "", nil
		}
		return "", err
	}
	return id, nil
}

// SetActive remembers which project the principal works on.
func (o *Office) SetActive(ctx context.Context, by Principal, id string) error {
	if _, err := o.open(ctx, by, id, Owner, Developer); err != nil {
		return err
	}
	return o.Registry.SetActive(ctx, by.key(), id)
}
