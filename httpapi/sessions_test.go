package httpapi_test

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/gatehouse-id/gatehouse/core/config"
	"github.com/gatehouse-id/gatehouse/internal/gateway"
	"github.com/gatehouse-id/gatehouse/internal/testenv"
)

// list reads an answer that is a list of sessions.
func list(t *testing.T, a *testenv.Answer) []map[string]any {
	t.Helper()
	wantStatus(t, a, http.StatusOK)
	var out []map[string]any
	if err := json.Unmarshal(a.Body, &out); err != nil || out == nil {
		t.Fatalf("no list of sessions: %v %s", err, a.Body)
	}
	return out
}

// signedIn makes apps with a session each, and the ids of these sessions.
func signedIn(e *testenv.Env, mount, email string, n int) (apps []*testenv.Client, ids []string) {
	e.T.Helper()
	for range n {
		c := e.App().On(mount)
		ids = append(ids, c.SignIn(email).Text("session", "id"))
		apps = append(apps, c)
	}
	return apps, ids
}

func wantGone(t *testing.T, c *testenv.Client) {
	t.Helper()
	if a := c.Get(c.Mount + "/sessions/whoami"); a.Status != http.StatusUnauthorized {
		t.Errorf("the session still counts: %d", a.Status)
	}
}

func remove(c *testenv.Client, path string) *testenv.Answer {
	return c.Do(http.MethodDelete, path, "", nil)
}

func TestPeopleSeeAndEndTheirOtherSessions(t *testing.T) {
	onBothMounts(t, func(t *testing.T, e *testenv.Env, mount string) {
		e.SignUp("ada@example.org")
		apps, ids := signedIn(e, mount, "ada@example.org", 3)
		here := apps[0]
		for _, s := range list(t, here.Get(mount+"/sessions")) {
			if s["id"] == ids[0] || s["active"] != true {
				t.Errorf("the list has %v", s)
			}
		}
		before := len(list(t, here.Get(mount+"/sessions")))
		wantStatus(t, remove(here, mount+"/sessions/"+ids[1]), http.StatusNoContent)
		wantGone(t, apps[1])
		if got := len(list(t, here.Get(mount+"/sessions"))); got != before-1 {
			t.Errorf("%d sessions are left, want %d", got, before-1)
		}
		wantStatus(t, remove(here, mount+"/sessions"), http.StatusOK)
		wantGone(t, apps[2])
		wantStatus(t, here.Get(mount+"/sessions/whoami"), http.StatusOK)
		if got := string(here.Get(mount + "/sessions").Body); strings.TrimSpace(got) != "[]" {
			t.Errorf("got %s, want an empty list", got)
		}
	})
}

func TestNobodyEndsTheSessionsOfOthers(t *testing.T) {
	onBothMounts(t, func(t *testing.T, e *testenv.Env, mount string) {
		e.SignUp("ada@example.org")
		e.SignUp("eve@example.org")
		ada, ids := signedIn(e, mount, "ada@example.org", 1)
		eve, own := signedIn(e, mount, "eve@example.org", 1)
		wantStatus(t, remove(eve[0], mount+"/sessions/"+ids[0]), http.StatusNoContent) // as if it were unknown
		wantStatus(t, remove(eve[0], mount+"/sessions"), http.StatusOK)
		wantStatus(t, ada[0].Get(mount+"/sessions/whoami"), http.StatusOK)

		wantStatus(t, remove(eve[0], mount+"/sessions/"+uuid.NewString()), http.StatusNoContent)
		wantError(t, remove(eve[0], mount+"/sessions/"+own[0]), http.StatusBadRequest, "")
		wantError(t, remove(eve[0], mount+"/sessions/xyz"), http.StatusBadRequest, "")
		for _, path := range []string{"/sessions", "/sessions/" + own[0]} {
			wantError(t, remove(e.App(), mount+path), http.StatusUnauthorized, "session_inactive")
		}
		wantError(t, e.App().Get(mount+"/sessions"), http.StatusUnauthorized, "session_inactive")
	})
}

