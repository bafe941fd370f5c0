package startup

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/gatehouse-id/gatehouse/test/harness"
)

// serve starts a gateway. When the test ends, it must hold what it held then.
func serve(t *testing.T) *harness.Process {
	t.Helper()
	gw := harness.Start(t, harness.Options{Adapter: "kratos"})
	holdsStill(t, gw)
	return gw
}

// holdsStill wants as many keys at the end of the test as there are now.
func holdsStill(t *testing.T, gw *harness.Process) {
	t.Helper()
	before := gw.Keys(t)
	t.Cleanup(func() {
		if after := gw.Keys(t); after != before {
			t.Errorf("keys: got %d, want %d as before", after, before)
		}
	})
}

// mounts of the public API.
var mounts = []string{"", "/api/kratos/public"}

func TestBadBodies(t *testing.T) {
	const (
		asJSON = "application/json"
		asForm = "application/x-www-form-urlencoded"
	)
	big := strings.Repeat("a", 1<<20+1)
	gw := serve(t)
	for name, b := range map[string]struct {
		contentType, body string
		want              int
	}{
		"JSON cut short":          {asJSON, `{"method":"password"`, 400},
		"no JSON":                 {asJSON, `method=password`, 400},
		"JSON and more":           {asJSON, `{"method":"password"} {}`, 400},
		"a list":                  {asJSON, `["password"]`, 400},
		"a word":                  {asJSON, `"password"`, 400},
		"null":                    {asJSON, `null`, 400},
		"a key twice":             {asJSON, `{"method":"password","method":"oidc"}`, 400},
		"an inner key twice":      {asJSON, `{"method":"password","traits":{"email":"a@b.c","email":"d@e.f"}}`, 400},
		"100 levels":              {asJSON, `{"method":"password","traits":` + strings.Repeat(`{"a":`, 100) + "1" + strings.Repeat("}", 101), 400},
		"100 levels of lists":     {asJSON, `{"method":"password","traits":` + strings.Repeat(`[`, 100) + strings.Repeat("]", 100) + "}", 400},
		"no UTF-8":                {asJSON, "{\"method\":\"pass\xffword\"}", 400},
		"a NUL":                   {asJSON, "{\"method\":\"pass\x00word\"}", 400},
		"nothing":                 {asJSON, ``, 400},
		"too much":                {asJSON, `{"method":"password","password":"` + big + `"}`, 413},
		"another type":            {"text/plain", `{"method":"password"}`, 400},
		"XML":                     {"application/xml", `<method>password</method>`, 400},
		"no type":                 {"", `{"method":"password"}`, 400},
		"two types in one":        {"application/json, text/plain", `{"method":"password"}`, 400},
		"form with a bad escape":  {asForm, `method=password&password=%zz`, 400},
		"form with no UTF-8":      {asForm, `method=password&password=%ff`, 400},
		"form with a field twice": {asForm, `method=password&password=a&password=b`, 400},
		"form with two readings":  {asForm, `method=password&traits=x&traits.email=a%40b.c`, 400},
		"form that is too large":  {asForm, `method=password&password=` + big, 413},
		"form without its parts":  {"multipart/form-data", `method=password`, 400},
		"form with broken parts":  {"multipart/form-data; boundary=x", "--x\r\nContent-Disp", 400},
		"another charset":         {asForm + "; charset=utf-16", `method=password`, 400},
	} {
		for _, mount := range mounts {
			for _, kind := range []string{"login", "registration"} {
				app := gw.Env(t).App().On(mount)
				path := mount + "/self-service/" + kind + "?flow=" + app.Start(kind, "").Text("id")
				a := app.Do(http.MethodPost, path, b.contentType, []byte(b.body))
				if a.Status != b.want || a.JSON == nil {
					t.Errorf("%s at %s%s: got %d %.200s, want %d and JSON", name, mount, kind, a.Status, a.Body, b.want)
				}
			}
		}
	}
}

