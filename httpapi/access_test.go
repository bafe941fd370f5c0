package httpapi_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-id/gatehouse/core/config"
	"github.com/gatehouse-id/gatehouse/core/project"
	"github.com/gatehouse-id/gatehouse/internal/gateway"
	"github.com/gatehouse-id/gatehouse/internal/testenv"
	"github.com/gatehouse-id/gatehouse/storage/kv"
)

var adminMounts = []string{"/admin", "/api/kratos/admin"}

// closedAdmin serves the admin API of e with tokens, and returns its URL.
func closedAdmin(t *testing.T, e *testenv.Env) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !e.Gateway.Server.Admin(w, r) {
			http.NotFound(w, r)
		}
	}))
	t.Cleanup(s.Close)
	return s.URL
}

// with is a client that sends a token.
func with(e *testenv.Env, token string) *testenv.Client {
	c := e.App()
	c.Header.Set("Authorization", "Bearer "+token)
	return c
}

func firstToken(t *testing.T, e *testenv.Env) string {
	t.Helper()
	token, _, err := e.Gateway.FirstToken(t.Context())
	if err != nil || token == "" {
		t.Fatalf("first token: %q %v", token, err)
	}
	return token
}

// newToken makes a token by the API.
func newToken(t *testing.T, c *testenv.Client, url string, lifespan string, scopes ...string) *testenv.Answer {
	t.Helper()
	a := c.PostJSON(url+"/admin/tokens", map[string]any{"name": "of a test", "scopes": scopes, "expires_in": lifespan})
	wantStatus(t, a, http.StatusCreated)
	return a
}

// adminOperations has a request of each operation, by the route table's areas. Ids are
// well-formed and of nobody.
var adminOperations = []struct{ method, path, scope string }{
	{"GET", "/identities", "identities:read"},
	{"POST", "/identities", "identities:write"},
	{"GET", "/identities/9f8b1c1e-0000-4000-8000-000000000000", "identities:read"},
	{"DELETE", "/identities/9f8b1c1e-0000-4000-8000-000000000000", "identities:write"},
	{"GET", "/identities/9f8b1c1e-0000-4000-8000-000000000000/sessions", "identities:read"},
	{"GET", "/sessions", "sessions:read"},
	{"PATCH", "/sessions/9f8b1c1e-0000-4000-8000-000000000000/extend", "sessions:write"},
	{"POST", "/recovery/link", "recovery:write"},
	{"POST", "/recovery/code", "recovery:write"},
	{"GET", "/courier/messages", "courier:read"},
	{"GET", "/tokens", "tokens:read"},
	{"POST", "/tokens", "tokens:write"},
}

func TestAdminAPIAnswersNobodyWithoutAToken(t *testing.T) {
	e := testenv.New(t)
	url, session := closedAdmin(t, e), e.App().SignUp("a@example.org")
	good := firstToken(t, e)
	for name, header := range map[string][]string{
		"nothing":              nil,
		"a session":            {"Bearer " + session.Text("session_token")},
		"a password":           {"Basic YWRtaW46YWRtaW4="},
		"a token that is cut":  {"Bearer " + good[:len(good)-1]},
		"a token and a tail":   {"Bearer " + good + "A"},
		"a token nobody made":  {"Bearer ory_pat_" + strings.Repeat("A", 32)},
		"a token in no scheme": {good},
		"two headers":          {"Bearer " + good, "Bearer " + good},
		"two tokens":           {"Bearer " + good + ", Bearer " + good},
	} {
		t.Run(name, func(t *testing.T) {
			c := e.App()
			if header != nil {
				c.Header["Authorization"] = header
			}
			for _, mount := range adminMounts {
				for _, o := range adminOperations {
					wantUnchanged(t, e, func() {
						a := c.Do(o.method, url+mount+o.path, "application/json", []byte(`{}`))
						wantStatus(t, a, http.StatusUnauthorized)
						if a.Text("error", "status") != "Unauthorized" || a.Header.Get("WWW-Authenticate") != `Bearer realm="gatehouse admin API"` {
							t.Errorf("%s %s: got %v %s", o.method, o.path, a.Header, a.Body)
						}
					})
				}
			}
		})
	}
	if strings.Contains(e.Log.String(), good[10:]) {
		t.Error("a token is in the log")
	}
}

func TestAnybodyMayAskWhetherTheServerLives(t *testing.T) {
	e := testenv.New(t)
	url := closedAdmin(t, e)
	for _, path := range []string{"/health/alive", "/health/ready", "/version", "/admin/health/alive", "/admin/version", "/api/kratos/admin/health/ready", "/schemas", "/schemas/default"} {
		wantStatus(t, e.App().Get(url+path), http.StatusOK)
	}
}

