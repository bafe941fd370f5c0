package httpapi_test

import (
	"bytes"
	"maps"
	"mime/multipart"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/gatehouse-id/gatehouse/internal/testenv"
)

// mounts are the two places where the API is served.
var mounts = []string{"", seedMount}

const seedMount = "/api/kratos/public"

// onBothMounts runs a story once per mount, each in a gateway of its own.
func onBothMounts(t *testing.T, story func(t *testing.T, e *testenv.Env, mount string)) {
	t.Helper()
	for _, m := range mounts {
		name := "today"
		if m == seedMount {
			name = "seed"
		}
		t.Run(name, func(t *testing.T) { story(t, testenv.New(t), m) })
	}
}

// clients are the three ways to use the API.
func clients(e *testenv.Env, mount string) map[string]*testenv.Client {
	return map[string]*testenv.Client{"browser": e.Browser().On(mount), "spa": e.SPA().On(mount), "app": e.App().On(mount)}
}

// wantStatus stops the story when an answer has another status.
func wantStatus(t *testing.T, a *testenv.Answer, want int) {
	t.Helper()
	if a.Status != want {
		t.Fatalf("got status %d, want %d: %s %v", a.Status, want, a.Body, a.Header)
	}
}

// wantError checks status and id of an error body.
func wantError(t *testing.T, a *testenv.Answer, status int, id string) {
	t.Helper()
	if a.Status != status || a.Text("error", "id") != id {
		t.Errorf("got %d %q, want %d %q: %s", a.Status, a.Text("error", "id"), status, id, a.Body)
	}
	if code, _ := a.At("error", "code").(float64); int(code) != status || a.Text("error", "status") != http.StatusText(status) {
		t.Errorf("the body says %v %q, want %d %q", code, a.Text("error", "status"), status, http.StatusText(status))
	}
}

// wantMessages checks that a flow was rejected with exactly these messages.
func wantMessages(t *testing.T, a *testenv.Answer, want ...int) {
	t.Helper()
	if a.Status != http.StatusBadRequest || !slices.Equal(a.MessageIDs(), want) {
		t.Errorf("got %d with messages %v, want 400 with %v: %s", a.Status, a.MessageIDs(), want, a.Body)
	}
}

// wantUnchanged runs a step that must not write.
func wantUnchanged(t *testing.T, e *testenv.Env, step func()) {
	t.Helper()
	before := e.Keys()
	step()
	if after := e.Keys(); after != before {
		t.Errorf("the store has %d keys, want %d as before", after, before)
	}
}

// sessionCookie and csrfCookie find our cookies in an answer.
func sessionCookie(a *testenv.Answer) *http.Cookie { return a.Cookie("ory_kratos_session") }

func csrfCookie(a *testenv.Answer) *http.Cookie {
	for _, k := range (&http.Response{Header: a.Header}).Cookies() {
		if strings.HasPrefix(k.Name, "csrf_token_") {
			return k
		}
	}
	return nil
}

// wantAbsent checks that an answer does not say something, in body or headers.
func wantAbsent(t *testing.T, a *testenv.Answer, secret string) {
	t.Helper()
	if strings.Contains(string(a.Body), secret) {
		t.Errorf("the answer says %q: %s", secret, a.Body)
	}
	for name, values := range a.Header {
		if strings.Contains(strings.Join(values, " "), secret) {
			t.Errorf("the header %s says %q: %v", name, secret, values)
		}
	}
}

// multipartForm encodes fields as browsers do for enctype="multipart/form-data".
func multipartForm(t *testing.T, fields map[string]string) (body []byte, contentType string) {
	t.Helper()
	var buf bytes.Buffer
	w := multipart.NewWriter(&buf)
	for k, v := range fields {
		if err := w.WriteField(k, v); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes(), w.FormDataContentType()
}

// createIdentity makes adm@example.org with Password by the admin API.
func createIdentity(t *testing.T, e *testenv.Env, more map[string]any) *testenv.Answer {
	t.Helper()
	body := map[string]any{
		"schema_id": "default", "traits": map[string]any{"email": "adm@example.org"},
		"credentials": map[string]any{"password": map[string]any{"config": map[string]any{"password": testenv.Password}}},
	}
	maps.Copy(body, more)
	a := e.App().PostJSON(e.Admin+"/admin/identities", body)
	wantStatus(t, a, http.StatusCreated)
	return a
}
