package testenv

import (
	"net/http"
	"time"

	"github.com/pquerna/otp/totp"

	"github.com/gatehouse-id/gatehouse/core/config"
	"github.com/gatehouse-id/gatehouse/core/secret"
	"github.com/gatehouse-id/gatehouse/internal/gateway"
	"github.com/gatehouse-id/gatehouse/storage/kv"
)

// Cluster starts n gateways that share one store, keys and configuration.
func Cluster(n int, start func(node Option) *Env) []*Env {
	store, keys := kv.NewMemory(), secret.RandomKeys()
	nodes := make([]*Env, n)
	for i := range nodes {
		nodes[i] = start(func(_ *config.Config, o *gateway.Options) { o.KV, o.Keys = store, keys })
	}
	return nodes
}

// AppCode is what an authenticator app with the secret shows at a time.
func (e *Env) AppCode(secret string, at time.Time) string {
	e.T.Helper()
	code, err := totp.GenerateCode(secret, at)
	if err != nil {
		e.T.Fatalf("making a code of the secret %q: %v", secret, err)
	}
	return code
}

// AddApp sets up an authenticator app for the person whose client it is, and returns its secret.
func (c *Client) AddApp() string {
	c.T.Helper()
	f := c.Start("settings", "")
	text, _ := f.Node("totp_secret_key")["attributes"].(map[string]any)
	shown, _ := text["text"].(map[string]any)
	secret, _ := shown["text"].(string)
	a := c.Submit("settings", f, Fields{"method": "totp", "totp_code": c.AppCode(secret, c.Now())})
	if a.Status != http.StatusOK && a.Status != http.StatusSeeOther {
		c.T.Fatalf("adding an authenticator app: %d %s", a.Status, a.Body)
	}
	return secret
}

// AddBackupCodes sets up backup codes for the person whose client it is, and returns them.
func (c *Client) AddBackupCodes() []string {
	c.T.Helper()
	f := c.Start("settings", "")
	f = c.Submit("settings", f, Fields{"method": "lookup_secret", "lookup_secret_regenerate": "true"})
	codes := f.BackupCodes()
	a := c.Submit("settings", f, Fields{"method": "lookup_secret", "lookup_secret_confirm": "true"})
	if a.Status != http.StatusOK {
		c.T.Fatalf("adding backup codes: %d %s", a.Status, a.Body)
	}
	return codes
}

// BackupCodes are the codes that a settings form lists, with "" for used ones.
func (a *Answer) BackupCodes() []string {
	at, _ := a.Node("lookup_secret_codes")["attributes"].(map[string]any)
	text, _ := at["text"].(map[string]any)
	context, _ := text["context"].(map[string]any)
	list, _ := context["secrets"].([]any)
	codes := make([]string, len(list))
	for n, v := range list {
		m, _ := v.(map[string]any)
		of, _ := m["context"].(map[string]any)
		codes[n], _ = of["secret"].(string)
	}
	return codes
}

// SecondStep submits a second factor in a new login flow.
func (c *Client) SecondStep(fields Fields) *Answer {
	c.T.Helper()
	return c.Submit("login", c.Start("login", "aal=aal2"), fields)
}