func TestTokenOpensWhatItsScopeSays(t *testing.T) {
	e := testenv.New(t)
	url := closedAdmin(t, e)
	admin := with(e, firstToken(t, e))
	var scopes []string
	for _, area := range project.Areas {
		scopes = append(scopes, area+":read", area+":write")
	}
	for _, scope := range scopes {
		c := with(e, newToken(t, admin, url, "1h", scope).Text("value"))
		for _, o := range adminOperations {
			a := c.Do(o.method, url+"/admin"+o.path, "application/json", []byte(`{}`))
			opens := o.scope == scope || strings.TrimSuffix(scope, "write")+"read" == o.scope
			if got := a.Status != http.StatusForbidden; got != opens || a.Status == http.StatusUnauthorized {
				t.Errorf("%s for %s %s: got %d %s", scope, o.method, o.path, a.Status, a.Body)
			}
			if !opens && !strings.Contains(a.Text("error", "reason"), o.scope) {
				t.Errorf("%s for %s %s: %s does not say what it takes", scope, o.method, o.path, a.Body)
			}
		}
	}
}

func TestTokenIsShownOnceAndEnds(t *testing.T) {
	e := testenv.New(t)
	url := closedAdmin(t, e)
	admin := with(e, firstToken(t, e))
	made := newToken(t, admin, url, "1h", "identities:read")
	value, id := made.Text("value"), made.Text("id")
	c := with(e, value)
	wantStatus(t, c.Get(url+"/admin/identities"), http.StatusOK)
	list := admin.Get(url + "/admin/tokens")
	wantAbsent(t, list, value)
	if !strings.Contains(string(list.Body), id) || !strings.Contains(string(list.Body), `"first start"`) {
		t.Errorf("list: %s", list.Body)
	}
	all, err := e.KV.List(t.Context(), "", kv.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range all.Entries {
		if strings.Contains(string(entry.Value), strings.TrimPrefix(value, "ory_pat_")) {
			t.Errorf("%s has the token itself", entry.Key)
		}
	}
	e.Advance(time.Hour)
	wantStatus(t, c.Get(url+"/admin/identities"), http.StatusUnauthorized)
	wantAbsent(t, admin.Get(url+"/admin/tokens"), id)
}

func TestRevokedTokenOpensNothing(t *testing.T) {
	e := testenv.New(t)
	url := closedAdmin(t, e)
	admin := with(e, firstToken(t, e))
	made := newToken(t, admin, url, "", "identities:read")
	c := with(e, made.Text("value"))
	wantStatus(t, c.Get(url+"/admin/identities"), http.StatusOK)
	path := url + "/admin/tokens/" + made.Text("id")
	wantStatus(t, admin.Do(http.MethodDelete, path, "", nil), http.StatusNoContent)
	wantStatus(t, c.Get(url+"/admin/identities"), http.StatusUnauthorized)
	wantStatus(t, admin.Do(http.MethodDelete, path, "", nil), http.StatusNotFound)
	wantStatus(t, admin.Do(http.MethodDelete, url+"/admin/tokens/x", "", nil), http.StatusBadRequest)
}

// TestRevocationOnAnotherNodeCounts revokes behind the back of a node.
func TestRevocationOnAnotherNodeCounts(t *testing.T) {
	e := testenv.New(t)
	other := testenv.New(t, func(_ *config.Config, o *gateway.Options) { o.KV = e.KV })
	url, there := closedAdmin(t, e), closedAdmin(t, other)
	admin := with(e, firstToken(t, e))
	made := newToken(t, admin, url, "", "identities:read")
	c := with(other, made.Text("value"))
	wantStatus(t, c.Get(there+"/admin/identities"), http.StatusOK)
	wantStatus(t, admin.Do(http.MethodDelete, url+"/admin/tokens/"+made.Text("id"), "", nil), http.StatusNoContent)
	other.Advance(2*time.Second + time.Millisecond)
	wantStatus(t, c.Get(there+"/admin/identities"), http.StatusUnauthorized)
}

func TestTokensThatMakeNoSenseAreNotMade(t *testing.T) {
	e := testenv.New(t)
	url := closedAdmin(t, e)
	admin := with(e, firstToken(t, e))
	for name, test := range map[string]struct{ body, want string }{
		"no name":       {`{"scopes":["admin"]}`, "name of a token"},
		"no scope":      {`{"name":"a"}`, "1 to 32 scopes"},
		"unknown scope": {`{"name":"a","scopes":["root"]}`, `"root" is no scope`},
		"no duration":   {`{"name":"a","scopes":["admin"],"expires_in":"soon"}`, "no duration"},
		"long ago":      {`{"name":"a","scopes":["admin"],"expires_in":"-1h"}`, "future"},
		"own value":     {`{"name":"a","scopes":["admin"],"value":"ory_pat_x"}`, "unknown field"},
		"cut":           {`{"name":`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			wantUnchanged(t, e, func() {
				a := admin.Do(http.MethodPost, url+"/admin/tokens", "application/json", []byte(test.body))
				wantStatus(t, a, http.StatusBadRequest)
				if !strings.Contains(a.Text("error", "reason"), test.want) {
					t.Errorf("got %s, want it to say %q", a.Body, test.want)
				}
			})
		})
	}
}

