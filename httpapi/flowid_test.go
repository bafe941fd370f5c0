package httpapi_test

import (
	"encoding/hex"
	"fmt"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/gatehouse-id/gatehouse/internal/testenv"
)

// TestForgedFlowIDs changes every single bit of an id.
func TestForgedFlowIDs(t *testing.T) {
	e := testenv.New(t)
	c := e.App()
	good := c.Start("login", "")
	id := uuid.MustParse(good.Text("id"))
	wantUnchanged(t, e, func() {
		for bit := range 8 * len(id) {
			forged := id
			forged[bit/8] ^= 1 << (bit % 8)
			if a := c.Fetch("login", forged.String()); a.Status != 404 {
				t.Errorf("bit %d: reading %s: got %d, want 404", bit, forged, a.Status)
			}
			a := c.PostJSON("/self-service/login?flow="+forged.String(), testenv.Credentials("a@b.c", "x"))
			if a.Status != 404 {
				t.Errorf("bit %d: submitting %s: got %d, want 404", bit, forged, a.Status)
			}
		}
	})
}

// TestFlowIDsHaveOneSpelling: an id is a key, and one flow must not have two.
func TestFlowIDsHaveOneSpelling(t *testing.T) {
	e := testenv.New(t)
	c := e.App()
	id := c.Start("login", "").Text("id")
	raw := uuid.MustParse(id)
	for _, spelled := range []string{
		strings.ToUpper(id), "{" + id + "}", "urn:uuid:" + id, hex.EncodeToString(raw[:]), " " + id, id + " ", id + "\x00", id + "/", "../" + id,
	} {
		wantError(t, c.Fetch("login", spelled), 404, "")
	}
}

func TestUnknownFlows(t *testing.T) {
	onBothMounts(t, func(t *testing.T, e *testenv.Env, mount string) {
		wantUnchanged(t, e, func() {
			for _, kind := range []string{"login", "registration"} {
				for _, id := range []string{uuid.NewString(), uuid.Nil.String(), "not-a-uuid", "", "%00", strings.Repeat("a", 4000)} {
					for name, c := range clients(e, mount) {
						what := fmt.Sprintf("%s %s %.20q", name, kind, id)
						if a := c.Fetch(kind, id); a.Status != 404 {
							t.Errorf("%s: reading: got %d, want 404", what, a.Status)
						}
						a := c.Do("POST", mount+"/self-service/"+kind+"?flow="+id, "", nil)
						if name != "browser" {
							want := 404
							if id == "" {
								want = 400
							}
							wantError(t, a, want, "")
						} else if !strings.Contains(a.Location(), "/auth/error?id=") {
							t.Errorf("%s: sent to %q, want the error page", what, a.Location())
						}
					}
				}
			}
		})
	})
}

func TestFlowsOfAnotherKind(t *testing.T) {
	e := testenv.New(t)
	for _, c := range []*testenv.Client{e.App(), e.SPA()} {
		login, registration := c.Start("login", ""), c.Start("registration", "")
		wantError(t, c.Fetch("registration", login.Text("id")), 404, "")
		wantError(t, c.Fetch("login", registration.Text("id")), 404, "")
		wantError(t, c.Submit("registration", login, testenv.NewAccount("ann@example.org")), 404, "")
		wantError(t, c.Submit("login", registration, testenv.Credentials("a@b.c", "x")), 404, "")
	}
}

// TestAPIFlowInABrowser: a flow without CSRF protection must not be finished by a
// browser, or a page elsewhere could sign its visitors in as somebody else.
func TestAPIFlowInABrowser(t *testing.T) {
	e := testenv.New(t)
	e.SignUp("ann@example.org")
	api := e.App().Start("login", "")
	fields := testenv.Credentials("ann@example.org", testenv.Password)
	wantUnchanged(t, e, func() {
		for header, value := range map[string]string{"Cookie": "a=b", "Origin": "https://evil.example"} {
			c := e.App()
			c.Header.Set(header, value)
			a := c.Submit("login", api, fields)
			wantMessages(t, a, 4000001)
			if sessionCookie(a) != nil || a.At("session_token") != nil {
				t.Errorf("%s: signed in: %s", header, a.Body)
			}
		}
	})
	wantStatus(t, e.App().Submit("login", api, fields), 200)
}

func TestBrowserFlowInAnApp(t *testing.T) {
	e := testenv.New(t)
	e.SignUp("ann@example.org")
	f := e.SPA().Start("login", "")
	fields := testenv.Credentials("ann@example.org", testenv.Password)
	fields["csrf_token"] = f.CSRF()
	wantError(t, e.App().Submit("login", f, fields), 403, "security_csrf_violation")
}

// TestFlowsStayOnTheirMount: a flow may be finished on the other mount, since
// clients of both generations share an installation, and every URL of an answer is
// on the mount that was asked.
func TestFlowsOfTheOtherMount(t *testing.T) {
	e := testenv.New(t)
	for from, to := range map[string]string{"": seedMount, seedMount: ""} {
		c := e.App().On(from)
		f := c.Start("login", "")
		if want := e.URL + from + "/self-service/login?flow="; !strings.HasPrefix(f.Text("ui", "action"), want) {
			t.Errorf("action %q, want it to start with %q", f.Text("ui", "action"), want)
		}
		a := c.On(to).Submit("login", f, testenv.Credentials("a@b.c", "x"))
		wantMessages(t, a, 4000006)
		if want := e.URL + to + "/self-service/login?flow="; !strings.HasPrefix(a.Text("ui", "action"), want) {
			t.Errorf("action %q, want it to start with %q", a.Text("ui", "action"), want)
		}
	}
}

// TestURLsDoNotFollowTheHostHeader: links in answers come from the configuration.
func TestURLsDoNotFollowTheHostHeader(t *testing.T) {
	e := testenv.New(t)
	c := e.App()
	c.Header.Set("X-Forwarded-Host", "evil.example")
	c.Header.Set("X-Forwarded-Proto", "gopher")
	c.Header.Set("Forwarded", "host=evil.example")
	for _, a := range []*testenv.Answer{c.Init("login", ""), c.Init("registration", ""), c.Get("/schemas")} {
		wantAbsent(t, a, "evil.example")
		wantAbsent(t, a, "gopher")
	}
}
