package httpapi_test

import (
	"encoding/base64"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"

	"github.com/gatehouse-id/gatehouse/internal/testenv"
)

func TestBrowserSubmissionsNeedTheToken(t *testing.T) {
	onBothMounts(t, func(t *testing.T, e *testenv.Env, mount string) {
		e.SignUp("ann@example.org")
		other := e.SPA().On(mount).Start("login", "").CSRF()
		for name, token := range map[string]string{
			"missing": "", "wrong": "x", "of another browser": other,
			"empty base64": base64.StdEncoding.EncodeToString(make([]byte, 64)), "long": strings.Repeat("A", 10000),
		} {
			c := e.SPA().On(mount)
			f := c.Start("login", "")
			fields := testenv.Credentials("ann@example.org", testenv.Password)
			fields["csrf_token"] = token
			wantUnchanged(t, e, func() {
				a := c.Submit("login", f, fields)
				wantError(t, a, 403, "security_csrf_violation")
				if sessionCookie(a) != nil {
					t.Errorf("%s: signed in", name)
				}
			})
		}
	})
}

func TestCSRFTokenInTheHeader(t *testing.T) {
	e := testenv.New(t)
	e.SignUp("ann@example.org")
	c := e.SPA()
	f := c.Start("login", "")
	c.Header.Set("X-CSRF-Token", f.CSRF())
	fields := testenv.Credentials("ann@example.org", testenv.Password)
	fields["csrf_token"] = ""
	wantStatus(t, c.Submit("login", f, fields), 200)
}

func TestCSRFRefusalInABrowser(t *testing.T) {
	e := testenv.New(t)
	c := e.Browser()
	f := c.Start("login", "")
	fields := testenv.Credentials("ann@example.org", testenv.Password)
	fields["csrf_token"] = "x"
	a := c.Submit("login", f, fields)
	if a.Status != 303 || !strings.Contains(a.Location(), "/auth/error?id=") {
		t.Fatalf("got %d to %q, want 303 to the error page", a.Status, a.Location())
	}
	u, err := url.Parse(a.Location())
	if err != nil {
		t.Fatal(err)
	}
	shown := c.Get("/self-service/errors?id=" + u.Query().Get("id"))
	if shown.Status != 200 || shown.Text("error", "id") != "security_csrf_violation" {
		t.Errorf("the error page reads %d %s", shown.Status, shown.Body)
	}
}

// TestTheFormTokenIsMasked: the same secret never looks the same (BREACH).
func TestTheFormTokenIsMasked(t *testing.T) {
	e := testenv.New(t)
	c := e.SPA()
	f := c.Start("login", "")
	if again := c.Fetch("login", f.Text("id")); again.CSRF() == f.CSRF() || again.CSRF() == "" {
		t.Errorf("tokens %q and %q", f.CSRF(), again.CSRF())
	}
	if e.App().Start("login", "").CSRF() != "" {
		t.Error("an API flow has a CSRF token")
	}
}

func TestFlowsBelongToTheirBrowser(t *testing.T) {
	onBothMounts(t, func(t *testing.T, e *testenv.Env, mount string) {
		mine, other := e.SPA().On(mount), e.SPA().On(mount)
		theirs := other.Start("registration", "")
		f := mine.Start("registration", "")
		mine.Submit("registration", f, testenv.Fields{"method": "password", "traits.email": "private@example.org"})
		if got := mine.Fetch("registration", f.Text("id")); got.Value("traits.email") != "private@example.org" {
			t.Errorf("my own form holds %v", got.Value("traits.email"))
		}
		read := other.Fetch("registration", f.Text("id"))
		wantError(t, read, 403, "security_csrf_violation")
		fields := testenv.NewAccount("x@example.org")
		fields["csrf_token"] = theirs.CSRF() // good for the other's own flows
		sent := other.Submit("registration", f, fields)
		wantError(t, sent, 403, "security_csrf_violation")
		nobody := e.App().Fetch("registration", f.Text("id"))
		wantError(t, nobody, 403, "security_csrf_violation")
		for _, a := range []*testenv.Answer{read, sent, nobody} {
			wantAbsent(t, a, "private@example.org")
		}
	})
}

