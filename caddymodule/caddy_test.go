package caddymodule

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
)

// proxy is Caddy in this process, with real listeners and a real embedded etcd.
// Caddy is one per process, so these tests don't run side by side.
type proxy struct {
	t    *testing.T
	dir  string // for data
	port int    // of the site

	options string // more global options
}

func newProxy(t *testing.T) *proxy {
	t.Helper()
	p := &proxy{t: t, dir: t.TempDir(), port: freePort(t)}
	t.Cleanup(func() {
		if err := caddy.Stop(); err != nil {
			t.Errorf("stopping: %v", err)
		}
	})
	return p
}

func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// load loads a Caddyfile with the lines of a gatehouse block and of a site.
// DIR and PORT in it are replaced.
func (p *proxy) load(global, site string) error {
	p.t.Helper()
	if !strings.Contains(global, "store ") {
		global += "\nstore embedded {\ndir DIR/etcd\n}"
	}
	text := "{\nadmin off\npersist_config off\n" + p.options + "\ngatehouse {\n" + global + "\n}\n}\nhttp://localhost:PORT {\nbind 127.0.0.1\n" + site + "\n}\n"
	text = strings.NewReplacer("DIR", p.dir, "PORT", fmt.Sprint(p.port)).Replace(text)
	adapted, _, err := adapt("caddyfile", "Caddyfile", []byte(text))
	if err != nil {
		p.t.Fatalf("adapting: %v\n%s", err, text)
	}
	return caddy.Load(adapted, true)
}

func (p *proxy) mustLoad(global, site string) {
	p.t.Helper()
	if err := p.load(global, site); err != nil {
		p.t.Fatalf("loading: %v", err)
	}
}

func (p *proxy) url(path string) string { return fmt.Sprintf("http://localhost:%d%s", p.port, path) }

