package httpapi_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/gatehouse-id/gatehouse/internal/testenv"
)

func TestAdminMakesAndRemovesAnAccount(t *testing.T) {
	for _, mount := range []string{"/admin", "/api/kratos/admin"} {
		e := testenv.New(t)
		admin := e.App()
		made := admin.PostJSON(e.Admin+mount+"/identities", map[string]any{
			"schema_id": "default", "traits": map[string]any{"email": "adm@example.org"},
			"credentials": map[string]any{"password": map[string]any{"config": map[string]any{"password": testenv.Password}}},
		})
		wantStatus(t, made, 201)
		path := e.Admin + mount + "/identities/" + made.Text("id")
		if !strings.HasSuffix(made.Location(), "/identities/"+made.Text("id")) {
			t.Errorf("Location %q", made.Location())
		}
		wantAbsent(t, made, "$2a$")
		wantAbsent(t, admin.Get(path), "$2a$")
		c := e.App()
		c.SignIn("adm@example.org")
		wantStatus(t, c.Get("/sessions/whoami"), 200)
		wantStatus(t, admin.Do(http.MethodDelete, path, "", nil), 204)
		wantStatus(t, admin.Get(path), 404)
		wantError(t, c.Get("/sessions/whoami"), 401, "session_inactive")
		c = e.App()
		wantMessages(t, c.Submit("login", c.Start("login", ""), testenv.Credentials("adm@example.org", testenv.Password)), 4000006)
	}
}

func TestAdminRefusesBadAccounts(t *testing.T) {
	e := testenv.New(t)
	createIdentity(t, e, nil)
	for name, bad := range map[string]struct {
		body   string
		status int
	}{
		"duplicate":           {`{"schema_id":"default","traits":{"email":"ADM@example.org"}}`, 409},
		"unknown key":         {`{"schema_id":"default","traits":{"email":"a@b.cd"},"colour":1}`, 400},
		"unknown schema":      {`{"schema_id":"nope","traits":{"email":"a@b.cd"}}`, 400},
		"unknown state":       {`{"schema_id":"default","state":"asleep","traits":{"email":"a@b.cd"}}`, 400},
		"no traits":           {`{"schema_id":"default"}`, 400},
		"traits of no object": {`{"schema_id":"default","traits":[]}`, 400},
		"bad address":         {`{"schema_id":"default","traits":{"email":"x"}}`, 400},
		"bad hash":            {`{"schema_id":"default","traits":{"email":"a@b.cd"},"credentials":{"password":{"config":{"hashed_password":"plain"}}}}`, 400},
		"costly hash":         {`{"schema_id":"default","traits":{"email":"a@b.cd"},"credentials":{"password":{"config":{"hashed_password":"$argon2id$v=19$m=99999999,t=99,p=1$c2FsdHNhbHRzYWx0c2FsdA$aGFzaGhhc2hoYXNoaGFzaGhhc2hoYXNoaGFzaGhhc2g"}}}}`, 400},
		"key two times":       {`{"schema_id":"default","schema_id":"nope"}`, 400},
		"cut":                 {`{"schema_id":`, 400},
		"empty":               {``, 400},
		"bad UTF-8":           {"{\"schema_id\":\"\xff\"}", 400},
	} {
		wantUnchanged(t, e, func() {
			a := e.App().Do(http.MethodPost, e.Admin+"/admin/identities", "application/json", []byte(bad.body))
			if a.Status != bad.status || a.Text("error", "status") != http.StatusText(bad.status) {
				t.Errorf("%s: got %d, want %d: %s", name, a.Status, bad.status, a.Body)
			}
		})
	}
}

func TestAdminUnknownIdentity(t *testing.T) {
	e := testenv.New(t)
	for _, id := range []string{uuid.NewString(), "x", "%00", strings.Repeat("a", 3000)} {
		wantError(t, e.App().Get(e.Admin+"/admin/identities/"+id), 404, "")
		wantError(t, e.App().Do(http.MethodDelete, e.Admin+"/admin/identities/"+id, "", nil), 404, "")
	}
}

// TestAdminIsNotPublic: the admin API is not behind the public listener.
func TestAdminIsNotPublic(t *testing.T) {
	e := testenv.New(t)
	for _, path := range []string{"/admin/identities", "/api/kratos/admin/identities", "/identities", "//admin/identities", "/self-service/../admin/identities"} {
		if a := e.App().Get(path); a.Status != 404 {
			t.Errorf("%s: got %d", path, a.Status)
		}
	}
}
