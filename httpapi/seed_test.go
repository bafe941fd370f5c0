package httpapi_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/gatehouse-id/gatehouse/internal/testenv"
)

// The stories of this file are what a client of February 2022 relies on; that both
// mounts agree on everything else is shown by the stories that run on both.

func TestSeedNamesTheIdentifierAsItDid(t *testing.T) {
	e := testenv.New(t)
	f := e.App().On(seedMount).Start("login", "")
	n := f.Node("password_identifier")
	if n == nil || n["group"] != "password" || f.Node("identifier") != nil {
		t.Errorf("login form: %s", f.Body)
	}
}

func TestSeedPutsTraitsIntoThePasswordForm(t *testing.T) {
	e := testenv.New(t)
	f := e.App().On(seedMount).Start("registration", "")
	for _, name := range []string{"traits.email", "traits.name.first", "password", "method"} {
		if n := f.Node(name); n == nil || n["group"] != "password" {
			t.Errorf("%s: %v, want it in the group password", name, n)
		}
	}
	if n := f.Node("csrf_token"); n["group"] != "default" {
		t.Errorf("csrf_token is in %v", n["group"])
	}
}

func TestSeedAnswersLackLaterKeys(t *testing.T) {
	e := testenv.New(t)
	c := e.App().On(seedMount)
	a := c.Submit("registration", c.Start("registration", ""), testenv.NewAccount("old@example.org"))
	wantStatus(t, a, 200)
	for _, later := range []string{"continue_with", "devices", "organization_id", "metadata_public", "metadata_admin"} {
		wantAbsent(t, a, `"`+later+`"`)
	}
	if want := e.URL + seedMount + "/schemas/default"; a.Text("identity", "schema_url") != want {
		t.Errorf("schema_url %q, want %q", a.Text("identity", "schema_url"), want)
	}
}

// TestOneAccountOnBothMounts: the mounts are two views of one engine.
func TestOneAccountOnBothMounts(t *testing.T) {
	e := testenv.New(t)
	e.SignUp("ann@example.org")
	old := e.App().On(seedMount)
	old.SignIn("ann@example.org")
	for _, m := range mounts {
		wantStatus(t, old.Get(m+"/sessions/whoami"), 200)
	}
}

// TestSeedURLsStayOnTheMount looks at every URL of every answer.
func TestSeedURLsStayOnTheMount(t *testing.T) {
	e := testenv.New(t)
	e.SignUp("ann@example.org")
	c := e.SPA().On(seedMount)
	answers := []*testenv.Answer{c.Init("login", ""), c.Init("registration", ""), c.SignIn("ann@example.org"), c.Get(seedMount + "/sessions/whoami"), c.Get(seedMount + "/self-service/logout/browser")}
	for _, a := range answers {
		for _, part := range strings.Split(string(a.Body), `"`) {
			below, ours := strings.CutPrefix(part, e.URL)
			if ours && below != "" && below != "/" && !strings.HasPrefix(below, seedMount+"/") {
				t.Errorf("%q is not on the mount: %s", part, a.Body)
			}
		}
	}
	if i := slices.IndexFunc(answers, func(a *testenv.Answer) bool { return a.Status != 200 }); i >= 0 {
		t.Errorf("answer %d: %d", i, answers[i].Status)
	}
}
