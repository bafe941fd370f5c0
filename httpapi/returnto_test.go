package httpapi_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/gatehouse-id/gatehouse/core/config"
	"github.com/gatehouse-id/gatehouse/internal/gateway"
	"github.com/gatehouse-id/gatehouse/internal/testenv"
)

func withReturnURLs(urls ...string) testenv.Option {
	return func(c *config.Config, _ *gateway.Options) { c.SelfService.AllowedReturnURLs = urls }
}

// allowedPlaces are return_to values that "https://app.example/in" allows.
var allowedPlaces = []string{
	"https://app.example/in",
	"https://app.example/in/",
	"https://app.example/in?a=b",
	"https://app.example/in/deep?a=b&c=%2F#d",
	"HTTPS://APP.EXAMPLE/in",
	"https://app.example/in/%C3%A9t%C3%A9",
}

// forbiddenPlaces are all the spellings of somewhere else.
var forbiddenPlaces = map[string][]string{
	"another path":       {"https://app.example/", "https://app.example", "https://app.example/inside", "https://app.example/In", "/", "/in"},
	"another host":       {"https://evil.example/in", "https://app.example.evil.example/in", "https://evilapp.example/in", "https://app.example./in", "https://xn--app-exampl-y8a/in"},
	"another port":       {"https://app.example:8443/in", "https://app.example:/in", "https://app.example:0443/in"},
	"another scheme":     {"http://app.example/in", "ftp://app.example/in", "javascript:alert(1)", "JaVaScRiPt:alert(1)", "data:text/html,x", "vbscript:x", "javascript://app.example/in%0aalert(1)"},
	"no scheme":          {"//evil.example/in", "///evil.example/in", "////evil.example", "//app.example/in", "app.example/in", "evil.example"},
	"no host":            {"https:evil.example", "https:/evil.example", "https:///evil.example/in", "https://", "https://:443/in", "https:"},
	"user info":          {"https://app.example@evil.example/in", "https://app.example:x@evil.example/in", "https://u@app.example/in", "https://u:p@app.example/in", "https://@app.example/in", "https://app.example%40evil.example/in", "https://evil.example%00@app.example/in"},
	"backslashes":        {`/\evil.example`, `\\evil.example`, `\/evil.example`, `https:\\evil.example`, `https:/\evil.example`, `https://evil.example\@app.example/in`, `https://app.example\.evil.example/in`, `https://app.example/in\..\..\x`, `https://app.example/in%5c..%5cx`},
	"dot segments":       {"https://app.example/in/../out", "https://app.example/in/%2e%2e/out", "https://app.example/in/.%2e/out", "https://app.example/in%2f..%2fout", "https://app.example/in/./../out", "https://app.example/in/.."},
	"control characters": {"\thttps://app.example/in", " https://app.example/in", "https://app.example/in\n", "https://app.example/in\r\nSet-Cookie: a=b", "ht\ttps://app.example/in", "https://app\t.example/in", "https://app.example/in\x00", "/\t/evil.example", "\x01https://app.example/in", "https://app.example/in\x7f"},
	"encoded slashes":    {"/%2fevil.example", "/%2F%2Fevil.example", "%2f%2fevil.example", "https%3a%2f%2fapp.example%2fin", "https://app.example%2f.evil.example/in", "https://evil.example%2fapp.example/in"},
	"unicode":            {"https://app。example/in", "https://app．example/in", "https://ａpp.example/in", "https://app.example／in", "https://evil.example／.app.example/in", "https://app.example%E3%80%82evil.example/in", "https://app.ex\u212Ample/in", "https://аpp.example/in", "https://app.\u00adexample/in"},
	"fragments of hosts": {"https://evil.example?app.example/in", "https://evil.example#app.example/in", "https://evil.example;app.example/in", "https://evil.example/https://app.example/in", "https://[::1]/in", "https://[app.example]/in", "https://2130706433/in"},
	"too long":           {"https://app.example/in/" + strings.Repeat("a", 3000)},
}

func TestReturnToIsChecked(t *testing.T) {
	onBothMounts(t, func(t *testing.T, e *testenv.Env, mount string) {
		c := e.SPA().On(mount)
		for _, to := range allowedPlaces {
			if a := c.Init("login", "return_to="+url.QueryEscape(to)); a.Status != 200 || a.Text("return_to") == "" {
				t.Errorf("%q: got %d, want 200 with return_to: %s", to, a.Status, a.Body)
			}
		}
		wantUnchanged(t, e, func() {
			for why, places := range forbiddenPlaces {
				for _, to := range places {
					a := c.Init("login", "return_to="+url.QueryEscape(to))
					if a.Status != 400 || a.Text("error", "id") != "self_service_flow_return_to_forbidden" {
						t.Errorf("%s: %q: got %d, want it refused: %s", why, to, a.Status, a.Body)
					}
				}
			}
		})
	})
}