func TestSessionListsHavePages(t *testing.T) {
	e := testenv.New(t)
	e.SignUp("ada@example.org")
	apps, _ := signedIn(e, "", "ada@example.org", 5) // and the one of the registration
	seen := map[string]bool{}
	for _, page := range []string{"page=0&per_page=2", "page=1&per_page=2", "page_token=2&page_size=2"} {
		a := apps[0].Get("/sessions?" + page)
		for _, s := range list(t, a) {
			seen[s["id"].(string)] = true
		}
		if a.Header.Get("X-Total-Count") != "5" || !strings.Contains(a.Header.Get("Link"), `rel="first"`) && page != "page=0&per_page=2" {
			t.Errorf("%s: X-Total-Count %q, Link %q", page, a.Header.Get("X-Total-Count"), a.Header.Get("Link"))
		}
	}
	if len(seen) != 5 {
		t.Errorf("the pages show %d sessions, want 5", len(seen))
	}
}

func TestAdminsEndAllSessionsOfAnIdentity(t *testing.T) {
	for name, prefix := range map[string]string{"today": "/admin", "seed": "/api/kratos/admin"} {
		t.Run(name, func(t *testing.T) {
			e := testenv.New(t)
			id := e.SignUp("ada@example.org").Text("identity", "id")
			apps, ids := signedIn(e, "", "ada@example.org", 2)
			admin, path := e.App(), e.Admin+prefix+"/identities/"+id+"/sessions"
			wantStatus(t, apps[1].Get("/sessions/whoami"), http.StatusOK)
			wantStatus(t, remove(admin, e.Admin+prefix+"/sessions/"+ids[0]), http.StatusNoContent)
			wantGone(t, apps[0])
			if all, live := list(t, admin.Get(path)), list(t, admin.Get(path+"?active=true")); len(all) != len(live)+1 {
				t.Errorf("%d sessions, %d of them active: want one that isn't", len(all), len(live))
			}
			if dead := list(t, admin.Get(path+"?active=false")); len(dead) != 1 || dead[0]["id"] != ids[0] {
				t.Errorf("the inactive ones: %v", dead)
			}
			wantStatus(t, admin.Get(path+"?active=perhaps"), http.StatusBadRequest)
			wantStatus(t, remove(admin, path), http.StatusNoContent)
			wantGone(t, apps[1])
			if left := list(t, admin.Get(path)); len(left) != 0 {
				t.Errorf("%d sessions are left", len(left))
			}
			wantStatus(t, remove(admin, path), http.StatusNotFound)
			wantStatus(t, admin.Get(e.Admin+prefix+"/identities/xyz/sessions"), http.StatusBadRequest)
			if !canSignIn(e, "ada@example.org", testenv.Password) {
				t.Error("nobody can sign in any more")
			}
		})
	}
}

func TestAdminsLookThroughSessions(t *testing.T) {
	e := testenv.New(t)
	id := e.SignUp("ada@example.org").Text("identity", "id")
	_, ids := signedIn(e, "", "ada@example.org", 4)
	admin, next, seen := e.App(), e.Admin+"/admin/sessions?page_size=2&expand=identity", 0
	for next != "" {
		a := admin.Get(next)
		for _, s := range list(t, a) {
			if i, _ := s["identity"].(map[string]any); i["id"] != id {
				t.Errorf("a session of %v", i["id"])
			}
			seen++
		}
		next = ""
		for _, l := range a.Header.Values("Link") {
			if u, ok := strings.CutSuffix(l, `>; rel="next"`); ok {
				next = e.Admin + strings.TrimPrefix(u[strings.Index(u, "/admin/"):], "<")
			}
		}
	}
	if seen != 5 {
		t.Errorf("the pages show %d sessions, want 5", seen)
	}
	one := admin.Get(e.Admin + "/admin/sessions/" + ids[0])
	if one.At("identity") != nil || len(one.At("devices").([]any)) != 0 {
		t.Errorf("not asked for, and shown: %s", one.Body)
	}
	one = admin.Get(e.Admin + "/admin/sessions/" + ids[0] + "?expand=identity&expand=devices")
	if one.Text("identity", "id") != id || one.Text("devices", 0, "ip_address") == "" {
		t.Errorf("asked for, and not shown: %s", one.Body)
	}
	for path, want := range map[string]int{
		"/" + uuid.NewString(): 404, "/xyz": 400, "/" + ids[0] + "?expand=soul": 400, "?page_token=x": 400, "?active=x": 400,
	} {
		wantStatus(t, admin.Get(e.Admin+"/admin/sessions"+path), want)
	}
}