// What a form got wrong is remembered, so that the form can say so.
func TestWrongTypesAreToldInTheForm(t *testing.T) {
	app := harness.Start(t, harness.Options{Adapter: "kratos"}).Env(t).App()
	for _, body := range []string{
		`{"method":1,"password":2,"identifier":3,"traits":4}`,
		`{"method":"password","password":["long-enough-word"],"identifier":{},"traits":[]}`,
		`{"method":"password","password":"long-enough-word","identifier":null,"traits":"x"}`,
		`{"method":"password","password":"long-enough-word","identifier":true,"traits":{"email":{"a":1},"age":1e999}}`,
	} {
		for _, kind := range []string{"login", "registration"} {
			path := "/self-service/" + kind + "?flow=" + app.Start(kind, "").Text("id")
			a := app.Do(http.MethodPost, path, "application/json", []byte(body))
			if a.Status != http.StatusBadRequest || len(a.MessageIDs()) == 0 {
				t.Errorf("%s with %s: got %d %.200s, want 400 and a form with messages", kind, body, a.Status, a.Body)
			}
		}
	}
}

func TestBadBodiesForOperators(t *testing.T) {
	gw := serve(t)
	for name, body := range map[string]string{
		"JSON cut short":    `{"schema_id":"default"`,
		"a key twice":       `{"schema_id":"default","schema_id":"default","traits":{"email":"a@example.org"}}`,
		"a key of nobody":   `{"schema_id":"default","trait":{}}`,
		"100 levels":        `{"schema_id":"default","traits":` + strings.Repeat(`{"a":`, 100) + "1" + strings.Repeat("}", 101),
		"an unknown schema": `{"schema_id":"other","traits":{"email":"a@example.org"}}`,
		"wrong traits":      `{"schema_id":"default","traits":{"email":7}}`,
		"no traits":         `{"schema_id":"default"}`,
		"nothing":           ``,
	} {
		for _, path := range []string{"/admin/identities", "/api/kratos/admin/identities"} {
			a := gw.Env(t).App().Do(http.MethodPost, gw.Admin+path, "application/json", []byte(body))
			if a.Status != http.StatusBadRequest || a.At("error") == nil {
				t.Errorf("%s at %s: got %d %.200s, want 400 and an error", name, path, a.Status, a.Body)
			}
		}
	}
}

func TestForgedFlowIDs(t *testing.T) {
	gw := serve(t)
	app := gw.Env(t).App()
	good := app.Start("login", "").Text("id")
	forged := []string{uuid.NewString(), uuid.Nil.String(), "nonsense", "", good + "0", strings.ToUpper(good), strings.Repeat("a", 5000)}
	for n := range len(good) { // every digit is proven
		if digit := good[n]; digit != '-' {
			other := map[bool]byte{true: '1', false: '0'}[digit == '0']
			forged = append(forged, good[:n]+string(other)+good[n+1:])
		}
	}
	for _, id := range forged {
		if a := app.Fetch("login", id); a.Status != http.StatusNotFound {
			t.Errorf("reading %.50q: got %d, want 404: %s", id, a.Status, a.Body)
		}
		a := app.PostJSON("/self-service/login?flow="+url.QueryEscape(id), map[string]any{"method": "password"})
		if want := map[bool]int{true: http.StatusBadRequest, false: http.StatusNotFound}[id == ""]; a.Status != want && a.Status != http.StatusNotFound {
			t.Errorf("submitting %.50q: got %d, want %d: %s", id, a.Status, want, a.Body)
		}
	}
	if a := app.Fetch("registration", good); a.Status != http.StatusNotFound {
		t.Errorf("a login flow as a registration flow: got %d, want 404", a.Status)
	}
}

