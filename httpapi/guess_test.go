package httpapi_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gatehouse-id/gatehouse/core/config"
	"github.com/gatehouse-id/gatehouse/internal/gateway"
	"github.com/gatehouse-id/gatehouse/internal/testenv"
)

// fromHeader tells the gateway of a test where a request comes from.
const fromHeader = "X-Test-From"

func sources(_ *config.Config, o *gateway.Options) {
	o.ClientIP = func(r *http.Request) string { return r.Header.Get(fromHeader) }
}

// guessing is a client at an address.
func guessing(e *testenv.Env, from string) *testenv.Client {
	c := e.App()
	c.Header.Set(fromHeader, from)
	return c
}

func try(c *testenv.Client, email, password string) *testenv.Answer {
	return c.Submit("login", c.Start("login", ""), testenv.Credentials(email, password))
}

// tell is the message of a refused sign-in.
func tell(a *testenv.Answer) string { return fmt.Sprint(a.Status, a.Text("ui", "messages", 0, "text")) }

// TestPasswordsAreNotGuessedAtWill guesses from another address each time, on both mounts:
// all count together, and an account that doesn't exist is slowed as others are.
func TestPasswordsAreNotGuessedAtWill(t *testing.T) {
	e := testenv.New(t, sources)
	e.SignUp("ann@example.org")
	said := map[string][]string{}
	for _, who := range []string{"ann@example.org", "nobody@example.org"} {
		for n := range 12 {
			c := guessing(e, fmt.Sprintf("198.51.100.%d", n))
			if n%2 == 1 {
				c = c.On("/api/kratos/public")
			}
			spelling := who
			if n%3 == 1 {
				spelling = strings.ToUpper(who)
			}
			said[who] = append(said[who], tell(try(c, spelling, "Wrong-Password-1")))
		}
	}
	if fmt.Sprint(said["ann@example.org"]) != fmt.Sprint(said["nobody@example.org"]) {
		t.Errorf("guesses at somebody are answered with\n%v\nand at nobody with\n%v", said["ann@example.org"], said["nobody@example.org"])
	}
	for n, text := range said["ann@example.org"] {
		if slowed := strings.Contains(text, "wait a minute"); slowed != (n >= 10) {
			t.Errorf("guess %d: got %q", n+1, text)
		}
	}
	if a := try(guessing(e, "203.0.113.1"), "ann@example.org", testenv.Password); a.Status != http.StatusBadRequest {
		t.Errorf("the right password in between: got %d, want it not to be compared", a.Status)
	}
	e.Advance(31 * time.Second)
	if a := try(guessing(e, "203.0.113.1"), "ann@example.org", testenv.Password); a.Status != http.StatusOK {
		t.Errorf("the right password after the wait: got %d %s", a.Status, a.Body)
	}
	if a := try(guessing(e, "198.51.100.1"), "ann@example.org", "Wrong-Password-1"); strings.Contains(tell(a), "wait") {
		t.Errorf("a wrong password after a right one: got %q, want no wait", tell(a))
	}
}

// TestOwnersGetInWhileStrangersGuess: nobody is locked out by somebody else.
func TestOwnersGetInWhileStrangersGuess(t *testing.T) {
	e := testenv.New(t, sources)
	e.SignUp("ann@example.org")
	home := guessing(e, "192.0.2.10")
	token := try(home, "ann@example.org", testenv.Password).Text("session_token")
	for range 30 {
		try(guessing(e, "198.51.100.1"), "ann@example.org", "Wrong-Password-1")
	}

	if a := try(home, "ann@example.org", testenv.Password); a.Status != http.StatusOK {
		t.Errorf("from where the account is known: got %d %s", a.Status, a.Body)
	}
	home.Header.Set("X-Session-Token", token)
	if a := home.Get("/sessions/whoami"); a.Status != http.StatusOK {
		t.Errorf("the session of before: got %d", a.Status)
	}
	if a := try(guessing(e, "198.51.100.1"), "ann@example.org", "Wrong-Password-1"); !strings.Contains(tell(a), "wait") {
		t.Errorf("strangers after that: got %q, want them to wait on", tell(a))
	}
	for n := range 11 {
		home := guessing(e, "192.0.2.10")
		if got := tell(try(home, "ann@example.org", "Wrong-Password-1")); strings.Contains(got, "wait") != (n == 10) {
			t.Errorf("guess %d from a known address: got %q", n+1, got)
		}
	}
}

// TestManyProgramsSignInAtOnce with one account, as the clients of a service do.
func TestManyProgramsSignInAtOnce(t *testing.T) {
	e := testenv.New(t, sources)
	e.SignUp("ann@example.org")
	var all sync.WaitGroup
	for range 40 {
		all.Go(func() {
			if a := try(guessing(e, "192.0.2.10"), "ann@example.org", testenv.Password); a.Status != http.StatusOK {
				t.Errorf("got %d %s", a.Status, a.Body)
			}
		})
	}
	all.Wait()
}
