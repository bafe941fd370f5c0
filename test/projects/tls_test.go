package projects

import (
	"crypto/tls"
	"io/fs"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gatehouse-id/gatehouse/test/harness"
)

// secure is a site that gets certificates for hosts as they come, and keeps them in the store.
const secure = `{
	storage gatehouse
	skip_install_trust
	auto_https disable_redirects
	on_demand_tls {
		permission gatehouse
	}
	gatehouse {
		config kratos.yml
		base_url https://console.localhost:{$PORT_1}
		projects {
			domain projects.localhost
		}
	}
}
https://:{$PORT_1} {
	bind 127.0.0.1
	tls internal {
		on_demand
	}
	gatehouse
}
http://127.0.0.1:{$PUBLIC_PORT} {
	gatehouse
}
http://127.0.0.1:{$ADMIN_PORT} {
	gatehouse_admin {
		auth off
	}
}
`

// handshake is what the gateway shows for a name: its certificate, and that of its authority.
func handshake(gw *harness.Process, host string) (certificate, authority string, err error) {
	// Who signed it is the test's question, not a condition.
	c, err := tls.Dial("tcp", "127.0.0.1:"+gw.Port("PORT_1"), &tls.Config{ServerName: host, InsecureSkipVerify: true}) //nolint:gosec // see above
	if err != nil {
		return "", "", err
	}
	defer c.Close()
	chain := c.ConnectionState().PeerCertificates
	return string(chain[0].Raw), string(chain[len(chain)-1].Raw), nil
}

func TestProjectHasACertificateOfItsOwnFromTheStore(t *testing.T) {
	gw := harness.Start(t, harness.Options{Caddyfile: secure})
	op := operate(t, gw)
	if _, _, err := handshake(gw, "shop.projects.localhost"); err == nil {
		t.Error("a certificate was made for a project that isn't there")
	}
	made := op.must(http.StatusCreated, http.MethodPost, "/projects", revision("Shop", settings{"slug": "shop", "hosts": []string{"login.shop.example"}}))
	before, authority := map[string]string{}, ""
	for _, host := range []string{"shop.projects.localhost", "login.shop.example", "console.localhost"} {
		certificate, by, err := handshake(gw, host)
		if err != nil {
			t.Fatalf("%s: %v", host, err)
		}
		before[host], authority = certificate, by
	}
	if _, _, err := handshake(gw, "elsewhere.example"); err == nil {
		t.Error("a certificate was made for any name")
	}

	// All of it is in the store: nothing on the disk, and a restart finds what there was.
	_ = filepath.WalkDir(filepath.Join(gw.Dir, "data"), func(path string, _ fs.DirEntry, _ error) error {
		if strings.HasSuffix(path, ".crt") || strings.HasSuffix(path, ".key") {
			t.Errorf("%s is on the disk", path)
		}
		return nil
	})
	gw.Stop()
	gw.Restart()
	for host, want := range before {
		certificate, by, err := handshake(gw, host)
		if err != nil || certificate != want || by != authority {
			t.Errorf("%s after a restart: got %v, another certificate %t, another authority %t", host, err, certificate != want, by != authority)
		}
	}

	op.must(http.StatusNoContent, http.MethodDelete, "/projects/"+made.Text("id"), nil)
	if gw.KeysBelow(t, "certs/files/") == 0 {
		t.Error("there are no certificates in the store")
	}
}

// TestConfigurationIsValidatedBesideTheServer: the store is in use, and nothing is to be read from it.
func TestConfigurationIsValidatedBesideTheServer(t *testing.T) {
	gw := harness.Start(t, harness.Options{Caddyfile: secure})
	if got := gw.Command("validate", "--config", "Caddyfile"); got.Code != 0 {
		t.Errorf("validate: %d\n%s", got.Code, got.Stderr)
	}
}

// TestStorageCommandsSayWhatIsMissing: Caddy gives them a storage without its app.
func TestStorageCommandsSayWhatIsMissing(t *testing.T) {
	gw := harness.Start(t, harness.Options{Caddyfile: secure})
	got := gw.Command("storage", "export", "--config", "Caddyfile", "--output", "certificates.tar")
	if got.Code == 0 || harness.Panicked(got.Stderr) || !strings.Contains(got.Stderr, "a snapshot of etcd") {
		t.Errorf("storage export: %d\n%s", got.Code, got.Stderr)
	}
}
