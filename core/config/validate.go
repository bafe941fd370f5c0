package config

import (
	"fmt"
	"maps"
	"net/url"
	"path"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/gatehouse-id/gatehouse/core/hash"
)

// Validate checks what types can't say: that values are in range and fit each other. It reports everything wrong at once;
// each problem names the key path and the fix.
func (c *Config) Validate() error {
	v := new(checker)
	v.serve(c)
	v.selfService(&c.SelfService)
	v.session(c)
	v.identity(&c.Identity)
	v.secrets(c)
	v.hashers(&c.Hashers)
	v.methods(&c.SelfService.Methods)
	if len(v.problems) > 0 {
		return v.problems
	}
	return nil
}

// checker notes what is wrong.
type checker struct{ problems Problems }

func (v *checker) require(ok bool, path, format string, args ...any) {
	if !ok {
		v.problems = append(v.problems, Problem{Path: path, Text: fmt.Sprintf(format, args...)})
	}
}

func (v *checker) serve(c *Config) {
	v.base("serve.public.base_url", c.Serve.Public.BaseURL)
	v.base("serve.admin.base_url", c.Serve.Admin.BaseURL)
	v.between("serve.public.port", c.Serve.Public.Port, 0, 65535)
	v.between("serve.admin.port", c.Serve.Admin.Port, 0, 65535)
	cors := c.Serve.Public.CORS
	v.between("serve.public.cors.max_age", cors.MaxAge, 0, 1<<30)
	for i, origin := range cors.AllowedOrigins {
		at := fmt.Sprintf("serve.public.cors.allowed_origins[%d]", i)
		v.require(strings.Count(origin, "*") <= 1, at, "%q has more than one wildcard: write one, as in https://*.example.org", origin)
		v.require(origin == "*" || strings.Contains(origin, "://"), at, "%q is not an origin: write https://app.example.org", origin)
	}
}

func (v *checker) selfService(s *SelfService) {
	const at = "selfservice."
	v.require(s.DefaultBrowserReturnURL != "", at+"default_browser_return_url", "is missing: set where browsers go in the end")
	v.address(at+"default_browser_return_url", s.DefaultBrowserReturnURL)
	for i, u := range s.AllowedReturnURLs {
		v.address(fmt.Sprintf(at+"allowed_return_urls[%d]", i), u)
	}
	f := &s.Flows
	v.page("error", f.Error.UIURL)
	v.flow("login", f.Login.UIURL, f.Login.Lifespan, f.Login.After)
	v.flow("registration", f.Registration.UIURL, f.Registration.Lifespan, f.Registration.After)
	v.flow("settings", f.Settings.UIURL, f.Settings.Lifespan, f.Settings.After)
	v.flow("recovery", f.Recovery.UIURL, f.Recovery.Lifespan, f.Recovery.After)
	v.flow("verification", f.Verification.UIURL, f.Verification.Lifespan, f.Verification.After)
	v.address(at+"flows.logout.after.default_browser_return_url", f.Logout.After.DefaultBrowserReturnURL)
	v.between(at+"flows.login.max_submissions", f.Login.MaxSubmissions, 1, 100)
	v.oneOf(at+"flows.login.style", f.Login.Style, "", "unified", "identifier_first")
	v.oneOf(at+"flows.registration.style", f.Registration.Style, "", "unified", "profile_first")
	v.oneOf(at+"flows.recovery.use", f.Recovery.Use, "link", "code")
	v.oneOf(at+"flows.verification.use", f.Verification.Use, "link", "code")
	v.oneOf(at+"flows.settings.required_aal", f.Settings.RequiredAAL, "aal1", "highest_available")
	v.positive(at+"flows.settings.privileged_session_max_age", f.Settings.PrivilegedSessionMaxAge)
	lists := f.HookLists()
	for _, place := range slices.Sorted(maps.Keys(lists)) {
		v.hooks(at+"flows."+place, lists[place])
	}
}

func (v *checker) flow(name, ui string, lifespan Duration, after After) {
	at := "selfservice.flows." + name
	v.page(name, ui)
	v.positive(at+".lifespan", lifespan)
	v.address(at+".after.default_browser_return_url", after.DefaultBrowserReturnURL)
	for method, m := range after.Methods {
		v.address(at+".after."+method+".default_browser_return_url", m.DefaultBrowserReturnURL)
	}
}

