// Package tenancy keeps the gateways of all projects: which host is whose, awake on demand, swapped when a revision changes.
//
// A project costs nothing but its names while nobody asks for it. The first request assembles
// its gateway; a new revision assembles another one, which takes over between two requests.
package tenancy

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gatehouse-id/gatehouse/core/project"
	"github.com/gatehouse-id/gatehouse/internal/gateway"
	"github.com/gatehouse-id/gatehouse/pages"
	"github.com/gatehouse-id/gatehouse/storage"
	"github.com/gatehouse-id/gatehouse/storage/kv"
)

// Options are what the projects of an installation have in common.
type Options struct {
	// Base is what their gateways are made of, apart from what the project itself says. Its Config
	// is that of the console project, its Keys seal what is stored of projects.
	Base gateway.Options
	// Domain is what the hosts of all projects end in: <slug>.<Domain>. "" means "projects." before
	// the console's host.
	Domain string
	// MostIdentities bounds the people of each project; 0 is any number.
	MostIdentities int
	// PrivateNetworks lets projects call web hooks and providers at private addresses.
	PrivateNetworks bool
	// Idle is how long a gateway stays assembled that nobody asks for; 0 means 10 minutes.
	Idle time.Duration
}

// Tenants are the projects of an installation on this node.
type Tenants struct {
	options  Options
	registry *storage.Projects
	console  *gateway.Gateway
	site     *url.URL // the console's public URL
	log      *slog.Logger

	ids   sync.Map // key of the record -> *tenant
	names sync.Map // host, or slug -> *tenant. A slug has no dot and a host has one
	count atomic.Int64
	apply sync.Mutex // serialises changes of the two maps

	loaded  chan struct{}  // closed when the first listing is in the directory
	wakes   chan struct{}  // bounds the gateways that are assembled at the same time
	first   sync.Once      // closes loaded
	running sync.WaitGroup // of the goroutines of gateways
	life    context.Context
	end     context.CancelFunc // of life
}

// parallelWakes bounds what a burst of requests to sleeping projects can take of the machine.
const parallelWakes = 4

// New makes the tenants of a registry. Run begins to follow it.
func New(o Options, registry *storage.Projects) (*Tenants, error) {
	if o.Idle <= 0 {
		o.Idle = 10 * time.Minute
	}
	t := &Tenants{options: o, registry: registry, log: o.Base.Logger, wakes: make(chan struct{}, parallelWakes), loaded: make(chan struct{})}
	var err error
	if t.site, err = url.Parse(o.Base.PublicURL()); err != nil {
		return nil, err
	}
	if t.options.Domain == "" {
		t.options.Domain = defaultDomain(t.site.Hostname())
	}
	// All watches of all projects cost the store one.
	t.options.Base.KV = kv.Share(o.Base.KV, storage.Root)
	if t.options.Base.Pages, err = pages.New(pages.Options{}); err != nil {
		return nil, err
	}
	t.life, t.end = context.WithCancel(context.Background())
	return t, nil
}

// defaultDomain makes a domain of the host of the console, which may be an address.
func defaultDomain(host string) string {
	if host == "" || net.ParseIP(host) != nil {
		host = "localhost"
	}
	return "projects." + strings.ToLower(host)
}

// Serve says which gateway answers where no project does.
func (t *Tenants) Serve(console *gateway.Gateway) { t.console = console }

func leaveNothing() {}

// Enter finds the gateway for a host as a request names it, and keeps it running until leave is
// called. Hosts of no project are the console's, but for those below the domain of
// projects: project.ErrUnknownProject.
func (t *Tenants) Enter(ctx context.Context, host string) (g *gateway.Gateway, leave func(), err error) {
	name := hostname(host)
	if err := t.wait(ctx, name); err != nil {
		return nil, nil, err
	}
	if t.count.Load() == 0 && !strings.Contains(name, t.options.Domain) {
		return t.console, leaveNothing, nil
	}
	if found, ok := t.names.Load(name); ok && strings.Contains(name, ".") {
		return found.(*tenant).enter(ctx)
	}
	if t.below(name) {
		return nil, nil, project.ErrUnknownProject
	}
	return t.console, leaveNothing, nil
}

