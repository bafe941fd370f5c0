package caddymodule

import (
	"net/url"
	"strings"
)

// Ways to treat a path that two servers could read differently.
const (
	pathsStrict  = "strict"
	pathsLenient = "lenient"
)

// pathDoubt names what gives an escaped path two readings; "" when it has one. A
// matcher that reads it one way and an upstream that reads it the other way would let
// a request pass the wrong guard.
func pathDoubt(escaped string, lenient bool) string {
	rest, inner := escaped, true
	for inner {
		var segment string
		segment, rest, inner = strings.Cut(rest, "/")
		if segment == "" {
			continue // Caddy's matchers merge slashes, as upstreams do
		}
		if doubt := segmentDoubt(segment, inner, lenient); doubt != "" {
			return doubt
		}
	}
	return ""
}

// segmentDoubt judges one segment; an inner one has others behind it.
func segmentDoubt(segment string, inner, lenient bool) string {
	decoded := segment
	if strings.Contains(segment, "%") {
		var err error
		if decoded, err = url.PathUnescape(segment); err != nil {
			return "a broken escape"
		}
	}
	if doubt := neverHonest(decoded); doubt != "" || lenient {
		return doubt
	}
	name, _, _ := strings.Cut(decoded, ";")
	switch {
	case strings.Contains(segment, ";"):
		return "a semicolon"
	case strings.Contains(decoded, "/"):
		return "an encoded slash"
	case hasEscape(decoded):
		return "an escape that is encoded again"
	case inner && (strings.HasSuffix(name, ".") || strings.HasSuffix(name, " ")):
		return "a directory that ends with a dot or blank"
	}
	return ""
}

// neverHonest finds what no browser sends for any link: they resolve dot segments
// and turn backslashes round before they ask.
func neverHonest(decoded string) string {
	plain := true
	for n := range len(decoded) {
		switch b := decoded[n]; {
		case b < ' ' || b == 0x7f:
			return "a control character"
		case b == '\\':
			return "a backslash"
		case b == '.' || b >= 0x80:
			plain = false
		}
	}
	switch {
	case plain:
		return ""
	case overlong(decoded):
		return "overlong UTF-8"
	case hasDotSegment(decoded):
		return "a dot segment"
	}
	return ""
}

// hasDotSegment finds . and .. between slashes that were encoded, before parameters
// (Tomcat reads "..;x" as "..") and before blanks (Windows drops them).
func hasDotSegment(decoded string) bool {
	for part := range strings.SplitSeq(decoded, "/") {
		part, _, _ = strings.Cut(part, ";")
		if part = strings.TrimRight(part, " "); part == "." || part == ".." {
			return true
		}
	}
	return false
}

// hasEscape finds a % with two hex digits.
func hasEscape(s string) bool {
	for n := 0; n+2 < len(s); n++ {
		if s[n] == '%' && isHex(s[n+1]) && isHex(s[n+2]) {
			return true
		}
	}
	return false
}

func isHex(b byte) bool {
	return '0' <= b && b <= '9' || 'a' <= b && b <= 'f' || 'A' <= b && b <= 'F'
}

// overlong finds characters that are encoded in more bytes than they need. A careless
// decoder reads C0 AF as a slash. Other bytes that are no UTF-8 may be Latin-1 and pass.
func overlong(s string) bool {
	for n := 0; n+1 < len(s); n++ {
		lead, next := s[n], s[n+1]
		if next < 0x80 || next > 0xbf {
			continue
		}
		if lead == 0xc0 || lead == 0xc1 || lead == 0xe0 && next < 0xa0 || lead == 0xf0 && next < 0x90 {
			return true
		}
	}
	return false
}