func (v *checker) hooks(at string, hooks []Hook) {
	for i, h := range hooks {
		problem := hookProblem(h.Hook)
		v.require(problem == "", fmt.Sprintf("%s[%d].hook", at, i), "%s", problem)
		if h.Hook == "web_hook" {
			_, err := h.WebHook()
			v.require(err == nil, fmt.Sprintf("%s[%d].config", at, i), "%v", err)
		}
	}
}

func (v *checker) session(c *Config) {
	v.positive("session.lifespan", c.Session.Lifespan)
	v.require(c.Session.EarliestPossibleExtend >= 0, "session.earliest_possible_extend", "must not be negative")
	v.require(c.FeatureFlags.CacheableSessionsMaxAge >= 0, "feature_flags.cacheable_sessions_max_age", "must not be negative")
	v.oneOf("session.whoami.required_aal", c.Session.Whoami.RequiredAAL, "aal1", "highest_available")
	v.require(cookieName(c.Session.Cookie.Name), "session.cookie.name",
		"%q can not be a cookie's name: use letters, digits, - and _", c.Session.Cookie.Name)
	all, own := c.Cookies, c.Session.Cookie
	for _, cookie := range []struct{ at, domain, path, sameSite string }{
		{"cookies", all.Domain, all.Path, all.SameSite},
		{"session.cookie", unlike(own.Domain, all.Domain), unlike(own.Path, all.Path), unlike(own.SameSite, all.SameSite)},
	} {
		v.oneOf(cookie.at+".same_site", cookie.sameSite, "", "Strict", "Lax", "None")
		v.require(cookie.path == "" || cookie.path[0] == '/', cookie.at+".path", "must start with /")
		v.require(!strings.ContainsAny(cookie.domain+cookie.path, " ;,\r\n"), cookie.at, "must hold no space, comma or semicolon")
		v.require(!strings.ContainsAny(cookie.domain, "/:"), cookie.at+".domain", "%q must be a bare host name", cookie.domain)
		v.require(cookie.sameSite != "None" || c.SecureCookies() || c.Dev, cookie.at+".same_site",
			"None needs https, or browsers drop the cookie: set serve.public.base_url to an https URL")
	}
}

// unlike is the value, unless it was taken from the other one, where it is judged.
func unlike(value, other string) string {
	if value == other {
		return ""
	}
	return value
}

var schemaSchemes = []string{"file", "http", "https", "base64", "preset"}

func (v *checker) identity(i *Identity) {
	v.require(len(i.Schemas) > 0, "identity.schemas", "is empty: name at least one schema, such as preset://email")
	seen := make(map[string]bool)
	for n, s := range i.Schemas {
		at := fmt.Sprintf("identity.schemas[%d]", n)
		v.require(s.ID != "", at+".id", "is missing")
		v.require(!seen[s.ID], at+".id", "%q is the id of another schema: give each its own", s.ID)
		scheme, _, found := strings.Cut(s.URL, "://")
		v.require(found && slices.Contains(schemaSchemes, scheme), at+".url", "must start with %s://", strings.Join(schemaSchemes, "://, "))
		seen[s.ID] = true
	}
	v.require(len(i.Schemas) == 0 || seen[i.DefaultSchemaID], "identity.default_schema_id",
		"%q is not among identity.schemas: add it there, or name one that is", i.DefaultSchemaID)
}

func (v *checker) secrets(c *Config) {
	for i, s := range c.Secrets.Default {
		v.require(utf8.RuneCountInString(s) >= 16, fmt.Sprintf("secrets.default[%d]", i), "must have at least 16 characters")
	}
	for i, s := range c.Secrets.Cookie {
		if slices.Equal(c.Secrets.Cookie, c.Secrets.Default) {
			break // taken from there, and judged there
		}
		v.require(utf8.RuneCountInString(s) >= 16, fmt.Sprintf("secrets.cookie[%d]", i), "must have at least 16 characters")
	}
	for i, s := range c.Secrets.Cipher {
		v.require(len(s) == 32, fmt.Sprintf("secrets.cipher[%d]", i), "must have exactly 32 characters, not %d", len(s))
	}
	v.oneOf("ciphers.algorithm", c.Ciphers.Algorithm, "noop", "aes", "xchacha20-poly1305")
	v.require(c.Ciphers.Algorithm == "noop" || len(c.Secrets.Cipher) > 0, "secrets.cipher",
		"is empty, and ciphers.algorithm %q needs one of 32 characters", c.Ciphers.Algorithm)
}

