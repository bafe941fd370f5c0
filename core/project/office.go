package project

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/gatehouse-id/gatehouse/core/apierror"
)

// Office is what may be done with projects, and by whom. Its errors are API errors.
type Office struct {
	Registry Registry
	Stage    Stage
	People   People
	// Most bounds the number of projects; 0 means DefaultMost.
	Most int
	Now  func() time.Time // time.Now unless set
}

// DefaultMost is how many projects there may be unless something else is said.
const DefaultMost = 10_000

// Stage is where projects run: the office asks it before it stores anything, and tells it afterwards.
type Stage interface {
	// Try assembles a project from p.Current as every node will. What is wrong with it
	// is an error that names the key and is meant for people.
	Try(ctx context.Context, p *Project) error
	// Uses tells whether identities of a project have one of the schemas, and which.
	Uses(ctx context.Context, id string, schemas []string) (string, error)
	// Reserved tells whether a host is one that no project may have.
	Reserved(host string) bool
	// Hosts are all names of a project in lower case, the one that links lead to first.
	Hosts(p *Project) []string
	// Tokens keeps the access tokens of a project.
	Tokens(p *Project) Store
	// Refresh makes this node take up what was stored of a project, at once.
	Refresh(ctx context.Context, id string)
}

// Person is an identity of the console project as other members see it.
type Person struct {
	ID    string `json:"id"`
	Email string `json:"email,omitempty"`
	Name  string `json:"name,omitempty"`
}

// People finds the identities of the console project that are active; ErrNobody.
type People interface {
	Person(ctx context.Context, id string) (*Person, error)
}

// ErrNobody says that there is no active identity of that id.
var ErrNobody = errors.New("project: no such person")

// Principal is who asks: an identity of the console project, or the operator, who may do
// everything.
type Principal struct {
	IdentityID string
	TokenID    string
}

// Operator tells whether nobody in particular asks.
func (p Principal) Operator() bool { return p.IdentityID == "" }

// key names who has chosen an active project.
func (p Principal) key() string {
	if p.Operator() {
		return "operator"
	}
	return p.IdentityID
}

var (
	errNoProject = apierror.NotFound("There is no project with this id.")
	errNoRole    = apierror.Forbidden("You are no member of this project, or your role doesn't allow this.")
	errRaced     = apierror.Conflict("The project was changed by somebody else at the same time. Read it again, and repeat the change.")
)

func (o *Office) now() time.Time {
	if o.Now == nil {
		return time.Now().UTC()
	}
	return o.Now().UTC()
}

// known checks that the person behind a principal still is one.
func (o *Office) known(ctx context.Context, by Principal) error {
	if by.Operator() {
		return nil
	}
	_, err := o.People.Person(ctx, by.IdentityID)
	if errors.Is(err, ErrNobody) {
		return apierror.Unauthorized("The person that this token stands for isn't active any more.")
	}
	return err
}

// open reads a project that the principal may work on with one of the roles.
func (o *Office) open(ctx context.Context, by Principal, id string, roles ...Role) (*Project, error) {
	if err := o.known(ctx, by); err != nil {
		return nil, err
	}
	if _, err := uuid.Parse(id); err != nil {
		return nil, errNoProject
	}
	p, err := o.Registry.Project(ctx, id)
	switch {
	case errors.Is(err, ErrUnknownProject):
		return nil, errNoProject
	case err != nil:
		return nil, err
	case !by.Operator() && !slices.Contains(roles, p.RoleOf(by.IdentityID)):
		return nil, errNoRole
	}
	return p, nil
}

// Names are what a client may ask for beside a revision. Nil hosts leave those that there are.
type Names struct {
	Slug  string
	Hosts []string
}

// Create makes a project. Who makes it owns it.
func (o *Office) Create(ctx context.Context, by Principal, r *Revision, n Names) (*Project, error) {
	if err := o.known(ctx, by); err != nil {
		return nil, err
	}
	if err := o.room(ctx); err != nil {
		return nil, err
	}
	now := o.now()
	p := &Project{ID: uuid.NewString(), Slug: n.Slug, State: Running, CreatedAt: now, Members: []Member{}}
	if !by.Operator() {
		p.setMember(Member{IdentityID: by.IdentityID, Role: Owner, Since: now})
	}
	if p.Slug == "" {
		p.Slug = NewSlug()
	}
	if err := CheckSlug(p.Slug); err != nil {
		return nil, err
	}
	if err := o.name(by, p, n.Hosts); err != nil {
		return nil, err
	}
	if err := o.revise(ctx, p, r); err != nil {
		return nil, err
	}
	return p, o.stored(ctx, p, o.Registry.CreateProject(ctx, p))
}

// room refuses one project too many.
func (o *Office) room(ctx context.Context) error {
	most := o.Most
	if most <= 0 {
		most = DefaultMost
	}
	all, err := o.Registry.Projects(ctx)
	if err != nil {
		return err
	}
	if len(all) >= most {
		return apierror.Forbidden("There are %d projects, and the operator allows no more.", len(all))
	}
	return nil
}