// do sends a request with pairs of header names and values.
func (p *proxy) do(method, path, body string, header ...string) (*http.Response, string) {
	p.t.Helper()
	req, err := http.NewRequestWithContext(p.t.Context(), method, p.url(path), strings.NewReader(body))
	if err != nil {
		p.t.Fatal(err)
	}
	for n := 0; n < len(header); n += 2 {
		req.Header.Set(header[n], header[n+1])
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := client.Do(req)
	for tries := 0; err != nil && method == http.MethodGet && tries < 5; tries++ {
		res, err = client.Do(req) // the listener that a reload replaces drops who has just come, with any Caddy
	}
	if err != nil {
		p.t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	return res, string(text)
}

// register makes an account and returns its session token.
func (p *proxy) register(email string, header ...string) string {
	p.t.Helper()
	_, text := p.do("GET", "/self-service/registration/api", "")
	var flow struct{ ID string }
	if err := json.Unmarshal([]byte(text), &flow); err != nil {
		p.t.Fatalf("starting a registration: %v: %s", err, text)
	}
	body := fmt.Sprintf(`{"method":"password","password":"a long phrase 4711","traits":{"email":%q}}`, email)
	res, text := p.do("POST", "/self-service/registration?flow="+flow.ID, body, append(header, "Content-Type", "application/json")...)
	var out struct {
		Token string `json:"session_token"`
	}
	if err := json.Unmarshal([]byte(text), &out); err != nil || out.Token == "" {
		p.t.Fatalf("registering: %d %s", res.StatusCode, text)
	}
	return out.Token
}

func (p *proxy) whoami(token string) int {
	p.t.Helper()
	res, _ := p.do("GET", "/sessions/whoami", "", "X-Session-Token", token)
	return res.StatusCode
}

// quick keeps tests from asking the network about passwords and hashes cheaply.
const quick = "config DIR/kratos.yml"

func (p *proxy) writeConfig(more string) {
	p.t.Helper()
	text := `
dev: true
selfservice:
  default_browser_return_url: http://localhost:8080/
  methods: {password: {config: {haveibeenpwned_enabled: false}}}
  flows: {registration: {after: {password: {hooks: [{hook: session}]}}}}
identity: {schemas: [{id: default, url: "preset://email"}]}
hashers: {algorithm: bcrypt, bcrypt: {cost: 4}}
` + more
	if err := os.WriteFile(filepath.Join(p.dir, "kratos.yml"), []byte(text), 0o600); err != nil {
		p.t.Fatal(err)
	}
}

func TestSmallestSiteServes(t *testing.T) {
	p := newProxy(t)
	p.mustLoad("", "gatehouse\nrespond hello")
	if _, text := p.do("GET", "/anything", ""); text != "hello" {
		t.Errorf("got %q for a path that is not ours, want the next handler's answer", text)
	}
	res, _ := p.do("GET", "/self-service/login/browser", "", "Accept", "text/html")
	if res.StatusCode != http.StatusSeeOther || !strings.HasPrefix(res.Header.Get("Location"), p.url("/auth/login?flow=")) {
		t.Errorf("got %d to %q, want a redirect to the site's own page: the base URL comes from the site", res.StatusCode, res.Header.Get("Location"))
	}
	if res, text := p.do("GET", "/health/ready", ""); res.StatusCode != http.StatusOK {
		t.Errorf("ready: got %d %s", res.StatusCode, text)
	}
}

func TestDataSurviveReloadAndRestart(t *testing.T) {
	p := newProxy(t)
	p.writeConfig("")
	p.mustLoad(quick, "gatehouse")
	token := p.register("someone@example.org")

	p.mustLoad(quick+"\nstaleness 1s", "gatehouse\nrespond reloaded")
	if got := p.whoami(token); got != http.StatusOK {
		t.Errorf("after a reload: whoami got %d, want 200", got)
	}
	if _, text := p.do("GET", "/x", ""); text != "reloaded" {
		t.Errorf("got %q, want the new configuration", text)
	}

	if err := caddy.Stop(); err != nil {
		t.Fatal(err)
	}
	p.mustLoad(quick, "gatehouse")
	if got := p.whoami(token); got != http.StatusOK {
		t.Errorf("after a restart: whoami got %d, want 200", got)
	}
}

// TestFormsSurviveRestart shows that the secret that was made up is kept.
func TestFormsSurviveRestart(t *testing.T) {
	p := newProxy(t)
	p.writeConfig("")
	p.mustLoad(quick, "gatehouse")
	_, before := p.do("GET", "/self-service/login/api", "")
	var flow struct{ ID string }
	if err := json.Unmarshal([]byte(before), &flow); err != nil {
		t.Fatal(err)
	}
	if err := caddy.Stop(); err != nil {
		t.Fatal(err)
	}
	p.mustLoad(quick, "gatehouse")
	if res, text := p.do("GET", "/self-service/login/flows?id="+flow.ID, ""); res.StatusCode != http.StatusOK {
		t.Errorf("got %d %s for a flow from before the restart, want 200", res.StatusCode, text)
	}
	info, err := os.Stat(filepath.Join(p.dir, "etcd", "gatehouse.secret"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the kept secret: got %v %v, want mode 0600", info, err)
	}
}

// TestBadConfigurationNeverReplacesAGoodOne reloads with all kinds of mistakes.
func TestBadConfigurationNeverReplacesAGoodOne(t *testing.T) {
	p := newProxy(t)
	p.writeConfig("")
	p.mustLoad(quick, "gatehouse")
	token := p.register("someone@example.org")
	garbage := filepath.Join(p.dir, "garbage")
	if err := os.WriteFile(garbage, []byte("not what you think"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		global, site string
		want         []string
	}{
		"schema that is no JSON":   {quick + "\nschema default DIR/garbage", "gatehouse", []string{`schema "default"`, "garbage"}},
		"plugin that is no wasm":   {quick + "\nhook login.after DIR/garbage", "gatehouse", []string{"plugin", "garbage"}},
		"shared store, no secrets": {quick + "\nstore etcd http://127.0.0.1:1", "gatehouse", []string{"secrets.default", "openssl rand"}},
	} {
		t.Run(name, func(t *testing.T) {
			wantError(t, p.load(test.global, test.site), test.want...)
			if got := p.whoami(token); got != http.StatusOK {
				t.Errorf("whoami got %d after a reload that failed, want 200 as before", got)
			}
		})
	}
}

func TestSeveralSitesNeedABaseURL(t *testing.T) {
	p := newProxy(t)
	two := "gatehouse\n}\nhttp://other.localhost:PORT {\nbind 127.0.0.1\ngatehouse"
	wantError(t, p.load("", two), "several sites", "base_url")
	p.mustLoad("base_url http://localhost:PORT", two)
}

// TestDevicesHaveTheAddressTheHostTrusts sends a header that only a trusted proxy may send.
func TestDevicesHaveTheAddressTheHostTrusts(t *testing.T) {
	p := newProxy(t)
	p.writeConfig("")
	p.mustLoad(quick, "gatehouse")
	token := p.register("someone@example.org", "X-Forwarded-For", "203.0.113.7", "User-Agent", "a phone")
	_, text := p.do("GET", "/sessions/whoami", "", "X-Session-Token", token)
	var session struct {
		Devices []struct {
			IP    string `json:"ip_address"`
			Agent string `json:"user_agent"`
		}
	}
	if err := json.Unmarshal([]byte(text), &session); err != nil || len(session.Devices) != 1 {
		t.Fatalf("got %v %s, want one device", err, text)
	}
	if d := session.Devices[0]; !net.ParseIP(d.IP).IsLoopback() || d.Agent != "a phone" {
		t.Errorf("got device %+v, want the address of the connection", d)
	}
}

func TestIdentityHeadersOfStrangersStop(t *testing.T) {
	p := newProxy(t)
	p.mustLoad("", "gatehouse\nrespond \"<{header.X-Kratos-Authenticated-Identity-Id}>\"")
	_, text := p.do("GET", "/", "", "X-Kratos-Authenticated-Identity-Id", "somebody-else")
	if text != "<>" {
		t.Errorf("got %s, want the header gone on a route without a guard too", text)
	}
}

// TestPathsThatDodgeAMatcherAreRefused asks for a guarded page by way of a public one.
func TestPathsThatDodgeAMatcherAreRefused(t *testing.T) {
	p := newProxy(t)
	p.mustLoad("", "gatehouse\n@private not path /public/*\nguard @private\nrespond \"in\"")
	for path, want := range map[string]int{
		"/public/page": http.StatusOK, "/private": http.StatusUnauthorized,
		"/public/..%2fprivate": http.StatusBadRequest, "/public/..;/private": http.StatusBadRequest,
		"/public/%5c..%5cprivate": http.StatusBadRequest,
	} {
		if res, text := p.do("GET", path, ""); res.StatusCode != want {
			t.Errorf("%s: got %d %s, want %d", path, res.StatusCode, text, want)
		}
	}
}

// TestKratosAdapterKeepsSessionsOutOfTheLog looks at the log of a failing upstream's twin.
func TestKratosAdapterKeepsSessionsOutOfTheLog(t *testing.T) {
	adapted, _, err := adapt("kratos", "kratos.yml", []byte("identity: {schemas: [{id: default, url: preset://email}]}\nselfservice: {default_browser_return_url: http://127.0.0.1/}\n"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"X-Session-Token", "X-Session-Cookie"} {
		if !strings.Contains(string(adapted), `"request\u003eheaders\u003e`+name+`":{"filter":"delete"}`) {
			t.Errorf("got %s, want a filter for %s", adapted, name)
		}
	}
}

func TestAdminAPIWithoutTokensIsToldOf(t *testing.T) {
	for site, want := range map[string]string{
		"gatehouse_admin":                                "",
		"gatehouse_admin {\nauth off\n}":                 "other machines can reach the admin API",
		"bind 127.0.0.1\ngatehouse_admin {\nauth off\n}": "everybody on this machine can use it",
	} {
		p := newProxy(t)
		p.options = "log {\noutput file DIR/log\n}"
		p.mustLoad("base_url http://localhost:PORT", "gatehouse\n}\nhttp://127.0.0.1:"+fmt.Sprint(freePort(t))+" {\n"+site)
		log, err := os.ReadFile(filepath.Join(p.dir, "log"))
		if err != nil {
			t.Fatal(err)
		}
		if told := strings.Contains(string(log), "the admin API"); told != (want != "") || !strings.Contains(string(log), want) {
			t.Errorf("site %q: want a warning with %q; log:\n%s", site, want, log)
		}
	}
}