// TestASignedInClientSeesNoForeignValues: the session rules come before the
// ownership of the flow, and must not open it.
func TestASignedInClientSeesNoForeignValues(t *testing.T) {
	e := testenv.New(t)
	e.SignUp("ann@example.org")
	victim, spy := e.SPA(), e.SPA()
	spy.SignIn("ann@example.org")
	f := victim.Start("login", "")
	victim.Submit("login", f, testenv.Credentials("private@example.org", "wrong-password"))
	a := spy.Submit("login", f, testenv.Credentials("ann@example.org", testenv.Password))
	wantMessages(t, a, 4000001)
	wantAbsent(t, a, "private@example.org")
	if again := victim.Fetch("login", f.Text("id")); again.MessageIDs()[0] != 4000006 {
		t.Errorf("the victim's form was changed: %v", again.MessageIDs())
	}
}

func TestBrokenCSRFCookieIsReplaced(t *testing.T) {
	e := testenv.New(t)
	name := csrfCookie(e.SPA().Init("login", "")).Name
	for _, value := range []string{"x", "", "AAAA", strings.Repeat("A", 4000), base64.StdEncoding.EncodeToString(make([]byte, 31))} {
		c := e.App()
		c.Header.Set("Cookie", name+"="+value)
		if a := c.Get("/self-service/login/browser"); a.Status != 200 || csrfCookie(a) == nil {
			t.Errorf("cookie %.20q: %d and new cookie %v", value, a.Status, csrfCookie(a))
		}
	}
}

// TestPlantedCSRFCookies: a neighbouring domain can add cookies of its own. The one
// that the flow was started with decides, wherever it stands.
func TestPlantedCSRFCookies(t *testing.T) {
	e := testenv.New(t)
	e.SignUp("ann@example.org")
	for _, plantedFirst := range []bool{true, false} {
		init, attacker := e.SPA().Init("login", ""), e.SPA().Init("login", "")
		first, second := csrfCookie(init), csrfCookie(attacker)
		if plantedFirst {
			first, second = second, first
		}
		c := e.App()
		c.Header.Set("Cookie", first.Name+"="+first.Value+"; "+second.Name+"="+second.Value)
		read := c.Fetch("login", init.Text("id"))
		wantStatus(t, read, 200)
		fields := testenv.Credentials("ann@example.org", testenv.Password)
		fields["csrf_token"] = attacker.CSRF()
		wantError(t, c.Submit("login", init, fields), 403, "security_csrf_violation")
		fields["csrf_token"] = read.CSRF()
		wantStatus(t, c.Submit("login", init, fields), 200)
	}
}

func TestTamperedFlowCookie(t *testing.T) {
	e := testenv.New(t)
	to := "https://app.example/in/x"
	for name, tamper := range map[string]func(string) string{
		"first letter":    func(v string) string { return flip(v[:1]) + v[1:] },
		"a letter inside": func(v string) string { return v[:20] + flip(v[20:21]) + v[21:] },
		"cut":             func(v string) string { return v[:len(v)/2] },
		"empty":           func(string) string { return "" },
		"junk":            func(string) string { return "%%%" },
	} {
		c := e.SPA()
		f := c.Start("login", "return_to="+url.QueryEscape(to))
		if f.Text("return_to") != to {
			t.Fatalf("return_to: %s", f.Body)
		}
		replaceCookie(t, c, "gatehouse_flows", tamper)
		again := c.Fetch("login", f.Text("id"))
		if again.Status != 200 || again.Text("return_to") != "" {
			t.Errorf("%s: got %d with return_to %q, want the flow without what the cookie said", name, again.Status, again.Text("return_to"))
		}
	}
}

// replaceCookie changes the value of a cookie in the client's jar.
func replaceCookie(t *testing.T, c *testenv.Client, name string, change func(string) string) {
	t.Helper()
	u, err := url.Parse(c.URL)
	if err != nil {
		t.Fatal(err)
	}
	old := c.HTTP.Jar.Cookies(u)
	c.HTTP.Jar, _ = cookiejar.New(nil)
	found := false
	for _, k := range old {
		if k.Name == name {
			k.Value, found = change(k.Value), true
		}
	}
	if !found {
		t.Fatalf("no cookie %q among %v", name, old)
	}
	c.HTTP.Jar.SetCookies(u, old)
}

func TestUnsafeMethodsOnProtectedPaths(t *testing.T) {
	e := testenv.New(t)
	c := e.SPA()
	f := c.Start("login", "")
	wantError(t, c.Do(http.MethodPost, "/self-service/errors", "", nil), 403, "security_csrf_violation")
	c.Header.Set("X-CSRF-Token", f.CSRF())
	wantStatus(t, c.Do(http.MethodPost, "/self-service/errors", "", nil), 405)
}

// flip makes another letter of one.
func flip(letter string) string {
	if letter == "A" {
		return "B"
	}
	return "A"
}