// EnterNamed finds the gateway of a project by its id or slug; project.Console is the console's.
func (t *Tenants) EnterNamed(ctx context.Context, name string) (g *gateway.Gateway, leave func(), err error) {
	if name == project.Console {
		return t.console, leaveNothing, nil
	}
	if err := t.wait(ctx, ""); err != nil {
		return nil, nil, err
	}
	if found, ok := t.ids.Load(name); ok {
		return found.(*tenant).enter(ctx)
	}
	if found, ok := t.names.Load(name); ok && !strings.Contains(name, ".") {
		return found.(*tenant).enter(ctx)
	}
	return nil, nil, project.ErrUnknownProject
}

// Knows tells whether a host is one of a project's, or the console's own.
func (t *Tenants) Knows(ctx context.Context, host string) (bool, error) {
	name := hostname(host)
	if err := t.wait(ctx, name); err != nil {
		return false, err
	}
	_, ok := t.names.Load(name)
	return ok && strings.Contains(name, ".") || t.consoles(name), nil
}

// consoles tells whether a host is the console's whatever projects there are.
func (t *Tenants) consoles(name string) bool {
	return name == strings.ToLower(t.site.Hostname()) || net.ParseIP(strings.Trim(name, "[]")) != nil
}

// patience is how long a request waits for the first listing of the projects.
const patience = 5 * time.Second

// wait waits, after a start, until it is known whose hosts there are: until then, one of a project's would seem to be the
// console's.
func (t *Tenants) wait(ctx context.Context, name string) error {
	select {
	case <-t.loaded:
		return nil
	default:
	}
	if t.consoles(name) {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	select {
	case <-t.loaded:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("the projects are not known yet: %w", ctx.Err())
	}
}

// below tells whether a host ends in the domain of projects.
func (t *Tenants) below(host string) bool {
	return host == t.options.Domain || strings.HasSuffix(host, "."+t.options.Domain)
}

// hostname is the host of a Host header, without port, trailing dot and capitals.
func hostname(host string) string {
	if strings.HasPrefix(host, "[") {
		return host // an IPv6 address is no project's
	}
	host, _, _ = strings.Cut(host, ":")
	return strings.ToLower(strings.TrimSuffix(host, "."))
}

// Hosts are the names of a project, the one that links lead to first.
func (t *Tenants) Hosts(p *project.Project) []string {
	return append(append([]string{}, p.Hosts...), p.Slug+"."+t.options.Domain)
}

// Reserved tells whether a host is one that no project may have.
func (t *Tenants) Reserved(host string) bool {
	return t.below(host) || host == strings.ToLower(t.site.Hostname())
}

// baseURL is the public URL of a project: its first host at the scheme and port of the console.
func (t *Tenants) baseURL(p *project.Project) string {
	u := url.URL{Scheme: t.site.Scheme, Host: t.Hosts(p)[0]}
	if port := t.site.Port(); port != "" {
		u.Host = net.JoinHostPort(u.Host, port)
	}
	return u.String()
}

// Run follows the registry until ctx ends: it learns of projects, swaps gateways, lets them sleep, and
// wakes those that have mail to deliver.
func (t *Tenants) Run(ctx context.Context) {
	var others sync.WaitGroup
	others.Go(func() { t.housekeeping(ctx) })
	for ctx.Err() == nil {
		if err := t.follow(ctx); ctx.Err() == nil {
			t.log.Warn("changes of projects can't be followed for a moment", "error", err)
			pause(ctx, time.Second)
		}
	}
	others.Wait()
	defer t.running.Wait()
	defer t.end()
	t.ids.Range(func(_, found any) bool { found.(*tenant).retire(); return true })
}

var errFeedEnded = errors.New("the feed ended")

func (t *Tenants) follow(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	all, changes, err := t.registry.Follow(ctx)
	if err != nil {
		return err
	}
	t.replace(all)
	t.first.Do(func() { close(t.loaded) })
	for c := range changes {
		t.take(c)
	}
	return errFeedEnded
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
