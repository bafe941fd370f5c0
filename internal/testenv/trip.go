package testenv

import (
	"net/http"
	"strings"
)

// Via is a browser that chooses a provider in a fresh form, goes there, and comes back. The
// provider sends it back at once, as those of package optest do.
func (c *Client) Via(kind, provider string) *Answer {
	c.T.Helper()
	field := "provider"
	if kind == "settings" {
		field = "link"
	}
	away := c.Submit(kind, c.Start(kind, ""), Fields{"method": "oidc", field: provider})
	to := away.Location()
	if to == "" {
		to = away.Text("redirect_browser_to")
	}
	if !strings.Contains(to, "/authorize?") {
		c.T.Fatalf("choosing a provider: %d to %q: %s", away.Status, to, away.Body)
	}
	there := c.Do(http.MethodGet, to, "", nil)
	if there.Status != http.StatusFound {
		c.T.Fatalf("at the provider: %d %s", there.Status, there.Body)
	}
	return c.Do(http.MethodGet, there.Location(), "", nil)
}
