package bench

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-id/gatehouse/test/harness"
)

// sites are twins on one port but for gatehouse and guard.
const sites = `{
	gatehouse {
		config kratos.yml
	}
}

(app) {
	handle /proxy {
		reverse_proxy {$UPSTREAM}
	}
	handle /respond {
		respond "hello"
	}
}

http://127.0.0.1:{$PUBLIC_PORT} {
	gatehouse
	guard {
		headers {
			X-User-Email identity.traits.email
		}
	}
	import app
}

http://bare.test:{$PUBLIC_PORT} {
	import app
}
`

// browserHeader is what a browser sends along, for the guard to look through.
const browserHeader = "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36\r\n" +
	"Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8\r\n" +
	"Accept-Language: en-GB,en;q=0.9\r\nAccept-Encoding: identity\r\nSec-Fetch-Site: same-origin\r\n" +
	"Sec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: document\r\nUpgrade-Insecure-Requests: 1\r\n" +
	"Cookie: theme=dark; consent=all; ory_kratos_session="

const (
	rounds   = 11 // of both sites, in turns
	roundFor = time.Second
)

// BenchmarkGuard compares a site that gatehouse guards with its bare twin in the same
// process: proxied to another process as people use it, and answered by Caddy at once,
// which is the worst case. "noise" compares the bare site with itself.
//
// "guarded/bare" is the median over the rounds of the ratio of requests per second,
// promised to be 0.97 or better; "cpu" is the same for the processor time that gatehouse
// takes per request, which depends less on what else the machine does.
func BenchmarkGuard(b *testing.B) {
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte("hello"))
	}))
	b.Cleanup(upstream.Close)
	gw := harness.Start(b, harness.Options{Caddyfile: sites, Env: []string{"UPSTREAM=" + hostPort(upstream.URL)}})
	header := browserHeader + signUp(b, gw, "ann@example.org") + "\r\n"
	guarded := load{addr: hostPort(gw.URL), host: hostPort(gw.URL), header: header, status: "200"}
	bare := guarded
	bare.host = "bare.test"

	for _, c := range []struct {
		name, path string
		site       load
	}{{"proxy", "/proxy", guarded}, {"respond", "/respond", guarded}, {"noise", "/proxy", bare}} {
		b.Run(c.name, func(b *testing.B) {
			one, two := c.site, bare
			one.path, two.path = c.path, c.path
			for b.Loop() {
				compare(b, &processor{gw: gw}, one, two)
			}
		})
	}
}

// signUp makes an account and returns its session token, which is also the cookie's value.
func signUp(b *testing.B, gw *harness.Process, email string) string {
	b.Helper()
	app := gw.Env(b).App()
	flow := app.Get("/self-service/registration/api")
	a := app.PostJSON("/self-service/registration?flow="+flow.Text("id"), map[string]any{
		"method": "password", "password": password, "traits": map[string]any{"email": email},
	})
	token := a.Text("session_token")
	if token == "" {
		b.Fatalf("signing up: %d %s", a.Status, a.Body)
	}
	return token
}

// compare runs the two sites in turns, each first in every other round.
func compare(b *testing.B, p *processor, guarded, bare load) {
	b.Helper()
	must(b, guarded, roundFor) // warm
	must(b, bare, roundFor)
	var speed, cpu, absolute []float64
	for round := range rounds {
		pair := []load{guarded, bare}
		if round%2 == 1 {
			pair = []load{bare, guarded}
		}
		var rate, cost [2]float64
		for n, l := range pair {
			before := p.seconds(b)
			rate[n] = must(b, l, roundFor)
			cost[n] = (p.seconds(b) - before) / rate[n]
		}
		g, r := round%2, 1-round%2
		speed, cpu = append(speed, rate[g]/rate[r]), append(cpu, cost[r]/cost[g])
		absolute = append(absolute, rate[g])
	}
	b.Logf("guarded/bare per round: %.3f", speed)
	b.Logf("cpu per round: %.3f", cpu)
	b.ReportMetric(median(speed), "guarded/bare")
	b.ReportMetric(median(cpu), "cpu")
	b.ReportMetric(median(absolute), "req/s")
	b.ReportMetric(0, "ns/op")
}

// processor tells what processor time a gateway has taken, as Caddy's admin endpoint counts it.
type processor struct {
	gw     *harness.Process
	client *http.Client
}

func (p *processor) seconds(b *testing.B) float64 {
	b.Helper()
	if p.client == nil {
		p.client = &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", filepath.Join(p.gw.Dir, "caddy.sock"))
		}}}
		b.Cleanup(p.client.CloseIdleConnections)
	}
	res, err := p.client.Get("http://127.0.0.1/metrics")
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	for lines := bufio.NewScanner(res.Body); lines.Scan(); {
		if text, ok := strings.CutPrefix(lines.Text(), "process_cpu_seconds_total "); ok {
			seconds, err := strconv.ParseFloat(text, 64)
			if err != nil {
				b.Fatal(err)
			}
			return seconds
		}
	}
	b.Fatal(fmt.Errorf("%s: Caddy's metrics don't tell the processor time", res.Status))
	return 0
}
