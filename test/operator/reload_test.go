package operator

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gatehouse-id/gatehouse/test/harness"
)

// rewrite replaces a file of a process in one step, as editors do.
func rewrite(t *testing.T, gw *harness.Process, name, text string) {
	t.Helper()
	next := filepath.Join(gw.Dir, name+".next")
	if err := os.WriteFile(next, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(next, filepath.Join(gw.Dir, name)); err != nil {
		t.Fatal(err)
	}
}

// closedRegistration is the configuration of the tests, changed so that everybody sees it.
var closedRegistration = strings.Replace(harness.Kratos, "    registration:\n", "    registration:\n      enabled: false\n", 1)

// registrationStatus is 0 when there is no answer: Caddy drops connections that wait to be accepted when it reloads.
func registrationStatus(t *testing.T, gw *harness.Process) int {
	t.Helper()
	for range 3 {
		res, err := http.Get(gw.URL + "/self-service/registration/api")
		if err == nil {
			res.Body.Close()
			return res.StatusCode
		}
	}
	return 0
}

// stayingSignedIn asks who a session is, over and over, until stopped; it returns how often
// the answer was another than 200.
func stayingSignedIn(gw *harness.Process, token string) (stop func() (asked, refused int64)) {
	var asked, refused atomic.Int64
	var done atomic.Bool
	var all sync.WaitGroup
	for range 2 {
		all.Go(func() {
			client := &http.Client{Timeout: 10 * time.Second}
			for !done.Load() {
				req, err := http.NewRequest(http.MethodGet, gw.URL+"/sessions/whoami", nil)
				if err != nil {
					return
				}
				req.Header.Set("X-Session-Token", token)
				res, err := client.Do(req)
				if err != nil {
					continue // the listener that a reload replaces drops who has just come, with any Caddy
				}
				res.Body.Close()
				asked.Add(1)
				if res.StatusCode != http.StatusOK {
					refused.Add(1)
				}
			}
		})
	}
	return func() (int64, int64) {
		done.Store(true)
		all.Wait()
		return asked.Load(), refused.Load()
	}
}

// TestKratosDocumentIsWatched edits a kratos.yml while somebody is signed in: well, badly
// and well again.
func TestKratosDocumentIsWatched(t *testing.T) {
	gw := harness.Start(t, harness.Options{Adapter: "kratos", Flags: []string{"--watch"}})
	stop := stayingSignedIn(gw, gw.Env(t).App().SignUp("someone@example.org").Text("session_token"))

	rewrite(t, gw, "kratos.yml", closedRegistration)
	harness.Eventually(t, "registration is switched off", func() bool { return registrationStatus(t, gw) == http.StatusBadRequest })

	for _, bad := range []struct{ text, told string }{
		{strings.Replace(closedRegistration, "selfservice:", "selfservise:", 1), "selfservise: nobody knows this key"},
		{closedRegistration + "ciphers:\n  algorithm: aes\n", "secrets.cipher: is empty"},
		{strings.Replace(closedRegistration, "identity.schema.json", "gone.json", 1), "identity.schemas[0].url: "},
	} {
		rewrite(t, gw, "kratos.yml", bad.text)
		harness.Eventually(t, "the log says "+bad.told, func() bool { return strings.Contains(gw.Log(), bad.told) })
		if got := registrationStatus(t, gw); got != http.StatusBadRequest {
			t.Errorf("%s: registration answers %d, want the configuration from before", bad.told, got)
		}
	}

	rewrite(t, gw, "kratos.yml", harness.Kratos)
	harness.Eventually(t, "registration is switched on", func() bool { return registrationStatus(t, gw) == http.StatusOK })
	if asked, refused := stop(); refused > 0 || asked < 10 {
		t.Errorf("%d of %d answers to somebody who is signed in were not 200", refused, asked)
	}
}

// TestReloadReadsTheDocumentAnew: the Caddyfile is what it was, the kratos.yml it names is not.
func TestReloadReadsTheDocumentAnew(t *testing.T) {
	gw := harness.Start(t, harness.Options{})
	rewrite(t, gw, "kratos.yml", closedRegistration)
	if r := gw.Command("reload", "--config", "Caddyfile"); r.Code != 0 {
		t.Fatalf("reload: %d\n%s", r.Code, r.Stderr)
	}
	if got := registrationStatus(t, gw); got != http.StatusBadRequest {
		t.Errorf("registration answers %d, want it switched off", got)
	}
	rewrite(t, gw, "kratos.yml", harness.Kratos+"ciphers:\n  algorithm: aes\n")
	if r := gw.Command("reload", "--config", "Caddyfile"); r.Code == 0 || !strings.Contains(r.Stderr, "kratos.yml:2: secrets.cipher") {
		t.Errorf("reload of a bad document: %d\n%s", r.Code, r.Stderr)
	}
	if got := registrationStatus(t, gw); got != http.StatusBadRequest {
		t.Errorf("registration answers %d, want the configuration from before", got)
	}
}
