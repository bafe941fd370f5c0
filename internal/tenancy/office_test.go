package tenancy_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/gatehouse-id/gatehouse/core/apierror"
	"github.com/gatehouse-id/gatehouse/core/config"
	"github.com/gatehouse-id/gatehouse/core/hash"
	"github.com/gatehouse-id/gatehouse/core/project"
	"github.com/gatehouse-id/gatehouse/core/secret"
	"github.com/gatehouse-id/gatehouse/internal/gateway"
	"github.com/gatehouse-id/gatehouse/internal/tenancy"
	"github.com/gatehouse-id/gatehouse/storage"
	"github.com/gatehouse-id/gatehouse/storage/kv"
)

// installation is a store with an office and one node.
type installation struct {
	t        testing.TB
	kv       kv.Store
	registry *storage.Projects
	tenants  *tenancy.Tenants
	office   *project.Office
	people   people
}

// people are those of the console project.
type people map[string]bool

func (p people) Person(_ context.Context, id string) (*project.Person, error) {
	if !p[id] {
		return nil, project.ErrNobody
	}
	return &project.Person{ID: id, Email: id[:8] + "@example.org"}, nil
}

// install makes an installation that runs until the test ends.
func install(t testing.TB) *installation {
	t.Helper()
	c := config.Default()
	c.Dev = true
	c.Serve.Public.BaseURL = "http://console.example:8080"
	c.Hashers.Algorithm, c.Hashers.Bcrypt.Cost = "bcrypt", 4
	base := gateway.Options{
		Config: &c, KV: kv.NewMemory(), Keys: secret.RandomKeys(), Limiter: hash.NewLimiter(hash.Limits{}),
		Logger: slog.New(slog.NewTextHandler(io.Discard, nil)),
	}
	i := &installation{t: t, kv: base.KV, registry: storage.NewProjects(base.KV, base.Keys), people: people{}}
	var err error
	if i.tenants, err = tenancy.New(tenancy.Options{Base: base}, i.registry); err != nil {
		t.Fatal(err)
	}
	i.office = &project.Office{Registry: i.registry, Stage: i.tenants, People: i.people}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); i.tenants.Run(ctx) }()
	t.Cleanup(func() { stop(); <-done })
	return i
}

var operator = project.Principal{TokenID: "token"}

// person is somebody of the console project.
func (i *installation) person() project.Principal {
	id := uuid.NewString()
	i.people[id] = true
	return project.Principal{IdentityID: id, TokenID: "token"}
}