// hashers checks both algorithms, also the one not in use: it is a switch away.
func (v *checker) hashers(h *Hashers) {
	v.oneOf("hashers.algorithm", h.Algorithm, "argon2", "argon2id", "bcrypt")
	for _, algorithm := range []hash.Algorithm{hash.Argon2, hash.Bcrypt} {
		c := h.HashConfig()
		c.Algorithm = algorithm
		err := c.Validate()
		v.require(err == nil, "hashers."+string(algorithm), "%v", err)
	}
}

func (v *checker) methods(m *Methods) {
	const at = "selfservice.methods."
	p := m.Password.Config
	v.between(at+"password.config.min_password_length", p.MinPasswordLength, 6, 1024)
	v.between(at+"password.config.max_breaches", p.MaxBreaches, 0, 100)
	v.require(!strings.ContainsAny(p.HaveIBeenPwnedHost, "/ "), at+"password.config.haveibeenpwned_host",
		"%q must be a bare host name", p.HaveIBeenPwnedHost)
	v.positive(at+"code.config.lifespan", m.Code.Config.Lifespan)
	v.positive(at+"link.config.lifespan", m.Link.Config.Lifespan)
	for name, verification := range map[string]string{"webauthn": m.WebAuthn.Config.UserVerification, "passkey": m.Passkey.Config.UserVerification} {
		v.oneOf(at+name+".config.user_verification", verification, "", "required", "preferred", "discouraged")
	}
	seen := make(map[string]bool)
	for i, p := range m.OIDC.Config.Providers {
		where := fmt.Sprintf("%soidc.config.providers[%d].", at, i)
		v.require(p.ID != "", where+"id", "is missing")
		v.require(!seen[p.ID], where+"id", "%q is the id of another provider: give each its own", p.ID)
		seen[p.ID] = true
		v.require(p.Provider != "", where+"provider", "is missing: name the kind, such as generic")
		v.require(p.ClientID != "", where+"client_id", "is missing")
	}
}

func (v *checker) page(flow, ui string) {
	at := "selfservice.flows." + flow + ".ui_url"
	v.require(ui != "", at, "is missing: name the page, such as /auth/%s", flow)
	v.address(at, ui)
}

// base demands the URL of an API: absolute, and without what a link could not be appended to.
func (v *checker) base(at, text string) {
	if text == "" {
		return
	}
	u, err := url.Parse(text)
	v.require(err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "", at,
		"must be a URL such as https://id.example.org/")
	v.require(err != nil || (u.RawQuery == "" && u.Fragment == "" && u.User == nil), at, "must have no query, fragment or user")
}

// address demands an absolute URL or an absolute path; empty is for the caller to judge. Schemes of apps are fine, those
// that run a script are not, and "//host" is a host that looks like a path.
func (v *checker) address(at, text string) {
	if text == "" {
		return
	}
	u, err := url.Parse(text)
	if err != nil {
		v.require(false, at, "is not a URL: check for spaces and stray characters")
		return
	}
	switch strings.ToLower(u.Scheme) {
	case "javascript", "data", "vbscript", "blob", "about", "file":
		v.require(false, at, "must not have the scheme %q", u.Scheme)
	case "":
		v.require(path.IsAbs(text) && !strings.HasPrefix(text, "//") && !strings.ContainsRune(text, '\\'), at,
			"must be an absolute URL, or a path that starts with one /")
	case "http", "https":
		v.require(u.Host != "", at, "has no host: write https://app.example.org/")
	}
}

func (v *checker) positive(at string, d Duration) {
	v.require(d > 0, at, "must be more than nothing, such as 1h")
}

func (v *checker) between(at string, n, low, high int) {
	v.require(n >= low && n <= high, at, "is %d: it must be between %d and %d", n, low, high)
}

func (v *checker) oneOf(at, value string, choices ...string) {
	v.require(slices.Contains(choices, value), at, "%q is not known: write %s", value, strings.Join(nonEmpty(choices), ", "))
}

func nonEmpty(list []string) []string {
	if list[0] == "" {
		return list[1:]
	}
	return list
}

func cookieName(name string) bool {
	odd := func(r rune) bool {
		return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune("_-.", r))
	}
	return name != "" && !strings.ContainsFunc(name, odd)
}
