package selfservice_test

import (
	"context"
	"errors"
	"net/url"
	"slices"
	"testing"
	"time"

	"github.com/gatehouse-id/gatehouse/core/apierror"
	"github.com/gatehouse-id/gatehouse/core/flow"
	"github.com/gatehouse-id/gatehouse/core/schema"
	"github.com/gatehouse-id/gatehouse/core/secret"
	"github.com/gatehouse-id/gatehouse/core/selfservice"
	"github.com/gatehouse-id/gatehouse/core/session"
	"github.com/gatehouse-id/gatehouse/core/ui"
	"github.com/gatehouse-id/gatehouse/internal/testenv"
)

const lifespan = time.Hour

// stage is an engine with real parts, and what happened in it.
type stage struct {
	*testenv.Env
	*selfservice.Engine
	t      *testing.T
	events []string // decode, hooks by their point, commit
	hook   func(in *flow.HookInput) (flow.Decision, error)
}

func newStage(t *testing.T, options ...testenv.Option) *stage {
	t.Helper()
	e := testenv.New(t, options...)
	s := &stage{Env: e, Engine: e.Gateway.Engine, t: t}
	s.Hooks, s.Flows = hooks{s}, &commits{Store: s.Flows, s: s}
	return s
}

// hooks notes the points and asks stage.hook.
type hooks struct{ s *stage }

func (h hooks) Run(_ context.Context, in *flow.HookInput) (flow.Decision, error) {
	h.s.events = append(h.s.events, string(in.Point))
	if h.s.hook == nil {
		return flow.Decision{}, nil
	}
	return h.s.hook(in)
}

// commits notes commits, and lets something happen just before one.
type commits struct {
	flow.Store
	s      *stage
	before func(c *flow.Changes) error
}

func (f *commits) Commit(ctx context.Context, c *flow.Changes) error {
	f.s.events = append(f.s.events, "commit")
	if f.before != nil {
		if err := f.before(c); err != nil {
			return err
		}
	}
	return f.Store.Commit(ctx, c)
}

// beforeCommit sets what happens just before a commit.
func (s *stage) beforeCommit(f func(c *flow.Changes) error) { s.Flows.(*commits).before = f }

// browser is a client with a CSRF cookie of its own.
func (s *stage) browser() *selfservice.Client {
	return &selfservice.Client{Base: s.URL, CSRF: secret.NewCSRF(), HasCookies: true}
}

func (s *stage) app() *selfservice.Client { return &selfservice.Client{Base: s.URL} }

// signedIn is an app of somebody who has just signed up and in.
func (s *stage) signedIn(email string) *selfservice.Client {
	s.t.Helper()
	c := s.app()
	s.Env.SignUp(email)
	c.Token = s.Env.App().SignIn(email).Text("session_token")
	f, err := s.Sessions.ByToken(s.t.Context(), session.HashToken(c.Token))
	if err != nil {
		s.t.Fatal(err)
	}
	c.Facts, s.events = &f, nil
	return c
}

func (s *stage) start(k flow.Kind, c *selfservice.Client, query string) *flow.Flow {
	s.t.Helper()
	t := flow.API
	if c.CSRF != nil {
		t = flow.Browser
	}
	q, err := url.ParseQuery(query)
	if err != nil {
		s.t.Fatal(err)
	}
	f, b, err := s.Create(s.t.Context(), k, selfservice.Init{Type: t, Path: "/init", Query: q, Raw: query}, c)
	if err != nil {
		s.t.Fatalf("starting a %s flow: %v", k, err)
	}
	c.Binding = b
	return f
}

// submit sends fields; a browser's token is added.
func (s *stage) submit(f *flow.Flow, c *selfservice.Client, fields map[string]any) (*selfservice.Result, error) {
	s.t.Helper()
	token := ""
	if c.CSRF != nil {
		token = secret.MaskCSRF(c.CSRF)
	}
	return s.Submit(s.t.Context(), f.Kind, f.ID, c, func(*schema.Schema) (flow.Submission, error) {
		s.events = append(s.events, "decode")
		method, _ := fields["method"].(string)
		return flow.Submission{Method: method, CSRFToken: token, Fields: fields}, nil
	})
}

// submitJunk sends a body that can't be decoded.
func (s *stage) submitJunk(f *flow.Flow, c *selfservice.Client) (*selfservice.Result, error) {
	s.t.Helper()
	return s.Submit(s.t.Context(), f.Kind, f.ID, c, func(*schema.Schema) (flow.Submission, error) {
		s.events = append(s.events, "decode")
		return flow.Submission{}, apierror.BadRequest("junk")
	})
}

func account(email string) map[string]any {
	return map[string]any{"method": "password", "password": testenv.Password, "traits": map[string]any{"email": email}}
}

func credentials(email, password string) map[string]any {
	return map[string]any{"method": "password", "identifier": email, "password": password}
}

func (s *stage) wantEvents(want ...string) {
	s.t.Helper()
	if !slices.Equal(s.events, want) {
		s.t.Errorf("got the events %v, want %v", s.events, want)
	}
}

func wantAPIError(t *testing.T, err error, status int, id string) {
	t.Helper()
	var ae *apierror.Error
	if !errors.As(err, &ae) || ae.Status() != status || ae.ID != id {
		t.Errorf("got %v, want %d %q", err, status, id)
	}
}

func wantExpired(t *testing.T, err error) {
	t.Helper()
	var ex *selfservice.ExpiredError
	if !errors.As(err, &ex) {
		t.Errorf("got %v, want the flow to be over", err)
	}
}

func wantRejected(t *testing.T, res *selfservice.Result, err error, id ui.MessageID) {
	t.Helper()
	if err != nil || !res.Rejected || !res.Flow.UI.Messages.Has(id) {
		t.Errorf("got %+v and %v, want a rejection with %d", res, err, id)
	}
}
