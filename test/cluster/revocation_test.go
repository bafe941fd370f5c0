package cluster

import (
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/gatehouse-id/gatehouse/internal/testenv"
	"github.com/gatehouse-id/gatehouse/test/harness"
)

// staleness is the default of the Caddyfile's setting: the longest that a revoked session may live on.
const staleness = 2 * time.Second

func TestLogoutReachesTheOtherNode(t *testing.T) {
	const rounds, usual = 15, 100 * time.Millisecond
	a, b, _ := pair(t)
	signUp(t, a, "ann@example.org")
	for _, door := range doors {
		t.Run(door[1:], func(t *testing.T) {
			var took []time.Duration
			for range rounds {
				token := signIn(t, a, "ann@example.org")
				known(t, bearer(t, b, token))
				signOut(t, a, token)
				took = append(took, untilRefused(t, bearer(t, b, token), door))
			}
			slices.Sort(took)
			median, slowest := took[rounds/2], took[rounds-1]
			t.Logf("refused after %v at the median, %v at the slowest", median, slowest)
			if median >= usual {
				t.Errorf("median: got %v, want less than %v", median, usual)
			}
			if slowest >= staleness {
				t.Errorf("slowest: got %v, want less than %v", slowest, staleness)
			}
		})
	}
}

// known makes a node remember a session, so that its answers come from memory.
func known(t *testing.T, app *testenv.Client) {
	t.Helper()
	for _, door := range doors {
		for range 2 {
			if a := app.Get(door); a.Status != http.StatusOK {
				t.Fatalf("%s with a good session: got %d, want 200: %s", door, a.Status, a.Body)
			}
		}
	}
}

// untilRefused asks until a session that was revoked just now is refused.
func untilRefused(t *testing.T, app *testenv.Client, door string) time.Duration {
	t.Helper()
	revoked := time.Now()
	for {
		asked := time.Since(revoked)
		switch a := app.Get(door); {
		case a.Status == http.StatusUnauthorized:
			return time.Since(revoked)
		case a.Status != http.StatusOK:
			t.Fatalf("%s with a revoked session: got %d, want 401: %s", door, a.Status, a.Body)
		case asked > staleness:
			t.Fatalf("%s: a session is good %v after its revocation", door, asked)
		}
	}
}

func TestDeletedIdentityIsRefusedAtTheOtherNode(t *testing.T) {
	a, b, _ := pair(t)
	app := bearer(t, b, signUp(t, a, "zoe@example.org"))
	known(t, app)
	id := app.Get("/sessions/whoami").Text("identity", "id")
	if gone := a.Env(t).App().Do(http.MethodDelete, a.Admin+"/admin/identities/"+id, "", nil); gone.Status != http.StatusNoContent {
		t.Fatalf("deleting the identity: %d %s", gone.Status, gone.Body)
	}
	for _, door := range doors {
		untilRefused(t, app, door)
	}
}

// A network that loses every packet tells nobody. The node must notice by itself.
func TestNodeThatIsCutOffRefuses(t *testing.T) {
	a, b, link := pair(t)
	for fault, f := range map[string]struct{ on, off func() }{
		"silence": {link.Pause, link.Resume},
		"refused": {func() { link.Refuse(true) }, func() { link.Refuse(false) }},
	} {
		t.Run(fault, func(t *testing.T) {
			revoked := signUp(t, a, fault+"-revoked@example.org")
			good := signUp(t, a, fault+"-good@example.org")
			known(t, bearer(t, b, revoked))
			known(t, bearer(t, b, good))

			f.on()
			signOut(t, a, revoked)
			untilUnavailable(t, b, revoked)
			for _, token := range []string{revoked, good} {
				for _, door := range doors {
					if got := bearer(t, b, token).Get(door); got.Status != http.StatusServiceUnavailable {
						t.Errorf("%s while cut off: got %d, want 503: %s", door, got.Status, got.Body)
					}
				}
			}
			if got := b.Env(t).App().Get("/health/alive"); got.Status != http.StatusOK {
				t.Errorf("alive while cut off: got %d, want 200", got.Status)
			}
			if got := b.Env(t).App().Get("/health/ready"); got.Status != http.StatusServiceUnavailable {
				t.Errorf("ready while cut off: got %d, want 503", got.Status)
			}

			f.off()
			for _, door := range doors {
				recovers(t, bearer(t, b, good), door, http.StatusOK)
				recovers(t, bearer(t, b, revoked), door, http.StatusUnauthorized)
			}
		})
	}
}

// untilUnavailable asks at the doors of a node without a store. The session was
// revoked elsewhere just now: no answer may let it in after the staleness, and
// once the node has doubts, it must not forget them.
func untilUnavailable(t *testing.T, gw *harness.Process, token string) {
	t.Helper()
	revoked, app := time.Now(), bearer(t, gw, token)
	doubts := map[string]bool{}
	for asked := time.Duration(0); asked <= staleness; {
		for _, door := range doors {
			asked = time.Since(revoked)
			switch a := app.Get(door); {
			case a.Status == http.StatusServiceUnavailable:
				doubts[door] = true
			case a.Status != http.StatusOK:
				t.Fatalf("%s: got %d, want 503: %s", door, a.Status, a.Body)
			case asked > staleness:
				t.Fatalf("%s: a session is good %v after its revocation", door, asked)
			case doubts[door]:
				t.Fatalf("%s: got 200 after 503, without news", door)
			}
		}
	}
}

// recovers waits until a door tells good from revoked again, and lets no wrong answer pass.
func recovers(t *testing.T, app *testenv.Client, door string, want int) {
	t.Helper()
	harness.Eventually(t, fmt.Sprintf("%s answers %d", door, want), func() bool {
		a := app.Get(door)
		if a.Status != want && a.Status != http.StatusServiceUnavailable {
			t.Fatalf("%s: got %d, want %d or 503 before it: %s", door, a.Status, want, a.Body)
		}
		return a.Status == want
	})
}
