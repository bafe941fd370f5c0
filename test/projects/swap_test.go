package projects

import (
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gatehouse-id/gatehouse/internal/testenv"
	"github.com/gatehouse-id/gatehouse/test/harness"
)

// TestRevisionsAreSwappedUnderLoad makes one revision after the other while people of two projects
// register, sign in and ask who they are at two nodes. Nobody notices.
func TestRevisionsAreSwappedUnderLoad(t *testing.T) {
	const revisions = 200
	etcd := harness.StartEtcd(t)
	store := func() string { return "store etcd http://" + etcd.Link(t).Addr() }
	a, b := startOn(t, store()), startOn(t, store())
	op := operate(t, a)
	one, two := op.create("one", nil), op.create("two", nil)
	nodes := []*harness.Process{a, b}

	var stop atomic.Bool
	var asked, failed atomic.Int64
	var people sync.WaitGroup
	for n, p := range []*pool{one, two} {
		for m, gw := range nodes {
			there := op.pool(gw, p.id, p.slug)
			harness.Eventually(t, "the project at the other node", func() bool {
				return there.App().Get("/self-service/login/api").Status == http.StatusOK
			})
			people.Go(func() { visit(there, fmt.Sprintf("p%d-%d", n, m), &stop, &asked, &failed) })
		}
	}
	last := map[*pool]string{}
	for n := range revisions {
		p := []*pool{one, two}[n%2]
		last[p] = (time.Hour + time.Duration(n+1)*time.Second).String()
		op.must(http.StatusOK, http.MethodPut, "/projects/"+p.id, revision(p.slug, settings{"kratos_selfservice_flows_login_lifespan": last[p]}))
		if n == revisions/2 {
			broken := op.call(http.MethodPut, "/projects/"+one.id, revision("one", settings{"kratos_session_lifespan": "never"}))
			if broken.Status != http.StatusBadRequest {
				t.Errorf("a broken revision: %d %s", broken.Status, broken.Body)
			}
		}
	}
	for _, gw := range nodes {
		for _, p := range []*pool{one, two} {
			inForce(t, op.pool(gw, p.id, p.slug), last[p])
		}
	}
	stop.Store(true)
	people.Wait()
	t.Logf("%d requests while %d revisions were made", asked.Load(), revisions)
	if failed.Load() > 0 || asked.Load() < revisions {
		t.Errorf("%d of %d requests failed", failed.Load(), asked.Load())
	}
}

// inForce waits for a revision, for a second at most.
func inForce(t *testing.T, p *pool, lifespan string) {
	t.Helper()
	made := time.Now()
	for {
		f := p.App().Init("login", "")
		got := span(t, f.Text("issued_at"), f.Text("expires_at"))
		if got == lifespan {
			return
		}
		if time.Since(made) > time.Second {
			t.Errorf("%s at %s is at %s a second after the last revision, want %s", p.slug, p.URL, got, lifespan)
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// visit registers, signs in and asks, as one person after the other.
func visit(p *pool, name string, stop *atomic.Bool, asked, failed *atomic.Int64) {
	count := func(a *testenv.Answer, what string) *testenv.Answer {
		asked.Add(1)
		if a.Status != http.StatusOK {
			failed.Add(1)
			p.T.Logf("%s: %d %s", what, a.Status, a.Body)
		}
		return a
	}
	for n := 0; !stop.Load(); n++ {
		email, app := fmt.Sprintf("%s-%d@example.org", name, n), p.App()
		count(app.Submit("registration", count(app.Start("registration", ""), "opening a registration"), testenv.NewAccount(email)), "registering")
		signedIn := count(app.Submit("login", count(app.Start("login", ""), "opening a login"), testenv.Credentials(email, testenv.Password)), "signing in")
		app.Header.Set("X-Session-Token", signedIn.Text("session_token"))
		count(app.Get("/sessions/whoami"), "asking who it is")
		count(app.Get("/app"), "opening the guarded app")
	}
}
