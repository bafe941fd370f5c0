package httpapi_test

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

	"github.com/gatehouse-id/gatehouse/internal/testenv"
)

// badBodies are bodies that have no meaning, or two.
var badBodies = map[string]struct{ contentType, body string }{
	"empty":                   {"application/json", ""},
	"cut":                     {"application/json", `{"method":"password",`},
	"not JSON":                {"application/json", `method=password`},
	"array":                   {"application/json", `[1,2]`},
	"null":                    {"application/json", `null`},
	"text":                    {"application/json", `"password"`},
	"trailing data":           {"application/json", `{"method":"password"} {"method":"oidc"}`},
	"trailing letter":         {"application/json", `{"method":"password"}x`},
	"byte order mark":         {"application/json", "\xef\xbb\xbf{}"},
	"comment":                 {"application/json", `{/* */"method":"password"}`},
	"single quotes":           {"application/json", `{'method':'password'}`},
	"same key two times":      {"application/json", `{"method":"password","method":"oidc"}`},
	"same key escaped":        {"application/json", `{"method":"password","m\u0065thod":"oidc"}`},
	"same key further in":     {"application/json", `{"traits":{"email":"a@b.c","email":"d@e.f"}}`},
	"name and its parent":     {"application/json", `{"traits":"x","traits.email":"a@b.c"}`},
	"deep objects":            {"application/json", strings.Repeat(`{"a":`, 10000) + "1" + strings.Repeat("}", 10000)},
	"deep arrays":             {"application/json", `{"a":` + strings.Repeat("[", 100000) + strings.Repeat("]", 100000) + "}"},
	"wide object":             {"application/json", wideObject(1001)},
	"wide array":              {"application/json", `{"a":[` + strings.Repeat("1,", 1001) + "1]}"},
	"bad UTF-8":               {"application/json", "{\"method\":\"pass\xffword\"}"},
	"bad UTF-8 in a key":      {"application/json", "{\"meth\xc0\x80od\":1}"},
	"NUL byte":                {"application/json", "{\"method\":\"pass\x00word\"}"},
	"NUL in a dotted name":    {"application/json", `{"traits\u0000email":"x"}`},
	"name of dots":            {"application/json", `{"` + strings.Repeat(".", 100) + `":1}`},
	"plain text":              {"text/plain", `method=password`},
	"XML":                     {"application/xml", `<method>password</method>`},
	"no content type":         {"", `{"method":"password"}`},
	"unreadable content type": {"application/json; charset", `{}`},
	"two types in one":        {"application/json, text/plain", `{}`},
	"form: bad escape":        {"application/x-www-form-urlencoded", "method=%zz"},
	"form: semicolon":         {"application/x-www-form-urlencoded", "a=b;method=password"},
	"form: bad UTF-8":         {"application/x-www-form-urlencoded", "method=%ff"},
	"form: bad UTF-8 in name": {"application/x-www-form-urlencoded", "%ff=1"},
	"form: other charset":     {"application/x-www-form-urlencoded; charset=utf-16", "method=password"},
	"form: field two times":   {"application/x-www-form-urlencoded", "method=password&method=oidc"},
	"form: name and parent":   {"application/x-www-form-urlencoded", "a=1&a.b=2"},
	"form: NUL in a name":     {"application/x-www-form-urlencoded", "a%00b=1"},
	"form: many fields":       {"application/x-www-form-urlencoded", wideForm(1001)},
	"multipart: no boundary":  {"multipart/form-data", "x"},
	"multipart: cut":          {"multipart/form-data; boundary=b", "--b\r\nContent-Disposition: form-data; name=\"method\"\r\n\r\npass"},
	"multipart: bad UTF-8":    {"multipart/form-data; boundary=b", "--b\r\nContent-Disposition: form-data; name=\"method\"\r\n\r\n\xff\r\n--b--\r\n"},
}

func wideObject(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `,"k%d":1`, i)
	}
	return "{" + b.String()[1:] + "}"
}

func wideForm(n int) string {
	form := url.Values{}
	for i := range n {
		form.Set(fmt.Sprint("k", i), "1")
	}
	return form.Encode()
}

// TestBadBodies: each is answered with the form and a message, and stores nothing.
func TestBadBodies(t *testing.T) {
	onBothMounts(t, func(t *testing.T, e *testenv.Env, mount string) {
		for name, bad := range badBodies {
			for _, kind := range []string{"login", "registration"} {
				for _, c := range []*testenv.Client{e.App().On(mount), e.SPA().On(mount)} {
					f := c.Start(kind, "")
					wantUnchanged(t, e, func() {
						a := c.Do(http.MethodPost, mount+"/self-service/"+kind+"?flow="+f.Text("id"), bad.contentType, []byte(bad.body))
						if a.Status != 400 || len(a.MessageIDs()) != 1 || a.MessageIDs()[0] != 4000001 || a.Text("id") != f.Text("id") {
							t.Errorf("%s, %s: got %d %v, want the flow with 4000001: %.300s", name, kind, a.Status, a.MessageIDs(), a.Body)
						}
					})
					wantStatus(t, c.Fetch(kind, f.Text("id")), 200)
				}
			}
		}
	})
}

