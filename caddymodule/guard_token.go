package caddymodule

import (
	"net/http"
	"slices"
	"strings"

	"github.com/gatehouse-id/gatehouse/core/secret"
)

// stripSession removes everything from a request that could be used to act as the
// person: an upstream needs to know who it is, not how to become them.
func stripSession(h http.Header, ownCookies []string) {
	delete(h, "X-Session-Token")
	delete(h, "X-Session-Cookie")
	if _, ok := h["Cookie"]; ok {
		stripCookies(h, ownCookies)
	}
	if auth, ok := h["Authorization"]; ok && slices.ContainsFunc(auth, bearsSession) {
		delete(h, "Authorization")
	}
}

// bearsSession tells a session token of ours from a bearer token that is meant for
// the upstream.
func bearsSession(authorization string) bool {
	scheme, token, ok := strings.Cut(authorization, " ")
	return ok && strings.EqualFold(scheme, "bearer") && strings.HasPrefix(strings.TrimSpace(token), secret.SessionPrefix)
}

// stripCookies removes cookies by name and keeps every byte of the others.
func stripCookies(h http.Header, names []string) {
	kept := h["Cookie"][:0]
	for _, line := range h["Cookie"] {
		if line = withoutCookies(line, names); line != "" {
			kept = append(kept, line)
		}
	}
	if len(kept) == 0 {
		delete(h, "Cookie")
		return
	}
	h["Cookie"] = kept
}

// withoutCookies removes the cookies with one of the names from a Cookie header.
func withoutCookies(line string, names []string) string {
	const blank = " \t\r\n" // what net/http trims
	var kept strings.Builder
	for rest, more := line, true; more; {
		var part string
		part, rest, more = strings.Cut(rest, ";")
		name, _, _ := strings.Cut(part, "=")
		if slices.Contains(names, strings.Trim(name, blank)) {
			continue
		}
		if kept.Len() == 0 {
			kept.Grow(len(line))
			part = strings.TrimLeft(part, blank)
		} else {
			kept.WriteByte(';')
		}
		kept.WriteString(part)
	}
	return kept.String()
}
