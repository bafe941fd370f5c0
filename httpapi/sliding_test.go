package httpapi_test

import (
	"testing"
	"time"

	"github.com/gatehouse-id/gatehouse/core/config"
	"github.com/gatehouse-id/gatehouse/internal/gateway"
	"github.com/gatehouse-id/gatehouse/internal/testenv"
)

// TestSlidingSessions: with the option, whoever keeps coming back stays signed in, and
// the browser keeps the cookie that long.
func TestSlidingSessions(t *testing.T) {
	e := testenv.New(t, func(c *config.Config, _ *gateway.Options) { c.Session.Sliding = true })
	e.SignUp("ann@example.org")
	ann := e.SPA()
	signedIn := ann.SignIn("ann@example.org")
	wantStatus(t, signedIn, 200)
	if k := sessionCookie(signedIn); k == nil || k.MaxAge < 300*24*3600 {
		t.Errorf("got the cookie %v, want one that outlives the first lifespan", k)
	}
	since := ann.Get("/sessions/whoami").Text("authenticated_at")
	for day := range 3 {
		before := ann.Get("/sessions/whoami").Text("expires_at")
		e.Advance(20 * time.Hour)
		wantExtended(t, ann, before)
		if a := ann.Get("/sessions/whoami"); a.Text("authenticated_at") != since {
			t.Errorf("day %d: signed in %s, want still %s", day, a.Text("authenticated_at"), since)
		}
	}
	e.Advance(25 * time.Hour)
	wantStatus(t, ann.Get("/sessions/whoami"), 401)
}

// wantExtended waits for a session to end later than before.
func wantExtended(t *testing.T, c *testenv.Client, before string) {
	t.Helper()
	for start := time.Now(); time.Since(start) < 10*time.Second; time.Sleep(5 * time.Millisecond) {
		a := c.Get("/sessions/whoami")
		wantStatus(t, a, 200)
		if a.Text("expires_at") != before {
			return
		}
	}
	t.Fatalf("the session still ends at %s", before)
}

func TestSessionsEndWithoutTheOption(t *testing.T) {
	e := testenv.New(t)
	e.SignUp("ann@example.org")
	ann := e.App()
	ann.SignIn("ann@example.org")
	e.Advance(23 * time.Hour)
	wantStatus(t, ann.Get("/sessions/whoami"), 200)
	e.Advance(2 * time.Hour)
	wantStatus(t, ann.Get("/sessions/whoami"), 401)
}
