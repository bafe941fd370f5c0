package cluster

import (
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/gatehouse-id/gatehouse/internal/testenv"
	"github.com/gatehouse-id/gatehouse/test/harness"
)

// factorPair starts two nodes of one etcd that know second factors.
func factorPair(t *testing.T) (a, b *harness.Process) {
	t.Helper()
	etcd := harness.StartEtcd(t)
	o := harness.Options{
		Caddyfile: strings.Replace(site, "ETCD", etcd.Link(t).Addr(), 1),
		Kratos:    strings.Replace(harness.Kratos, "\n  methods:\n", "\n  methods:\n    totp: {enabled: true}\n    lookup_secret: {enabled: true}\n", 1),
	}
	return harness.Start(t, o), harness.Start(t, o)
}

// TestOneOfAHundredUsesACodeOfACluster: a code is used by a hundred at once, who talk to
// two processes.
func TestOneOfAHundredUsesACodeOfACluster(t *testing.T) {
	a, b := factorPair(t)
	a.Env(t).SignUp("ann@example.org")
	owner := a.Env(t).App()
	owner.SignIn("ann@example.org")
	secret, codes := owner.AddApp(), owner.AddBackupCodes()
	for name, fields := range map[string]func() testenv.Fields{
		"authenticator app": func() testenv.Fields {
			return testenv.Fields{"method": "totp", "totp_code": owner.AppCode(secret, owner.Now())}
		},
		"backup code": func() testenv.Fields { return testenv.Fields{"method": "lookup_secret", "lookup_secret": codes[0]} },
	} {
		t.Run(name, func(t *testing.T) {
			rivals, flows := make([]*testenv.Client, 100), make([]*testenv.Answer, 100)
			for n := range rivals {
				rivals[n] = []*harness.Process{a, b}[n%2].Env(t).App()
				rivals[n].SignIn("ann@example.org")
				flows[n] = rivals[n].Start("login", "aal=aal2")
			}
			if won := together(rivals, flows, fields()); won != 1 {
				t.Errorf("%d of %d have used the code, want 1", won, len(rivals))
			}
		})
	}
}

// together submits the same fields to all flows at once, and counts the successes.
func together(clients []*testenv.Client, flows []*testenv.Answer, fields testenv.Fields) (won int) {
	var all sync.WaitGroup
	var mu sync.Mutex
	start := make(chan struct{})
	for n, c := range clients {
		all.Go(func() {
			<-start
			if c.Submit("login", flows[n], fields).Status == http.StatusOK {
				mu.Lock()
				defer mu.Unlock()
				won++
			}
		})
	}
	close(start)
	all.Wait()
	return won
}

// TestFactorOnOneNodeIsAskedForOnTheOther: whoami and the guard ask alike.
func TestFactorOnOneNodeIsAskedForOnTheOther(t *testing.T) {
	a, b := factorPair(t)
	a.Env(t).SignUp("ann@example.org")
	owner, other := a.Env(t).App(), b.Env(t).App()
	owner.SignIn("ann@example.org")
	other.SignIn("ann@example.org")
	for _, door := range doors {
		if got := other.Get(door).Status; got != http.StatusOK {
			t.Fatalf("%s before: got %d", door, got)
		}
	}
	secret := owner.AddApp()
	for _, door := range doors {
		harness.Eventually(t, door+" asks for the factor", func() bool {
			return other.Get(door).Text("error", "id") == "session_aal2_required"
		})
	}
	up := other.SecondStep(testenv.Fields{"method": "totp", "totp_code": other.AppCode(secret, other.Now())})
	if up.Status != http.StatusOK {
		t.Fatalf("the second step: %d %s", up.Status, up.Body)
	}
	for _, door := range doors {
		if got := other.Get(door).Status; got != http.StatusOK {
			t.Errorf("%s after the second step: got %d", door, got)
		}
	}
}
