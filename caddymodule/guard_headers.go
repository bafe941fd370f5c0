package caddymodule

import (
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
)

// identityHeader tells the upstream who sent the request, as Ory's proxies do.
const identityHeader = "X-Kratos-Authenticated-Identity-Id"

// managedHeaders are the names of the headers that only a guard may set. What a
// client sends under one of them, in any spelling, never reaches an upstream. The
// zero value holds identityHeader.
type managedHeaders struct {
	mu   sync.Mutex // serialises add
	more atomic.Pointer[[]string]
}

var foldedIdentityHeader = foldHeader(identityHeader)

// add makes a name an identity header.
func (m *managedHeaders) add(name string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.has(name) {
		return
	}
	var names []string
	if old := m.more.Load(); old != nil {
		names = slices.Clone(*old)
	}
	names = append(names, foldHeader(name))
	m.more.Store(&names)
}

// has tells whether an upstream could take name for an identity header.
func (m *managedHeaders) has(name string) bool {
	if foldsTo(name, foldedIdentityHeader) {
		return true
	}
	more := m.more.Load()
	if more == nil {
		return false
	}
	for _, folded := range *more {
		if foldsTo(name, folded) {
			return true
		}
	}
	return false
}

// foldHeader is the spelling that all spellings of a header name share for an
// upstream with CGI-like variables: X_User, x.user and X-User are HTTP_X_USER there.
func foldHeader(name string) string {
	folded := []byte(name)
	for n := range folded {
		folded[n] = foldByte(folded[n])
	}
	return string(folded)
}

// foldsTo tells whether foldHeader(name) == folded. It allocates nothing, for it
// looks at every header of every guarded request.
func foldsTo(name, folded string) bool {
	if len(name) != len(folded) {
		return false
	}
	for n := range len(name) {
		if foldByte(name[n]) != folded[n] {
			return false
		}
	}
	return true
}

func foldByte(b byte) byte {
	switch {
	case 'A' <= b && b <= 'Z':
		return b + 'a' - 'A'
	case 'a' <= b && b <= 'z', '0' <= b && b <= '9':
		return b
	}
	return '-'
}

// strip removes what a client may not say about itself from a request. The gatehouse
// handler does it for all requests of a site, a guard for its own.
func (m *managedHeaders) strip(r *http.Request) {
	m.deleteFrom(r.Header)
	// A proxy deletes what Connection names: a client could make it delete our header.
	m.deleteNames(r.Header, "Connection")
	m.deleteNames(r.Header, "Trailer")
	if r.Trailer == nil {
		return
	}
	m.deleteFrom(r.Trailer)
	if r.Body != nil {
		r.Body = &trailerFilter{ReadCloser: r.Body, trailer: r.Trailer, managed: m}
	}
}

func (m *managedHeaders) deleteFrom(h http.Header) {
	for name := range h {
		if m.has(name) {
			delete(h, name)
		}
	}
}

// deleteNames removes identity headers from a header that lists header names.
func (m *managedHeaders) deleteNames(h http.Header, list string) {
	named := func(token string) bool { return m.has(strings.Trim(token, " \t")) }
	for n, value := range h[list] {
		tokens := strings.Split(value, ",")
		if !slices.ContainsFunc(tokens, named) {
			continue
		}
		h[list] = slices.Clone(h[list])
		h[list][n] = strings.Join(slices.DeleteFunc(tokens, named), ",")
	}
}

// trailerFilter removes identity headers from the trailers. The server fills them in
// while the end of the body is read, announced or not, so they can't be removed earlier.
type trailerFilter struct {
	io.ReadCloser
	trailer http.Header
	managed *managedHeaders
}

// Read reads from the body.
func (t *trailerFilter) Read(p []byte) (int, error) {
	n, err := t.ReadCloser.Read(p)
	if errors.Is(err, io.EOF) {
		t.managed.deleteFrom(t.trailer)
	}
	return n, err
}
