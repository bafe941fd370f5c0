package tenancy

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/gatehouse-id/gatehouse/core/project"
	"github.com/gatehouse-id/gatehouse/core/session"
	"github.com/gatehouse-id/gatehouse/internal/gateway"
	"github.com/gatehouse-id/gatehouse/storage"
)

// tenant is one project on this node.
type tenant struct {
	of   *Tenants
	head atomic.Pointer[project.Project] // the newest record that this node knows
	turn chan struct{}                   // whoever assembles, swaps or retires holds it

	awake atomic.Pointer[live]
	used  atomic.Int64 // when somebody entered last, in Unix seconds
	gone  atomic.Bool

	memories *memories // guarded by turn
}

// memories outlive the gateways of a tenant: a changed configuration changes no session.
type memories struct {
	checker *session.Checker
	access  *project.Access
	stop    context.CancelFunc
}

// live is an assembled gateway with those who use it. It is stopped when it is retired and the last of them has left.
type live struct {
	gateway *gateway.Gateway
	number  int    // of the revision
	base    string // its public URL
	users   atomic.Int64
	stop    context.CancelFunc
}

// enter counts a user in, unless the last one has left already.
func (l *live) enter() bool {
	for {
		n := l.users.Load()
		if n == 0 {
			return false
		}
		if l.users.CompareAndSwap(n, n+1) {
			return true
		}
	}
}

func (l *live) leave() {
	if l.users.Add(-1) == 0 {
		l.stop()
	}
}

// enter returns the gateway, which is assembled if need be.
func (t *tenant) enter(ctx context.Context) (*gateway.Gateway, func(), error) {
	t.used.Store(time.Now().Unix())
	for {
		if l := t.awake.Load(); l != nil && l.enter() {
			return l.gateway, l.leave, nil
		}
		if err := t.wake(ctx); err != nil {
			return nil, nil, err
		}
	}
}

// lock takes the tenant's turn.
func (t *tenant) lock(ctx context.Context) error {
	select {
	case t.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (t *tenant) unlock() { <-t.turn }

// wake assembles the gateway of a project that sleeps.
func (t *tenant) wake(ctx context.Context) error {
	if err := t.lock(ctx); err != nil {
		return err
	}
	defer t.unlock()
	if t.gone.Load() {
		return project.ErrUnknownProject
	}
	if t.awake.Load() != nil {
		return nil // somebody else did
	}
	return t.assemble(ctx)
}

// catchUp swaps the gateway for one of the newest revision, if there is one. A revision that doesn't work here leaves the
// one before in force.
func (t *tenant) catchUp(ctx context.Context) {
	if err := t.lock(ctx); err != nil {
		return
	}
	defer t.unlock()
	head, l := t.head.Load(), t.awake.Load()
	if t.gone.Load() || l == nil || l.number == head.Number && l.base == t.of.baseURL(head) {
		return
	}
	if err := t.assemble(ctx); err != nil {
		t.of.log.Error("a project stays at an older revision on this node", "project", head.ID, "revision", head.Number, "error", err)
	}
}

// assemble makes the gateway of the newest revision and puts it in the place of the one before. It needs the turn.
func (t *tenant) assemble(ctx context.Context) error {
	select {
	case t.of.wakes <- struct{}{}:
		defer func() { <-t.of.wakes }()
	case <-ctx.Done():
		return ctx.Err()
	}
	p, err := t.of.registry.Project(ctx, t.head.Load().ID)
	if err != nil {
		return err
	}
	o, err := t.of.gatewayOptions(p)
	if err != nil {
		return err
	}
	t.remember(o)
	o.Checker, o.Access = t.memories.checker, t.memories.access
	g, err := gateway.New(context.WithoutCancel(ctx), o)
	if err != nil {
		return fmt.Errorf("project %s: %w", p.ID, err)
	}
	next := t.of.start(g)
	next.number, next.base = p.Number, o.BaseURL
	if before := t.awake.Swap(next); before != nil {
		before.leave()
	}
	return nil
}

// start runs a gateway until its last user has left.
func (t *Tenants) start(g *gateway.Gateway) *live {
	ctx, stop := context.WithCancel(t.life)
	l := &live{gateway: g, stop: stop}
	l.users.Store(1) // the tenant itself
	t.running.Go(func() { _ = g.Run(ctx) })
	return l
}

// remembered is how many sessions of a project a node has in memory: a tenth of those of the console project, since there
// may be many projects.
const remembered = 10_000

// remember begins the memories of a tenant that has none.
func (t *tenant) remember(o gateway.Options) {
	if t.memories != nil {
		return
	}
	ctx, stop := context.WithCancel(t.of.life)
	m := &memories{stop: stop}
	m.checker, m.access = o.Memories(o.Store())
	m.checker.Capacity = remembered
	t.of.running.Go(func() { _ = m.checker.Run(ctx) })
	t.of.running.Go(func() { m.access.Run(ctx) })
	t.memories = m
}

// retire ends a tenant for good.
func (t *tenant) retire() {
	t.gone.Store(true)
	t.turn <- struct{}{}
	defer t.unlock()
	t.sleep()
}

// sleep lets go of the gateway. It needs the turn.
func (t *tenant) sleep() {
	if before := t.awake.Swap(nil); before != nil {
		before.leave()
	}
	if t.memories != nil {
		t.memories.stop()
		t.memories = nil
	}
}

// housekeeping wakes projects whose mail is due, lets others sleep, and finishes what a node that died has begun to purge.
func (t *Tenants) housekeeping(ctx context.Context) {
	for ctx.Err() == nil {
		if err := t.registry.ResumePurges(ctx); err != nil && ctx.Err() == nil {
			t.log.Warn("a purge of a project could not be finished yet", "error", err)
		}
		t.ids.Range(func(_, found any) bool {
			found.(*tenant).tidy(ctx)
			return ctx.Err() == nil
		})
		pause(ctx, min(time.Minute, t.options.Idle/2))
	}
}

func (t *tenant) tidy(ctx context.Context) {
	asleep := t.awake.Load() == nil
	if !asleep && time.Since(time.Unix(t.used.Load(), 0)) < t.of.options.Idle {
		return
	}
	mail, err := storage.New(t.of.options.Base.KV, t.head.Load().ID).HasMail(ctx)
	switch {
	case err != nil || t.gone.Load() || mail != asleep:
		return // mail keeps it awake, no mail leaves it asleep
	case mail:
		if err := t.wake(ctx); err != nil {
			t.of.log.Error("a project has mail to deliver and can't be started", "project", t.head.Load().ID, "error", err)
		}
	default:
		t.doze(ctx)
	}
}

// doze lets a tenant sleep that nobody is using at the moment.
func (t *tenant) doze(ctx context.Context) {
	if t.lock(ctx) != nil {
		return
	}
	defer t.unlock()
	if l := t.awake.Load(); l != nil && l.users.Load() == 1 {
		t.sleep()
	}
}