func TestTamperedCookies(t *testing.T) {
	gw := harness.Start(t, harness.Options{Adapter: "kratos"})
	gw.Env(t).SignUp("ann@example.org")
	browser := gw.Env(t).SPA()
	browser.SignIn("ann@example.org")
	flow := gw.Env(t).SPA()
	form := flow.Start("login", "")
	holdsStill(t, gw)

	site, err := url.Parse(gw.URL)
	if err != nil {
		t.Fatal(err)
	}
	for _, cookie := range browser.HTTP.Jar.Cookies(site) {
		if cookie.Name != "ory_kratos_session" {
			continue
		}
		for _, value := range spoiled(cookie.Value) {
			stranger := gw.Env(t).App()
			stranger.Header.Set("Cookie", cookie.Name+"="+value)
			if a := stranger.Get("/sessions/whoami"); a.Status != http.StatusUnauthorized {
				t.Errorf("whoami with session cookie %.40q: got %d, want 401", value, a.Status)
			}
		}
	}
	for _, cookie := range flow.HTTP.Jar.Cookies(site) {
		if !strings.HasPrefix(cookie.Name, "csrf_token_") {
			continue
		}
		for _, value := range spoiled(cookie.Value) {
			stranger := gw.Env(t).SPA()
			stranger.Header.Set("Cookie", cookie.Name+"="+value)
			if a := stranger.Fetch("login", form.Text("id")); a.Status != http.StatusForbidden {
				t.Errorf("fetching the flow with CSRF cookie %.40q: got %d, want 403: %s", value, a.Status, a.Body)
			}
			if a := stranger.Submit("login", form, map[string]any{"method": "password"}); a.Status != http.StatusForbidden {
				t.Errorf("submitting the flow with CSRF cookie %.40q: got %d, want 403: %s", value, a.Status, a.Body)
			}
		}
	}
}

// spoiled are values like that of a cookie, and none is as good.
func spoiled(value string) []string {
	flipped := []byte(value)
	flipped[len(flipped)/2] ^= 1
	return []string{
		string(flipped), value[:len(value)-8], value + "AAAA", strings.ToUpper(value), strings.ToLower(value),
		strings.Repeat("A", 3500), "%00", "null", "{}",
	}
}

func TestForeignReturnTo(t *testing.T) {
	gw := serve(t)
	for _, to := range []string{
		// As a person would write them.
		"https://evil.example/", "//evil.example", "///evil.example", "////evil.example/", `/\evil.example`, `\\evil.example`, `\/evil.example`,
		"https:evil.example", "https:/evil.example", "https:///evil.example", "HTTPS://EVIL.EXAMPLE/", " https://evil.example",
		"javascript:alert(1)", "data:text/html,x", "blob:https://app.example/in", "mailto:a@evil.example",
		// With the good host somewhere.
		"https://app.example@evil.example/in", "https://app.example:443@evil.example/in", `https://evil.example\@app.example/in`,
		"https://app.example.evil.example/in", "https://evilapp.example/in", "https://evil.example/https://app.example/in",
		"https://evil.example?https://app.example/in", "https://evil.example#https://app.example/in", "https://user@app.example/in",
		"http://app.example/in", "https://app.example:8443/in", "https://app.example/inside", "https://app.example/in/../out",
		"https://app.example/in/%2e%2e/out", "https://app.example/in/..%2fout", "https://app.example", "https://*.example/in",
		// With letters that browsers change.
		"/\t/evil.example", "/\n/evil.example", "https://app.example/in\r\nSet-Cookie: a=b", "\x00https://evil.example", "https://evil。example/in",
		"https://ａｐｐ.example/in", "https://app.example\u00ad/in", "https://evil.example\u2044app.example/in", "https://app%2eexample/in",
		// Encoded again.
		"https%3A%2F%2Fevil.example", "%2F%2Fevil.example", "/%2Fevil.example", "/%5Cevil.example", "%09//evil.example",
	} {
		for _, mount := range mounts {
			for _, path := range []string{"/self-service/login/browser", "/self-service/registration/browser"} {
				target := mount + path + "?return_to=" + url.QueryEscape(to)
				a := gw.Env(t).SPA().Get(target)
				if a.Status != http.StatusBadRequest || a.Text("error", "id") != "self_service_flow_return_to_forbidden" {
					t.Errorf("%s: got %d %.300s, want 400 self_service_flow_return_to_forbidden", target, a.Status, a.Body)
				}
			}
		}
	}
	t.Run("browser stays here", func(t *testing.T) {
		a := gw.Env(t).Browser().Get("/self-service/login/browser?return_to=//evil.example")
		if to := a.Location(); !strings.HasPrefix(to, gw.URL+"/auth/error?id=") {
			t.Errorf("got %d to %q, want the page of errors", a.Status, to)
		}
	})
}

