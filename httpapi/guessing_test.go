package httpapi_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/gatehouse-id/gatehouse/core/config"
	"github.com/gatehouse-id/gatehouse/internal/gateway"
	"github.com/gatehouse-id/gatehouse/internal/testenv"
)

// twoNodes are gateways on one store whose clocks go together.
func twoNodes(t *testing.T, options ...testenv.Option) (nodes []*testenv.Env, advance func(time.Duration)) {
	t.Helper()
	nodes = testenv.Cluster(2, func(node testenv.Option) *testenv.Env {
		return testenv.New(t, append(slices.Clone(options), node)...)
	})
	return nodes, func(d time.Duration) {
		for _, n := range nodes {
			n.Advance(d)
		}
	}
}

func TestFlowIsOverAfterTooManyWrongCodes(t *testing.T) {
	for name, most := range map[string]int{"by default": 5, "as configured": 2} {
		t.Run(name, func(t *testing.T) {
			e := testenv.New(t, func(c *config.Config, _ *gateway.Options) { c.SelfService.Flows.Login.MaxSubmissions = most })
			secret := newcomer(e.App(), "ann@example.org").AddApp()
			c := e.App()
			c.SignIn("ann@example.org")
			f := c.Start("login", "aal=aal2")
			for range most {
				wantMessages(t, c.Submit("login", f, withCode("000000")), 4000008)
				wantMessages(t, c.Submit("login", f, testenv.Fields{"method": "totp"}), 4000002) // is no guess
			}
			over := c.Submit("login", f, withCode(e.AppCode(secret, e.Now())))
			wantError(t, over, 410, "self_service_flow_expired")
			next := c.Fetch("login", over.Text("use_flow_id"))
			wantStatus(t, next, 200)
			if !slices.Equal(next.MessageIDs(), []int{4000001}) || next.Node("totp_code") == nil {
				t.Errorf("the flow to go on with: %s", next.Body)
			}
			e.Advance(time.Minute)
			wantStatus(t, c.Submit("login", next, withCode(e.AppCode(secret, e.Now()))), 200)
		})
	}
}

func TestWrongCodesSlowTheIdentityOnEveryNode(t *testing.T) {
	nodes, advance := twoNodes(t)
	owner := newcomer(nodes[0].App(), "ann@example.org")
	secret, codes := owner.AddApp(), owner.AddBackupCodes()
	thieves := []*testenv.Client{nodes[0].App(), nodes[1].App()}
	for _, c := range thieves {
		c.SignIn("ann@example.org")
	}
	for n := range 5 {
		wantMessages(t, thieves[n%2].SecondStep(withCode("000000")), 4000008)
	}
	for _, c := range thieves {
		wantMessages(t, c.SecondStep(withCode(c.AppCode(secret, c.Now()))), 4000001)
	}
	// The owner has another factor, and the session that is open.
	wantStatus(t, owner.Get("/sessions/whoami"), 200)
	in := nodes[1].App()
	in.SignIn("ann@example.org")
	wantStatus(t, in.SecondStep(withBackupCode(codes[0])), 200)

	advance(31 * time.Second)
	wantStatus(t, thieves[1].SecondStep(withCode(nodes[1].AppCode(secret, nodes[1].Now()))), 200)
	wantMessages(t, thieves[0].SecondStep(withCode("000000")), 4000008) // what was right has forgotten the rest
}

// TestAThousandGuesses: somebody knows the password and tries a thousand codes, on two
// nodes, in as many flows, for as long as it takes a person to notice.
func TestAThousandGuesses(t *testing.T) {
	nodes, advance := twoNodes(t)
	newcomer(nodes[0].App(), "ann@example.org").AddApp()
	thieves := []*testenv.Client{nodes[0].App(), nodes[1].App()}
	for _, c := range thieves {
		c.SignIn("ann@example.org")
	}
	compared := 0
	for n := range 1000 {
		a := thieves[n%2].SecondStep(withCode(fmt.Sprintf("%06d", n)))
		switch {
		case a.Status == 200:
			t.Fatalf("guess %d was right", n)
		case slices.Contains(a.MessageIDs(), 4000008):
			compared++
		default:
			wantMessages(t, a, 4000001)
		}
		advance(time.Second)
	}
	// Five are free; the waits double from half a minute: 30s, 90s, 210s, 450s, 930s.
	if compared < 5 || compared > 11 {
		t.Errorf("%d of 1000 guesses within %s were compared", compared, 1000*time.Second)
	}
}

// TestOneOfAHundredUsesACode: a code is used by a hundred at once, on two nodes.
func TestOneOfAHundredUsesACode(t *testing.T) {
	const rivals = 100
	nodes, advance := twoNodes(t)
	owner := newcomer(nodes[0].App(), "ann@example.org")
	secret, codes := owner.AddApp(), owner.AddBackupCodes()
	for name, fields := range map[string]func() testenv.Fields{
		"authenticator app": func() testenv.Fields { return withCode(owner.AppCode(secret, owner.Now())) },
		"backup code":       func() testenv.Fields { return withBackupCode(codes[0]) },
	} {
		t.Run(name, func(t *testing.T) {
			advance(time.Minute)
			clients, flows := make([]*testenv.Client, rivals), make([]*testenv.Answer, rivals)
			for n := range rivals {
				clients[n] = nodes[n%2].App()
				clients[n].SignIn("ann@example.org")
				flows[n] = clients[n].Start("login", "aal=aal2")
			}
			code := fields()
			wantOne(t, atOnce(rivals, func(i int) *testenv.Answer { return clients[i].Submit("login", flows[i], code) }))
		})
	}
}

// TestOneOfAFewUsesACode: so few that the limit of guesses plays no part.
func TestOneOfAFewUsesACode(t *testing.T) {
	nodes, advance := twoNodes(t)
	owner := newcomer(nodes[0].App(), "ann@example.org")
	secret, codes := owner.AddApp(), owner.AddBackupCodes()
	rivals := []*testenv.Client{nodes[0].App(), nodes[1].App(), nodes[0].App(), nodes[1].App()}
	for round := range 10 {
		for name, code := range map[string]func() testenv.Fields{
			"authenticator app": func() testenv.Fields { return withCode(owner.AppCode(secret, owner.Now())) },
			"backup code":       func() testenv.Fields { return withBackupCode(codes[round]) },
		} {
			t.Run(fmt.Sprint(name, " ", round), func(t *testing.T) {
				advance(30 * time.Minute)
				flows := make([]*testenv.Answer, len(rivals))
				for n, c := range rivals {
					c.Header.Del("X-Session-Token")
					c.SignIn("ann@example.org")
					flows[n] = c.Start("login", "aal=aal2")
				}
				fields := code()
				wantOne(t, atOnce(len(rivals), func(i int) *testenv.Answer { return rivals[i].Submit("login", flows[i], fields) }))
			})
		}
	}
}

// wantOne checks that one answer of many was a success, and that the others were refused.
func wantOne(t *testing.T, answers []*testenv.Answer) {
	t.Helper()
	won := 0
	for _, a := range answers {
		switch a.Status {
		case 200:
			won++
		case 400:
		default:
			t.Errorf("got %d %s", a.Status, a.Body)
		}
	}
	if won != 1 {
		t.Errorf("%d of %d have used the code, want 1", won, len(answers))
	}
}