func revision(t testing.TB, body string) *project.Revision {
	t.Helper()
	r, err := project.ParseRevision([]byte(body))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func (i *installation) create(by project.Principal, slug string, hosts ...string) *project.Project {
	i.t.Helper()
	p, err := i.office.Create(i.t.Context(), by, revision(i.t, `{"name": "Shop"}`), project.Names{Slug: slug, Hosts: hosts})
	if err != nil {
		i.t.Fatal(err)
	}
	return p
}

func is(t *testing.T, what string, err error, kind apierror.Kind, reason string) {
	t.Helper()
	if !apierror.IsKind(err, kind) || !strings.Contains(err.Error(), reason) {
		t.Errorf("%s: got %v, want %d with %q", what, err, kind.Status(), reason)
	}
}

func TestRolesDecideWhatMembersMayDo(t *testing.T) {
	i, ctx := install(t), t.Context()
	owner, developer, stranger := i.person(), i.person(), i.person()
	p := i.create(owner, "shop")
	if _, err := i.office.AddMember(ctx, owner, p.ID, developer.IdentityID, project.Developer); err != nil {
		t.Fatal(err)
	}
	change := func(by project.Principal) error {
		_, err := i.office.Update(ctx, by, p.ID, revision(t, `{"name": "Changed"}`), project.Names{})
		return err
	}
	for name, by := range map[string]project.Principal{"operator": operator, "owner": owner, "developer": developer} {
		if err := change(by); err != nil {
			t.Errorf("%s changes: %v", name, err)
		}
		if _, err := i.office.Members(ctx, by, p.ID); err != nil {
			t.Errorf("%s lists members: %v", name, err)
		}
	}
	is(t, "a stranger changes", change(stranger), apierror.KindForbidden, "")
	is(t, "a developer purges", i.office.Purge(ctx, developer, p.ID), apierror.KindForbidden, "")
	is(t, "a developer removes a member", i.office.RemoveMember(ctx, developer, p.ID, owner.IdentityID), apierror.KindForbidden, "")
	_, err := i.office.AddMember(ctx, developer, p.ID, stranger.IdentityID, project.Owner)
	is(t, "a developer adds a member", err, apierror.KindForbidden, "")
	_, _, err = i.office.NewToken(ctx, developer, p.ID, "x", []project.Scope{project.Admin}, p.CreatedAt)
	is(t, "a developer makes a token", err, apierror.KindForbidden, "")

	for by, want := range map[project.Principal]int{operator: 1, owner: 1, developer: 1, stranger: 0} {
		if all, err := i.office.List(ctx, by); err != nil || len(all) != want {
			t.Errorf("%+v lists %d projects, %v, want %d", by, len(all), err, want)
		}
	}
	delete(i.people, developer.IdentityID)
	is(t, "somebody who left the console project", change(developer), apierror.KindUnauthorized, "")
}

func TestProjectKeepsAnOwner(t *testing.T) {
	i, ctx := install(t), t.Context()
	ann, bob := i.person(), i.person()
	p := i.create(ann, "shop")
	is(t, "the last owner leaves", i.office.RemoveMember(ctx, ann, p.ID, ann.IdentityID), apierror.KindBadRequest, "keeps an owner")
	_, err := i.office.AddMember(ctx, ann, p.ID, ann.IdentityID, project.Developer)
	is(t, "the last owner becomes a developer", err, apierror.KindBadRequest, "keeps an owner")
	if _, err := i.office.AddMember(ctx, ann, p.ID, bob.IdentityID, project.Owner); err != nil {
		t.Fatal(err)
	}
	// Two owners remove each other at the same moment: one of them stays.
	var gone atomic.Int64
	var both sync.WaitGroup
	for _, pair := range [][2]project.Principal{{ann, bob}, {bob, ann}} {
		both.Go(func() {
			if i.office.RemoveMember(ctx, pair[0], p.ID, pair[1].IdentityID) == nil {
				gone.Add(1)
			}
		})
	}
	both.Wait()
	if left, err := i.office.Members(ctx, operator, p.ID); err != nil || len(left) != 1 || gone.Load() != 1 {
		t.Errorf("%d of two owners are left, %v", len(left), err)
	}
}

func TestNamesBelongToOneProject(t *testing.T) {
	i, ctx := install(t), t.Context()
	i.create(operator, "shop", "login.shop.example")
	for _, c := range []struct {
		names  project.Names
		kind   apierror.Kind
		reason string
	}{
		{project.Names{Slug: "shop"}, apierror.KindConflict, "shop belongs to another project"},
		{project.Names{Hosts: []string{"Login.Shop.Example."}}, apierror.KindConflict, "login.shop.example belongs to another project"},
		{project.Names{Hosts: []string{"*.shop.example"}}, apierror.KindBadRequest, "hosts[0]: "},
		{project.Names{Hosts: []string{"a.example", "console.example"}}, apierror.KindBadRequest, "hosts[1]: console.example belongs to this installation"},
		{project.Names{Hosts: []string{"other.projects.console.example"}}, apierror.KindBadRequest, "belongs to this installation"},
		{project.Names{Slug: "Sh/op"}, apierror.KindBadRequest, "slug: "},
	} {
		_, err := i.office.Create(ctx, operator, revision(t, `{"name": "Other"}`), c.names)
		is(t, fmt.Sprint(c.names), err, c.kind, c.reason)
	}
	other := i.create(operator, "other")
	_, err := i.office.Update(ctx, operator, other.ID, revision(t, `{"name": "Other"}`), project.Names{Slug: "third"})
	is(t, "another slug", err, apierror.KindBadRequest, "slug: ")
}

// A guarded site of the installation would let the people of the project in whose host it became.
func TestHostsAreTheOperatorsToGive(t *testing.T) {
	i, ctx := install(t), t.Context()
	owner := i.person()
	p := i.create(owner, "shop")
	update := func(by project.Principal, hosts ...string) error {
		_, err := i.office.Update(ctx, by, p.ID, revision(t, `{"name": "Shop"}`), project.Names{Hosts: hosts})
		return err
	}
	is(t, "an owner takes a host", update(owner, "app.company.example"), apierror.KindForbidden, "hosts[0]: app.company.example")
	_, err := i.office.Create(ctx, owner, revision(t, `{"name": "Other"}`), project.Names{Hosts: []string{"app.company.example"}})
	is(t, "an owner makes a project with a host", err, apierror.KindForbidden, "hosts[0]: app.company.example")
	if err := update(operator, "login.shop.example", "shop.example"); err != nil {
		t.Fatal(err)
	}
	if err := update(owner, "shop.projects.console.example", "shop.example"); err != nil {
		t.Errorf("an owner sends back what was read, and gives up a host: %v", err)
	}
	is(t, "an owner takes back what was given up", update(owner, "login.shop.example"), apierror.KindForbidden, "hosts[0]: ")
}

func TestOneOfManyGetsAHost(t *testing.T) {
	i := install(t)
	var made atomic.Int64
	var all sync.WaitGroup
	for range 30 {
		all.Go(func() {
			_, err := i.office.Create(t.Context(), operator, revision(t, `{"name": "x"}`), project.Names{Hosts: []string{"login.shop.example"}})
			if err == nil {
				made.Add(1)
			} else if !apierror.IsKind(err, apierror.KindConflict) {
				t.Errorf("got %v, want 409", err)
			}
		})
	}
	all.Wait()
	if projects, err := i.office.List(t.Context(), operator); made.Load() != 1 || len(projects) != 1 {
		t.Errorf("%d were made, %d are there, %v: want 1", made.Load(), len(projects), err)
	}
}

func TestRollbackBringsTheSecretsBack(t *testing.T) {
	i, ctx := install(t), t.Context()
	p := i.create(operator, "shop")
	before := p.Current
	changed, err := i.office.Update(ctx, operator, p.ID, revision(t, `{"name": "Shop", "kratos_secrets_default": ["another-secret-0123456"]}`), project.Names{})
	if err != nil {
		t.Fatal(err)
	}
	if string(changed.Current.Settings["kratos_secrets_default"]) == string(before.Settings["kratos_secrets_default"]) {
		t.Fatal("the secrets were not changed")
	}
	back, err := i.office.Rollback(ctx, operator, p.ID, before.ID)
	if err != nil {
		t.Fatal(err)
	}
	want := strings.TrimSuffix(string(before.Settings["kratos_secrets_default"]), "]") + `,"another-secret-0123456"]`
	if got := string(back.Current.Settings["kratos_secrets_default"]); got != want || back.Current.ID == before.ID {
		t.Errorf("got %s in revision %s, want %s in one of its own: what the newer secret has sealed has to be read", got, back.Current.ID, want)
	}
	if history, err := i.office.History(ctx, back); err != nil || len(history) != 3 || history[0].ID != back.Current.ID {
		t.Errorf("the history has %d revisions, %v, want 3 with the newest first", len(history), err)
	}
	_, err = i.office.Rollback(ctx, operator, p.ID, uuid.NewString())
	is(t, "a revision that never was", err, apierror.KindNotFound, "no revision")
}

func TestOldRevisionsAreForgotten(t *testing.T) {
	i, ctx := install(t), t.Context()
	p := i.create(operator, "shop")
	for n := range project.MaxRevisions + 5 {
		if _, err := i.office.Update(ctx, operator, p.ID, revision(t, fmt.Sprintf(`{"name": "%d"}`, n)), project.Names{}); err != nil {
			t.Fatal(err)
		}
	}
	history, err := i.office.History(ctx, p)
	if err != nil || len(history) != project.MaxRevisions {
		t.Errorf("%d revisions are kept, %v, want %d", len(history), err, project.MaxRevisions)
	}
	if all, err := i.kv.List(ctx, "projects/revisions/", kv.ListOptions{}); err != nil || len(all.Entries) != project.MaxRevisions {
		t.Errorf("%d are stored, %v", len(all.Entries), err)
	}
}

func TestNoSecretIsStoredInClear(t *testing.T) {
	i, ctx := install(t), t.Context()
	const known = "a-secret-that-is-looked-for-0123"
	if _, err := i.office.Create(ctx, operator, revision(t, `{"name": "Shop", "kratos_secrets_default": ["`+known+`"]}`), project.Names{}); err != nil {
		t.Fatal(err)
	}
	all, err := i.kv.List(ctx, "", kv.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range all.Entries {
		if strings.Contains(string(e.Value), known) {
			t.Errorf("%s has the secret: %s", e.Key, e.Value)
		}
	}
}

func TestBrokenRevisionChangesNothing(t *testing.T) {
	i, ctx := install(t), t.Context()
	p := i.create(operator, "shop")
	for body, want := range map[string]string{
		`{"name": "x", "kratos_session_lifespan": "soon"}`:                                "session.lifespan",
		`{"name": "x", "kratos_secrets_default": ["short"]}`:                              "secrets.default",
		`{"name": "x", "kratos_courier_smtp_connection_uri": "ftp://x/"}`:                 "courier.smtp.connection_uri",
		`{"name": "x", "kratos_identity_schemas": [{"import_id": "a", "preset": "fax"}]}`: "fax",
	} {
		_, err := i.office.Update(ctx, operator, p.ID, revision(t, body), project.Names{})
		is(t, body, err, apierror.KindBadRequest, want)
	}
	now, err := i.office.Get(ctx, operator, p.ID)
	if err != nil || now.Current.ID != p.Current.ID || now.Number != 1 {
		t.Errorf("got revision %d, %v, want the first one", now.Number, err)
	}
}

// Some characters take six bytes each when a revision is stored.
func TestRevisionThatGrowsPastTheLimitIsRefused(t *testing.T) {
	i, ctx := install(t), t.Context()
	p := i.create(operator, "shop")
	body := `{"name": "x", "kratos_selfservice_methods_totp_config_issuer": "` + strings.Repeat("<", 100_000) + `"}`
	_, err := i.office.Update(ctx, operator, p.ID, revision(t, body), project.Names{})
	is(t, "100,000 times <", err, apierror.KindTooLarge, "revision")
}

func TestPurgeFencesWritersAndIsFinishedByOthers(t *testing.T) {
	i, ctx := install(t), t.Context()
	p := i.create(operator, "shop", "login.shop.example")
	late := storage.New(i.kv, p.ID) // on a node that hasn't heard of it
	late.Fence(p)
	if _, err := late.CreateFirstAccessToken(ctx, token(t)); err != nil {
		t.Fatalf("writing before the purge: %v", err)
	}
	// A node dies between the two halves of a purge: the record is gone, the keys are not.
	half := &dying{Store: i.kv}
	if err := storage.NewProjects(half, secret.RandomKeys()).PurgeProject(ctx, p); !errors.Is(err, errDied) {
		t.Fatalf("got %v, want the death of the node", err)
	}
	if err := late.CreateAccessToken(ctx, token(t)); err == nil {
		t.Error("a node wrote for a purged project")
	}
	if err := i.registry.ResumePurges(ctx); err != nil {
		t.Fatal(err)
	}
	if left, err := i.kv.List(ctx, "", kv.ListOptions{}); err != nil || len(left.Entries) != 0 {
		t.Errorf("%d keys are left, %v", len(left.Entries), err)
	}
	is(t, "the console project", i.office.Purge(ctx, operator, project.Console), apierror.KindForbidden, "console")
	is(t, "a project that is gone", i.office.Purge(ctx, operator, p.ID), apierror.KindNotFound, "")
}

var errDied = errors.New("the node died")

// dying is a store of a node that dies after its first commit.
type dying struct {
	kv.Store
	commits atomic.Int64
}

func (d *dying) Commit(ctx context.Context, conds []kv.Cond, ops []kv.Op) (int64, error) {
	if d.commits.Add(1) > 1 {
		return 0, errDied
	}
	return d.Store.Commit(ctx, conds, ops)
}

func token(t *testing.T) *project.Token {
	t.Helper()
	_, made, err := project.NewToken("x", []project.Scope{project.Admin}, time.Now(), time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	return made
}

func TestActiveProjectIsEverybodysOwn(t *testing.T) {
	i, ctx := install(t), t.Context()
	ann, bob := i.person(), i.person()
	p := i.create(ann, "shop")
	if err := i.office.SetActive(ctx, ann, p.ID); err != nil {
		t.Fatal(err)
	}
	is(t, "a project of others", i.office.SetActive(ctx, bob, p.ID), apierror.KindForbidden, "")
	for by, want := range map[project.Principal]string{ann: p.ID, bob: "", operator: ""} {
		if got, err := i.office.Active(ctx, by); got != want || err != nil {
			t.Errorf("got %q, %v, want %q", got, err, want)
		}
	}
	if err := i.office.Purge(ctx, ann, p.ID); err != nil {
		t.Fatal(err)
	}
	if got, err := i.office.Active(ctx, ann); got != "" || err != nil {
		t.Errorf("after the purge: got %q, %v", got, err)
	}
	if left, err := i.kv.List(ctx, "", kv.ListOptions{}); err != nil || len(left.Entries) != 0 {
		t.Errorf("%d keys are left of a purged project, %v", len(left.Entries), err)
	}
}

func TestNoMoreProjectsThanAllowed(t *testing.T) {
	i := install(t)
	i.office.Most = 1
	i.create(operator, "shop")
	_, err := i.office.Create(t.Context(), operator, revision(t, `{"name": "x"}`), project.Names{})
	is(t, "one too many", err, apierror.KindForbidden, "allows no more")
}

func TestRevisionIsShownWithItsOwnKeys(t *testing.T) {
	p := install(t).create(operator, "shop")
	raw, err := json.Marshal(p.Current.Redacted())
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"project_id":"` + p.ID + `"`, `"name":"Shop"`, `"kratos_secrets_default":["redacted:`, `"kratos_secrets_cipher":["redacted:`} {
		if !strings.Contains(string(raw), want) {
			t.Errorf("%s isn't in %s", want, raw)
		}
	}
}