func TestBadBodiesOfABrowser(t *testing.T) {
	e := testenv.New(t)
	c := e.Browser()
	f := c.Start("login", "")
	for name, bad := range badBodies {
		if bad.contentType == "application/json" {
			continue // such a request is answered with JSON
		}
		wantUnchanged(t, e, func() {
			a := c.Do(http.MethodPost, "/self-service/login?flow="+f.Text("id"), bad.contentType, []byte(bad.body))
			if a.Status != 303 || testenv.FlowID(a.Location()) != f.Text("id") {
				t.Errorf("%s: got %d to %q, want 303 back to the form", name, a.Status, a.Location())
			}
		})
	}
}

func TestBodiesOverTheLimit(t *testing.T) {
	e := testenv.New(t)
	huge := strings.Repeat("x", 1<<20)
	multipartBody, multipartType := multipartForm(t, map[string]string{"method": huge})
	for contentType, body := range map[string]string{
		"application/json": `{"method":"` + huge + `"}`, "application/x-www-form-urlencoded": "method=" + huge, multipartType: string(multipartBody),
	} {
		c := e.App()
		f := c.Start("login", "")
		wantUnchanged(t, e, func() {
			wantError(t, c.Do(http.MethodPost, "/self-service/login?flow="+f.Text("id"), contentType, []byte(body)), 413, "")
		})
	}
	wantError(t, e.App().Do(http.MethodDelete, "/self-service/logout/api", "application/json", []byte(`{"session_token":"`+huge+`"}`)), 413, "")
	wantError(t, e.App().Do(http.MethodPost, e.Admin+"/admin/identities", "application/json", []byte(`{"schema_id":"`+huge+`"}`)), 413, "")
}

// TestOddValues are well-formed: they are answered like every wrong value.
func TestOddValues(t *testing.T) {
	e := testenv.New(t)
	values := []any{nil, 7, 1e300, true, []any{}, map[string]any{}, "\x00", "a\u0000@b.c", "\u202e", strings.Repeat("é", 5000), "%s%n", "' OR 1=1 --", "../../x", "a@b.c\r\nBcc: x@y.z"}
	for _, v := range values {
		for kind, fields := range map[string]testenv.Fields{
			"login":        {"method": "password", "identifier": v, "password": v},
			"registration": {"method": "password", "password": v, "traits.email": v},
		} {
			c := e.App()
			a := c.Submit(kind, c.Start(kind, ""), fields)
			if a.Status != 400 || len(a.MessageIDs()) == 0 {
				t.Errorf("%s of %.40q: got %d, want 400 with messages: %s", kind, fmt.Sprint(v), a.Status, a.Body)
			}
		}
		c := e.App()
		wantMessages(t, c.Submit("login", c.Start("login", ""), testenv.Fields{"method": v}), 4010002)
	}
	if n := identityCount(t, e); n != 0 {
		t.Errorf("%d identities were made", n)
	}
}

func TestLoneSurrogatesAreOneIdentifier(t *testing.T) {
	e := testenv.New(t)
	c := e.App()
	for _, traits := range []string{`"\ud800@example.org"`, `"\udfff@example.org"`} {
		f := c.Start("registration", "")
		a := c.Do(http.MethodPost, "/self-service/registration?flow="+f.Text("id"), "application/json",
			[]byte(`{"method":"password","password":"`+testenv.Password+`","traits":{"email":`+traits+`}}`))
		if a.Status >= 500 {
			t.Errorf("%s: %d %s", traits, a.Status, a.Body)
		}
	}
	if n := identityCount(t, e); n > 1 {
		t.Errorf("%d identities for one unreadable address", n)
	}
}

func TestHugeHeaders(t *testing.T) {
	e := testenv.New(t)
	for _, name := range []string{"Cookie", "X-Session-Token", "Authorization", "Accept", "User-Agent", "X-Request-Id", "X-Csrf-Token"} {
		c := e.App()
		c.Header.Set(name, strings.Repeat("a=b; ", 20000))
		wantUnchanged(t, e, func() {
			for _, path := range []string{"/sessions/whoami", "/self-service/login/browser", "/self-service/login/flows?id=x"} {
				if a := c.Get(path); a.Status >= 500 {
					t.Errorf("%s of 100 kB: %s: %d", name, path, a.Status)
				}
			}
		})
	}
}

