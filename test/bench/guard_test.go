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

// sites are twins but for the guard, each on a port of its own, so that none waits while
// the hosts of others are compared. The one at PORT_2 has neither gatehouse nor guard.
const sites = `{
	gatehouse {
		config kratos.yml
		base_url http://127.0.0.1:{$PUBLIC_PORT}
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
	guard
	import app
}

http://127.0.0.1:{$PORT_3} {
	gatehouse
	guard {
		headers {
			X-User-Email identity.traits.email
			X-User-Session session.id
		}
	}
	import app
}

http://127.0.0.1:{$PORT_1} {
	gatehouse
	import app
}

http://127.0.0.1:{$PORT_2} {
	import app
}
`

// browserHeader is what Chromium sends with a click on a link, for the guard to look through.
const browserHeader = "Connection: keep-alive\r\n" +
	"sec-ch-ua: \"Chromium\";v=\"140\", \"Not=A?Brand\";v=\"24\"\r\n" +
	"sec-ch-ua-mobile: ?0\r\nsec-ch-ua-platform: \"Linux\"\r\nUpgrade-Insecure-Requests: 1\r\n" +
	"User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36\r\n" +
	"Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8\r\n" +
	"Sec-Fetch-Site: same-origin\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-User: ?1\r\nSec-Fetch-Dest: document\r\n" +
	"Referer: http://127.0.0.1/\r\nAccept-Encoding: gzip, deflate, br\r\nAccept-Language: en-GB,en;q=0.9\r\n" +
	"Cookie: theme=dark; ory_kratos_session="

const (
	roundFor = time.Second
	// The guard's turns are many and short, so that whatever else the machine does meets both sites alike.
	turns   = 61
	turnFor = 250 * time.Millisecond
)

// BenchmarkGuard compares a site with guard and its twin without in the same process:
// proxied to another process as people use it, and answered by Caddy at once, which is
// the worst case. "headers" sends two more facts to the upstream. "all" compares with a site that knows nothing of gatehouse, and
// "noise" a site with itself.
//
// "with/without" is the median over the turns of the ratio of requests per second,
// promised to be 0.97 or better; "cpu" is the same for requests per second of processor
// time in gatehouse alone, whatever the upstream and the load take.
func BenchmarkGuard(b *testing.B) {
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte("hello"))
	}))
	b.Cleanup(upstream.Close)
	gw := harness.Start(b, harness.Options{Caddyfile: sites, Env: []string{"UPSTREAM=" + hostPort(upstream.URL)}})
	guarded := hostPort(gw.URL)
	headers, open, bare := at(gw, "PORT_3"), at(gw, "PORT_1"), at(gw, "PORT_2")
	requests := load{header: browserHeader + signUp(b, gw, "ann@example.org") + "\r\n", status: "200"}

	for _, c := range []struct{ name, path, with, without string }{
		{"proxy", "/proxy", guarded, open},
		{"headers", "/proxy", headers, open},
		{"respond", "/respond", guarded, open},
		{"all", "/proxy", guarded, bare},
		{"noise", "/proxy", open, open},
	} {
		b.Run(c.name, func(b *testing.B) {
			requests.path = c.path
			with, without := requests, requests
			with.addr, without.addr = c.with, c.without
			for b.Loop() {
				compare(b, &processor{gw: gw}, with, without)
			}
		})
	}
}

func at(gw *harness.Process, port string) string { return "127.0.0.1:" + gw.Port(port) }

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
func compare(b *testing.B, p *processor, with, without load) {
	b.Helper()
	must(b, with, roundFor) // warm
	must(b, without, roundFor)
	var speed, cpu, absolute []float64
	for turn := range turns {
		var rate, cost [2]float64
		for _, n := range [][]int{{0, 1}, {1, 0}}[turn%2] {
			before := p.seconds(b)
			rate[n] = must(b, []load{with, without}[n], turnFor)
			cost[n] = (p.seconds(b) - before) / rate[n]
		}
		speed, cpu, absolute = append(speed, rate[0]/rate[1]), append(cpu, cost[1]/cost[0]), append(absolute, rate[0])
	}
	b.Logf("with/without: half of the turns gave %s", middle(speed))
	b.Logf("cpu: half of the turns gave %s", middle(cpu))
	b.ReportMetric(median(speed), "with/without")
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
