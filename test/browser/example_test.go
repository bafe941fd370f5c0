// Package browser drives the built-in pages with a real Chromium, as Caddyfile.example serves them.
package browser

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gatehouse-id/gatehouse/test/harness"
)

func TestMain(m *testing.M) { harness.Main(m) }

// startExample serves Caddyfile.example on free ports and returns the URL of the guarded site.
func startExample(t *testing.T) string {
	t.Helper()
	site, _ := startExampleApp(t)
	return site
}

// startExampleApp is startExample, and also returns where the demo app is without the gateway:
// another site on the same host.
func startExampleApp(t *testing.T) (site, app string) {
	t.Helper()
	plugin := filepath.Join("plugins", "domains", "domains.wasm")
	gw := harness.Start(t, harness.Options{
		Caddyfile: strings.NewReplacer(
			":8080", ":{$PUBLIC_PORT}", ":4434", ":{$ADMIN_PORT}", ":9000", ":{$PORT_1}",
		).Replace(string(read(t, filepath.Join(harness.Root(t), "Caddyfile.example")))),
		Files: map[string][]byte{plugin: read(t, harness.Plugin(t, filepath.Dir(plugin)))},
	})
	// The example's site has a name. A cookie for the address would not be sent there.
	site = strings.Replace(gw.URL, "127.0.0.1", "localhost", 1)
	harness.Eventually(t, "the gateway is ready", func() bool {
		res, err := http.Get(site + "/health/ready")
		if err != nil {
			return false
		}
		res.Body.Close()
		return res.StatusCode == http.StatusOK && res.Header.Get("Content-Type") != ""
	})
	return site, "http://localhost:" + gw.Port("PORT_1")
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return text
}
