// Package gateway assembles stores, engine, methods, hooks and HTTP edge into one server.
//
// The host (caddymodule) and the tests build the same thing through it; it
// decides nothing that a user can see.
package gateway

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/gatehouse-id/gatehouse/core/config"
	"github.com/gatehouse-id/gatehouse/core/courier"
	"github.com/gatehouse-id/gatehouse/core/flow"
	"github.com/gatehouse-id/gatehouse/core/guess"
	"github.com/gatehouse-id/gatehouse/core/hash"
	"github.com/gatehouse-id/gatehouse/core/method/oidc"
	"github.com/gatehouse-id/gatehouse/core/project"
	"github.com/gatehouse-id/gatehouse/core/schema"
	"github.com/gatehouse-id/gatehouse/core/secret"
	"github.com/gatehouse-id/gatehouse/core/selfservice"
	"github.com/gatehouse-id/gatehouse/core/session"
	"github.com/gatehouse-id/gatehouse/hooks"
	"github.com/gatehouse-id/gatehouse/httpapi"
	"github.com/gatehouse-id/gatehouse/internal/egress"
	"github.com/gatehouse-id/gatehouse/internal/jsonnet"
	"github.com/gatehouse-id/gatehouse/pages"
	"github.com/gatehouse-id/gatehouse/storage"
	"github.com/gatehouse-id/gatehouse/storage/kv"
)

// Options are what a gateway is made of.
type Options struct {
	Config *config.Config // valid; required
	KV     kv.Store       // required; not closed by the gateway
	// Project is whose gateway it is; nil is the console project, which the configuration file describes.
	Project *project.Project
	// MostIdentities bounds the people of a project; 0 is any number.
	MostIdentities int
	// Confined keeps a configuration whose author isn't the operator from reading files of this
	// machine.
	Confined bool
	// Pages renders the built-in pages; nil makes a renderer.
	Pages *pages.Renderer
	// Checker and Access are kept, and run, by a caller whose configurations come and go. Nil makes
	// them, and lets Run run them.
	Checker *session.Checker
	Access  *project.Access
	// Office serves the project API; nil where it isn't to be had.
	Office *project.Office
	// Keys sign and seal; required. Every node of a cluster needs the same.
	Keys *secret.Keys
	// Plugins are the site's hooks, in order.
	Plugins []Plugin
	// Limiter bounds the memory of password hashing over all gateways of the process; required.
	Limiter *hash.Limiter
	// BaseDir is what relative file:// URLs of schemas start from.
	BaseDir string
	// BaseURL and AdminURL are used when the configuration names none.
	BaseURL, AdminURL string
	// Guarded says that pages below the base URL are guarded: people come back to them.
	Guarded bool
	// Staleness is how long a revoked session may still be accepted at most; 0 means 2 s.
	Staleness time.Duration
	ClientIP  func(r *http.Request) string
	Version   string
	Logger    *slog.Logger
	Now       func() time.Time // nil means time.Now
}

// PublicURL is the public URL without a trailing slash.
func (o Options) PublicURL() string {
	return strings.TrimSuffix(cmp.Or(o.Config.Serve.Public.BaseURL, o.BaseURL), "/")
}

// Plugin binds a compiled plugin to a point.
type Plugin struct {
	Point  flow.Point
	Name   string
	Plugin hooks.Plugin
	Allow  bool // let the flow go on when the plugin fails
}

// Store is where the records of the project are.
func (o Options) Store() *storage.Store {
	id := project.Console
	if o.Project != nil {
		id = o.Project.ID
	}
	s := storage.New(o.KV, id)
	if o.Project != nil {
		s.Fence(o.Project)
	}
	if o.Now != nil {
		s.Now = o.Now
	}
	s.Most = o.MostIdentities
	return s
}

// Memories are what a node remembers of a project's sessions and access tokens. They depend on no
// configuration but Staleness.
func (o Options) Memories(s *storage.Store) (*session.Checker, *project.Access) {
	return &session.Checker{Store: s, Feed: s, Staleness: o.Staleness, Now: o.Now, Logger: o.Logger},
		&project.Access{Store: s, Feed: s, Staleness: o.Staleness, Now: o.Now, Logger: o.Logger}
}

// source reads what the configuration points to.
func (o Options) source(client *http.Client) egress.Source {
	return egress.Source{Client: client, BaseDir: o.BaseDir, NoFiles: o.Confined}
}

// calls is how long a call to the outside may take at most; its caller mostly sets less.
const calls = 10 * time.Second

