package selfservice

import (
	"net/url"
	"path"
	"strings"

	"github.com/gatehouse-id/gatehouse/core/apierror"
)

// ReturnTo checks a return_to parameter against the allow-list and returns it in
// absolute, parsed and re-written form; "" stays "". base is the mount's URL:
// its self-service paths are always allowed.
//
// Everything with two readings is refused: control characters, backslashes,
// user info, a missing host ("//host", "https:host"), dot segments, and letters in
// a host that a browser would turn into others.
func (e *Engine) ReturnTo(raw, base string) (string, error) {
	if raw == "" {
		return "", nil
	}
	c := e.Config()
	u, ok := parseReturnTo(raw, c.SelfService.DefaultBrowserReturnURL, base)
	if ok {
		for _, a := range append([]string{base + "/self-service", e.Home}, c.SelfService.AllowedReturnURLs...) {
			if a != "" && allows(a, base, u) {
				return u.String(), nil
			}
		}
	}
	return "", apierror.ReturnToForbidden(shorten(raw))
}

// parseReturnTo parses strictly and resolves a path against the default return URL.
func parseReturnTo(raw, def, base string) (*url.URL, bool) {
	if len(raw) > 2048 || strings.ContainsFunc(raw, func(r rune) bool { return r <= ' ' || r == 0x7f || r == '\\' }) {
		return nil, false
	}
	u, err := url.Parse(raw)
	if err != nil || u.User != nil || u.Opaque != "" {
		return nil, false
	}
	if u.Host == "" {
		if u.Scheme != "" || !strings.HasPrefix(raw, "/") || strings.HasPrefix(raw, "//") {
			return nil, false
		}
		d := absolute(def, base)
		if d == nil {
			return nil, false
		}
		u.Scheme, u.Host = d.Scheme, d.Host
	}
	if u.Scheme != "http" && u.Scheme != "https" || !plainHost(u.Host) || hasDots(u.Path) || strings.Contains(u.Path, "\\") {
		return nil, false
	}
	return u, true
}

// absolute parses a configured URL, resolving paths against base; nil when it can't be.
func absolute(configured, base string) *url.URL {
	b, err := url.Parse(base)
	if err != nil {
		return nil
	}
	u, err := b.Parse(configured)
	if err != nil || u.Host == "" {
		return nil
	}
	return u
}

// plainHost tells whether a host is spelled in the letters that survive every
// parser: browsers map "。" to a dot and full-width letters to plain ones.
func plainHost(host string) bool {
	return !strings.ContainsFunc(host, func(r rune) bool {
		return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune("-._:[]", r))
	})
}

func hasDots(p string) bool {
	return p != "" && path.Clean(p) != strings.TrimSuffix(p, "/") && p != "/"
}

// allows compares scheme and host (with port) exactly, ignoring case, or with a
// leading "*." wildcard, and the path by whole segments.
func allows(allowed, base string, u *url.URL) bool {
	a := absolute(allowed, base)
	if a == nil || !strings.EqualFold(a.Scheme, u.Scheme) || !hostAllows(a.Host, u.Host) {
		return false
	}
	p := strings.TrimSuffix(a.Path, "/")
	return p == "" || u.Path == p || strings.HasPrefix(u.Path, p+"/")
}

func hostAllows(allowed, host string) bool {
	allowed, host = lower(allowed), lower(host)
	if rest, ok := strings.CutPrefix(allowed, "*"); ok {
		// "*" and "*.com" would allow everything; a wildcard needs two labels behind it.
		return strings.Count(rest, ".") >= 2 && strings.HasPrefix(rest, ".") && strings.HasSuffix(host, rest) && len(host) > len(rest)
	}
	return allowed == host
}

// DefaultReturnURL is where a browser goes when a flow names no other place,
// absolute. configured is the kind's own setting and may be empty.
func (e *Engine) DefaultReturnURL(configured, base string) string {
	for _, c := range []string{configured, e.Config().SelfService.DefaultBrowserReturnURL} {
		if c == "" {
			continue
		}
		if u := absolute(c, base); u != nil {
			return u.String()
		}
	}
	return base + "/"
}