// MaxHosts bounds the hosts of a project.
const MaxHosts = 20

// name gives a project its hosts. New ones are for the operator to give: nothing shows whom a name belongs to, and a
// guarded site of this installation would let the people of the project in whose host it became.
func (o *Office) name(by Principal, p *Project, hosts []string) error {
	if len(hosts) > MaxHosts {
		return apierror.BadRequest("hosts: %d are given, a project can have %d.", len(hosts), MaxHosts)
	}
	own := p.Hosts[:0:0]
	slugged := o.Stage.Hosts(&Project{Slug: p.Slug})
	for n, raw := range hosts {
		host, err := NormalizeHost(raw)
		switch {
		case err != nil:
			return apierror.BadRequest("hosts[%d]: %s.", n, err)
		case slices.Contains(slugged, host) || slices.Contains(own, host):
			continue // clients send back what they have read
		case o.Stage.Reserved(host):
			return apierror.BadRequest("hosts[%d]: %s belongs to this installation. Choose a name of your own.", n, host)
		case !by.Operator() && !slices.Contains(p.Hosts, host):
			return apierror.Forbidden("hosts[%d]: %s is no name of this project, and only the operator can give it more.", n, host)
		}
		own = append(own, host)
	}
	p.Hosts = own
	return nil
}

// revise makes r the current revision of p when it works, and says what is wrong with it otherwise.
func (o *Office) revise(ctx context.Context, p *Project, r *Revision) error {
	before := p.Current
	if before == nil {
		before = &Revision{}
	}
	now := o.now()
	r.ID, r.ProjectID, r.CreatedAt, r.UpdatedAt = uuid.NewString(), p.ID, now, now
	if err := r.Restore(before); err != nil {
		return err
	}
	r.secure()
	if err := r.fits(); err != nil {
		return err
	}
	if err := o.keepsSchemas(ctx, p, before, r); err != nil {
		return err
	}
	p.Current, p.UpdatedAt = r, now
	p.Number++
	if err := o.Stage.Try(ctx, p); err != nil {
		return apierror.BadRequest("The configuration doesn't work, and nothing was changed: %s", err).WithCause(err)
	}
	return nil
}

// secretKeys are the keys of a revision that hold its secrets; those of the cookie default to the first.
const (
	keyDefaultSecrets = "kratos_secrets_default"
	keyCookieSecrets  = "kratos_secrets_cookie"
	keyCipherSecrets  = "kratos_secrets_cipher"
)

// secure gives a revision secrets of its own where its author has given none: two projects never share any.
func (r *Revision) secure() {
	if r.lacks(keyDefaultSecrets) && r.lacks(keyCookieSecrets) {
		r.set(keyDefaultSecrets, []string{rand.Text() + rand.Text()})
	}
	if r.lacks(keyCipherSecrets) {
		r.set(keyCipherSecrets, []string{(rand.Text() + rand.Text())[:cipherLength]})
	}
}

// cipherLength is the length of a secret for stored data (config.md, secrets.cipher).
const cipherLength = 32

func (r *Revision) lacks(key string) bool {
	var list []string
	raw, ok := r.Settings[key]
	return !ok || json.Unmarshal(raw, &list) == nil && len(list) == 0
}

func (r *Revision) set(key string, list []string) {
	raw, err := json.Marshal(list)
	if err != nil {
		return // unreachable: strings always encode
	}
	if r.Settings == nil {
		r.Settings = map[string]json.RawMessage{}
	}
	r.Settings[key] = raw
}

// keepsSchemas refuses a revision without a schema that people have.
func (o *Office) keepsSchemas(ctx context.Context, p *Project, before, next *Revision) error {
	var gone []string
	for _, s := range before.Schemas() {
		if !slices.ContainsFunc(next.Schemas(), func(x SchemaRef) bool { return x.ID == s.ID }) {
			gone = append(gone, s.ID)
		}
	}
	if len(gone) == 0 || p.Number == 0 {
		return nil
	}
	used, err := o.Stage.Uses(ctx, p.ID, gone)
	if err != nil || used == "" {
		return err
	}
	return apierror.BadRequest("kratos_identity_schemas: identities of this project have the schema %q, so it has to stay. Add it again, or give them another schema first.", used)
}

// stored turns the outcome of storing into an answer, and makes this node notice.
func (o *Office) stored(ctx context.Context, p *Project, err error) error {
	var taken *TakenError
	switch {
	case errors.As(err, &taken):
		return apierror.Conflict("%s belongs to another project.", taken.Name)
	case errors.Is(err, ErrRaced):
		return errRaced
	case errors.Is(err, ErrUnknownProject):
		return errNoProject
	case err != nil:
		return fmt.Errorf("storing project %s: %w", p.ID, err)
	}
	o.Stage.Refresh(ctx, p.ID)
	return nil
}
