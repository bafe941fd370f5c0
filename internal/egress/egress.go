// Package egress makes the HTTP clients with which the gateway calls out, and keeps them away from the inside of the house.
//
// A URL in a configuration, an answer that redirects, or a name server may point
// a client at a cloud's metadata service or at a database without a password. So
// the address is checked when it is dialled: after the name was resolved, on
// every attempt and every redirect, where no second look-up can change it.
package egress

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"syscall"
	"time"
)

// Options make a client. The zero value is the safest.
type Options struct {
	// AllowPrivate switches the check of addresses off.
	AllowPrivate bool
	// Exceptions are URLs that may lead inside, such as http://127.0.0.1:4000/hooks/*. A "*" stands for any text in the
	// path. Scheme, host and port must be the same; a redirect is held against the list as well.
	Exceptions []string
	// Timeout bounds a whole call with its redirects and its body; 0 means 10 s.
	Timeout time.Duration
}

const (
	defaultTimeout = 10 * time.Second
	dialTimeout    = 5 * time.Second
	maxRedirects   = 5
	maxHeaderBytes = 64 << 10
)

// ErrPrivate says that an address is not on the open internet.
var ErrPrivate = errors.New(
	"the address is inside the house: add the URL to clients.http.private_ip_exception_urls if it is meant to be called")

// ErrRedirect says that a redirect was not followed.
var ErrRedirect = errors.New("the server redirects, which is not followed")

// Client makes a client that verifies certificates, keeps no cookies, knows no proxy and follows redirects on one host only.
func Client(o Options) *http.Client {
	if o.Timeout == 0 {
		o.Timeout = defaultTimeout
	}
	rt := &roundTripper{guarded: transport(control), open: transport(nil), allow: o.AllowPrivate}
	for _, e := range o.Exceptions {
		rt.exceptions = append(rt.exceptions, newException(e))
	}
	return &http.Client{Transport: rt, Timeout: o.Timeout, CheckRedirect: SameHost}
}

// SameHost is a redirect policy: a server that is trusted must not send us, and the secrets in our headers, to another.
func SameHost(req *http.Request, via []*http.Request) error {
	switch {
	case len(via) >= maxRedirects:
		return fmt.Errorf("%w: there are too many", ErrRedirect)
	case req.URL.Host != via[0].URL.Host || req.URL.Scheme != via[0].URL.Scheme:
		return fmt.Errorf("%w: it leads to another host", ErrRedirect)
	}
	return nil
}

// Cause strips the URL from the error of a client: paths and queries of hooks often are the secret.
func Cause(err error) error {
	if ue, ok := errors.AsType[*url.Error](err); ok {
		return ue.Err
	}
	return err
}

// transport has no proxy: behind one it would be the proxy's address that is checked.
func transport(control func(network, address string, c syscall.RawConn) error) *http.Transport {
	d := &net.Dialer{Timeout: dialTimeout, Control: control}
	return &http.Transport{
		DialContext:           d.DialContext,
		ForceAttemptHTTP2:     true,
		TLSHandshakeTimeout:   dialTimeout,
		MaxIdleConns:          32,
		MaxIdleConnsPerHost:   4,
		MaxConnsPerHost:       64,
		IdleConnTimeout:       30 * time.Second,
		ExpectContinueTimeout: time.Second,

		MaxResponseHeaderBytes: maxHeaderBytes,
	}
}

// control is called by the dialer with the address it is about to connect to.
func control(_, address string, _ syscall.RawConn) error {
	ap, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("reading the address to dial: %w", err)
	}
	if !Public(ap.Addr()) {
		return ErrPrivate
	}
	return nil
}

// roundTripper chooses the transport by the URL. The two share no connections.
type roundTripper struct {
	guarded, open *http.Transport
	allow         bool
	exceptions    []exception
}

// RoundTrip implements http.RoundTripper.
func (rt *roundTripper) RoundTrip(r *http.Request) (*http.Response, error) {
	if rt.allow || rt.excepted(r.URL) {
		return rt.open.RoundTrip(r)
	}
	return rt.guarded.RoundTrip(r)
}

// CloseIdleConnections lets http.Client.CloseIdleConnections reach the transports.
func (rt *roundTripper) CloseIdleConnections() {
	rt.guarded.CloseIdleConnections()
	rt.open.CloseIdleConnections()
}

func (rt *roundTripper) excepted(u *url.URL) bool {
	for _, e := range rt.exceptions {
		if e.matches(u) {
			return true
		}
	}
	return false
}

// exception is one entry of Options.Exceptions. An entry that is no URL matches nothing.
type exception struct {
	origin string
	path   []string // between the wildcards
}

func newException(text string) exception {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" {
		return exception{}
	}
	path := u.EscapedPath()
	if path == "" {
		path = "/"
	}
	return exception{origin: origin(u), path: strings.Split(path, "*")}
}

func (e exception) matches(u *url.URL) bool {
	path := u.EscapedPath()
	if path == "" {
		path = "/"
	}
	// A path that climbs is not the path the exception was made for.
	if e.origin == "" || e.origin != origin(u) || strings.Contains(u.Path, "/../") || strings.HasSuffix(u.Path, "/..") {
		return false
	}
	first, rest := e.path[0], e.path[1:]
	path, ok := strings.CutPrefix(path, first)
	if !ok || len(rest) == 0 {
		return ok && path == ""
	}
	for _, part := range rest[:len(rest)-1] {
		if _, path, ok = strings.Cut(path, part); !ok {
			return false
		}
	}
	return strings.HasSuffix(path, rest[len(rest)-1])
}

// origin is scheme, host and port in one spelling.
func origin(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[strings.ToLower(u.Scheme)]
	}
	return strings.ToLower(u.Scheme) + "://" + net.JoinHostPort(strings.ToLower(u.Hostname()), port)
}

// Get fetches a small document; one larger than limit is an error. Errors do not quote the URL.
func Get(ctx context.Context, client *http.Client, from string, limit int64) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, from, nil)
	if err != nil {
		return nil, errors.New("this is no URL: check for spaces and stray characters")
	}
	res, err := client.Do(req)
	if err != nil {
		return nil, Cause(err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("the server answered %s", res.Status)
	}
	return ReadAll(res.Body, limit)
}
