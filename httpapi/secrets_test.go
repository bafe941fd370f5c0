package httpapi_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/gatehouse-id/gatehouse/internal/testenv"
	"github.com/gatehouse-id/gatehouse/storage/kv"
)

// TestSecretsStayOut runs a life with everything a client must keep to itself, and
// then looks for it in the log and in the store.
func TestSecretsStayOut(t *testing.T) {
	e := testenv.New(t)
	var secrets []string
	for name, c := range clients(e, "") {
		email := name + "@example.org"
		c.Header.Set("User-Agent", "test")
		reg := c.Start("registration", "return_to="+url.QueryEscape("https://app.example/in"))
		c.Submit("registration", reg, testenv.Fields{"method": "password", "password": "Rejected1", "traits.email": "no address"})
		e.SignUp(email)
		wrong := c.Start("login", "")
		c.Submit("login", wrong, testenv.Credentials(email, "Wrong-Password-1"))
		in := c.SignIn(email)
		secrets = append(secrets, in.Text("session_token"), reg.CSRF(), wrong.CSRF())
		for _, k := range in.Header["Set-Cookie"] {
			_, value, _ := strings.Cut(strings.Split(k, ";")[0], "=")
			secrets = append(secrets, value)
		}
		out := c.Get("/self-service/logout/browser")
		secrets = append(secrets, out.Text("logout_token"))
		c.Get("/self-service/logout?token=" + out.Text("logout_token"))
	}
	secrets = append(secrets, testenv.Password, "Rejected1", "Wrong-Password-1")
	log, stored := e.Log.String(), everythingStored(t, e)
	for _, s := range secrets {
		if s == "" {
			continue
		}
		if strings.Contains(log, s) {
			t.Errorf("the log holds %q", s)
		}
		if strings.Contains(stored, s) {
			t.Errorf("the store holds %q", s)
		}
	}
	if strings.Contains(log, "example.org") {
		t.Errorf("the log holds addresses: %s", log)
	}
}

func everythingStored(t *testing.T, e *testenv.Env) string {
	t.Helper()
	s, err := e.KV.List(t.Context(), "", kv.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, entry := range s.Entries {
		b.WriteString(entry.Key)
		b.Write(entry.Value)
	}
	return b.String()
}