// TestTokenHandsOutNoMoreThanItHas: who may make tokens must not become an administrator.
func TestTokenHandsOutNoMoreThanItHas(t *testing.T) {
	e := testenv.New(t)
	url := closedAdmin(t, e)
	admin := with(e, firstToken(t, e))
	c := with(e, newToken(t, admin, url, "2h", "tokens:write", "sessions:write").Text("value"))
	for body, want := range map[string]int{
		`{"name":"a","scopes":["sessions:read"],"expires_in":"1h"}`:              http.StatusCreated,
		`{"name":"a","scopes":["sessions:read","admin"],"expires_in":"1h"}`:      http.StatusForbidden,
		`{"name":"a","scopes":["identities:read"],"expires_in":"1h"}`:            http.StatusForbidden,
		`{"name":"a","scopes":["sessions:read"]}`:                                http.StatusForbidden,
		`{"name":"a","scopes":["sessions:read"],"expires_in":"3h"}`:              http.StatusForbidden,
		`{"name":"a","scopes":["tokens:write"],"expires_in":"2540400h"}`:         http.StatusForbidden,
		`{"name":"a","scopes":["tokens:read","tokens:write"],"expires_in":"1h"}`: http.StatusCreated,
	} {
		if a := c.Do(http.MethodPost, url+"/admin/tokens", "application/json", []byte(body)); a.Status != want {
			t.Errorf("%s: got %d %s, want %d", body, a.Status, a.Body, want)
		}
	}
}

// cutOff is a store that can't be reached.
type cutOff struct{ kv.Store }

func (cutOff) Get(context.Context, ...string) (kv.Snapshot, error) {
	return kv.Snapshot{}, context.DeadlineExceeded
}

func TestAdminAPIFailsClosedWithoutItsStore(t *testing.T) {
	e := testenv.New(t, func(_ *config.Config, o *gateway.Options) { o.KV = cutOff{o.KV} })
	c := with(e, "ory_pat_"+strings.Repeat("A", 32))
	wantStatus(t, c.Get(closedAdmin(t, e)+"/admin/identities"), http.StatusServiceUnavailable)
}

// TestOpenAdminAPIAnswersToItsNamesOnly: with DNS rebinding, a page has its own name lead
// to this machine, and may read what it finds there.
func TestOpenAdminAPIAnswersToItsNamesOnly(t *testing.T) {
	e := testenv.New(t, func(c *config.Config, _ *gateway.Options) { c.Serve.Admin.BaseURL = "https://Admin.internal:4434/" })
	for host, want := range map[string]int{
		"":                    http.StatusOK, // the address of the listener
		"localhost:4434":      http.StatusOK,
		"LOCALHOST.":          http.StatusOK,
		"kratos.localhost":    http.StatusOK,
		"[::1]:4434":          http.StatusOK,
		"10.0.0.1":            http.StatusOK,
		"admin.internal":      http.StatusOK,
		"admin.internal:80":   http.StatusOK,
		"evil.example":        http.StatusForbidden,
		"localhost.evil.com":  http.StatusForbidden,
		"127.0.0.1.evil.com":  http.StatusForbidden,
		"xlocalhost":          http.StatusForbidden,
		"xadmin.internal":     http.StatusForbidden,
		"admin.internal.evil": http.StatusForbidden,
		"[::1].evil.com":      http.StatusForbidden,
		"127.0.0.1@evil.com":  http.StatusForbidden,
	} {
		for _, mount := range adminMounts {
			r := httptest.NewRequest(http.MethodGet, e.Admin+mount+"/identities", nil)
			if host != "" {
				r.Host = host
			}
			w := httptest.NewRecorder()
			if e.Gateway.Server.OpenAdmin(w, r); w.Code != want {
				t.Errorf("Host %q: got %d %s, want %d", host, w.Code, w.Body, want)
			}
		}
	}
}
