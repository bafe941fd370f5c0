package httpapi

import (
	"errors"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"github.com/gatehouse-id/gatehouse/core/apierror"
	"github.com/gatehouse-id/gatehouse/core/project"
	"github.com/gatehouse-id/gatehouse/core/selfservice"
)

// What the admin API says to those it does not let in. Unknown, revoked and expired
// tokens are one case: which of them it was is not the sender's business.
var (
	errNoToken = apierror.Unauthorized("The admin API needs a personal access token: send it as \"Authorization: Bearer ory_pat_…\". " +
		"\"gatehouse token create\" makes one on the machine of the server.")
	errBadToken = apierror.Unauthorized("The personal access token is unknown, revoked or expired. " +
		"\"gatehouse token create\" makes a new one on the machine of the server.")
	errStrangeHost = apierror.Forbidden("The admin API asks for no token here, so it answers only to the names it is configured with, to localhost and " +
		"to IP addresses: a page of another site could have its name lead here. Set serve.admin.base_url to the URL that you use.")
)

// admit decides whether a request may reach the route it is for.
func (c *call) admit() error {
	if !c.m.admin || isProbe(c.path) || firstSegment(c.path) == "schemas" {
		return nil
	}
	err := c.authorize()
	if err == nil && unsafeMethod(c.r.Method) && c.fromForeignPage() {
		// A page in the browser of somebody inside the house.
		err = selfservice.ErrForeignPage
	}
	if err != nil {
		c.log(event{action: "admin", result: refused, reason: reasonOf(err)})
	}
	return err
}

// isProbe tells whether a path is for those who only look whether the server lives.
func isProbe(path string) bool {
	return slices.ContainsFunc(probeRoutes, func(rt route) bool { return strings.HasSuffix(rt.pattern, " "+path) })
}

// authorize asks for a token that allows the operation. Where no token is asked for, it
// refuses names that the site doesn't have: a browser sends the name by which it was led
// here, which is how DNS rebinding shows.
func (c *call) authorize() error {
	if c.m.open {
		if c.strangeHost() {
			return errStrangeHost
		}
		return nil
	}
	t, err := c.s.Access.Check(c.r.Context(), bearer(c.r.Header["Authorization"]))
	switch {
	case errors.Is(err, project.ErrNotFound):
		c.w.Header().Set("WWW-Authenticate", `Bearer realm="gatehouse admin API"`)
		if len(c.r.Header["Authorization"]) == 0 {
			return errNoToken
		}
		return errBadToken
	case err != nil:
		return apierror.Unavailable(err, "The token can't be checked at the moment.")
	}
	c.token = t
	if needed := project.Needed(c.area(), unsafeMethod(c.r.Method)); !t.Allows(needed) {
		return apierror.Forbidden("The personal access token doesn't have the scope %s.", needed)
	}
	return nil
}

// area is the part of the admin API that the request is about.
func (c *call) area() string {
	if c.m.prefix == projectsMount {
		return "projects"
	}
	return firstSegment(c.path)
}

// bearer is the token of the one Authorization header; "" when there isn't one.
func bearer(headers []string) string {
	if len(headers) != 1 {
		return ""
	}
	scheme, token, _ := strings.Cut(headers[0], " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.Trim(token, " ")
}

// strangeHost tells whether the request names a host that nobody gave to this server.
func (c *call) strangeHost() bool {
	host := strings.ToLower((&url.URL{Host: c.r.Host}).Hostname())
	host = strings.TrimSuffix(host, ".")
	if _, err := netip.ParseAddr(host); err == nil || host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return false
	}
	for _, known := range []string{c.s.adminURL(), c.s.PublicURL()} {
		if u, err := url.Parse(known); err == nil && host != "" && strings.EqualFold(u.Hostname(), host) {
			return false
		}
	}
	return true
}
