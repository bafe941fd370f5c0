package caddymodule

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// answerFilter keeps what comes from behind a guard from speaking for the gateway: an
// application, or whoever got hold of it, could plant a session or a CSRF secret of
// somebody else in the browser, and tell proxies in front who a request was from.
//
// It is part of the admission, and lets everything pass until a guard let the request in.
type answerFilter struct {
	caddyhttp.ResponseWriterWrapper
	begun bool // the header is on its way

	own   []string // cookies of the gateway; nil lets everything pass
	guard *Guard   // that said so
}

// clean removes what is the gateway's from the header, trailers that are to be sent
// among it.
func (f *answerFilter) clean() {
	if f.own == nil {
		return
	}
	h, managed := f.Header(), f.guard.app.IdentityHeaders()
	for name := range h {
		if managed.has(strings.TrimPrefix(name, http.TrailerPrefix)) || name == http.TrailerPrefix+"Set-Cookie" {
			delete(h, name)
		}
	}
	lines, ok := h["Set-Cookie"]
	if !ok || !slices.ContainsFunc(lines, f.isOwn) {
		return
	}
	if kept := slices.DeleteFunc(slices.Clone(lines), f.isOwn); len(kept) > 0 {
		h["Set-Cookie"] = kept
		return
	}
	delete(h, "Set-Cookie")
}

// isOwn tells whether a Set-Cookie header is about a cookie of the gateway. Browsers
// send a cookie without a name as its value alone: "=name=value" sets name for us.
func (f *answerFilter) isOwn(line string) bool {
	pair, _, _ := strings.Cut(line, ";")
	name, _, _ := strings.Cut(strings.TrimLeft(pair, "= \t"), "=")
	name = strings.TrimRight(name, " \t")
	if !slices.Contains(f.own, name) {
		return false
	}
	f.guard.foreignCookie(name)
	return true
}

// begin cleans the header before it is sent.
func (f *answerFilter) begin() {
	if !f.begun {
		f.begun = true
		f.clean()
	}
}

// end cleans the trailers.
func (f *answerFilter) end() { f.clean() }

// WriteHeader implements http.ResponseWriter.
func (f *answerFilter) WriteHeader(status int) {
	if status >= 100 && status < 200 && status != http.StatusSwitchingProtocols {
		f.clean() // the header that counts is still to come
	} else {
		f.begin()
	}
	f.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (f *answerFilter) Write(p []byte) (int, error) {
	f.begin()
	return f.ResponseWriter.Write(p)
}

// ReadFrom implements io.ReaderFrom.
func (f *answerFilter) ReadFrom(r io.Reader) (int64, error) {
	f.begin()
	return f.ResponseWriterWrapper.ReadFrom(r)
}

// FlushError is what http.ResponseController flushes by.
func (f *answerFilter) FlushError() error {
	f.begin()
	return http.NewResponseController(f.ResponseWriter).Flush()
}

// Hijack is what http.ResponseController hands a connection over by.
func (f *answerFilter) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	f.begin()
	return http.NewResponseController(f.ResponseWriter).Hijack()
}
