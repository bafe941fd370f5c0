package httpapi

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/gatehouse-id/gatehouse/core/secret"
	"github.com/gatehouse-id/gatehouse/core/selfservice"
)

// flowCookie holds the bindings of anonymous browser flows, sealed.
const flowCookie = "gatehouse_flows"

const (
	csrfMaxAge     = 365 * 24 * 3600
	slidingMaxAge  = 365 * 24 * 3600 // browsers keep none for longer than 400 days
	flowsPerCookie = 12
	flowCookieSize = 3600 // bytes; browsers refuse cookies over 4096 with name and attributes
)

// csrfCookie is named after the public URL as it is configured, so that two
// installations on one host don't share it (behaviours.md 4 and 32).
func (s *Server) csrfCookie() string {
	u := s.Config().Serve.Public.BaseURL
	if u == "" {
		u = s.BaseURL
	}
	sum := sha256.Sum256([]byte(u))
	return "csrf_token_" + hex.EncodeToString(sum[:])
}

// CookieNames lists the cookies that are between the browser and the gateway, the
// session cookie first. Nobody behind the gateway needs to see them.
func (s *Server) CookieNames() []string {
	return []string{s.Config().Session.Cookie.Name, s.csrfCookie(), flowCookie, continuityCookie}
}

// readCSRF finds the CSRF secret in the cookies; a malformed one counts as none.
func (c *call) readCSRF() {
	if all := c.csrfSecrets(); len(all) > 0 {
		c.csrf = all[0]
	}
}

// csrfSecrets reads all CSRF cookies: a browser sends several when they were set
// for other paths or domains.
func (c *call) csrfSecrets() [][]byte {
	var out [][]byte
	for _, k := range c.r.CookiesNamed(c.s.csrfCookie()) {
		if b, ok := secret.DecodeCSRF(k.Value); ok {
			out = append(out, b)
		}
	}
	return out
}

// recall tells the engine what the browser's cookies say about one flow. Of several
// CSRF cookies the one counts that the flow was started with, so that one planted
// from a neighbouring domain neither locks the person out nor decides.
func (c *call) recall(id string, cl *selfservice.Client) {
	cl.Binding = c.binding(id)
	for _, b := range c.csrfSecrets() {
		if c.s.Engine.MadeFor(id, b) {
			cl.CSRF, cl.NewCSRF = b, false
			return
		}
	}
}

// renewCSRF gives the browser a new CSRF secret.
func (c *call) renewCSRF() {
	c.csrf, c.newCSRF = c.nextCSRF, true
	if c.csrf == nil {
		c.csrf = secret.NewCSRF()
	}
	c.keepCSRF()
}

// keepCSRF sets the cookie with the secret that counts, so that it lives on.
func (c *call) keepCSRF() {
	cfg := c.s.Config()
	c.setCookie(&http.Cookie{
		Name: c.s.csrfCookie(), Value: secret.EncodeCSRF(c.csrf), MaxAge: csrfMaxAge,
		Path: orSlash(cfg.Cookies.Path), Domain: cfg.Cookies.Domain, SameSite: sameSite(cfg.Cookies.SameSite),
	})
}

// setCookie adds what all our cookies share.
func (c *call) setCookie(k *http.Cookie) {
	k.HttpOnly, k.Secure = true, c.s.secure()
	if !k.Secure && k.SameSite == http.SameSiteNoneMode {
		k.SameSite = http.SameSiteLaxMode // browsers drop SameSite=None without Secure
	}
	http.SetCookie(c.w, k)
}

func (s *Server) secure() bool {
	cfg := s.Config()
	if cfg.Serve.Public.BaseURL == "" {
		return strings.HasPrefix(s.BaseURL, "https:") && !cfg.Dev
	}
	return cfg.SecureCookies()
}

// sessionCookie builds the cookie that carries a session token.
func (s *Server) sessionCookie(value string) *http.Cookie {
	cfg := s.Config()
	k := &http.Cookie{
		Name: cfg.Session.Cookie.Name, Value: value,
		Path:     orSlash(first(cfg.Session.Cookie.Path, cfg.Cookies.Path)),
		Domain:   first(cfg.Session.Cookie.Domain, cfg.Cookies.Domain),
		SameSite: sameSite(first(cfg.Session.Cookie.SameSite, cfg.Cookies.SameSite)),
	}
	return k
}