// TestReturnToOfTheOwnPages: the self-service paths of the mount are always allowed.
func TestReturnToOfTheOwnPages(t *testing.T) {
	onBothMounts(t, func(t *testing.T, e *testenv.Env, mount string) {
		c := e.SPA().On(mount)
		own := e.URL + mount + "/self-service/login/browser?refresh=true"
		if a := c.Init("login", "return_to="+url.QueryEscape(own)); a.Text("return_to") != own {
			t.Errorf("got %d with %q, want %q", a.Status, a.Text("return_to"), own)
		}
		wantError(t, c.Init("login", "return_to="+url.QueryEscape(e.URL+mount+"/self-services")), 400, "self_service_flow_return_to_forbidden")
	})
}

func TestReturnToRelative(t *testing.T) {
	e := testenv.New(t, func(c *config.Config, _ *gateway.Options) {
		c.SelfService.DefaultBrowserReturnURL = "https://app.example/home"
		c.SelfService.AllowedReturnURLs = []string{"https://app.example"}
	})
	if a := e.SPA().Init("login", "return_to=/dash"); a.Text("return_to") != "https://app.example/dash" {
		t.Errorf("got %d: %s", a.Status, a.Body)
	}
}

func TestReturnToWildcards(t *testing.T) {
	e := testenv.New(t, withReturnURLs("https://*.example.org", "https://*.com", "https://*"))
	for to, want := range map[string]int{
		"https://a.example.org/x": 200, "https://a.b.example.org/": 200, "https://A.EXAMPLE.ORG/": 200,
		"https://example.org/": 400, "https://.example.org/": 400, "https://evilexample.org/": 400, "https://a.example.org.evil.example/": 400,
		"https://a.com/": 400, "https://anywhere.example/": 400, "http://a.example.org/": 400, "https://a.example.org:8443/": 400,
		"https://evil.example%23.example.org/": 400, "https://evil.example%2f.example.org/": 400,
	} {
		if a := e.SPA().Init("login", "return_to="+url.QueryEscape(to)); a.Status != want {
			t.Errorf("%q: got %d, want %d", to, a.Status, want)
		}
	}
}

// TestReturnToIsHonoured follows a browser that makes mistakes on its way.
func TestReturnToIsHonoured(t *testing.T) {
	onBothMounts(t, func(t *testing.T, e *testenv.Env, mount string) {
		to := "https://app.example/in/side?x=1&y=%2F"
		for _, kind := range []string{"registration", "login"} {
			c := e.Browser().On(mount)
			f := c.Start(kind, "return_to="+url.QueryEscape(to))
			c.Submit(kind, f, testenv.Fields{"method": "password"})
			c.Submit(kind, f, testenv.Fields{"method": "password", "password": "bad", "identifier": "x", "traits.email": "x"})
			fields := testenv.NewAccount("ann@example.org")
			fields["identifier"] = "ann@example.org"
			a := c.Submit(kind, f, fields)
			if a.Status != 303 || a.Location() != to {
				t.Errorf("%s: got %d to %q, want 303 to %q", kind, a.Status, a.Location(), to)
			}
		}
	})
}

// TestManyTabs: each keeps the place it was opened for.
func TestManyTabs(t *testing.T) {
	e := testenv.New(t)
	c := e.SPA()
	flows := map[string]string{}
	for _, name := range []string{"a", "b", "c", "d", "e"} {
		to := "https://app.example/in/" + name
		flows[to] = c.Start("login", "return_to="+url.QueryEscape(to)).Text("id")
	}
	for to, id := range flows {
		if f := c.Fetch("login", id); f.Text("return_to") != to {
			t.Errorf("got %q, want %q", f.Text("return_to"), to)
		}
	}
}

// TestFlowCookieIsBounded: browsers drop cookies over 4 KiB, and servers refuse
// requests whose headers have grown without end.
func TestFlowCookieIsBounded(t *testing.T) {
	e := testenv.New(t)
	c := e.SPA()
	for range 60 {
		a := c.Init("login", "return_to="+url.QueryEscape("https://app.example/in/"+strings.Repeat("x", 900)))
		if k := a.Cookie("gatehouse_flows"); k == nil || len(k.Name)+len(k.Value) > 3700 {
			t.Fatalf("flow cookie of %d bytes", len(k.Value))
		}
	}
	a := c.Init("login", strings.Repeat("q", 5000))
	wantError(t, a, 400, "")
}
