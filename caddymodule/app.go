package caddymodule

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/caddyserver/caddy/v2"
	"go.uber.org/zap"

	"github.com/gatehouse-id/gatehouse/core/config"
	"github.com/gatehouse-id/gatehouse/core/hash"
	"github.com/gatehouse-id/gatehouse/internal/gateway"
	"github.com/gatehouse-id/gatehouse/internal/tenancy"
)

func init() { caddy.RegisterModule(new(App)) }

// App is the identity gateway of a Caddy process: accounts, sessions and the
// hooks that decide about them. Handlers and guards of all sites share it.
//
// Without any configuration it keeps its data in an embedded etcd below Caddy's
// data directory, lets people register with an e-mail address and a password,
// and serves pages for that under /auth/.
type App struct {
	// StoreRaw says where everything is kept: {"backend": "embedded"}, which is
	// the default, or {"backend": "etcd", "endpoints": […]}.
	StoreRaw json.RawMessage `json:"store,omitempty" caddy:"namespace=gatehouse.stores inline_key=backend"`

	// ConfigFile is a Kratos configuration document (kratos.yml), YAML or JSON.
	// A relative path starts from the working directory.
	ConfigFile string `json:"config_file,omitempty"`
	// ConfigDigest is the SHA-256 of that file as it was when a Caddyfile named it. Nothing is
	// compared with it: without it, Caddy would take a reload for one that changes nothing.
	ConfigDigest string `json:"config_digest,omitempty"`
	// Config is the same document, written out here. Only one of the two may be set.
	Config json.RawMessage `json:"config,omitempty"`
	// ConfigName is the file that a config adapter has read Config from. The
	// adapter has told the warnings about it.
	ConfigName string `json:"config_name,omitempty"`
	// Refused is why a config adapter could not make a configuration of a document.
	Refused string `json:"refused,omitempty"`
	// Environment lays the process's environment over the document as Kratos
	// does, for example SECRETS_COOKIE_0 or SELFSERVICE_DEFAULT_BROWSER_RETURN_URL.
	Environment bool `json:"environment,omitempty"`

	// BaseURL is the public URL when the document has no serve.public.base_url. By
	// default it is the address of the site that has the gatehouse handler.
	BaseURL string `json:"base_url,omitempty"`
	// Schemas are identity schemas by name, beside those of the document. The
	// first one is the default when the document names none.
	Schemas []Schema `json:"schemas,omitempty"`
	// SMTP is the mail server, as in courier.smtp.connection_uri.
	SMTP string `json:"smtp,omitempty"`
	// HooksRaw are plugins bound to events, in the order in which they run.
	HooksRaw []json.RawMessage `json:"hooks,omitempty" caddy:"namespace=gatehouse.hooks inline_key=runtime"`
	// Projects are the user pools that are made at run time.
	Projects Projects `json:"projects,omitzero"`
	// Staleness is how long a revoked session may still be accepted at most,
	// even when the store is cut off. Default 2s.
	Staleness caddy.Duration `json:"staleness,omitempty"`

	ctx     caddy.Context
	log     *zap.Logger
	config  *config.Config
	store   Store
	hooks   []Hook
	kept    *keptStore
	managed managedHeaders
	// asksForTokens is set by handlers of the admin API, all of which are provisioned before Start.
	asksForTokens bool

	assembled atomic.Pointer[gateway.Gateway] // of the console project
	tenants   *tenancy.Tenants                // set before assembled
	started   chan struct{}                   // closed when assembled is set
	stop      context.CancelFunc
	done      chan struct{} // closed when the session cache is no longer followed
}

// Schema names an identity schema.
type Schema struct {
	ID string `json:"id"`
	// URL is a path, file://, http(s)://, base64:// or preset://email, username, phone.
	URL string `json:"url"`
}

// CaddyModule returns the Caddy module information.
func (*App) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "gatehouse", New: func() caddy.Module { return new(App) }}
}

// Provision reads and checks everything that can be checked without opening the
// store, so that caddy validate finds it while a server is running.
func (a *App) Provision(ctx caddy.Context) error {
	a.ctx, a.log, a.started = ctx, ctx.Logger(), make(chan struct{})
	if a.Refused != "" {
		return errors.New(a.Refused)
	}
	c, text, err := a.document()
	if err != nil {
		return err
	}
	a.adjust(c)
	name := cmp.Or(a.ConfigFile, a.ConfigName)
	if err := c.Validate(); err != nil {
		return config.Locate(err, name, text, nil)
	}
	a.config = c
	if err := a.provisionStore(ctx); err != nil {
		return err
	}
	if err := a.checkSecrets(); err != nil {
		return err
	}
	if err := a.provisionHooks(ctx); err != nil {
		return err
	}
	return config.Locate(gateway.Check(ctx, a.options()), name, text, nil)
}

// document reads the Kratos document, or stands in for one. It returns the text as well,
// where that has lines that somebody wrote.
func (a *App) document() (*config.Config, []byte, error) {
	name, text := a.ConfigName, []byte(a.Config)
	switch {
	case a.ConfigFile != "" && len(text) > 0:
		return nil, nil, errors.New("config_file and config are two documents: keep one")
	case a.ConfigFile != "":
		var err error
		if text, err = os.ReadFile(a.ConfigFile); err != nil {
			return nil, nil, fmt.Errorf("reading config: %w: correct the path, which starts from the working directory", err)
		}
		name = a.ConfigFile
	case len(text) == 0:
		c := config.Default()
		return &c, nil, nil
	}
	var environ []string
	if a.Environment {
		environ = os.Environ()
	}
	c, warnings, err := config.ParseWithEnv(name, text, environ)
	if err != nil {
		return nil, nil, err
	}
	if a.ConfigName == "" {
		for _, w := range warnings {
			a.log.Warn("a setting has no effect", zap.String("file", name), zap.Int("line", w.Line),
				zap.String("key", w.Path), zap.String("why", w.Text))
		}
	}
	if a.ConfigName != "" {
		text = a.written()
	}
	return c, text, nil
}