// client makes the client for all that the gateway calls, apart from those who sign people in.
func (o Options) client(exceptions ...string) *http.Client {
	c := o.Config.Clients.HTTP
	return egress.Client(egress.Options{
		AllowPrivate: !c.DisallowPrivateIPRanges, Exceptions: append(exceptions, c.PrivateIPExceptionURLs...), Timeout: calls,
	})
}

// Gateway is an assembled server.
type Gateway struct {
	Server  *httpapi.Server
	Checker *session.Checker
	Slider  *session.Slider // nil unless sessions are to live on while they are in use
	Store   *storage.Store
	Engine  *selfservice.Engine
	Schemas *schema.Set
	// Composer makes the messages that a submission queues.
	Composer *courier.Composer

	options  Options
	access   *project.Access
	mailroom *mailroom
	webHooks *hooks.WebHooks
	oidc     *oidc.Method
	client   *http.Client // calls out
	derive   sync.Once
	derived  any
}

// New assembles a gateway. It starts nothing; the caller runs Run.
func New(ctx context.Context, o Options) (*Gateway, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	schemas, err := loadSchemas(ctx, o)
	if err != nil {
		return nil, err
	}
	hasher, err := hash.New(o.Config.Hashers.HashConfig(), o.Limiter)
	if err != nil {
		return nil, err
	}
	if o.Pages == nil {
		if o.Pages, err = pages.New(pages.Options{}); err != nil {
			return nil, err
		}
	}
	g := &Gateway{Store: o.Store(), Schemas: schemas, client: o.client(), options: o}
	if g.mailroom, err = newMailroom(ctx, o, g.client); err != nil {
		return nil, err
	}
	g.Composer = g.mailroom.composer
	g.webHooks = webHooks(o, g.client)
	if err := g.webHooks.Prepare(ctx, o.Config); err != nil {
		return nil, err
	}
	g.Checker, g.access = o.Checker, o.Access
	if g.Checker == nil {
		g.Checker, g.access = o.Memories(g.Store)
	}
	g.Slider = slider(o, g.Store)
	cipher, err := o.Cipher()
	if err != nil {
		return nil, err
	}
	if g.oidc, err = g.prepareOIDC(ctx, o, cipher); err != nil {
		return nil, err
	}
	methods, err := g.methods(o, hasher, cipher)
	if err != nil {
		return nil, err
	}
	g.Engine = g.engine(o, methods)
	accounts := g.accounts(o, hasher, cipher)
	g.Server, err = httpapi.New(httpapi.Options{
		Config: g.Engine.Config, Schemas: g.Engine.Schemas, Engine: g.Engine,
		Identities: g.Store, Sessions: g.Store, Flows: g.Store, Messages: g.Store, Checker: g.Checker, Slider: g.Slider,
		Access: g.access, Tokens: g.Store,
		Accounts: accounts, Keys: o.Keys, Pages: o.Pages, Office: o.Office, Disclose: g.disclose(accounts),
		BaseURL: o.BaseURL, AdminURL: o.AdminURL, Ready: g.ready, Version: o.Version,
		Logger: o.Logger, Now: o.Now, ClientIP: o.ClientIP,
	})
	return g, err
}

// Check finds what New would find wrong without a store, keys or URLs.
func Check(ctx context.Context, o Options) error {
	client := o.client()
	defer client.CloseIdleConnections()
	if err := checkSchemas(ctx, o, client); err != nil {
		return err
	}
	if err := webHooks(o, client).Prepare(ctx, o.Config); err != nil {
		return err
	}
	if _, err := newMailroom(ctx, o, client); err != nil {
		return err
	}
	if err := o.checkParties(); err != nil {
		return err
	}
	if err := checkOIDC(ctx, o); err != nil {
		return err
	}
	_, err := hash.New(o.Config.Hashers.HashConfig(), o.Limiter)
	return err
}

// Discard lets go of a gateway that never ran.
func (g *Gateway) Discard() {
	g.client.CloseIdleConnections()
	g.oidc.Caller.Client.CloseIdleConnections()
	g.webHooks.Close(0)
	g.mailroom.sandbox.Close()
}

// Derived returns what the host makes of the gateway, which is made once.
func (g *Gateway) Derived(from func(*Gateway) any) any {
	g.derive.Do(func() { g.derived = from(g) })
	return g.derived
}

// webHookGrace is how long calls that nobody waits for may go on when the gateway ends.
const webHookGrace = 5 * time.Second

