// Package ceremony makes and checks the public keys of WebAuthn: what a browser is asked for, and whether its answer proves a key.
//
// It knows no form and stores nothing. A challenge is a keyed hash of what it is good for, so
// one that nobody answers costs nothing; that it is answered once is up to the flow, whose
// Round it is bound to.
package ceremony

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"

	"github.com/gatehouse-id/gatehouse/core/secret"
)

// Verification says whether an authenticator has to check who is using it, by a PIN or a finger.
type Verification string

// Verifications; "preferred" takes what the authenticator can do.
const (
	Required    Verification = "required"
	Preferred   Verification = "preferred"
	Discouraged Verification = "discouraged"
)

// Settings are the relying party: the site that keys are made for.
type Settings struct {
	ID      string // a domain; "" means the host of Site
	Name    string // for people; "" means the domain
	Origins []string
	Site    string // the URL the site is served at
	// Discoverable asks for keys that sign in somebody who has named nobody.
	Discoverable bool
	Verification Verification // "" means preferred
}

// Party runs ceremonies. It is safe for concurrent use.
type Party struct {
	library      *webauthn.WebAuthn
	keys         *secret.Keys
	origins      []string
	discoverable bool
	verification protocol.UserVerificationRequirement
}

// ErrNoDomain says that the site has no name that browsers make keys for: they don't for IP addresses.
var ErrNoDomain = errors.New("the site has no domain to make keys for")

// NewParty checks the settings. ErrNoDomain when there is nothing to make keys for.
func NewParty(s Settings, keys *secret.Keys) (*Party, error) {
	site, err := url.Parse(s.Site)
	if err != nil {
		return nil, fmt.Errorf("reading the URL of the site: %w", err)
	}
	id := cmp.Or(s.ID, site.Hostname())
	if id == "" || net.ParseIP(strings.Trim(id, "[]")) != nil {
		return nil, ErrNoDomain
	}
	origins, err := origins(s, id, site)
	if err != nil {
		return nil, err
	}
	library, err := webauthn.New(&webauthn.Config{
		RPID: id, RPDisplayName: cmp.Or(s.Name, id), RPOrigins: origins,
		ExtensionsUnsolicitedOutputPolicy: protocol.UnsolicitedOutputPolicyIgnore, // nothing here reads one
	})
	if err != nil {
		return nil, fmt.Errorf("rp.id %q: %w", id, err)
	}
	return &Party{
		library: library, keys: keys, origins: origins, discoverable: s.Discoverable,
		verification: protocol.UserVerificationRequirement(cmp.Or(s.Verification, Preferred)),
	}, nil
}

// origins are the pages that may run ceremonies: those that are listed, or the site and its domain.
func origins(s Settings, id string, site *url.URL) ([]string, error) {
	listed := s.Origins
	if len(listed) == 0 {
		listed = []string{"https://" + id}
		if h := site.Hostname(); h == id || strings.HasSuffix(h, "."+id) {
			listed = append(listed, s.Site)
		}
	}
	var out []string
	for _, raw := range listed {
		o, err := originOf(raw)
		if err != nil {
			return nil, err
		}
		if !slices.Contains(out, o) {
			out = append(out, o)
		}
	}
	return out, nil
}

// originOf is the origin of a URL as browsers spell it. A bare domain is one of https, as it was
// for Kratos. Apps have origins of their own kind, such as "android:apk-key-hash:…".
func originOf(raw string) (string, error) {
	if strings.HasPrefix(raw, "android:") || strings.HasPrefix(raw, "ios:") {
		return raw, nil
	}
	if !strings.Contains(raw, "://") {
		raw = "https://" + raw
	}
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return "", fmt.Errorf("the origin %q is no URL like https://example.org", raw)
	}
	host, port := strings.ToLower(u.Hostname()), u.Port()
	if port == "" || u.Scheme == "https" && port == "443" || u.Scheme == "http" && port == "80" {
		return u.Scheme + "://" + host, nil
	}
	return u.Scheme + "://" + net.JoinHostPort(host, port), nil
}
