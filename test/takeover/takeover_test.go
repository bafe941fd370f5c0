// Package takeover tells how ten thousand people move from one server to another, and that all of them get in.
package takeover

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gatehouse-id/gatehouse/internal/adminapi"
	"github.com/gatehouse-id/gatehouse/internal/testenv"
	"github.com/gatehouse-id/gatehouse/test/harness"
)

func TestMain(m *testing.M) { harness.Main(m) }

const (
	people  = 10_000
	workers = 8
)

// sideBySide does something for each number below many.
func sideBySide(many int, do func(n int)) {
	var next atomic.Int64
	var running sync.WaitGroup
	for range workers {
		running.Go(func() {
			for n := int(next.Add(1)) - 1; n < many; n = int(next.Add(1)) - 1 {
				do(n)
			}
		})
	}
	running.Wait()
}

// fill gives a server its people.
func fill(t *testing.T, server *harness.Process) {
	t.Helper()
	const batch = 250
	api := adminapi.New(server.Admin+"/admin", "")
	sideBySide(people/batch, func(n int) {
		var items []any
		for c := n * batch; c < (n+1)*batch; c++ {
			item, err := citizen{c}.document()
			if err != nil {
				t.Error(err)
			}
			items = append(items, item)
		}
		var made struct{ Identities []struct{ Action string } }
		if _, err := api.Call(t.Context(), http.MethodPatch, "/identities", map[string]any{"identities": items}, &made); err != nil {
			t.Errorf("filling the old server: %v", err)
		}
		for _, i := range made.Identities {
			if i.Action != "create" {
				t.Error("somebody is missing from the old server")
			}
		}
	})
	if t.Failed() {
		t.FailNow()
	}
}

// arrived is how many people a server has; -1 while it can't say.
func arrived(t *testing.T, server *harness.Process) int {
	h, err := adminapi.New(server.Admin+"/admin", "").Call(t.Context(), http.MethodGet, "/identities?page=0&per_page=1", nil, nil)
	n, none := strconv.Atoi(h.Get("X-Total-Count"))
	if err != nil || none != nil {
		return -1
	}
	return n
}

// TestTenThousandPeopleMove imports a server over its admin API. The import is killed twice, and the new server once; then
// everybody signs in with the password they have, which gets a new hash by that.
func TestTenThousandPeopleMove(t *testing.T) {
	old, here := harness.Start(t, harness.Options{}), harness.Start(t, harness.Options{})
	fill(t, old)
	start := time.Now()
	command := []string{"import", "--from", old.Admin, "--format", "json"}
	for _, many := range []int{people / 5, people / 2} {
		kill, done := here.Begin(command...)
		reach(t, here, many, done)
		kill()
		if n := arrived(t, here); n >= people {
			t.Fatalf("%d people had come before the import was interrupted", n)
		}
	}
	_, done := here.Begin(command...)
	reach(t, here, people*3/4, done)
	here.Kill()
	here.Restart()
	<-done

	var counts struct {
		Moved  int `json:"moved"`
		There  int `json:"already_there"`
		Failed int `json:"failed"`
	}
	r := here.Command(command...)
	if err := json.Unmarshal([]byte(r.Stdout), &counts); err != nil || r.Code != 0 || counts.Moved+counts.There != people || counts.Failed != 0 {
		t.Fatalf("the last import: %d %+v\n%s", r.Code, counts, r.Stderr)
	}
	t.Logf("the import took %v", time.Since(start).Round(time.Second))
	wantEverybody(t, old, here)
	signIn(t, here)
	wantNewHashes(t, here)
}

// reach waits until so many people have come, or the import has ended.
func reach(t *testing.T, server *harness.Process, many int, done <-chan struct{}) {
	t.Helper()
	harness.Eventually(t, fmt.Sprintf("%d people have come", many), func() bool {
		select {
		case <-done:
			return true
		default:
			return arrived(t, server) >= many
		}
	})
}

// person is what stays the same when somebody moves.
type person struct {
	ID          string
	ExternalID  string          `json:"external_id"`
	CreatedAt   time.Time       `json:"created_at"`
	Traits      json.RawMessage `json:"traits"`
	Public      json.RawMessage `json:"metadata_public"`
	Credentials map[string]struct {
		Identifiers []string        `json:"identifiers"`
		Config      json.RawMessage `json:"config"`
	} `json:"credentials"`
	Addresses []struct {
		Value    string
		Verified bool
	} `json:"verifiable_addresses"`
}

// everybody exports a server.
func everybody(t *testing.T, server *harness.Process) map[string]person {
	t.Helper()
	r := server.Command("export", "--from", server.Admin) // not through Caddy's endpoint, which logs each request
	if r.Code != 0 {
		t.Fatalf("export: %d %s", r.Code, r.Stderr)
	}
	out := map[string]person{}
	for line := range strings.Lines(r.Stdout) {
		var p person
		if err := json.Unmarshal([]byte(line), &p); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		out[p.ID] = p
	}
	return out
}

// wantEverybody compares the people of two servers.
func wantEverybody(t *testing.T, old, here *harness.Process) {
	t.Helper()
	before, after := everybody(t, old), everybody(t, here)
	if len(before) != people || len(after) != people {
		t.Fatalf("there were %d people, and there are %d", len(before), len(after))
	}
	for id, was := range before {
		want, _ := json.Marshal(was)
		got, _ := json.Marshal(after[id])
		if !bytes.Equal(got, want) {
			t.Fatalf("got\n%s\nwant\n%s", got, want)
		}
	}
}

// signIn lets everybody in, with the password they have always had.
func signIn(t *testing.T, server *harness.Process) {
	t.Helper()
	env, start := server.Env(t), time.Now()
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConnsPerHost = workers
	defer transport.CloseIdleConnections()
	sideBySide(people, func(n int) {
		if t.Failed() {
			return // one tells as much as thousands
		}
		app, c := env.App(), citizen{n}
		app.HTTP.Transport = transport
		a := app.Submit("login", app.Start("login", ""), testenv.Credentials(c.email(), c.password()))
		for tries := 0; a.Status == http.StatusServiceUnavailable && tries < 5; tries++ { // a busy machine: 503 says to come back
			time.Sleep(time.Second)
			a = app.Submit("login", app.Start("login", ""), testenv.Credentials(c.email(), c.password()))
		}
		if a.Status != http.StatusOK {
			t.Errorf("citizen %d is not let in: %d %s", n, a.Status, a.Body)
		}
	})
	t.Logf("%d sign-ins took %v", people, time.Since(start).Round(time.Second))
}

// wantNewHashes: no hash is left of what was imported.
func wantNewHashes(t *testing.T, server *harness.Process) {
	t.Helper()
	for id, p := range everybody(t, server) {
		var config struct {
			Hash string `json:"hashed_password"`
		}
		if err := json.Unmarshal(p.Credentials["password"].Config, &config); err != nil || !strings.HasPrefix(config.Hash, "$2a$04$") {
			t.Fatalf("%s has the hash %q: %v", id, config.Hash, err)
		}
	}
}
