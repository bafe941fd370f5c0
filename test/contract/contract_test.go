// Package contract drives the binary with the clients that people have: Ory's generated SDKs, unmodified.
package contract

import (
	"errors"
	"net/http"
	"net/http/cookiejar"
	"slices"
	"testing"

	"github.com/ory/client-go"

	"github.com/gatehouse-id/gatehouse/internal/testenv"
	"github.com/gatehouse-id/gatehouse/test/harness"
)

func TestMain(m *testing.M) { harness.Main(m, unneeded) }

const password = testenv.Password

// sdk is a client of the Go SDK that keeps cookies as a browser does, and follows no redirects.
func sdk(t *testing.T, url string) *client.APIClient {
	t.Helper()
	c := native(t, url)
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	c.GetConfig().HTTPClient.Jar = jar
	return c
}

// native is a client of the Go SDK without cookies. Every answer to it is compared with the published document.
func native(t testing.TB, url string) *client.APIClient {
	c := client.NewConfiguration()
	c.Servers = client.ServerConfigurations{{URL: url}}
	c.HTTPClient = &http.Client{
		Transport:     recorder{t},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return client.NewAPIClient(c)
}

func registration(email, csrf string) client.UpdateRegistrationFlowBody {
	body := client.NewUpdateRegistrationFlowWithPasswordMethod("password", password, map[string]any{"email": email})
	if csrf != "" {
		body.CsrfToken = &csrf
	}
	return client.UpdateRegistrationFlowWithPasswordMethodAsUpdateRegistrationFlowBody(body)
}

func login(email, password, csrf string) client.UpdateLoginFlowBody {
	body := client.NewUpdateLoginFlowWithPasswordMethod(email, "password", password)
	if csrf != "" {
		body.CsrfToken = &csrf
	}
	return client.UpdateLoginFlowWithPasswordMethodAsUpdateLoginFlowBody(body)
}

// csrf is the token in a form.
func csrf(t *testing.T, ui client.UiContainer) string {
	t.Helper()
	for _, n := range ui.Nodes {
		if in := n.Attributes.UiNodeInputAttributes; in != nil && in.Name == "csrf_token" {
			token, _ := in.Value.(string)
			return token
		}
	}
	t.Fatal("the form has no csrf_token")
	return ""
}

// messages lists the ids of all messages of a form.
func messages(ui client.UiContainer) (ids []int64) {
	for _, m := range ui.Messages {
		ids = append(ids, m.Id)
	}
	for _, n := range ui.Nodes {
		for _, m := range n.Messages {
			ids = append(ids, m.Id)
		}
	}
	return ids
}

// check fails the test unless a call of the SDK went well.
func check(t *testing.T, what string, res *http.Response, err error, status int) {
	t.Helper()
	if err != nil {
		t.Fatalf("%s: %v %s", what, err, body(err))
	}
	if res.StatusCode != status {
		t.Fatalf("%s: got status %d, want %d", what, res.StatusCode, status)
	}
}

func body(err error) string {
	var e *client.GenericOpenAPIError
	if errors.As(err, &e) {
		return string(e.Body())
	}
	return ""
}

// refused returns what the SDK made of an answer with an error.
func refused[T any](t *testing.T, what string, res *http.Response, err error, status int) T {
	t.Helper()
	var none T
	var e *client.GenericOpenAPIError
	if !errors.As(err, &e) {
		t.Fatalf("%s: got error %v, want one of the SDK", what, err)
	}
	if res.StatusCode != status {
		t.Fatalf("%s: got status %d, want %d: %s", what, res.StatusCode, status, e.Body())
	}
	model, ok := e.Model().(T)
	if !ok {
		t.Fatalf("%s: the SDK reads a %T, want %T: %s", what, e.Model(), none, e.Body())
	}
	return model
}

func wantError(t *testing.T, what string, e client.ErrorGeneric, id string) {
	t.Helper()
	if got := e.Error.GetId(); got != id {
		t.Errorf("%s: got error id %q, want %q", what, got, id)
	}
}

func wantMessage(t *testing.T, what string, ui client.UiContainer, id int64) {
	t.Helper()
	if got := messages(ui); !slices.Contains(got, id) {
		t.Errorf("%s: got messages %v, want %d", what, got, id)
	}
}
