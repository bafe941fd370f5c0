package httpapi_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/gatehouse-id/gatehouse/internal/optest"
	"github.com/gatehouse-id/gatehouse/internal/testenv"
)

// decisions are the lines of the log that tell one, without what differs in every run.
func decisions(e *testenv.Env) []string {
	var out []string
	changing := regexp.MustCompile(`(identity|session)=\S+`)
	for line := range strings.Lines(e.Log.String()) {
		if _, event, ok := strings.Cut(strings.TrimSpace(line), `msg="access decision" `); ok {
			out = append(out, changing.ReplaceAllString(strings.ReplaceAll(event, " client_ip=127.0.0.1", ""), "$1=x"))
		}
	}
	return out
}

// TestTripsAreDecidedWhenTheyEnd: where somebody is sent in between is no decision.
func TestTripsAreDecidedWhenTheyEnd(t *testing.T) {
	e, p := social(t)
	p.SignInAs(claims("1", "olga@example.org"))
	b := e.Browser()
	home(t, b, via(t, b, "login", chooseAcme))
	c := e.Browser()
	home(t, c, via(t, c, "login", chooseAcme))
	p.Turn(func(k *optest.Knobs) { k.Deny = true })
	d := e.Browser()
	via(t, d, "login", chooseAcme)
	d.Get("/self-service/methods/oidc/callback/acme?code=x&state=y")
	want := []string{
		"action=registration result=accepted method=oidc identity=x session=x",
		"action=login result=accepted method=oidc identity=x session=x",
		"action=login result=rejected method=oidc reason=[4000001]",
		`action=login result=refused reason="Bad Request"`,
	}
	if got := decisions(e); strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// TestDecisionsAreLogged lives a life and reads what the log tells of it.
func TestDecisionsAreLogged(t *testing.T) {
	e := testenv.New(t)
	e.SignUp("ann@example.org")
	app := e.App()

	wrong := app.Start("login", "")
	app.Submit("login", wrong, testenv.Credentials("ann@example.org\nresult=accepted", "Wrong-Password-1"))
	app.Submit("login", app.Start("login", ""), testenv.Credentials("", ""))
	app.PostJSON("/self-service/login?flow=01a20d52-1b35-76cb-acec-2ce5cea954ef", testenv.Credentials("ann@example.org", "x"))
	in := app.SignIn("ann@example.org")

	b := e.Browser()
	flow := b.Start("login", "")
	b.PostJSON("/self-service/login?flow="+flow.Text("id"), testenv.Credentials("ann@example.org", testenv.Password)) // no CSRF token
	app.Header.Set("X-Session-Token", in.Text("session_token"))
	app.Do("DELETE", "/self-service/logout/api", "application/json", []byte(`{"session_token":"`+in.Text("session_token")+`"}`))

	want := []string{
		"action=registration result=accepted method=password identity=x session=x",
		"action=login result=rejected method=password reason=[4000006]",
		"action=login result=rejected method=password reason=[4000002]",
		`action=login result=refused reason="Not Found"`,
		"action=login result=accepted method=password identity=x session=x",
		"action=login result=refused reason=security_csrf_violation",
		"action=logout result=accepted identity=x session=x",
	}
	got := decisions(e)
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// TestAdminChangesAreLogged: of each change the log tells who made it and to whom, and never what is in it.
func TestAdminChangesAreLogged(t *testing.T) {
	a := newAdmin(t)
	path, made := a.person("ann@example.org")
	id := made.Text("id")
	a.send("POST", "/identities", `{"traits":{"email":"ann@example.org"}}`) // a conflict changes nothing
	body := `{"traits":{"email":"bob@example.org"}}`
	a.create(body, "Idempotency-Key", "k")
	a.create(body, "Idempotency-Key", "k")
	a.send("PATCH", "/identities", `{"identities":[{"create":{"traits":{"email":"cid@example.org"}}},{"create":{"traits":{"email":"cid@example.org"}}}]}`)
	a.send("PUT", path, `{"traits":{"email":"ann@example.org","name":{"first":"Private"}}}`)
	a.send("PATCH", path, `[{"op":"replace","path":"/state","value":"active"}]`)
	session := a.App().SignIn("ann@example.org").Text("session", "id")
	a.send("PATCH", "/sessions/"+session+"/extend", "")
	a.send("POST", "/recovery/code", `{"identity_id":"`+id+`"}`)
	a.send("DELETE", "/sessions/"+session, "")
	a.send("DELETE", path+"/credentials/password", "")
	token := a.send("POST", "/tokens", `{"name":"desk","scopes":["identities:write"]}`)
	a.send("DELETE", path, "", "Authorization", "Bearer "+token.Text("value"))
	want := []string{
		"action=identity.create result=accepted identity=x by=open",
		"action=identity.create result=accepted identity=x by=open",
		"action=identity.create result=accepted identity=x by=open",
		"action=identity.replace result=accepted identity=x by=open",
		"action=identity.patch result=accepted identity=x by=open",
		"action=login result=accepted method=password identity=x session=x",
		"action=session.extend result=accepted identity=x session=x by=open",
		"action=recovery.code result=accepted identity=x by=open",
		"action=revoke result=accepted identity=x session=x by=open",
		"action=credential.delete result=accepted method=password identity=x by=open",
		"action=token result=accepted token=" + token.Text("id") + " by=open",
		"action=identity.delete result=accepted identity=x by=open",
	}
	if got := decisions(a.Env); strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	for _, secret := range []string{"Private", "ann@", "bob@", token.Text("value"), "$2a$"} {
		if strings.Contains(a.Log.String(), secret) {
			t.Errorf("the log has %q", secret)
		}
	}
}

// TestAdminChangesNameTheirToken makes a change with a token, and tries one that it doesn't allow.
func TestAdminChangesNameTheirToken(t *testing.T) {
	e := testenv.New(t)
	url := closedAdmin(t, e)
	made := newToken(t, with(e, firstToken(t, e)), url, "", "identities:write")
	c := with(e, made.Text("value"))
	wantStatus(t, c.PostJSON(url+"/admin/identities", map[string]any{"traits": map[string]any{"email": "ann@example.org"}}), 201)
	wantStatus(t, c.PostJSON(url+"/admin/recovery/code", map[string]any{}), 403)
	by := " by=" + made.Text("id") + ` by_name="of a test"`
	for _, want := range []string{"action=identity.create result=accepted identity=x" + by, "action=admin result=refused" + by + " reason=Forbidden"} {
		if got := decisions(e); !slices.Contains(got, want) {
			t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), want)
		}
	}
}