// TestUserAgentIsCut: what a client says of itself is stored with its session.
func TestUserAgentIsCut(t *testing.T) {
	e := testenv.New(t)
	e.SignUp("ann@example.org")
	c := e.App()
	c.Header.Set("User-Agent", strings.Repeat("ü", 5000))
	in := c.SignIn("ann@example.org")
	if ua := in.Text("session", "devices", 0, "user_agent"); ua == "" || len(ua) > 600 {
		t.Errorf("a user agent of %d bytes is kept", len(ua))
	}
	if n := len(in.Body); n > 5000 {
		t.Errorf("the answer has %d bytes", n)
	}
}

// TestBrokenRequests speaks to the socket, because clients refuse to send these.
func TestBrokenRequests(t *testing.T) {
	e := testenv.New(t)
	u, err := url.Parse(e.URL)
	if err != nil {
		t.Fatal(err)
	}
	for _, request := range []string{
		"GET /sessions/whoami%00 HTTP/1.1\r\nHost: x\r\n\r\n",
		"GET /self-service//login///browser HTTP/1.1\r\nHost: x\r\n\r\n",
		"GET /self-service/../sessions/whoami HTTP/1.1\r\nHost: x\r\n\r\n",
		"GET /self-service/%2e%2e/sessions/whoami HTTP/1.1\r\nHost: x\r\n\r\n",
		"GET /sessions%2fwhoami HTTP/1.1\r\nHost: x\r\n\r\n",
		"GET http://evil.example/sessions/whoami HTTP/1.1\r\nHost: x\r\n\r\n",
		"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n",
		"CONNECT /sessions/whoami HTTP/1.1\r\nHost: x\r\n\r\n",
		"BREW /sessions/whoami HTTP/1.1\r\nHost: x\r\n\r\n",
		"BREW /self-service/login HTTP/1.1\r\nHost: x\r\n\r\n",
		"POST /self-service/login?flow=x HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"GET /self-service/login/flows?id=%zz HTTP/1.1\r\nHost: x\r\n\r\n",
		"GET /self-service/login/flows?id=a&id=b;c HTTP/1.1\r\nHost: x\r\n\r\n",
		"GET /schemas/ HTTP/1.1\r\nHost: x\r\n\r\n",
		"GET /schemas/%2e%2e%2fsecret HTTP/1.1\r\nHost: x\r\n\r\n",
		"GET /sessions/whoami HTTP/1.1\r\nHost: x\r\nCookie: ory_kratos_session=\"a\\\r\n\r\n",
		"GET /sessions/whoami HTTP/1.1\r\nHost: x\r\nCookie: =;;=,;\r\nCookie: ory_kratos_session\r\n\r\n",
	} {
		wantUnchanged(t, e, func() {
			res, err := rawRequest(u.Host, request)
			if err != nil {
				t.Errorf("%q: %v", request, err)
				return
			}
			if res.StatusCode >= 500 && res.StatusCode != http.StatusNotImplemented {
				t.Errorf("%q: got %d", request, res.StatusCode)
			}
		})
	}
}

func rawRequest(addr, request string) (*http.Response, error) {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, request); err != nil {
		return nil, err
	}
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	_, err = io.Copy(io.Discard, io.LimitReader(res.Body, 1<<20))
	return res, err
}

// TestQuietLog: what clients do wrong is no news for the operator.
func TestQuietLog(t *testing.T) {
	e := testenv.New(t)
	c := e.App()
	for _, bad := range badBodies {
		f := c.Start("login", "")
		c.Do(http.MethodPost, "/self-service/login?flow="+f.Text("id"), bad.contentType, []byte(bad.body))
	}
	if log := e.Log.String(); bytes.Contains([]byte(log), []byte("level=ERROR")) {
		t.Errorf("the log says %s", log)
	}
}

// TestTraitsBeyondARecord registers with more than a record may hold.
func TestTraitsBeyondARecord(t *testing.T) {
	env := testenv.New(t)
	app := env.App()
	flow := app.Get("/self-service/registration/api").Text("id")
	before := env.Keys()
	a := app.PostJSON("/self-service/registration?flow="+flow, map[string]any{
		"method": "password", "password": "a long phrase 4711",
		"traits": map[string]any{"email": "big@example.org", "name": map[string]any{"first": strings.Repeat("x", 300<<10)}},
	})
	if a.Status != http.StatusRequestEntityTooLarge {
		t.Errorf("got %d %.300s, want 413", a.Status, a.Body)
	}
	if after := env.Keys(); after != before {
		t.Errorf("got %d keys after %d, want nothing written", after, before)
	}
}