// The Host of a request is the client's word: no link may be made of it.
func TestLinksDoNotFollowTheHostHeader(t *testing.T) {
	gw := serve(t)
	const headers = "X-Forwarded-Host: evil.example\r\nX-Forwarded-Proto: https\r\nForwarded: host=evil.example\r\n"
	res, _ := raw(t, gw, "GET /self-service/login/browser HTTP/1.1\r\nHost: evil.example\r\nAccept: text/html\r\n"+headers)
	if to := res.Header.Get("Location"); !strings.HasPrefix(to, gw.URL+"/") {
		t.Errorf("redirect: got %d to %q, want one to %s", res.StatusCode, to, gw.URL)
	}
	_, body := raw(t, gw, "GET /self-service/login/api HTTP/1.1\r\nHost: evil.example\r\n"+headers)
	if want := `"action":"` + gw.URL + "/"; !strings.Contains(body, want) {
		t.Errorf("flow: got %s, want %s", body, want)
	}
}

func TestRequestsThatAreNoHTTP(t *testing.T) {
	gw := serve(t)
	for name, request := range map[string]string{
		"no version":               "GET /self-service/login/api\r\n",
		"NUL in the path":          "GET /self-service/\x00login/api HTTP/1.1\r\nHost: x\r\n",
		"two lengths":              "POST /self-service/login HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nContent-Length: 3\r\n",
		"length and chunks":        "POST /self-service/login HTTP/1.1\r\nHost: x\r\nContent-Length: nonsense\r\n",
		"no host":                  "GET /self-service/login/api HTTP/1.1\r\n",
		"bad escape in the path":   "GET /self-service/%zz HTTP/1.1\r\nHost: x\r\n",
		"bad escape in the query":  "GET /self-service/login/flows?id=%zz HTTP/1.1\r\nHost: x\r\nAccept: application/json\r\n",
		"semicolons in the query":  "GET /self-service/login/flows?id=a;id=b HTTP/1.1\r\nHost: x\r\nAccept: application/json\r\n",
		"climbing out of a mount":  "GET /api/kratos/public/../../../admin/identities HTTP/1.1\r\nHost: x\r\n",
		"climbing out in escapes":  "GET /self-service/%2e%2e/%2e%2e/admin/identities HTTP/1.1\r\nHost: x\r\n",
		"admin API of the public":  "GET /admin/identities HTTP/1.1\r\nHost: x\r\nAccept: application/json\r\n",
		"a method of nobody":       "BREW /self-service/login/api HTTP/1.1\r\nHost: x\r\nAccept: application/json\r\n",
		"chunks that are none":     "POST /self-service/login?flow=x HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
		"session in no spelling":   "GET /sessions/whoami HTTP/1.1\r\nHost: x\r\nX-Session-Token: \xff\xfe\r\nCookie: ory_kratos_session=\x7f\r\n",
		"hundreds of cookies":      "GET /sessions/whoami HTTP/1.1\r\nHost: x\r\nCookie: " + strings.Repeat("ory_kratos_session=x; ", 500) + "\r\n",
		"authorization of nothing": "GET /sessions/whoami HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			res, body := raw(t, gw, request)
			if res.StatusCode < 300 || res.StatusCode >= 500 {
				t.Errorf("got %d %.200s, want a refusal", res.StatusCode, body)
			}
		})
	}
}

// raw sends the head of a request byte for byte.
func raw(t *testing.T, gw *harness.Process, head string) (*http.Response, string) {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(gw.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Fprint(conn, head, "\r\n"); err != nil {
		t.Fatal(err)
	}
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatalf("reading the answer: %v", err)
	}
	defer res.Body.Close()
	var body bytes.Buffer
	if _, err := io.Copy(&body, res.Body); err != nil {
		t.Fatalf("reading the answer: %v", err)
	}
	return res, body.String()
}
