package pages

import (
	"net/url"
	"regexp"
	"strings"
)

// CSP returns the Content-Security-Policy of every page: nothing runs or loads but the pages' own assets.
//
// formAction lists the origins, beside this site, that a submitted form may end up on, such as "https://app.example".
// Chromium applies form-action to the redirects after a POST too: with 'self' alone it would stop a successful sign-in
// that returns to another origin, or a social sign-in on its way to the provider, and show nothing. So pass the origins
// of the allowed return URLs and of the providers; full URLs are cut down to their origin, "https:" allows any.
// A source that is none of these is left out, since it could add directives of its own.
func CSP(formAction ...string) string {
	sources := []string{"'self'"}
	for _, raw := range formAction {
		if source, ok := formSource(raw); ok {
			sources = append(sources, source)
		}
	}
	return "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; form-action " +
		strings.Join(sources, " ") + "; frame-ancestors 'none'; base-uri 'none'"
}

// hostSource is a host with an optional port; the first label may be a wildcard, as in return URL patterns.
var hostSource = regexp.MustCompile(`^(\*\.)?([a-zA-Z0-9_-]+(\.[a-zA-Z0-9_-]+)*|\[[0-9a-fA-F:]+\])(:[0-9]{1,5})?$`)

func formSource(raw string) (string, bool) {
	if raw == "https:" || raw == "http:" {
		return raw, true
	}
	u, err := url.Parse(raw)
	if err != nil || (u.Scheme != "https" && u.Scheme != "http") || !hostSource.MatchString(u.Host) {
		return "", false
	}
	return u.Scheme + "://" + u.Host, true
}
