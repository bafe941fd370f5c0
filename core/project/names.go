package project

import (
	"crypto/rand"
	"errors"
	"fmt"
	"math/big"
	"net/netip"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/net/idna"

	"github.com/gatehouse-id/gatehouse/core/apierror"
)

// Words that slugs are made of: short, and hard to read anything into.
var (
	adjectives = strings.Fields("amber brave bright calm clever cosy early gentle golden green happy kind lively lucky mellow noble quick quiet silver sunny swift tidy warm wise")
	nouns      = strings.Fields("badger beaver birch brook cedar crane dune falcon fern finch harbor heron lark lynx maple meadow otter pine raven reed robin sparrow swan willow")
)

// slugTail keeps slugs from being guessed or taken: 30 bits.
const slugTail = 6

// NewSlug makes a random slug such as "brave-otter-7qk2mz".
func NewSlug() string {
	return pick(adjectives) + "-" + pick(nouns) + "-" + strings.ToLower(rand.Text()[:slugTail])
}

func pick(words []string) string {
	n, err := rand.Int(rand.Reader, big.NewInt(int64(len(words))))
	if err != nil {
		return words[0] // unreachable: crypto/rand does not fail; the tail is random all the same
	}
	return words[n.Int64()]
}

// reservedSlugs are names that people would take for the installation's own.
var reservedSlugs = []string{"admin", "api", "auth", "console", "default", "gatehouse", "login", "mail", "project", "projects", "root", "static", "www"}

var slugForm = regexp.MustCompile(`^[a-z0-9](?:[a-z0-9-]{1,38})[a-z0-9]$`)

// CheckSlug refuses what can't be the first label of a host. Errors are for the client.
func CheckSlug(slug string) error {
	switch {
	case !slugForm.MatchString(slug) || strings.Contains(slug, "--"):
		return apierror.BadRequest("slug: %q can't be a part of a host name: use 3 to 40 of a-z, 0-9 and single hyphens, which may not begin or end it.", cut(slug))
	case slices.Contains(reservedSlugs, slug):
		return apierror.BadRequest("slug: %q is reserved. Choose another one.", slug)
	}
	return nil
}

var errHostForm = errors.New("write a host name such as login.example.org, without scheme, port and path")

// NormalizeHost brings a host name into the form in which names are compared: lower case, ASCII (RFC 5891), no trailing
// dot. It refuses addresses, wildcards and what is no public name; errors are for people.
func NormalizeHost(host string) (string, error) {
	name := strings.TrimSuffix(strings.TrimSpace(host), ".")
	switch {
	case strings.Contains(name, "*"):
		return "", fmt.Errorf("%q has a wildcard: name each host", cut(name))
	case name == "" || strings.ContainsAny(name, "/:@?#% \t"):
		return "", fmt.Errorf("%q: %w", cut(name), errHostForm)
	}
	ascii, err := idna.Lookup.ToASCII(strings.ToLower(name))
	if err != nil || len(ascii) > 253 || !strings.Contains(ascii, ".") {
		return "", fmt.Errorf("%q is no host name: %w", cut(name), errHostForm)
	}
	if _, err := netip.ParseAddr(ascii); err == nil || numeric(ascii[strings.LastIndex(ascii, ".")+1:]) {
		return "", fmt.Errorf("%q is an address: a project has names", cut(name))
	}
	for label := range strings.SplitSeq(ascii, ".") {
		if label == "" || len(label) > 63 {
			return "", fmt.Errorf("%q is no host name: %w", cut(name), errHostForm)
		}
	}
	return ascii, nil
}

// numeric tells whether a last label makes clients read the whole as an address (WHATWG URL, "ends in a number").
func numeric(label string) bool {
	return strings.Trim(label, "0123456789") == "" || strings.HasPrefix(label, "0x")
}
