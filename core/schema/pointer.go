package schema

import (
	"regexp"
	"strings"
)

var (
	pointerEscaper   = strings.NewReplacer("~", "~0", "/", "~1")
	pointerUnescaper = strings.NewReplacer("~1", "/", "~0", "~")
)

func escapePointer(key string) string       { return pointerEscaper.Replace(key) }
func unescapePointer(segment string) string { return pointerUnescaper.Replace(segment) }

// join adds a key to a dotted path; a dot inside the key is written "\.".
func join(path, key string) string {
	key = strings.ReplaceAll(key, ".", `\.`)
	if path == "" {
		return key
	}
	return path + "." + key
}

// dotted is the dotted path of a JSON pointer, without the indices of arrays.
func dotted(pointer string) string {
	path := ""
	for _, seg := range strings.Split(strings.Trim(pointer, "/"), "/") {
		if seg != "" && !isIndex(seg) {
			path = join(path, unescapePointer(seg))
		}
	}
	return path
}

func isIndex(segment string) bool {
	return strings.Trim(segment, "0123456789") == ""
}

// matchesAny reports whether a key fits one of the patterns of a patternProperties object.
func matchesAny(patterns *node, key string) bool {
	if patterns == nil {
		return false
	}
	for _, p := range patterns.keys {
		// The compiler accepted the pattern already.
		if re, err := regexp.Compile(p); err == nil && re.MatchString(key) {
			return true
		}
	}
	return false
}
