package httpapi_test

import (
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/gatehouse-id/gatehouse/internal/testenv"
)

// atOnce runs n submissions that start together, and returns their answers.
func atOnce(n int, submit func(i int) *testenv.Answer) []*testenv.Answer {
	answers, start := make([]*testenv.Answer, n), make(chan struct{})
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			<-start
			answers[i] = submit(i)
		})
	}
	close(start)
	wg.Wait()
	return answers
}

// TestOneAddressOneAccount: of many who register an address at once, one wins.
func TestOneAddressOneAccount(t *testing.T) {
	e := testenv.New(t)
	for round := range 5 {
		const rivals = 16
		flows := make([]*testenv.Answer, rivals)
		for i := range flows {
			flows[i] = e.App().Start("registration", "")
		}
		won := 0
		for _, a := range atOnce(rivals, func(i int) *testenv.Answer {
			return e.App().Submit("registration", flows[i], testenv.NewAccount(fmt.Sprintf("same-%d@example.org", round)))
		}) {
			if a.Status == 200 {
				won++
				continue
			}
			wantMessages(t, a, 4000007)
		}
		if won != 1 {
			t.Errorf("round %d: %d have won, want 1", round, won)
		}
	}
	if n := identityCount(t, e); n != 5 {
		t.Errorf("%d identities, want 5", n)
	}
}

// TestOneFlowOneAccount: a flow that is submitted by many at once makes one account.
func TestOneFlowOneAccount(t *testing.T) {
	e := testenv.New(t)
	for round := range 5 {
		f := e.App().Start("registration", "")
		statuses := []int{}
		for _, a := range atOnce(16, func(i int) *testenv.Answer {
			return e.App().Submit("registration", f, testenv.NewAccount(fmt.Sprintf("r%d-%d@example.org", round, i)))
		}) {
			statuses = append(statuses, a.Status)
		}
		slices.Sort(statuses)
		if statuses[0] != 200 || statuses[1] != 410 || statuses[15] != 410 {
			t.Errorf("round %d: got %v, want one 200 and else 410", round, statuses)
		}
	}
	if n := identityCount(t, e); n != 5 {
		t.Errorf("%d identities, want 5", n)
	}
}

// TestRejectionsDoNotCompleteAFlow: whoever types the right password while wrong
// ones are on their way is let in, once.
func TestRejectionsDoNotCompleteAFlow(t *testing.T) {
	e := testenv.New(t)
	e.SignUp("ann@example.org")
	for round := range 10 {
		f := e.App().Start("login", "")
		counts := map[int]int{}
		for _, a := range atOnce(6, func(i int) *testenv.Answer {
			password := "wrong-password"
			if i == 3 {
				password = testenv.Password
			}
			return e.App().Submit("login", f, testenv.Credentials("ann@example.org", password))
		}) {
			counts[a.Status]++
		}
		if counts[200] != 1 || counts[400]+counts[410] != 5 {
			t.Errorf("round %d: statuses %v, want one 200 and nothing over 410", round, counts)
		}
	}
}

// TestLogoutWhileRefreshing: a session that was signed out meanwhile does not come back.
func TestLogoutWhileRefreshing(t *testing.T) {
	e := testenv.New(t)
	e.SignUp("ann@example.org")
	for range 10 {
		c := e.App()
		token := c.SignIn("ann@example.org").Text("session_token")
		f := c.Start("login", "refresh=true")
		answers := atOnce(2, func(i int) *testenv.Answer {
			if i == 0 {
				return e.App().Do("DELETE", "/self-service/logout/api", "application/json", []byte(`{"session_token":"`+token+`"}`))
			}
			return c.Submit("login", f, testenv.Credentials("ann@example.org", testenv.Password))
		})
		wantStatus(t, answers[0], 204)
		if answers[1].Status == 200 && answers[1].Text("session_token") != token {
			continue // it came after the logout and is a login of its own
		}
		if a := c.Get("/sessions/whoami"); a.Status != 401 {
			t.Errorf("after the logout (refresh: %d): whoami says %d", answers[1].Status, a.Status)
		}
	}
}
