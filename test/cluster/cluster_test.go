// Package cluster tests gateways that share an etcd: what one of them knows, the others know in time.
package cluster

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/gatehouse-id/gatehouse/internal/faultproxy"
	"github.com/gatehouse-id/gatehouse/internal/testenv"
	"github.com/gatehouse-id/gatehouse/test/harness"
)

func TestMain(m *testing.M) { harness.Main(m) }

// site has one address for all nodes, as behind a load balancer, and a guarded path.
const site = `{
	gatehouse {
		store etcd http://ETCD {
			prefix /test
		}
		config kratos.yml
		base_url http://127.0.0.1
	}
}
http://127.0.0.1:{$PUBLIC_PORT} {
	gatehouse
	guard /app*
	respond /app* "the app"
}
http://127.0.0.1:{$ADMIN_PORT} {
	gatehouse_admin {
		auth off
	}
}
`

// node starts a gateway behind a link to the etcd.
func node(t *testing.T, link *faultproxy.Proxy) *harness.Process {
	t.Helper()
	return harness.Start(t, harness.Options{Caddyfile: strings.Replace(site, "ETCD", link.Addr(), 1)})
}

// pair starts two nodes; link is the connection of b.
func pair(t *testing.T) (a, b *harness.Process, link *faultproxy.Proxy) {
	t.Helper()
	etcd := harness.StartEtcd(t)
	link = etcd.Link(t)
	return node(t, etcd.Link(t)), node(t, link), link
}

func signUp(t *testing.T, gw *harness.Process, email string) (token string) {
	t.Helper()
	return gw.Env(t).SignUp(email).Text("session_token")
}

func signIn(t *testing.T, gw *harness.Process, email string) (token string) {
	t.Helper()
	app := gw.Env(t).App()
	app.SignIn(email)
	return app.Header.Get("X-Session-Token")
}

func signOut(t *testing.T, gw *harness.Process, token string) {
	t.Helper()
	body := []byte(`{"session_token":"` + token + `"}`)
	done := gw.Env(t).App().Do(http.MethodDelete, "/self-service/logout/api", "application/json", body)
	if done.Status != http.StatusNoContent {
		t.Fatalf("logging out: %d %s", done.Status, done.Body)
	}
}

// bearer is an app with a session.
func bearer(t *testing.T, gw *harness.Process, token string) *testenv.Client {
	c := gw.Env(t).App()
	c.Header.Set("X-Session-Token", token)
	return c
}

// doors are the two places that check sessions.
var doors = []string{"/sessions/whoami", "/app"}

func TestSessionOfOneNodeIsGoodAtTheOther(t *testing.T) {
	a, b, _ := pair(t)
	signUp(t, a, "ann@example.org")
	token := signIn(t, a, "ann@example.org")
	for _, door := range doors {
		if got := bearer(t, b, token).Get(door); got.Status != http.StatusOK {
			t.Errorf("%s at the other node: got %d, want 200: %s", door, got.Status, got.Body)
		}
	}
	signIn(t, b, "ann@example.org")
}

func TestFlowOfOneNodeIsFinishedAtTheOther(t *testing.T) {
	a, b, _ := pair(t)
	t.Run("API", func(t *testing.T) {
		f := a.Env(t).App().Start("registration", "")
		if done := b.Env(t).App().Submit("registration", f, testenv.NewAccount("bob@example.org")); done.Status != http.StatusOK {
			t.Errorf("submitting: got %d, want 200: %s", done.Status, done.Body)
		}
	})
	t.Run("browser", func(t *testing.T) {
		browser := a.Env(t).Browser() // its cookies go to every port of the host
		f := browser.Start("registration", "return_to="+url.QueryEscape("https://app.example/in?x=1"))
		browser.Env = b.Env(t)
		done := browser.Submit("registration", f, testenv.NewAccount("eve@example.org"))
		if got := done.Location(); got != "https://app.example/in?x=1" {
			t.Errorf("submitting: got %d to %q: %s", done.Status, got, done.Body)
		}
	})
}
