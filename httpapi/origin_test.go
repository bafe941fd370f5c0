package httpapi_test

import (
	"strings"
	"testing"

	"github.com/gatehouse-id/gatehouse/core/config"
	"github.com/gatehouse-id/gatehouse/internal/gateway"
	"github.com/gatehouse-id/gatehouse/internal/testenv"
)

// from are the headers by which a browser tells where a request comes from.
type from struct{ origin, site string }

func (f from) submit(c *testenv.Client, kind string, fields map[string]any) *testenv.Answer {
	flow := c.Start(kind, "")
	for name, v := range map[string]string{"Origin": f.origin, "Sec-Fetch-Site": f.site} {
		if v != "" {
			c.Header.Set(name, v)
		}
	}
	return c.Submit(kind, flow, fields)
}

// TestFormsAreForOurPages: a neighbouring domain can plant a CSRF cookie whose token it
// knows, so the token is not enough.
func TestFormsAreForOurPages(t *testing.T) {
	elsewhere := func(c *config.Config, _ *gateway.Options) {
		c.SelfService.Flows.Login.UIURL = "https://ui.example.org/login"
	}
	spa := func(c *config.Config, _ *gateway.Options) {
		c.Serve.Public.CORS.Enabled = true
		c.Serve.Public.CORS.AllowedOrigins = []string{"*", "https://*.app.example"}
	}
	for name, test := range map[string]struct {
		options testenv.Option
		from    from
		refused bool
	}{
		"no browser":                           {},
		"our page":                             {from: from{"OWN", "same-origin"}},
		"our page in an old browser":           {from: from{"OWN", ""}},
		"our page that hides itself":           {from: from{"null", "same-origin"}},
		"typed into the address bar":           {from: from{"", "none"}},
		"another site":                         {from: from{"https://evil.example", "cross-site"}, refused: true},
		"another site that hides itself":       {from: from{"null", "cross-site"}, refused: true},
		"another site without an origin":       {from: from{"", "cross-site"}, refused: true},
		"a neighbour":                          {from: from{"https://evil.example.org", "same-site"}, refused: true},
		"a neighbour that hides itself":        {from: from{"null", "same-site"}, refused: true},
		"somebody who hides":                   {from: from{"null", ""}, refused: true},
		"our origin with a tail":               {from: from{"OWN.evil.example", ""}, refused: true},
		"the pages that show the forms":        {elsewhere, from{"https://ui.example.org", "same-site"}, false},
		"those pages, hiding themselves":       {elsewhere, from{"null", "same-site"}, false},
		"a sandbox, where forms are elsewhere": {elsewhere, from{"null", "cross-site"}, true},
		"a listed app":                         {spa, from{"https://my.app.example", "cross-site"}, false},
		"an app that only a star lists":        {spa, from{"https://evil.example", "cross-site"}, true},
	} {
		t.Run(name, func(t *testing.T) {
			options := []testenv.Option{}
			if test.options != nil {
				options = append(options, test.options)
			}
			e := testenv.New(t, options...)
			e.SignUp("ann@example.org")
			test.from.origin = strings.Replace(test.from.origin, "OWN", e.URL, 1)
			a := test.from.submit(e.SPA(), "login", testenv.Credentials("ann@example.org", testenv.Password))
			if !test.refused {
				wantStatus(t, a, 200)
				return
			}
			wantError(t, a, 403, "security_csrf_violation")
		})
	}
}

// TestPagesDoNotChangeThroughTheAdminAPI: it asks nobody who they are, so a page in the
// browser of an operator must not reach it.
func TestPagesDoNotChangeThroughTheAdminAPI(t *testing.T) {
	e := testenv.New(t)
	post := func(f from) int {
		c := e.App()
		c.Header.Set("Origin", f.origin)
		c.Header.Set("Sec-Fetch-Site", f.site)
		return c.Do("POST", e.Admin+"/admin/identities", "text/plain", []byte(`{"schema_id":"default","traits":{"email":"mallory@example.org"}}`)).Status
	}
	for _, f := range []from{{"https://evil.example", "cross-site"}, {"null", "cross-site"}, {"https://evil.example", ""}} {
		if got := post(f); got != 403 {
			t.Errorf("%+v: got %d, want 403", f, got)
		}
	}
	if n := identityCount(t, e); n != 0 {
		t.Errorf("%d identities were made", n)
	}
	if got := post(from{e.Admin, "same-origin"}); got == 403 {
		t.Error("a console on the admin API's own origin is refused")
	}
}
