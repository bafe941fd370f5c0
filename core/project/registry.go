package project

import "context"

// MaxRevisions is how many revisions of a project are kept. Older ones are forgotten.
const MaxRevisions = 100

// Registry keeps the projects of an installation, all but the console's.
type Registry interface {
	// Projects lists all, without their revisions, in the order of their ids.
	Projects(ctx context.Context) ([]*Project, error)
	// Project reads one with its current revision; ErrUnknownProject.
	Project(ctx context.Context, id string) (*Project, error)
	// CreateProject stores a project, its names and p.Current, its first revision, all
	// together; *TakenError when a name is somebody else's.
	CreateProject(ctx context.Context, p *Project) error
	// UpdateProject stores a project that was read before. p.Current becomes a new
	// revision when p.Number is higher than the stored one. ErrRaced when the project was changed
	// since, *TakenError, ErrUnknownProject.
	UpdateProject(ctx context.Context, p *Project) error
	// PurgeProject removes a project and everything that belongs to it. From the first of
	// its commits on no node can write anything for the project any more. When it
	// fails half-way, ResumePurges goes on.
	PurgeProject(ctx context.Context, p *Project) error
	// Revisions lists what is kept of a project's history, the newest first.
	Revisions(ctx context.Context, id string) ([]*Revision, error)

	// Active is the project that somebody has chosen; "" when there is none.
	Active(ctx context.Context, who string) (string, error)
	// SetActive remembers the choice.
	SetActive(ctx context.Context, who, id string) error
}
