// Package testenv runs a whole gateway in memory for tests that read like stories.
//
// The parts are the real ones: engine, methods, hooks, storage and HTTP edge; the
// kv.Store is the in-memory one. Only the clock can be moved.
package testenv

import (
	"bytes"
	"context"
	"encoding/base64"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gatehouse-id/gatehouse/core/config"
	"github.com/gatehouse-id/gatehouse/core/hash"
	"github.com/gatehouse-id/gatehouse/core/secret"
	"github.com/gatehouse-id/gatehouse/internal/gateway"
	"github.com/gatehouse-id/gatehouse/storage/kv"
)

// Schema is the identity schema of the tests.
const Schema = `{"$id":"https://test/account","$schema":"http://json-schema.org/draft-07/schema#","type":"object","properties":{"traits":{"type":"object","properties":{
"email":{"type":"string","format":"email","title":"E-Mail","ory.sh/kratos":{"credentials":{"password":{"identifier":true}},"verification":{"via":"email"},"recovery":{"via":"email"}}},
"name":{"type":"object","properties":{"first":{"type":"string","title":"First name"}}},
"age":{"type":"integer","minimum":16,"title":"Age"},"news":{"type":"boolean","title":"News"}},"required":["email"],"additionalProperties":false}}}`

// Env is a running gateway.
type Env struct {
	T       testing.TB
	URL     string // of the public API
	Admin   string // of the admin API, which asks for no token here
	KV      kv.Store
	Config  *config.Config
	Gateway *gateway.Gateway
	Log     *Log // everything the gateway logged
	// Transport is what the clients send through; nil is http.DefaultTransport.
	Transport http.RoundTripper
	shift     atomic.Int64
}

// Option changes how the gateway is made.
type Option func(c *config.Config, o *gateway.Options)

// New starts a gateway that ends with the test.
func New(t testing.TB, options ...Option) *Env {
	t.Helper()
	e := &Env{T: t, Log: &Log{}}
	// The gateway must know its URL, so the server starts after it.
	public := httptest.NewUnstartedServer(nil)
	e.URL = "http://" + public.Listener.Addr().String()

	c := config.Default()
	c.Dev = true
	c.Serve.Public.BaseURL = e.URL
	c.Hashers.Algorithm, c.Hashers.Bcrypt.Cost = "bcrypt", 4
	c.SelfService.Methods.Password.Config.HaveIBeenPwnedEnabled = false
	c.SelfService.AllowedReturnURLs = []string{"https://app.example/in"}
	c.Identity.DefaultSchemaID = "default"
	c.Identity.Schemas = []config.IdentitySchema{{ID: "default", URL: "base64://" + encode(Schema)}}
	o := gateway.Options{
		KV: kv.NewMemory(), Keys: secret.RandomKeys(), Limiter: hash.NewLimiter(hash.Limits{}), Version: "test",
		Logger: slog.New(slog.NewTextHandler(e.Log, nil)), Now: e.Now,
	}
	for _, opt := range options {
		opt(&c, &o)
	}
	o.Config = &c
	e.Config, e.KV = &c, o.KV
	g, err := gateway.New(t.Context(), o)
	if err != nil {
		t.Fatalf("assembling the gateway: %v", err)
	}
	g.Engine.AnswerStep = 0 // tests don't wait for what only a clock can tell
	e.Gateway = g
	public.Config.Handler = handler(g.Server.Public)
	public.Start()
	t.Cleanup(public.Close)
	admin := httptest.NewServer(handler(g.Server.OpenAdmin))
	t.Cleanup(admin.Close)
	e.Admin = admin.URL
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); _ = g.Run(ctx) }()
	t.Cleanup(func() { stop(); <-done })
	return e
}

// handler answers with 404 what the gateway leaves to others.
func handler(serve func(http.ResponseWriter, *http.Request) bool) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !serve(w, r) {
			http.NotFound(w, r)
		}
	})
}

// Now is the time as the gateway sees it.
func (e *Env) Now() time.Time { return time.Now().Add(time.Duration(e.shift.Load())) }

// Advance moves the gateway's clock.
func (e *Env) Advance(d time.Duration) { e.shift.Add(int64(d)) }

// Keys counts the keys in the store.
func (e *Env) Keys() int {
	e.T.Helper()
	s, err := e.KV.List(e.T.Context(), "", kv.ListOptions{KeysOnly: true})
	if err != nil {
		e.T.Fatalf("counting keys: %v", err)
	}
	return len(s.Entries)
}

// Log is a log that can be read while the gateway writes to it.
type Log struct {
	mu  sync.Mutex
	buf bytes.Buffer // guarded by mu
}

// Write implements io.Writer.
func (l *Log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

// String is all that was logged so far.
func (l *Log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

func encode(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }
