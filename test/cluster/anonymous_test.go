package cluster

import (
	"fmt"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gatehouse-id/gatehouse/test/harness"
)

// TestAnonymousFlowsWriteNothing shows that nobody can fill the store from outside.
func TestAnonymousFlowsWriteNothing(t *testing.T) {
	const flows, workers = 100_000, 32
	etcd := harness.StartEtcd(t)
	gw := node(t, etcd.Link(t))
	signUp(t, gw, "ann@example.org")
	before := etcd.Keys(t)

	start := time.Now()
	startFlows(t, gw.URL, flows, workers)
	took := time.Since(start)
	t.Logf("%d flows in %v: %.0f per second", flows, took.Round(time.Millisecond), flows/took.Seconds())
	if after := etcd.Keys(t); after != before {
		t.Errorf("keys: got %d, want %d as before", after, before)
	}
}

// inits are the ways to start a flow.
var inits = []struct{ path, accept string }{
	{"/self-service/login/api", "application/json"},
	{"/self-service/login/browser", "text/html"},
	{"/self-service/login/browser?return_to=https%3A%2F%2Fapp.example%2Fin", "application/json"},
	{"/self-service/registration/api", "application/json"},
	{"/self-service/registration/browser", "text/html"},
	{"/self-service/registration/browser?return_to=https%3A%2F%2Fapp.example%2Fin", "application/json"},
}

// startFlows starts flows over a few connections that are kept.
func startFlows(t *testing.T, url string, flows int64, workers int) {
	t.Helper()
	client := &http.Client{
		Transport:     &http.Transport{MaxIdleConnsPerHost: workers},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	defer client.CloseIdleConnections()
	var next atomic.Int64
	var all sync.WaitGroup
	for range workers {
		all.Go(func() {
			for n := next.Add(1); n <= flows && !t.Failed(); n = next.Add(1) {
				if err := startFlow(client, url, int(n)%len(inits)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
}

func startFlow(client *http.Client, url string, kind int) error {
	init := inits[kind]
	req, err := http.NewRequest(http.MethodGet, url+init.path, nil)
	if err != nil {
		return err
	}
	req.Header.Set("Accept", init.accept)
	res, err := client.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if _, err := io.Copy(io.Discard, res.Body); err != nil {
		return err
	}
	if want := map[string]int{"application/json": http.StatusOK, "text/html": http.StatusSeeOther}[init.accept]; res.StatusCode != want {
		return fmt.Errorf("starting a flow at %s: got %d, want %d", init.path, res.StatusCode, want)
	}
	return nil
}
