package caddymodule

import (
	"errors"
	"html"
	"net/http"
	"net/url"
	"strings"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"go.uber.org/zap"

	"github.com/gatehouse-id/gatehouse/core/apierror"
	"github.com/gatehouse-id/gatehouse/httpapi"
)

// answer tells a client why it may not pass. What is no apierror.Error, no error at all
// among it, is trouble of ours: nobody can tell whether the session is good. p is nil
// when the gateway isn't up.
func (g *Guard) answer(w http.ResponseWriter, r *http.Request, p *protection, err error) {
	e, ok := errors.AsType[*apierror.Error](err)
	if !ok {
		e = apierror.Unavailable(err, "Nobody can tell at the moment whether you are signed in.")
		if r.Context().Err() == nil { // a client that left is no news
			g.logger.Error("guarded request refused", zap.String("path", r.URL.Path), zap.Error(err))
		}
	}
	h := w.Header()
	h.Set("Cache-Control", "private, no-cache, no-store, must-revalidate")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Add("Vary", "Accept, Cookie")
	if r.ProtoMajor == 1 && (r.ContentLength < 0 || r.ContentLength > smallBody) {
		h.Set("Connection", "close") // else the server reads the body before it answers
	}
	if !isBrowser(r) {
		httpapi.WriteError(w, r, e)
		return
	}
	if query, ok := loginQuery(e); ok && p != nil {
		h.Set("Location", loginURL(r, p, query))
		w.WriteHeader(http.StatusSeeOther)
		return
	}
	writePage(w, r, e)
}

// smallBody is what a client is waited for to send, to go on with its connection.
const smallBody = 16 << 10

// loginQuery tells how a login helps with an error.
func loginQuery(e *apierror.Error) (url.Values, bool) {
	switch e.ID {
	case apierror.IDSessionInactive:
		return url.Values{}, true
	case apierror.IDSessionAAL2Required:
		return url.Values{"aal": {"aal2"}}, true
	case apierror.IDSessionRefreshRequired:
		return url.Values{"refresh": {"true"}}, true
	}
	return nil, false
}

// isBrowser tells whether a person opens a page. A script of a page gets errors as
// other programs do: it can't follow a redirect to a form.
func isBrowser(r *http.Request) bool {
	if r.Method != http.MethodGet && r.Method != http.MethodHead || isWebSocket(r) {
		return false
	}
	mode := r.Header.Get("Sec-Fetch-Mode")
	return (mode == "" || mode == "navigate") && r.Header.Get("X-Requested-With") == "" && httpapi.PrefersHTML(r)
}

// loginURL leads to the login page, and back to where the request wanted to go.
func loginURL(r *http.Request, p *protection, query url.Values) string {
	if to := returnTo(r, p); to != "" {
		query.Set("return_to", to)
	}
	if len(query) == 0 {
		return p.LoginURL
	}
	return p.LoginURL + "?" + query.Encode()
}

// returnTo is the URL that the client asked for, "" when a login may not end there. No
// header says what the scheme was: below the base URL it is known, elsewhere the
// allow-list decides.
func returnTo(r *http.Request, p *protection) string {
	base := originOf(p.BaseURL)
	scheme, host, _ := strings.Cut(base, "://")
	origins := []string{base}
	if !strings.EqualFold(r.Host, host) {
		own := "http"
		if r.TLS != nil {
			own = "https"
		}
		origins = []string{own + "://" + r.Host, scheme + "://" + r.Host}
	}
	for _, origin := range origins {
		if to, err := p.ReturnTo(origin + requestURI(r)); err == nil {
			return to
		}
	}
	return ""
}

// requestURI is the path and query as the client sent them, before any rewrite.
func requestURI(r *http.Request) string {
	if original, ok := r.Context().Value(caddyhttp.OriginalRequestCtxKey).(http.Request); ok && original.URL != nil {
		return original.URL.RequestURI()
	}
	return r.URL.RequestURI()
}

// originOf is the scheme and host of a URL.
func originOf(base string) string {
	u, err := url.Parse(base)
	if err != nil {
		return ""
	}
	return u.Scheme + "://" + u.Host
}

// writePage answers a person with a short page. It can't be one of the gateway's own
// pages: those may be what is missing.
func writePage(w http.ResponseWriter, r *http.Request, e *apierror.Error) {
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'")
	if e.Kind == apierror.KindUnavailable {
		h.Set("Retry-After", "2")
	}
	w.WriteHeader(e.Status())
	if r.Method == http.MethodHead {
		return
	}
	text := strings.NewReplacer("{title}", html.EscapeString(e.Kind.StatusText()), "{text}", html.EscapeString(e.Reason))
	_, _ = text.WriteString(w, guardPage) // the client is gone when this fails
}

const guardPage = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>{title}</title>
<style>body{font:1.1rem/1.5 system-ui,sans-serif;max-width:34rem;margin:20vh auto;padding:0 1.5rem;color-scheme:light dark}</style>
<h1>{title}</h1>
<p>{text}</p>
<p><a href="">Try again</a></p>
</html>
`