// Run keeps the memories of sessions and access tokens honest, extends sessions and delivers messages until ctx ends.
func (g *Gateway) Run(ctx context.Context) error {
	ctx, stop := context.WithCancel(ctx)
	var others sync.WaitGroup
	others.Go(func() { g.mailroom.run(ctx, g.options, g.Store) })
	others.Go(func() { g.Slider.Run(ctx) })
	if g.options.Access == nil {
		others.Go(func() { g.access.Run(ctx) })
	}
	defer others.Wait()
	defer stop()
	defer g.client.CloseIdleConnections()
	defer g.oidc.Caller.Client.CloseIdleConnections()
	defer g.webHooks.Close(webHookGrace)
	if g.options.Checker != nil {
		<-ctx.Done()
		return nil
	}
	return g.Checker.Run(ctx)
}

// ready asks the store for its revision, which takes a quorum.
func (g *Gateway) ready(r *http.Request) error {
	ctx, cancel := context.WithTimeout(r.Context(), time.Second)
	defer cancel()
	_, err := g.Store.Revision(ctx)
	return err
}

func (g *Gateway) engine(o Options, methods []flow.Method) *selfservice.Engine {
	e := &selfservice.Engine{
		Config:     func() *config.Config { return o.Config },
		Schemas:    func() *schema.Set { return g.Schemas },
		Identities: g.Store, Sessions: g.Store, Flows: g.Store, Passes: g.Store, Guesses: g.Store, Gate: &guess.Gate{}, Addresses: g.Store, Composer: g.Composer,
		Keys: o.Keys, Methods: methods, Logger: o.Logger, Now: o.Now, AnswerStep: selfservice.AnswerStep,
	}
	if o.Guarded {
		e.Home = o.PublicURL()
	}
	e.Hooks = g.runner(o, e)
	return e
}

func slider(o Options, store *storage.Store) *session.Slider {
	c := o.Config.Session
	if !c.Sliding {
		return nil
	}
	return &session.Slider{
		Store: store, Lifespan: time.Duration(c.Lifespan), Window: time.Duration(c.EarliestPossibleExtend), Now: o.Now, Logger: o.Logger,
	}
}

func webHooks(o Options, client *http.Client) *hooks.WebHooks {
	return &hooks.WebHooks{
		Source: o.source(client), Sandbox: &jsonnet.Sandbox{}, Logger: o.Logger,
	}
}

func (g *Gateway) runner(o Options, e *selfservice.Engine) *hooks.Runner {
	r := &hooks.Runner{Config: e.Config, Logger: o.Logger, WebHooks: g.webHooks}
	for _, p := range o.Plugins {
		r.Bound = append(r.Bound, hooks.Bound{Point: p.Point, Name: p.Name, Allow: p.Allow, Guest: &hooks.ABIGuest{
			Name: p.Name, Plugin: p.Plugin,
			Redirect: func(to string) error {
				_, err := e.ReturnTo(to, o.PublicURL())
				return err
			},
		}})
	}
	return r
}

func (g *Gateway) accounts(o Options, hasher *hash.Hasher, cipher *secret.Keys) *selfservice.Accounts {
	return &selfservice.Accounts{
		Identities: g.Store, Sessions: g.Store, Schemas: g.Engine.Schemas, Now: o.Now, Known: hasher.Known,
		Methods: g.Engine.Methods, Keys: o.Keys, Cipher: cipher,
		Hash: func(ctx context.Context, password string) (string, error) { return hasher.Hash(ctx, []byte(password)) },
	}
}

// checkSchemas tells which key of the configuration leads to a schema that can't be used.
func checkSchemas(ctx context.Context, o Options, client *http.Client) error {
	for i, s := range o.Config.Identity.Schemas {
		_, err := schema.Load(ctx, []schema.Source{{ID: s.ID, URL: s.URL}}, o.source(client))
		if err != nil {
			return fmt.Errorf("%s: %w", cmp.Or(s.From, fmt.Sprintf("identity.schemas[%d].url", i)), err)
		}
	}
	return nil
}

func loadSchemas(ctx context.Context, o Options) (*schema.Set, error) {
	var sources []schema.Source
	for _, s := range o.Config.Identity.Schemas {
		sources = append(sources, schema.Source{ID: s.ID, URL: s.URL})
	}
	set, err := schema.Load(ctx, sources, o.source(o.client()))
	if err != nil {
		return nil, err
	}
	if set.Get(o.Config.Identity.DefaultSchemaID) == nil {
		return nil, fmt.Errorf("identity.default_schema_id: no schema %q in identity.schemas", o.Config.Identity.DefaultSchemaID)
	}
	return set, nil
}
