package httpapi_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-id/gatehouse/core/config"
	"github.com/gatehouse-id/gatehouse/internal/optest"
	"github.com/gatehouse-id/gatehouse/internal/testenv"
)

// TestASlowProviderIsGivenUp: a person waits some seconds and not for ever, and nobody else waits with them.
func TestASlowProviderIsGivenUp(t *testing.T) {
	for _, path := range []string{"/.well-known/openid-configuration", "/token"} {
		t.Run(path, func(t *testing.T) {
			t.Parallel() // they do nothing but wait
			e, p := social(t)
			e.SignUp("ann@example.org")
			p.SignInAs(claims("1", "olga@example.org"))
			reached := make(chan struct{}, 8)
			p.Turn(func(k *optest.Knobs) {
				k.Instead = map[string]http.HandlerFunc{path: func(_ http.ResponseWriter, r *http.Request) {
					_, _ = io.Copy(io.Discard, r.Body) // else the server doesn't see that nobody waits any more
					reached <- struct{}{}
					<-r.Context().Done()
				}}
			})
			b, answered := e.Browser(), make(chan *testenv.Answer, 1)
			begin := time.Now()
			go func() {
				a := b.Submit("login", b.Start("login", ""), chooseAcme)
				if strings.Contains(a.Location(), "/authorize?") {
					a = b.Do(http.MethodGet, b.Do(http.MethodGet, a.Location(), "", nil).Location(), "", nil)
				}
				answered <- a
			}()
			<-reached
			e.Browser().SignIn("ann@example.org")
			select {
			case <-answered:
				t.Error("the person did not wait for the provider")
			default:
			}
			a := <-answered
			if took := time.Since(begin); took > 15*time.Second {
				t.Errorf("the person has waited for %v", took)
			}
			refusedByForm(t, b, a, "login")
		})
	}
}

func TestUserinfoThatBreaksTheRulesSignsNobodyIn(t *testing.T) {
	says := func(contentType, body string, status int) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", contentType)
			w.WriteHeader(status)
			_, _ = w.Write([]byte(body))
		}
	}
	for name, h := range map[string]http.HandlerFunc{
		"of somebody else":     says("application/json", `{"sub":"2","email":"pia@example.org"}`, 200),
		"of nobody":            says("application/json", `{"email":"olga@example.org"}`, 200),
		"no JSON":              says("application/json", `{"sub":"1",`, 200),
		"no object":            says("application/json", `["1"]`, 200),
		"a page":               says("text/html", `{"sub":"1","email":"olga@example.org"}`, 200),
		"of 5 MB":              says("application/json", `{"sub":"1","bio":"`+strings.Repeat("a", 5<<20)+`"}`, 200),
		"an error":             says("application/json", `{"sub":"1","email":"olga@example.org"}`, 500),
		"an error of its user": says("application/json", `{"sub":"1","error":"tulip-9431"}`, 403),
	} {
		t.Run(name, func(t *testing.T) {
			p := optest.New(t)
			e := testenv.New(t, providers(map[string]*optest.Provider{"acme": p}, func(c *config.OIDCProvider) { c.ClaimsSource = "userinfo" }))
			p.SignInAs(claims("1", "olga@example.org"))
			p.Turn(func(k *optest.Knobs) { k.Instead = map[string]http.HandlerFunc{"/userinfo": h} })
			b := e.Browser()
			refusedByForm(t, b, via(t, b, "login", chooseAcme), "login")
			if strings.Contains(e.Log.String(), "tulip") || strings.Contains(e.Log.String(), "olga@") {
				t.Errorf("the log repeats what the provider says: %s", e.Log.String())
			}
			p.Turn(func(k *optest.Knobs) { k.Instead = nil })
			home(t, b, via(t, b, "login", chooseAcme))
		})
	}
}