// written is the file that a config adapter has read: the document in this
// configuration has no lines. It is nil when there is another file now.
func (a *App) written() []byte {
	text, err := os.ReadFile(a.ConfigName)
	if err != nil {
		return nil
	}
	if document, err := config.ToJSON(text); err != nil || !bytes.Equal(document, a.Config) {
		return nil
	}
	return text
}

// adjust lays the settings of the Caddyfile over the document.
func (a *App) adjust(c *config.Config) {
	for _, s := range a.Schemas { // those of the document keep their places, which problems name
		own, listed := config.IdentitySchema{ID: s.ID, URL: schemaURL(s.URL), From: "schema " + s.ID + " of the global gatehouse block"}, &c.Identity.Schemas
		if at := slices.IndexFunc(*listed, func(x config.IdentitySchema) bool { return x.ID == s.ID }); at >= 0 {
			(*listed)[at] = own
		} else {
			*listed = append(*listed, own)
		}
	}
	if len(a.Schemas) > 0 && !slices.ContainsFunc(c.Identity.Schemas, func(x config.IdentitySchema) bool {
		return x.ID == c.Identity.DefaultSchemaID
	}) {
		c.Identity.DefaultSchemaID = a.Schemas[0].ID
	}
	if a.SMTP != "" {
		c.Courier.SMTP.ConnectionURI = a.SMTP
	}
	if c.Serve.Public.BaseURL == "" {
		c.Serve.Public.BaseURL = a.BaseURL
	}
}

// options are what the gateway is assembled from, as far as it is known before
// the start.
func (a *App) options() gateway.Options {
	return gateway.Options{
		Config: a.config, Limiter: hashing, Staleness: time.Duration(a.Staleness),
		// With the kratos adapter there is nothing but the API on our origin.
		Guarded: a.ConfigName == "", ClientIP: clientIP, Version: version(), Logger: logger(a.ctx), Plugins: a.plugins(),
	}
}

// hashing bounds the memory of password hashing in this process, over reloads.
var hashing = hash.NewLimiter(hash.Limits{})

// Start opens the store and assembles the gateway. Requests that come earlier wait.
func (a *App) Start() error {
	o := a.options()
	var err error
	if o.BaseURL, o.AdminURL, err = a.urls(); err != nil {
		return err
	}
	if err := a.openStore(); err != nil {
		return err
	}
	o.KV = a.kept.kv
	if o.Keys, err = a.keys(); err != nil {
		return err
	}
	tenants, office, err := a.openProjects(o)
	if err != nil {
		return err
	}
	o.Office = office
	g, err := gateway.New(a.ctx, o)
	if err != nil {
		return err
	}
	office.People, a.tenants = g, tenants
	tenants.Serve(g)
	if err := a.tellFirstToken(g, firstTokenTo); err != nil {
		return err
	}
	a.warnOpenAdmin()
	a.follow(g)
	a.assembled.Store(g)
	close(a.started)
	return nil
}

// follow keeps the session cache honest until Cleanup.
func (a *App) follow(g *gateway.Gateway) {
	ctx, stop := context.WithCancel(context.WithoutCancel(a.ctx))
	a.stop, a.done = stop, make(chan struct{})
	go func() {
		defer close(a.done)
		var others sync.WaitGroup
		others.Go(func() { a.tenants.Run(ctx) })
		defer others.Wait()
		if err := g.Run(ctx); err != nil && ctx.Err() == nil {
			// Sessions are checked against the store from now on: slower, and just as safe.
			a.log.Error("the session cache stopped", zap.Error(err))
		}
	}()
}

// Stop does nothing: requests may still be running. Caddy calls Cleanup when
// they have ended.
func (*App) Stop() error { return nil }

// Cleanup lets go of what the app shares with the one that follows it.
func (a *App) Cleanup() error {
	if a.stop != nil {
		a.stop()
		<-a.done
	}
	return a.releaseStore()
}

// patience is how long a request waits for the gateway to start.
const patience = 10 * time.Second

var errNotStarted = errors.New("gatehouse has not started")

// running returns the gateway. It waits when the app is still starting, because
// Caddy starts its apps side by side.
func (a *App) running(ctx context.Context) (*gateway.Gateway, error) {
	if g := a.assembled.Load(); g != nil {
		return g, nil
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	select {
	case <-a.started:
		return a.assembled.Load(), nil
	case <-ctx.Done():
		return nil, errNotStarted
	}
}

// app finds the app of a handler's configuration.
func app(ctx caddy.Context) (*App, error) {
	found, err := ctx.App("gatehouse")
	if err != nil {
		return nil, err
	}
	return found.(*App), nil
}

var (
	_ caddy.App          = (*App)(nil)
	_ caddy.Provisioner  = (*App)(nil)
	_ caddy.CleanerUpper = (*App)(nil)
)
