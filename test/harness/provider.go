package harness

import (
	"fmt"
	"net/http"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

// Provider is a real OpenID provider that isn't running yet: the gateway's configuration
// has to name it, and it has to know where the gateway is.
type Provider struct {
	Issuer string
	listen string
}

// Who the provider knows, and the client that it knows.
const (
	ProviderClient   = "gatehouse"
	ProviderSecret   = "tulip-9431"
	ProviderUser     = "test-user@127.0.0.1"
	ProviderPassword = "verysecure"
	ProviderEmail    = "test-user@zitadel.ch" // which it has verified
)

// NewProvider finds a place for a provider.
func NewProvider(tb testing.TB) *Provider {
	tb.Helper()
	at := "127.0.0.1:" + freePort(tb)
	return &Provider{Issuer: "http://" + at + "/", listen: at}
}

// Start runs the provider until the test ends. It sends browsers back to one URI only.
func (p *Provider) Start(tb testing.TB, redirect string) {
	tb.Helper()
	path, err := providerBinary()
	if err != nil {
		tb.Fatal(err)
	}
	cmd := exec.Command(path, p.listen, redirect)
	if err := cmd.Start(); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		_ = cmd.Process.Kill() // it may have ended by itself
		_ = cmd.Wait()
	})
	Eventually(tb, "the provider is ready", func() bool {
		res, err := http.Get(p.Issuer + ".well-known/openid-configuration")
		if err != nil {
			return false
		}
		res.Body.Close()
		return res.StatusCode == http.StatusOK
	})
}

// providerBinary builds the module of its own that the provider is.
var providerBinary = sync.OnceValues(func() (string, error) {
	dir, err := root()
	if err != nil {
		return "", err
	}
	made := filepath.Join(scratch, "provider")
	cmd := exec.Command("go", "build", "-o", made, ".")
	cmd.Dir = filepath.Join(dir, "test", "provider")
	if text, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building the OpenID provider: %w\n%s", err, text)
	}
	return made, nil
})
