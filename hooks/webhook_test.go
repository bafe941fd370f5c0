package hooks

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gatehouse-id/gatehouse/core/config"
	"github.com/gatehouse-id/gatehouse/core/flow"
	"github.com/gatehouse-id/gatehouse/core/identity"
	"github.com/gatehouse-id/gatehouse/core/session"
	"github.com/gatehouse-id/gatehouse/internal/egress"
	"github.com/gatehouse-id/gatehouse/internal/jsonnet"
)

// service is a web hook's other side: it keeps what it was sent.
type service struct {
	*httptest.Server
	mu       sync.Mutex
	requests []*http.Request // guarded by mu
	bodies   []string        // guarded by mu
}

func newService(t *testing.T, h http.HandlerFunc) *service {
	t.Helper()
	s := &service{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		s.mu.Lock()
		s.requests, s.bodies = append(s.requests, r), append(s.bodies, string(body))
		s.mu.Unlock()
		h(w, r)
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *service) heard() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.bodies)
}

func says(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

// echo is a template that sends all it is told.
const echo = "function(ctx) ctx"

func template(source string) string {
	return "base64://" + base64.StdEncoding.EncodeToString([]byte(source))
}

// options are a hook's configuration beyond url and method.
type options map[string]any

// caller is a runner whose document has one web hook everywhere, and its log.
func caller(t *testing.T, url string, o options) (*Runner, *syncLog) {
	t.Helper()
	log := &syncLog{}
	logger := slog.New(slog.NewTextHandler(log, nil))
	conf := options{"url": url, "method": "POST", "body": template(echo)}
	for k, v := range o {
		conf[k] = v
	}
	list := []config.Hook{{Hook: "web_hook", Config: asJSON(conf)}}
	c := config.Default()
	f := &c.SelfService.Flows
	f.Login.Before.Hooks, f.Login.After.Hooks = list, list
	f.Registration.Before.Hooks, f.Registration.After = list, config.After{AfterMethod: config.AfterMethod{Hooks: list}}
	w := &WebHooks{
		Source:  egress.Source{Client: egress.Client(egress.Options{AllowPrivate: true})},
		Sandbox: &jsonnet.Sandbox{}, Logger: logger, Deadline: 5 * time.Second,
	}
	t.Cleanup(func() { w.Close(0); w.Source.Client.CloseIdleConnections() })
	return &Runner{Config: func() *config.Config { return &c }, WebHooks: w, Logger: logger}, log
}

// syncLog is a log that goroutines may write to.
type syncLog struct {
	mu  sync.Mutex
	buf bytes.Buffer // guarded by mu
}

func (l *syncLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *syncLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

func wantFailure(t *testing.T, r *Runner, in *flow.HookInput, want string) {
	t.Helper()
	before, _ := json.Marshal(in.Identity)
	d, err := r.Run(t.Context(), in)
	if !errors.Is(err, ErrFailed) || !strings.Contains(err.Error(), want) {
		t.Errorf("got %+v, %v, want a failure with %q", d, err, want)
	}
	if errors.Is(err, context.DeadlineExceeded) {
		t.Error("the hook's deadline reads as if the request's had passed")
	}
	if after, _ := json.Marshal(in.Identity); !bytes.Equal(before, after) {
		t.Errorf("the identity was changed to %s", after)
	}
}

func TestWebHookIsToldWhatKratosTells(t *testing.T) {
	s := newService(t, says(204, ""))
	r, _ := caller(t, s.URL+"/in?x=1", nil)
	in := asked(flow.AfterLogin)
	in.Flow.RequestURL, in.Payload = "https://id.example.org/self-service/login/api", []byte(`{"campaign":"x"}`)
	in.Session = &session.Session{ID: "session-id", TokenHash: session.HashToken("ory_st_token")}
	in.Identity.Credentials = map[identity.CredentialType]identity.Credential{
		identity.Password: {Config: json.RawMessage(`{"hashed_password":"$argon2id$SECRET"}`)},
	}
	in.Flow.Values = map[string]any{"traits.nickname": "SECRET"}
	in.Request = flow.Request{Method: "POST", URL: "https://id.example.org/x", Headers: map[string][]string{"User-Agent": {"test"}}}
	if d := mustRun(t, r, in); d.Stops() || d.IdentityChanged {
		t.Errorf("got %+v", d)
	}
	heard := s.heard()
	if len(heard) != 1 {
		t.Fatalf("got %d calls, want 1", len(heard))
	}
	for _, want := range []string{`"transient_payload":{"campaign":"x"}`, secretEmail, `"id":"session-id"`, `"User-Agent":["test"]`,
		`"request_method":"POST"`, `"request_url":"https://id.example.org/x"`, `"request_cookies":{}`, `"schema_id":"default"`, `"metadata_public":null`} {
		if !strings.Contains(heard[0], want) {
			t.Errorf("%s is not in %s", want, heard[0])
		}
	}
	if strings.Contains(heard[0], "SECRET") || strings.Contains(heard[0], "token") || strings.Contains(heard[0], "credentials") {
		t.Errorf("a secret in %s", heard[0])
	}
	if req := s.requests[0]; req.Header.Get("Content-Type") != "application/json" || req.URL.String() != "/in?x=1" {
		t.Errorf("got %v %v", req.URL, req.Header)
	}
}

func TestWebHookBeforeAnybodyIsKnown(t *testing.T) {
	s := newService(t, says(200, ""))
	r, _ := caller(t, s.URL, options{"body": template(`function(ctx) { nobody: ctx.identity == null && ctx.session == null }`)})
	in := asked(flow.BeforeLogin)
	in.Identity = nil
	mustRun(t, r, in)
	if got := s.heard(); len(got) != 1 || got[0] != `{"nobody":true}` {
		t.Errorf("got %v", got)
	}
}

// TestWebHookHasItsTime: what can change or stop something comes before the commit, all else behind it.
func TestWebHookHasItsTime(t *testing.T) {
	for _, tt := range []struct {
		o         options
		pre, post int
	}{
		{nil, 0, 1},
		{options{"can_interrupt": true}, 1, 0},
		{options{"response": options{"parse": true}}, 1, 0},
	} {
		s := newService(t, says(200, ""))
		r, _ := caller(t, s.URL, tt.o)
		mustRun(t, r, asked(flow.PrePersistRegistration))
		pre := len(s.heard())
		mustRun(t, r, asked(flow.PostPersistRegistration))
		if post := len(s.heard()) - pre; pre != tt.pre || post != tt.post {
			t.Errorf("%v: called %d and %d times, want %d and %d", tt.o, pre, post, tt.pre, tt.post)
		}
	}
}

func TestWebHookProvesWhoCalls(t *testing.T) {
	for _, tt := range []struct {
		auth options
		want string
	}{
		{options{"type": "basic_auth", "config": options{"user": "ada", "password": "p:w"}}, "Basic YWRhOnA6dw=="},
		{options{"type": "api_key", "config": options{"in": "header", "name": "X-Key", "value": "abc"}}, "abc"},
		{options{"type": "api_key", "config": options{"in": "cookie", "name": "key", "value": "abc"}}, "key=abc"},
	} {
		s := newService(t, says(200, ""))
		r, _ := caller(t, s.URL, options{"auth": tt.auth, "headers": options{"X-Site": "here", "Content-Type": "application/x-own"}})
		mustRun(t, r, asked(flow.AfterLogin))
		h := s.requests[0].Header
		if got := h.Get("Authorization") + h.Get("X-Key") + h.Get("Cookie"); got != tt.want {
			t.Errorf("got %q, want %q", got, tt.want)
		}
		if h.Get("X-Site") != "here" || h.Get("Content-Type") != "application/x-own" {
			t.Errorf("headers: got %v", h)
		}
	}
}

func TestWebHookWithoutTemplateSendsNoBody(t *testing.T) {
	for _, o := range []options{{"body": "", "method": "GET"}, {"method": "TRACE"}} {
		s := newService(t, says(200, ""))
		r, _ := caller(t, s.URL, o)
		mustRun(t, r, asked(flow.AfterLogin))
		if got := s.heard(); len(got) != 1 || got[0] != "" || s.requests[0].Header.Get("Content-Type") != "" {
			t.Errorf("%v: got %q", o, got)
		}
	}
}

func TestUnwellServiceIsAskedAgain(t *testing.T) {
	for _, bad := range []int{500, 503, 429} {
		var s *service
		s = newService(t, func(w http.ResponseWriter, _ *http.Request) {
			if len(s.heard()) < 3 {
				w.WriteHeader(bad)
			}
		})
		r, _ := caller(t, s.URL, nil)
		mustRun(t, r, asked(flow.AfterLogin))
		if heard := s.heard(); len(heard) != 3 || heard[0] != heard[2] {
			t.Errorf("%d: got %d calls, want three equal ones", bad, len(heard))
		}
	}
}

func TestSickServiceDenies(t *testing.T) {
	s := newService(t, says(500, "SECRET of the service"))
	r, log := caller(t, s.URL+"/path-SECRET?token=SECRET", options{
		"auth": options{"type": "basic_auth", "config": options{"user": "u", "password": "SECRET"}}, "headers": options{"X-A": "SECRET"},
	})
	wantFailure(t, r, asked(flow.AfterLogin), "after 3 attempts")
	if text := log.String(); strings.Contains(text, "SECRET") || strings.Contains(text, secretEmail) ||
		!strings.Contains(text, strings.TrimPrefix(s.URL, "http://")) || !strings.Contains(text, "hook=web_hook") {
		t.Errorf("log: %s", text)
	}
}

func TestUnreachableServiceDenies(t *testing.T) {
	gone := httptest.NewServer(nil)
	gone.Close()
	r, log := caller(t, gone.URL+"/SECRET", nil)
	wantFailure(t, r, asked(flow.AfterLogin), "refused")
	if strings.Contains(log.String(), "SECRET") {
		t.Errorf("log: %s", log)
	}
}

// TestSlowServicesMeetTheDeadline: one hangs, one drips its answer.
func TestSlowServicesMeetTheDeadline(t *testing.T) {
	for name, answer := range map[string]http.HandlerFunc{
		"hangs": func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
		"drips": func(w http.ResponseWriter, r *http.Request) {
			for r.Context().Err() == nil {
				_, _ = io.WriteString(w, " ")
				_ = http.NewResponseController(w).Flush()
				select {
				case <-time.After(5 * time.Millisecond):
				case <-r.Context().Done():
				}
			}
		},
	} {
		s := newService(t, answer)
		r, _ := caller(t, s.URL, options{"can_interrupt": true})
		r.WebHooks.Deadline, r.WebHooks.Attempt = 400*time.Millisecond, 100*time.Millisecond
		start := time.Now()
		wantFailure(t, r, asked(flow.AfterLogin), "deadline")
		if took := time.Since(start); took > 5*time.Second {
			t.Errorf("%s: took %v", name, took)
		}
	}
}

// TestUnreadAnswerMayBeHuge: nobody wants it, so it denies nobody.
func TestUnreadAnswerMayBeHuge(t *testing.T) {
	s := newService(t, says(200, strings.Repeat("x", 4<<20)))
	r, _ := caller(t, s.URL, nil)
	mustRun(t, r, asked(flow.AfterLogin))
}

func TestWebHookStaysOutOfTheHouse(t *testing.T) {
	s := newService(t, says(200, ""))
	_, port, _ := strings.Cut(strings.TrimPrefix(s.URL, "http://"), ":")
	for _, url := range []string{s.URL, "http://localhost:" + port, "http://[::ffff:127.0.0.1]:" + port} {
		r, _ := caller(t, url, nil)
		r.WebHooks.Source.Client = egress.Client(egress.Options{})
		wantFailure(t, r, asked(flow.AfterLogin), "")
	}
	if n := len(s.heard()); n != 0 {
		t.Errorf("the service was reached %d times", n)
	}
}

func TestTemplatesThatFail(t *testing.T) {
	s := newService(t, says(200, ""))
	for source, want := range map[string]string{
		`function(ctx) ctx.identity.traits.missing`:                                  "error of its own",
		`function(ctx) error ctx.identity.traits.email`:                              "error of its own",
		`local f(n) = f(n + 1) tailstrict; function(ctx) f(0)`:                       "too long",
		`local f(n) = 1 + f(n + 1); function(ctx) f(0)`:                              "error of its own",
		`function(ctx) std.foldl(function(a, b) a + b, std.range(0, 1000000000), 0)`: "too",
		`function(ctx`: "reading the body template",
	} {
		r, log := caller(t, s.URL, options{"body": template(source)})
		r.WebHooks.Sandbox.Timeout = 200 * time.Millisecond
		wantFailure(t, r, asked(flow.AfterLogin), want)
		if strings.Contains(log.String(), secretEmail) {
			t.Errorf("the log tells a trait: %s", log)
		}
	}
	if n := len(s.heard()); n != 0 {
		t.Errorf("the service was called %d times", n)
	}
}

func TestTemplateCancelsTheCall(t *testing.T) {
	s := newService(t, says(500, ""))
	r, _ := caller(t, s.URL, options{"body": template(`function(ctx) if std.endsWith(ctx.identity.traits.email, "@example.org") then error "cancel" else ctx`)})
	if mustRun(t, r, asked(flow.AfterLogin)); len(s.heard()) != 0 {
		t.Error("the service was called")
	}
}

func TestPrepareTellsBrokenTemplates(t *testing.T) {
	for from, want := range map[string]string{
		template(`function(ctx`):            "reading Jsonnet",
		"file://./nowhere.jsonnet":          "check the path",
		"http://127.0.0.1:1/SECRET.jsonnet": "refused",
	} {
		r, _ := caller(t, "https://hooks.example.org/SECRET", options{"body": from})
		err := r.WebHooks.Prepare(t.Context(), r.Config())
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "hooks.example.org") || strings.Contains(err.Error(), "SECRET") {
			t.Errorf("%s: got %v, want %q", from, err, want)
		}
	}
	for _, list := range []string{"recovery.before.hooks", "verification.after.hooks", "settings.after.profile.hooks"} {
		r, _ := caller(t, "https://hooks.example.org/", options{"body": template(`function(ctx`)})
		onlyAt(t, r, list)
		if err := r.WebHooks.Prepare(t.Context(), r.Config()); err == nil || !strings.HasPrefix(err.Error(), "selfservice.flows."+list) {
			t.Errorf("%s: got %v, want the broken template told", list, err)
		}
	}
	r, _ := caller(t, "https://hooks.example.org/", nil)
	if err := r.WebHooks.Prepare(t.Context(), r.Config()); err != nil {
		t.Error(err)
	}
}

// TestIgnoredAnswerWaitsForNobody: the call is made behind the commit, by somebody else, again and again.
func TestIgnoredAnswerWaitsForNobody(t *testing.T) {
	release := make(chan struct{})
	var s *service
	s = newService(t, func(w http.ResponseWriter, _ *http.Request) {
		<-release
		if len(s.heard()) < 2 {
			w.WriteHeader(500)
		}
	})
	r, log := caller(t, s.URL, options{"response": options{"ignore": true}})
	d := mustRun(t, r, asked(flow.AfterLogin))
	if len(d.AfterCommit) != 1 || len(s.heard()) != 0 {
		t.Fatalf("got %+v, want one call to be made after the commit", d)
	}
	d.AfterCommit[0]() // returns although the service hangs
	close(release)
	r.WebHooks.background.done.Wait()
	if n := len(s.heard()); n != 2 || log.String() != "" {
		t.Errorf("got %d calls, want 2; log: %s", n, log)
	}
	mustRun(t, r, asked(flow.PostPersistRegistration)) // is behind the commit already
	r.WebHooks.background.done.Wait()
	if n := len(s.heard()); n != 3 {
		t.Errorf("got %d calls, want 3", n)
	}
}

func TestIgnoredFailureIsLogged(t *testing.T) {
	s := newService(t, says(400, "SECRET"))
	r, log := caller(t, s.URL+"/SECRET", options{"response": options{"ignore": true}})
	if d := mustRun(t, r, asked(flow.BeforeRegistration)); d.Stops() || len(d.AfterCommit) > 0 {
		t.Errorf("got %+v, want the call made at once", d)
	}
	r.WebHooks.background.done.Wait()
	if text := log.String(); !strings.Contains(text, "web hook failed") || strings.Contains(text, "SECRET") || strings.Contains(text, secretEmail) {
		t.Errorf("log: %s", text)
	}
}

func TestCloseEndsWhatHangs(t *testing.T) {
	s := newService(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	r, log := caller(t, s.URL, options{"response": options{"ignore": true}})
	r.WebHooks.Deadline = time.Hour
	for range maxRunning + 10 {
		mustRun(t, r, asked(flow.BeforeRegistration))
	}
	start := time.Now()
	r.WebHooks.Close(10 * time.Millisecond)
	if took := time.Since(start); took > 10*time.Second {
		t.Errorf("took %v", took)
	}
	mustRun(t, r, asked(flow.BeforeRegistration))
	if !strings.Contains(log.String(), "web hook dropped") {
		t.Errorf("log: %s", log)
	}
}

func TestFailureBehindTheCommitStopsNobody(t *testing.T) {
	s := newService(t, says(500, ""))
	r, log := caller(t, s.URL, nil)
	if d := mustRun(t, r, asked(flow.PostPersistRegistration)); d.Stops() || !strings.Contains(log.String(), "denied=false") {
		t.Errorf("got %+v, log: %s", d, log)
	}
}

// TestWebHooksComeBeforePlugins: the plugin sees what the service has changed, and is not asked when it has refused.
func TestWebHooksComeBeforePlugins(t *testing.T) {
	status, body := 200, `{"identity":{"metadata_public":["web"]}}`
	s := newService(t, func(w http.ResponseWriter, r *http.Request) { says(status, body)(w, r) })
	r, _ := caller(t, s.URL, options{"response": options{"parse": true}})
	r.Bound = []Bound{{Point: flow.PrePersistRegistration, Name: "plugin", Guest: appends("wasm")}}
	in := asked(flow.PrePersistRegistration)
	if d := mustRun(t, r, in); !d.IdentityChanged || string(in.Identity.MetadataPublic) != `["web","wasm"]` {
		t.Errorf("got %+v, %s", d, in.Identity.MetadataPublic)
	}
	status, body = 400, refusal
	in = asked(flow.PrePersistRegistration)
	if d := mustRun(t, r, in); !d.Stops() || in.Identity.MetadataPublic != nil {
		t.Errorf("got %+v, %s", d, in.Identity.MetadataPublic)
	}
}

// TestTemplateOfTheDocumentation runs what people will copy.
func TestTemplateOfTheDocumentation(t *testing.T) {
	page, err := os.ReadFile("../docs/webhooks.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(page), "```jsonnet\n")
	source, _, _ := strings.Cut(rest, "```")
	s := newService(t, says(200, ""))
	r, _ := caller(t, s.URL, options{"body": template(source)})
	in := asked(flow.AfterLogin)
	mustRun(t, r, in) // cancelled
	in.Identity.Traits, in.Payload = json.RawMessage(`{"email":"ada@example.net"}`), []byte(`{"campaign":"spring"}`)
	mustRun(t, r, in)
	if got := s.heard(); len(got) != 1 || got[0] != `{"campaign":"spring","email":"ada@example.net","id":"id"}` {
		t.Errorf("got %v", got)
	}
}
