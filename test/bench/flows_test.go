package bench

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gatehouse-id/gatehouse/core/hash"
	"github.com/gatehouse-id/gatehouse/internal/testenv"
	"github.com/gatehouse-id/gatehouse/test/harness"
)

const password = "correct-horse-92-battery"

// BenchmarkFlowInit starts login flows as fast as it can. None of them is stored.
func BenchmarkFlowInit(b *testing.B) {
	gw := harness.Start(b, harness.Options{})
	at := hostPort(gw.URL)
	for name, l := range map[string]load{
		"api":     {path: "/self-service/login/api", status: "200"},
		"browser": {path: "/self-service/login/browser", status: "303", header: "Accept: text/html\r\n"},
	} {
		b.Run(name, func(b *testing.B) {
			l.addr = at
			for b.Loop() {
				must(b, l, roundFor) // warm
				var perSecond []float64
				for range 5 {
					perSecond = append(perSecond, must(b, l, roundFor))
				}
				b.Logf("per round: %.0f", perSecond)
				b.ReportMetric(median(perSecond), "flows/s")
			}
			b.ReportMetric(0, "ns/op")
		})
	}
}

// argon2 is the configuration of the harness with the hash of the product: argon2id as
// the zero value of hash.Config has it.
var argon2 = strings.Replace(harness.Kratos, "  algorithm: bcrypt\n  bcrypt:\n    cost: 4\n", "  algorithm: argon2id\n", 1)

// BenchmarkLogin signs in as fast as the password hash allows, which is meant to be all
// that it costs: "login/hash" is the median over the rounds of logins per second, each
// with a flow and a session of its own, to bare hashes per second with the same parameters.
func BenchmarkLogin(b *testing.B) {
	gw := harness.Start(b, harness.Options{Kratos: argon2})
	signUp(b, gw, "ann@example.org")
	hasher, err := hash.New(hash.Config{}, hash.NewLimiter(hash.Limits{}))
	if err != nil {
		b.Fatal(err)
	}
	logins := func() func() error {
		app := gw.Env(b).App()
		return func() error { return signIn(app, "ann@example.org") }
	}
	hashes := func() func() error {
		return func() error {
			_, err := hasher.Hash(context.Background(), []byte(password))
			return err
		}
	}
	for b.Loop() {
		var ratio, rate []float64
		for range 7 {
			l, h := perSecond(b, logins), perSecond(b, hashes)
			ratio, rate = append(ratio, l/h), append(rate, l)
		}
		b.Logf("login/hash per round: %.3f", ratio)
		b.ReportMetric(median(ratio), "login/hash")
		b.ReportMetric(median(rate), "logins/s")
	}
	b.ReportMetric(0, "ns/op")
}

func signIn(app *testenv.Client, email string) error {
	flow := app.Get("/self-service/login/api")
	a := app.PostJSON("/self-service/login?flow="+flow.Text("id"), map[string]any{
		"method": "password", "identifier": email, "password": password,
	})
	if a.Text("session_token") == "" {
		return fmt.Errorf("signing in: %d %s", a.Status, a.Body)
	}
	return nil
}

// perSecond tells how often workers, twice as many as there are processors, get a job
// done. It counts whole jobs: none is under way when the time is taken.
func perSecond(b *testing.B, worker func() func() error) float64 {
	b.Helper()
	var (
		workers sync.WaitGroup
		done    atomic.Int64
		start   = time.Now()
	)
	for range 2 * runtime.GOMAXPROCS(0) {
		job := worker()
		workers.Go(func() {
			for time.Since(start) < 3*roundFor {
				if err := job(); err != nil {
					b.Error(err)
					return
				}
				done.Add(1)
			}
		})
	}
	workers.Wait()
	return float64(done.Load()) / time.Since(start).Seconds()
}
