package httpapi

import (
	"net/url"
	"slices"
	"strings"

	"github.com/gatehouse-id/gatehouse/core/selfservice"
)

// fromForeignPage tells whether the request was made by a page that may not submit our
// forms, as the browser itself says. The CSRF token alone does not hold against a page
// of a neighbouring domain: that can plant a CSRF cookie and know its token.
//
// Clients that are no browsers send none of these headers, and are believed.
func (c *call) fromForeignPage() bool {
	site, origin := c.r.Header.Get("Sec-Fetch-Site"), c.r.Header["Origin"]
	switch {
	case site == "same-origin":
		return false
	case len(origin) == 0:
		return site == "cross-site"
	case len(origin) > 1:
		return true
	case origin[0] == "null":
		return site == "cross-site" || !c.s.formsElsewhere()
	}
	return !c.isOurs(origin[0])
}

// isOurs tells whether pages of an origin may submit forms: the gateway's own, the one
// the request was sent to, those that show the forms, and those that CORS lists by name.
func (c *call) isOurs(origin string) bool {
	origin = strings.ToLower(origin)
	scheme, host, _ := strings.Cut(origin, "://")
	if strings.EqualFold(host, c.r.Host) && (scheme == "https" || c.r.TLS == nil) {
		return true
	}
	if c.m.admin {
		return origin == originOf(c.s.adminURL())
	}
	return origin == originOf(c.s.PublicURL()) || slices.Contains(c.s.formOrigins(), origin) ||
		c.s.Config().Serve.Public.CORS.Enabled && c.s.listedOrigin(origin)
}

// formOrigins are the origins of the pages that show the forms; "" stands for pages of
// the gateway itself.
func (s *Server) formOrigins() []string {
	var out []string
	for _, k := range selfservice.Kinds() {
		out = append(out, originOf(s.Engine.UIURL(k)))
	}
	return out
}

// formsElsewhere tells whether forms are shown by another origin. Its pages may send
// "Origin: null", by the referrer policy that many frameworks set; ours don't.
func (s *Server) formsElsewhere() bool {
	own := originOf(s.PublicURL())
	return slices.ContainsFunc(s.formOrigins(), func(o string) bool { return o != "" && o != own })
}

// originOf is the origin of a configured URL in the form of the header; "" for a path.
func originOf(raw string) string {
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" {
		return ""
	}
	port := u.Port()
	if port == "80" && u.Scheme == "http" || port == "443" && u.Scheme == "https" {
		u.Host = strings.TrimSuffix(u.Host, ":"+port)
	}
	return strings.ToLower(u.Scheme + "://" + u.Host)
}