func (c *call) setSession(token string, expires time.Time) {
	k := c.s.sessionCookie(token)
	switch cfg := c.s.Config().Session; {
	case !cfg.Cookie.Persistent:
	case cfg.Sliding:
		// Guarded requests extend the session without a word to the browser.
		k.MaxAge = slidingMaxAge
	default:
		k.MaxAge = max(1, int(expires.Sub(c.s.Now()).Seconds()))
	}
	c.setCookie(k)
}

func (c *call) clearSession() {
	k := c.s.sessionCookie("")
	k.MaxAge = -1
	c.setCookie(k)
}

// SessionToken finds the session token of a request; the first place that has
// one counts (behaviours.md 6.2). Two session cookies that differ count as none:
// one of them was planted (threats: cookie tossing).
func SessionToken(r *http.Request, cookie string) string {
	if t := header(r, "X-Session-Token"); t != "" {
		return t
	}
	if t := header(r, "X-Session-Cookie"); t != "" {
		return t
	}
	if lines, ok := r.Header["Cookie"]; ok {
		if value, found := onlyCookie(lines, cookie); found {
			return value
		}
	}
	scheme, token, ok := strings.Cut(header(r, "Authorization"), " ")
	if ok && strings.EqualFold(scheme, "bearer") {
		return strings.TrimSpace(token)
	}
	return ""
}

// header is http.Header.Get for a name that is canonical already: the guard has no
// time to find that out for every request.
func header(r *http.Request, name string) string {
	if values := r.Header[name]; len(values) > 0 {
		return values[0]
	}
	return ""
}

// onlyCookie finds the value of a cookie, "" when there are two different ones. It
// reads as net/http does and allocates nothing: every guarded request comes here.
func onlyCookie(lines []string, name string) (value string, found bool) {
	for _, line := range lines {
		for part := range strings.SplitSeq(line, ";") {
			n, v, _ := strings.Cut(strings.Trim(part, " \t\r\n"), "=")
			if strings.Trim(n, " \t\r\n") != name || v == "" {
				continue
			}
			if len(v) > 1 && v[0] == '"' && v[len(v)-1] == '"' {
				v = v[1 : len(v)-1]
			}
			if strings.ContainsFunc(v, notInCookie) {
				continue
			}
			if found && v != value {
				return "", true
			}
			value, found = v, true
		}
	}
	return value, found
}

// notInCookie says which characters make net/http drop a cookie.
func notInCookie(c rune) bool { return c < ' ' || c >= 0x7f || c == '"' || c == ';' || c == '\\' }

// bindings reads the flow cookie; one that does not open counts as none.
func (c *call) bindings() []selfservice.Binding {
	k, err := c.r.Cookie(flowCookie)
	if err != nil {
		return nil
	}
	plain, err := c.s.Keys.OpenString("flow cookie", k.Value, nil)
	if err != nil {
		return nil
	}
	var out []selfservice.Binding
	if json.Unmarshal(plain, &out) != nil {
		return nil
	}
	return out
}

// binding finds what the browser remembers of one flow.
func (c *call) binding(id string) *selfservice.Binding {
	all := c.bindings()
	if n := slices.IndexFunc(all, func(b selfservice.Binding) bool { return b.ID == id }); n >= 0 {
		return &all[n]
	}
	return nil
}

// bind lets the browser remember a flow; the oldest are forgotten when the
// cookie is full. A flow too large to remember goes without.
func (c *call) bind(b *selfservice.Binding) {
	all := append([]selfservice.Binding{*b}, c.bindings()...)
	for n := min(len(all), flowsPerCookie); n > 0; n-- {
		plain, err := json.Marshal(all[:n])
		if err != nil {
			return
		}
		sealed := c.s.Keys.SealString("flow cookie", plain, nil)
		if len(sealed) > flowCookieSize {
			continue
		}
		cfg := c.s.Config()
		c.setCookie(&http.Cookie{
			Name: flowCookie, Value: sealed, Path: orSlash(cfg.Cookies.Path), Domain: cfg.Cookies.Domain,
			SameSite: http.SameSiteLaxMode,
		})
		return
	}
}

func sameSite(s string) http.SameSite {
	switch strings.ToLower(s) {
	case "strict":
		return http.SameSiteStrictMode
	case "none":
		return http.SameSiteNoneMode
	}
	return http.SameSiteLaxMode
}

func first(values ...string) string {
	for _, v := range values {
		if v != "" {
			return v
		}
	}
	return ""
}

func orSlash(s string) string { return first(s, "/") }
