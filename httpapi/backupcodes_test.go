package httpapi_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/gatehouse-id/gatehouse/internal/testenv"
	"github.com/gatehouse-id/gatehouse/storage/kv"
)

// wantNodes checks which buttons of backup codes a settings form has.
func wantNodes(t *testing.T, a *testenv.Answer, want ...string) {
	t.Helper()
	var got []string
	for _, name := range []string{"reveal", "regenerate", "codes", "confirm", "disable"} {
		if a.Node("lookup_secret_"+name) != nil {
			got = append(got, name)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("got the nodes %v, want %v: %s", got, want, a.Body)
	}
}

func button(name string) testenv.Fields { return testenv.Fields{"lookup_secret_" + name: "true"} }

func TestLifeOfBackupCodes(t *testing.T) {
	onBothMounts(t, func(t *testing.T, e *testenv.Env, mount string) {
		c := newcomer(e.App().On(mount), "ann@example.org")
		f := c.Start("settings", "")
		wantNodes(t, f, "regenerate")

		made := c.Submit("settings", f, button("regenerate"))
		wantStatus(t, made, 200)
		wantNodes(t, made, "codes", "confirm")
		codes := made.BackupCodes()
		if text := strings.Join(codes, " "); !regexp.MustCompile(`^([a-z0-9]{8} ){11}[a-z0-9]{8}$`).MatchString(text) {
			t.Fatalf("got the codes %q", text)
		}
		if shown := c.Fetch("settings", f.Text("id")); !slices.Equal(shown.BackupCodes(), codes) {
			t.Errorf("shown again, the form has the codes %v", shown.BackupCodes())
		}
		if factors(c.Get(mount+"/sessions/whoami")) != "password" {
			t.Error("codes that nobody confirmed count")
		}

		saved := c.Submit("settings", f, button("confirm"))
		wantStatus(t, saved, 200)
		wantNodes(t, saved, "reveal", "disable")
		if factors(c.Get(mount+"/sessions/whoami")) != "password lookup_secret" {
			t.Error("the session that made the codes has not got the factor")
		}
		if strings.Contains(string(c.Fetch("settings", f.Text("id")).Body), codes[0]) {
			t.Error("the codes are shown after they were confirmed")
		}

		other := e.App().On(mount)
		other.SignIn("ann@example.org")
		wantStatus(t, other.SecondStep(withBackupCode(strings.ToUpper(codes[3][:4])+"-"+codes[3][4:])), 200)

		open := c.Submit("settings", c.Start("settings", ""), button("reveal"))
		wantStatus(t, open, 200)
		wantNodes(t, open, "regenerate", "codes", "disable")
		for n, shown := range open.BackupCodes() {
			if want := codes[n][:2]; n != 3 && !strings.HasPrefix(shown, want) || n == 3 && shown != "" || shown == codes[n] {
				t.Errorf("code %d: %q is shown as %q", n, codes[n], shown)
			}
		}

		off := c.Submit("settings", c.Start("settings", ""), button("disable"))
		wantStatus(t, off, 200)
		wantNodes(t, off, "regenerate")
	})
}

func TestBackupCodeSignsInOnce(t *testing.T) {
	onBothMounts(t, func(t *testing.T, e *testenv.Env, mount string) {
		codes := newcomer(e.App().On(mount), "ann@example.org").AddBackupCodes()
		next := func() *testenv.Client { c := e.App().On(mount); c.SignIn("ann@example.org"); return c }
		wantStatus(t, next().SecondStep(withBackupCode(codes[0])), 200)
		wantMessages(t, next().SecondStep(withBackupCode(codes[0])), 4000012)
		unknown := 4000016
		if mount == seedMount {
			unknown = 4000012 // the seed has one id for both
		}
		wantMessages(t, next().SecondStep(withBackupCode("abcdefgh")), unknown)
		c := next()
		f := c.Start("login", "aal=aal2")
		if label := f.Node("lookup_secret")["meta"].(map[string]any)["label"].(map[string]any); label["context"].(map[string]any)["codes_left"] != 11.0 {
			t.Errorf("the form does not tell how many codes are left: %v", label)
		}
		wantStatus(t, c.Submit("login", f, withBackupCode(codes[1])), 200)
	})
}

func TestNewBackupCodesReplaceTheOldOnes(t *testing.T) {
	e := testenv.New(t)
	c := newcomer(e.App(), "ann@example.org")
	old := c.AddBackupCodes()
	second := c.AddBackupCodes()
	in := e.App()
	in.SignIn("ann@example.org")
	wantMessages(t, in.SecondStep(withBackupCode(old[0])), 4000016)
	wantStatus(t, in.SecondStep(withBackupCode(second[0])), 200)
}

// TestOldCodesCountUntilNewOnesAreConfirmed: who closes the page too early is not locked out.
func TestOldCodesCountUntilNewOnesAreConfirmed(t *testing.T) {
	e := testenv.New(t)
	c := newcomer(e.App(), "ann@example.org")
	old := c.AddBackupCodes()
	made := c.Submit("settings", c.Start("settings", ""), button("regenerate"))
	in := e.App()
	in.SignIn("ann@example.org")
	wantMessages(t, in.SecondStep(withBackupCode(made.BackupCodes()[0])), 4000016)
	wantStatus(t, in.SecondStep(withBackupCode(old[0])), 200)
}

// TestUsedUpCodesLockNobodyOut: with the last code the factor is gone.
func TestUsedUpCodesLockNobodyOut(t *testing.T) {
	e := testenv.New(t)
	codes := newcomer(e.App(), "ann@example.org").AddBackupCodes()
	for _, code := range codes {
		c := e.App()
		c.SignIn("ann@example.org")
		wantStatus(t, c.SecondStep(withBackupCode(code)), 200)
	}
	c := e.App()
	c.SignIn("ann@example.org")
	wantStatus(t, c.Get("/sessions/whoami"), 200)
	wantNodes(t, c.Start("settings", ""), "regenerate")
}

func TestButtonsOfBackupCodesOutOfOrder(t *testing.T) {
	onBothMounts(t, func(t *testing.T, e *testenv.Env, mount string) {
		c := newcomer(e.App().On(mount), "ann@example.org")
		wantMessages(t, c.Submit("settings", c.Start("settings", ""), button("confirm")), 4000001)
		wantMessages(t, c.Submit("settings", c.Start("settings", ""), button("reveal")), 4000001)
		wantMessages(t, c.Submit("settings", c.Start("settings", ""), testenv.Fields{"method": "lookup_secret"}), 4010004)
		wantStatus(t, c.Submit("settings", c.Start("settings", ""), button("disable")), 200)

		// Codes are confirmed in the flow that shows them, and once.
		f := c.Start("settings", "")
		wantStatus(t, c.Submit("settings", f, button("regenerate")), 200)
		wantMessages(t, c.Submit("settings", c.Start("settings", ""), button("confirm")), 4000001)
		wantStatus(t, c.Submit("settings", f, button("confirm")), 200)
		wantMessages(t, c.Submit("settings", f, button("confirm")), 4000001)
	})
}

// TestFactorsAreUnreadableAtRest: whoever has the store has neither secrets nor codes, not
// even those that are still being shown.
func TestFactorsAreUnreadableAtRest(t *testing.T) {
	e := testenv.New(t)
	c := newcomer(e.App(), "ann@example.org")
	secrets := append(c.AddBackupCodes(), c.AddApp())
	shown := c.Submit("settings", c.Start("settings", ""), button("regenerate"))
	secrets = append(secrets, shown.BackupCodes()...)
	s, err := e.KV.List(t.Context(), "", kv.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range s.Entries {
		for _, secret := range secrets {
			if strings.Contains(string(entry.Value), secret) {
				t.Errorf("%s holds %q", entry.Key, secret)
			}
		}
	}
	if log := e.Log.String(); slices.ContainsFunc(secrets, func(s string) bool { return strings.Contains(log, s) }) {
		t.Error("a secret is in the log")
	}
}
