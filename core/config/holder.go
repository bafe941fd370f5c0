package config

import (
	"net"
	"net/url"
	"strings"
	"sync/atomic"
)

// Holder is where everyone finds the configuration that counts now. It must not be copied. Load before the first Swap
// returns nil.
type Holder struct {
	current atomic.Pointer[Config]
}

// Load is the configuration of this moment. Load once per request: two calls may see two configurations. The result is
// shared and must not be changed.
func (h *Holder) Load() *Config { return h.current.Load() }

// Swap puts next in place for everyone who loads after it. A configuration that doesn't validate never replaces one that
// does.
func (h *Holder) Swap(next *Config) error {
	if err := next.Validate(); err != nil {
		return err
	}
	h.current.Store(next)
	return nil
}

// SecureCookies reports whether cookies carry the Secure attribute. Only dev mode and a base URL that is plainly http go
// without; an unknown base URL fails closed.
func (c *Config) SecureCookies() bool {
	if c.Dev {
		return false
	}
	u, err := url.Parse(c.Serve.Public.BaseURL)
	return err != nil || u.Scheme != "http"
}

// Development reports whether nobody but a developer is served: in dev mode, and when the public URL, or base where the
// document names none, is http on this very machine.
func (c *Config) Development(base string) bool {
	return c.Dev || localHTTP(or(c.Serve.Public.BaseURL, base))
}

// localHTTP reports whether base is http on this very machine, which nobody would run for others.
func localHTTP(base string) bool {
	u, err := url.Parse(base)
	if err != nil || u.Scheme != "http" {
		return false
	}
	host := u.Hostname()
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}
