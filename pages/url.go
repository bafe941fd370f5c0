package pages

import (
	"html/template"
	"net/url"
	"regexp"
	"strings"
)

// linkURL returns raw as a URL that may stand in href, action or src, an absolute http(s) URL or a path of this site,
// and "" when it is neither.
// Everything else is refused: javascript: and data: run in our origin, //host and \host leave it unseen, and user@host
// only serves to look like another site.
func linkURL(raw string) (template.URL, bool) {
	if strings.ContainsFunc(raw, unsafeInURL) {
		return "", false
	}
	u, err := url.Parse(raw)
	if err != nil || u.User != nil || u.Opaque != "" {
		return "", false
	}
	isWeb := (u.Scheme == "http" || u.Scheme == "https") && u.Host != ""
	isPath := u.Scheme == "" && strings.HasPrefix(raw, "/") && !strings.HasPrefix(raw, "//")
	if !isWeb && !isPath {
		return "", false
	}
	return template.URL(raw), true //nolint:gosec // checked: the rule is about unchecked text
}

// unsafeInURL reports characters that browsers drop or rewrite before they parse a URL: with them, what was checked is
// not what is used ("java\nscript:", "/\host").
func unsafeInURL(r rune) bool { return r <= ' ' || r == '\\' || r == 0x7f }

// dataImage matches pictures that cannot carry script. SVG stays out although <img> would not run it: "open image in new
// tab" would.
var dataImage = regexp.MustCompile(`^data:image/(png|jpeg|gif|webp);base64,[A-Za-z0-9+/]+={0,2}$`)

// imageURL returns raw as a URL that may stand in the src of an image.
func imageURL(raw string) (template.URL, bool) {
	if dataImage.MatchString(raw) {
		return template.URL(raw), true //nolint:gosec // matched in full
	}
	return linkURL(raw)
}

// scriptURL returns raw as the source of a script: only from this site or from the origin the form is sent to.
func scriptURL(raw, action string) (template.URL, bool) {
	src, ok := linkURL(raw)
	if !ok || strings.HasPrefix(raw, "/") {
		return src, ok
	}
	if origin(raw) != origin(action) {
		return "", false
	}
	return src, true
}

func origin(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return ""
	}
	return strings.ToLower(u.Scheme + "://" + u.Host)
}

// withReturnTo adds return_to to a link. Links that cannot be used become empty.
func withReturnTo(raw, returnTo string) template.URL {
	link, ok := linkURL(raw)
	if !ok {
		return ""
	}
	if _, ok := linkURL(returnTo); !ok {
		return link
	}
	u, err := url.Parse(raw)
	if err != nil {
		return ""
	}
	q := u.Query()
	q.Set("return_to", returnTo)
	u.RawQuery = q.Encode()
	return template.URL(u.String()) //nolint:gosec // linkURL took it, and only the query changed
}
