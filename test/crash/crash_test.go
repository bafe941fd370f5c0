// Package crash kills gateways at work: what they have acknowledged must be there afterwards.
package crash

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/gatehouse-id/gatehouse/internal/testenv"
	"github.com/gatehouse-id/gatehouse/test/harness"
)

func TestMain(m *testing.M) { harness.Main(m) }

// people is who was told that they are registered, with their session tokens.
type people struct {
	mu     sync.Mutex // guards tokens
	tokens map[string]string
}

func (p *people) add(email, token string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.tokens[email] = token
}

func (p *people) count() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.tokens)
}

func TestAcknowledgedRegistrationsSurviveKill(t *testing.T) {
	const kills, each = 3, 150
	gw := harness.Start(t, harness.Options{})
	registered := &people{tokens: map[string]string{}}
	for round := range kills {
		killDuringRegistrations(t, gw, registered, round, (round+1)*each)
		gw.Restart()
		t.Logf("kill %d: %d acknowledged", round+1, registered.count())
		for email, token := range registered.tokens {
			if err := signIn(gw.URL, email); err != nil {
				t.Fatalf("kill %d: logging in %s: %v", round+1, email, err)
			}
			if a, err := ask(http.MethodGet, gw.URL+"/sessions/whoami", token, nil); err != nil || a.Identity.Traits.Email != email {
				t.Fatalf("kill %d: whoami of %s: got %+v, %v", round+1, email, a, err)
			}
		}
	}
}

// killDuringRegistrations lets people register side by side, and kills the
// process in the middle of it, when enough of them were acknowledged.
func killDuringRegistrations(t *testing.T, gw *harness.Process, registered *people, round, enough int) {
	t.Helper()
	const workers = 16
	var all sync.WaitGroup
	for worker := range workers {
		all.Go(func() {
			for n := 0; ; n++ {
				email := fmt.Sprintf("p%d-%d-%d@example.org", round, worker, n)
				token, err := signUp(gw.URL, email)
				if err != nil {
					if errors.As(err, new(*refusal)) {
						t.Error(err)
					}
					return // killed
				}
				registered.add(email, token)
			}
		})
	}
	harness.Eventually(t, "enough people are registered", func() bool { return registered.count() >= enough })
	gw.Kill()
	all.Wait()
}

func TestRestartKeepsBrowsersSignedIn(t *testing.T) {
	// No secret is configured: the node has made one up, and must find it again.
	kratos := strings.Replace(harness.Kratos, "secrets:\n  default: [a-secret-of-the-tests-0123456789]\n", "", 1)
	gw := harness.Start(t, harness.Options{Kratos: kratos})
	browser := gw.Env(t).SPA()
	done := browser.Submit("registration", browser.Start("registration", ""), testenv.NewAccount("ann@example.org"))
	if done.Status != http.StatusOK {
		t.Fatalf("registering: %d %s", done.Status, done.Body)
	}
	open := gw.Env(t).SPA()
	form := open.Start("login", "")
	for name, end := range map[string]func(){"stop": gw.Stop, "kill": gw.Kill} {
		end()
		gw.Restart()
		if who := browser.Get("/sessions/whoami"); who.Text("identity", "traits", "email") != "ann@example.org" {
			t.Errorf("whoami after %s: got %d, want the session of before: %s", name, who.Status, who.Body)
		}
		if again := open.Fetch("login", form.Text("id")); again.Status != http.StatusOK {
			t.Errorf("the form that was open before %s: got %d, want 200: %s", name, again.Status, again.Body)
		}
	}
}

// answer is what the stories read of answers.
type answer struct {
	ID       string `json:"id"`
	Token    string `json:"session_token"`
	Identity struct {
		Traits struct {
			Email string `json:"email"`
		} `json:"traits"`
	} `json:"identity"`
}

// refusal is an answer, and not the silence of a process that was killed.
type refusal struct{ text string }

func (r *refusal) Error() string { return r.text }

func signUp(url, email string) (token string, err error) {
	return submit(url, "registration", map[string]any{"method": "password", "password": testenv.Password, "traits": map[string]any{"email": email}})
}

func signIn(url, email string) error {
	_, err := submit(url, "login", map[string]any{"method": "password", "password": testenv.Password, "identifier": email})
	return err
}

func submit(url, kind string, fields map[string]any) (token string, err error) {
	flow, err := ask(http.MethodGet, url+"/self-service/"+kind+"/api", "", nil)
	if err != nil {
		return "", err
	}
	done, err := ask(http.MethodPost, url+"/self-service/"+kind+"?flow="+flow.ID, "", fields)
	return done.Token, err
}

// ask sends a request. It is called side by side, so it leaves errors to its caller.
func ask(method, url, token string, fields map[string]any) (a answer, err error) {
	body, err := json.Marshal(fields)
	if err != nil {
		return a, err
	}
	req, err := http.NewRequest(method, url, bytes.NewReader(body))
	if err != nil {
		return a, err
	}
	req.Header.Set("Content-Type", "application/json")
	if token != "" {
		req.Header.Set("X-Session-Token", token)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return a, err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		return a, err
	}
	if res.StatusCode != http.StatusOK {
		return a, &refusal{fmt.Sprintf("%s %s: %d %s", method, url, res.StatusCode, text)}
	}
	return a, json.Unmarshal(text, &a)
}