// extend asks for a longer life of a session and returns its end.
func extend(t *testing.T, e *testenv.Env, id string) time.Time {
	t.Helper()
	a := e.App().Do(http.MethodPatch, e.Admin+"/admin/sessions/"+id+"/extend", "", nil)
	wantStatus(t, a, http.StatusOK)
	end, err := time.Parse(time.RFC3339, a.Text("expires_at"))
	if err != nil {
		t.Fatal(err)
	}
	return end
}

func TestSessionsAreExtendedNearTheirEnd(t *testing.T) {
	e := testenv.New(t, func(c *config.Config, _ *gateway.Options) {
		c.Session.EarliestPossibleExtend = config.Duration(time.Hour)
	})
	e.SignUp("ada@example.org")
	apps, ids := signedIn(e, "", "ada@example.org", 1)
	first := extend(t, e, ids[0])
	e.Advance(22 * time.Hour)
	if again := extend(t, e, ids[0]); !again.Equal(first) {
		t.Errorf("two hours before its end the session was extended to %v", again)
	}
	e.Advance(90 * time.Minute)
	if again := extend(t, e, ids[0]); again.Sub(first) < 20*time.Hour {
		t.Errorf("half an hour before its end the session was extended by %v only", again.Sub(first))
	}
	e.Advance(2 * time.Hour)
	wantStatus(t, apps[0].Get("/sessions/whoami"), http.StatusOK)
	e.Advance(25 * time.Hour)
	if extend(t, e, ids[0]).After(e.Now()) {
		t.Error("a session that has ended was extended")
	}
	wantGone(t, apps[0])
}

func TestRevokedSessionsStayRevokedWhenExtended(t *testing.T) {
	e := testenv.New(t)
	e.SignUp("ada@example.org")
	apps, ids := signedIn(e, "", "ada@example.org", 1)
	wantStatus(t, remove(e.App(), e.Admin+"/admin/sessions/"+ids[0]), http.StatusNoContent)
	extend(t, e, ids[0])
	wantGone(t, apps[0])
}

func TestCachesAreToldOnlyWhereConfigured(t *testing.T) {
	for name, tt := range map[string]struct {
		flags       config.FeatureFlags
		least, most int
	}{
		"off":                 {config.FeatureFlags{}, 0, 0},
		"for a minute":        {config.FeatureFlags{CacheableSessions: true, CacheableSessionsMaxAge: config.Duration(time.Minute)}, 60, 60},
		"as long as it lives": {config.FeatureFlags{CacheableSessions: true}, 24*3600 - 60, 24 * 3600},
	} {
		e := testenv.New(t, func(c *config.Config, _ *gateway.Options) { c.FeatureFlags = tt.flags })
		e.SignUp("ada@example.org")
		apps, _ := signedIn(e, "", "ada@example.org", 1)
		got, _ := strconv.Atoi(apps[0].Get("/sessions/whoami").Header.Get("Ory-Session-Cache-For"))
		if got < tt.least || got > tt.most {
			t.Errorf("%s: got %d seconds, want %d to %d", name, got, tt.least, tt.most)
		}
	}
}
