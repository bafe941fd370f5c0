// Package hooks runs the binary with plugins that misbehave, and with one that does its work.
package hooks

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gatehouse-id/gatehouse/internal/hostile"
	"github.com/gatehouse-id/gatehouse/internal/testenv"
	"github.com/gatehouse-id/gatehouse/test/harness"
)

func TestMain(m *testing.M) { harness.Main(m) }

const (
	deadline = 100 * time.Millisecond
	// slack is what the rest of a request may take on a machine that is busy.
	slack = 2 * time.Second
)

// site binds the plugin guest.wasm.
const site = `{
	gatehouse {
		config kratos.yml
		hook registration.pre_persist guest.wasm {
			HOOK
		}
	}
}
http://127.0.0.1:{$PUBLIC_PORT} {
	gatehouse
}
http://127.0.0.1:{$ADMIN_PORT} {
	gatehouse_admin {
		auth off
	}
}
`

func start(t *testing.T, guest []byte, options ...string) *harness.Process {
	t.Helper()
	return harness.Start(t, harness.Options{
		Caddyfile: strings.Replace(site, "HOOK", strings.Join(options, "\n\t\t\t"), 1),
		Files:     map[string][]byte{"guest.wasm": guest},
	})
}

func register(app *testenv.Client, email string) *testenv.Answer {
	return app.Submit("registration", app.Start("registration", ""), testenv.NewAccount(email))
}

func TestHostileGuests(t *testing.T) {
	for name, guest := range map[string][]byte{
		"loops": hostile.Loop(), "eats memory": hostile.Memory(), "traps": hostile.Trap(), "answers garbage": hostile.Garbage(),
	} {
		t.Run(name, func(t *testing.T) {
			t.Run("denied", func(t *testing.T) { testDenied(t, guest) })
			t.Run("allowed", func(t *testing.T) { testAllowed(t, guest) })
		})
	}
}

func testDenied(t *testing.T, guest []byte) {
	gw := start(t, guest, "on_error deny", "deadline "+deadline.String(), "memory 8MiB")
	app := gw.Env(t).App()
	inTime(t, func() {
		if a := register(app, "ann@example.org"); a.Status != http.StatusInternalServerError || strings.Contains(string(a.Body), "guest") {
			t.Errorf("registering: got %d, want 500 without a word of the plugin: %s", a.Status, a.Body)
		}
	})
	if n := identities(t, gw); n != 0 {
		t.Errorf("identities: got %d, want none", n)
	}
	wantLog(t, gw, "registration.pre_persist", true)
	worksOn(t, gw)
}

func testAllowed(t *testing.T, guest []byte) {
	gw := start(t, guest, "on_error allow", "deadline "+deadline.String(), "memory 8MiB")
	app := gw.Env(t).App()
	inTime(t, func() {
		if a := register(app, "ann@example.org"); a.Status != http.StatusOK || a.Text("session_token") == "" {
			t.Errorf("registering: got %d, want 200 with a session: %s", a.Status, a.Body)
		}
	})
	wantLog(t, gw, "registration.pre_persist", false)
	worksOn(t, gw)
}

// inTime fails the test when something takes longer than a plugin may, and the rest of the request.
func inTime(t *testing.T, f func()) {
	t.Helper()
	start := time.Now()
	f()
	if took := time.Since(start); took > deadline+slack {
		t.Errorf("the answer took %v, want at most %v", took, deadline+slack)
	}
}

// identities counts the accounts.
func identities(t *testing.T, gw *harness.Process) int {
	t.Helper()
	a := gw.Env(t).App().Get(gw.Admin + "/admin/identities")
	var list []json.RawMessage
	if err := json.Unmarshal(a.Body, &list); err != nil {
		t.Fatalf("identities: %d %s", a.Status, a.Body)
	}
	return len(list)
}

// wantLog looks for the one line that tells the operator which plugin failed, and what came of it.
func wantLog(t *testing.T, gw *harness.Process, event string, denied bool) {
	t.Helper()
	harness.Eventually(t, "the log tells of the failure", func() bool { return strings.Contains(gw.Log(), "guest.wasm for "+event) })
	var found []string
	for line := range strings.Lines(gw.Log()) {
		var entry struct {
			Level, Plugin, Event string
			Denied               bool
		}
		if json.Unmarshal([]byte(line), &entry) == nil && entry.Plugin == "guest.wasm" && entry.Level == "error" {
			found = append(found, line)
			if entry.Event != event || entry.Denied != denied {
				t.Errorf("log: got event %q denied %v, want %s denied %v", entry.Event, entry.Denied, event, denied)
			}
		}
	}
	if strings.Contains(gw.Log(), "stacktrace") {
		t.Error("log: it has stack traces, and the failure of a plugin is no bug of ours")
	}
	if len(found) != 1 {
		t.Errorf("log: got %d error lines that name the plugin, want 1:\n%s", len(found), strings.Join(found, ""))
	}
}

// worksOn signs somebody in who did not need the plugin.
func worksOn(t *testing.T, gw *harness.Process) {
	t.Helper()
	app := gw.Env(t).App()
	made := app.Do(http.MethodPost, gw.Admin+"/admin/identities", "application/json", fmt.Appendf(nil,
		`{"schema_id":"default","traits":{"email":"zoe@example.org"},"credentials":{"password":{"config":{"password":%q}}}}`, testenv.Password))
	if made.Status != http.StatusCreated {
		t.Fatalf("creating an identity: %d %s", made.Status, made.Body)
	}
	app.SignIn("zoe@example.org")
}

// Endless plugins use up their own time and nobody else's.
func TestManyLoopsAtOnce(t *testing.T) {
	gw := start(t, hostile.Loop(), "deadline "+deadline.String())
	var all sync.WaitGroup
	for n := range 24 {
		all.Go(func() {
			if a := register(gw.Env(t).App(), fmt.Sprintf("p%d@example.org", n)); a.Status != http.StatusInternalServerError {
				t.Errorf("registering: got %d, want 500: %s", a.Status, a.Body)
			}
		})
	}
	for range 5 {
		if a := gw.Env(t).App().Get("/sessions/whoami"); a.Status != http.StatusUnauthorized {
			t.Errorf("whoami beside the loops: got %d, want 401: %s", a.Status, a.Body)
		}
	}
	all.Wait()
	worksOn(t, gw)
}

// A person in a browser sees a page, and not a bare status.
func TestDeniedBrowserSeesThePageOfErrors(t *testing.T) {
	gw := start(t, hostile.Trap())
	browser := gw.Env(t).Browser()
	a := browser.Submit("registration", browser.Start("registration", ""), testenv.NewAccount("ann@example.org"))
	to := a.Location()
	if a.Status != http.StatusSeeOther || !strings.Contains(to, "/auth/error?id=") {
		t.Fatalf("registering: got %d to %q, want the page of errors: %s", a.Status, to, a.Body)
	}
	if page := browser.Get(to); page.Status/100 == 3 || !strings.Contains(string(page.Body), "<html") {
		t.Errorf("the page of errors: got %d %s", page.Status, page.Body)
	}
}
