package projects

import (
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/gatehouse-id/gatehouse/internal/testenv"
)

// crowd is how many projects there are.
const crowd = 1000

// BenchmarkThousandProjects compares a gateway that has a thousand projects with the same when it had one: what it takes
// of the memory while they sleep and when all of them are awake, how long it takes to start, and to sign in.
func BenchmarkThousandProjects(b *testing.B) {
	gw := start(b)
	op := operate(b, gw)
	one := op.create("one", nil)
	one.SignUp("ann@example.org")
	alone := restart(b, one)
	before := gw.Memory(b)

	var all []*pool
	for n := range crowd {
		all = append(all, op.create(fmt.Sprintf("pool-%d", n), nil))
	}
	crowded := restart(b, one)
	asleep := gw.Memory(b)
	for _, p := range all {
		p.SignUp("ann@example.org")
	}
	awake := gw.Memory(b)

	b.ResetTimer()
	var single, spread []time.Duration
	for n := range max(b.N, 2*crowd) { // by turns, so that whatever else happens happens to both
		single = append(single, signIn(one))
		spread = append(spread, signIn(all[n%crowd]))
	}
	b.ReportMetric(crowded.Seconds()/alone.Seconds(), "start-times")
	b.ReportMetric(float64(asleep-before)/crowd/1024, "KiB-asleep")
	b.ReportMetric(float64(awake-asleep)/crowd/1024, "KiB-awake")
	b.ReportMetric(float64(median(spread))/float64(median(single)), "login-times")
	b.ReportMetric(float64(median(single).Microseconds()), "µs-login")
}

// restart tells how long it takes until a project answers.
func restart(b *testing.B, p *pool) time.Duration {
	p.op.gw.Stop()
	began := time.Now()
	p.op.gw.Restart()
	if a := p.App().Get("/self-service/login/api"); a.Status != http.StatusOK {
		b.Fatalf("after the restart: %d %s", a.Status, a.Body)
	}
	return time.Since(began)
}

func signIn(p *pool) time.Duration {
	app := p.App()
	began := time.Now()
	app.Submit("login", app.Start("login", ""), testenv.Credentials("ann@example.org", testenv.Password))
	return time.Since(began)
}

func median(all []time.Duration) time.Duration {
	slices.Sort(all)
	return all[len(all)/2]
}
