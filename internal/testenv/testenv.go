// Package testenv runs a whole gateway in memory for tests that read like stories.
//
// The parts are the real ones: engine, methods, hooks, storage and HTTP edge; the
// kv.Store is the in-memory one. Only the clock can be moved.
package testenv

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
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
	Admin   string // of the admin API
	KV      kv.Store
	Config  *config.Config
	Gateway *gateway.Gateway
	Log     *bytes.Buffer
	shift   atomic.Int64
}

// Option changes how the gateway is made.
type Option func(c *config.Config, o *gateway.Options)

// New starts a gateway that ends with the test.
func New(t testing.TB, options ...Option) *Env {
	t.Helper()
	e := &Env{T: t, Log: &bytes.Buffer{}}
	mux := http.NewServeMux()
	public := httptest.NewServer(mux)
	t.Cleanup(public.Close)
	e.URL = public.URL

	c := config.Default()
	c.Dev = true
	c.Serve.Public.BaseURL = public.URL
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
	e.Gateway = g
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		if !g.Server.Public(w, r) {
			http.NotFound(w, r)
		}
	})
	admin := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !g.Server.Admin(w, r) {
			http.NotFound(w, r)
		}
	}))
	t.Cleanup(admin.Close)
	e.Admin = admin.URL
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); _ = g.Run(ctx) }()
	t.Cleanup(func() { stop(); <-done })
	return e
}

// Now is the time as the gateway sees it.
func (e *Env) Now() time.Time { return time.Now().Add(time.Duration(e.shift.Load())) }

// Advance moves the gateway's clock.
func (e *Env) Advance(d time.Duration) { e.shift.Add(int64(d)) }

// Client is one browser or app.
type Client struct {
	*Env
	HTTP   *http.Client
	Header http.Header // sent with every request
}

// Browser is a client with a cookie jar of its own that does not follow redirects.
func (e *Env) Browser() *Client {
	jar, _ := cookiejar.New(nil) // never fails without options
	return &Client{Env: e, Header: http.Header{"Accept": {"text/html"}}, HTTP: &http.Client{Jar: jar, CheckRedirect: stay}}
}

// SPA is a browser client that reads JSON.
func (e *Env) SPA() *Client {
	c := e.Browser()
	c.Header.Set("Accept", "application/json")
	return c
}

// App is a native client: JSON, no cookies.
func (e *Env) App() *Client {
	return &Client{Env: e, Header: http.Header{"Accept": {"application/json"}}, HTTP: &http.Client{CheckRedirect: stay}}
}

func stay(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// Answer is a response that has been read.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
	JSON   map[string]any // nil when the body is no JSON object
}

// Get requests a path of the public API.
func (c *Client) Get(path string) *Answer { return c.Do(http.MethodGet, path, "", nil) }

// PostJSON sends v as JSON.
func (c *Client) PostJSON(path string, v any) *Answer {
	c.T.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		c.T.Fatal(err)
	}
	return c.Do(http.MethodPost, path, "application/json", b)
}

// PostForm sends a form.
func (c *Client) PostForm(path string, v url.Values) *Answer {
	return c.Do(http.MethodPost, path, "application/x-www-form-urlencoded", []byte(v.Encode()))
}

// Do sends a request; a path goes to the public API, a URL anywhere.
func (c *Client) Do(method, path, contentType string, body []byte) *Answer {
	c.T.Helper()
	if strings.HasPrefix(path, "/") {
		path = c.URL + path
	}
	req, err := http.NewRequestWithContext(c.T.Context(), method, path, bytes.NewReader(body))
	if err != nil {
		c.T.Fatal(err)
	}
	for k, v := range c.Header {
		req.Header[k] = v
	}
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	res, err := c.HTTP.Do(req)
	if err != nil {
		c.T.Fatalf("%s %s: %v", method, path, err)
	}
	defer res.Body.Close()
	a := &Answer{Status: res.StatusCode, Header: res.Header}
	if a.Body, err = io.ReadAll(res.Body); err != nil {
		c.T.Fatal(err)
	}
	_ = json.Unmarshal(a.Body, &a.JSON)
	return a
}

// At follows keys and indexes into the JSON of an answer; nil when there is nothing.
func (a *Answer) At(path ...any) any {
	var v any = a.JSON
	for _, p := range path {
		switch k := p.(type) {
		case string:
			m, _ := v.(map[string]any)
			v = m[k]
		case int:
			l, _ := v.([]any)
			if k >= len(l) {
				return nil
			}
			v = l[k]
		}
	}
	return v
}

// Text is At for text.
func (a *Answer) Text(path ...any) string {
	s, _ := a.At(path...).(string)
	return s
}

// Node finds a node of a flow by its name.
func (a *Answer) Node(name string) map[string]any {
	nodes, _ := a.At("ui", "nodes").([]any)
	for _, n := range nodes {
		m, _ := n.(map[string]any)
		if at, _ := m["attributes"].(map[string]any); at["name"] == name {
			return m
		}
	}
	return nil
}

// CSRF is the token in the form of a flow.
func (a *Answer) CSRF() string {
	at, _ := a.Node("csrf_token")["attributes"].(map[string]any)
	s, _ := at["value"].(string)
	return s
}

// MessageIDs lists the ids of the global messages of a flow and of those at its nodes.
func (a *Answer) MessageIDs() []int {
	var ids []int
	add := func(v any) {
		list, _ := v.([]any)
		for _, m := range list {
			if id, ok := m.(map[string]any)["id"].(float64); ok {
				ids = append(ids, int(id))
			}
		}
	}
	add(a.At("ui", "messages"))
	nodes, _ := a.At("ui", "nodes").([]any)
	for _, n := range nodes {
		add(n.(map[string]any)["messages"])
	}
	return ids
}
