// Package config holds one project's configuration: typed, validated, hot-swappable.
//
// The types mirror the Kratos configuration document key by key, so a kratos.yml is read as it stands. Parse says with a
// warning which of its keys have no effect yet (see the table in keys.go) and refuses a key nobody knows.
package config

// Config is the whole configuration document of one project. The zero value is not usable: start from Default, or let
// Parse lay a document over Kratos' own defaults.
type Config struct {
	// Version names the Kratos release the document was written for. It has no effect.
	Version string `json:"version,omitempty"`
	// DSN is accepted so that a Kratos document loads; the store is chosen in the Caddyfile.
	DSN string `json:"dsn,omitempty"`
	// Dev relaxes what only hurts on a developer's machine: cookies need no https, cheap password hashes draw no warning.
	Dev bool `json:"dev,omitempty"`

	Serve       Serve       `json:"serve"`
	SelfService SelfService `json:"selfservice"`
	Session     Session     `json:"session"`
	Cookies     Cookies     `json:"cookies"`
	Identity    Identity    `json:"identity"`
	Hashers     Hashers     `json:"hashers"`
	Secrets     Secrets     `json:"secrets"`
	Ciphers     Ciphers     `json:"ciphers"`
	Courier     Courier     `json:"courier"`
	Clients     Clients     `json:"clients"`
	Log         Log         `json:"log"`
	// FeatureFlags holds Kratos' switches; the two below are the ones that have an effect here.
	FeatureFlags FeatureFlags `json:"feature_flags,omitzero"`

	OAuth2Provider OAuth2Provider `json:"oauth2_provider,omitzero"`
}

// Serve says where the two APIs are reached.
type Serve struct {
	Public Public `json:"public"`
	Admin  Admin  `json:"admin"`
}

// Public is the API and the pages that browsers and apps see.
type Public struct {
	// BaseURL is the outside URL of the public API; every link, redirect and ui.action starts with it. Empty means that
	// the host fills it in from the site it serves, never from a request header.
	BaseURL string `json:"base_url,omitempty"`
	// Host and Port are where the kratos config adapter listens. Default 0.0.0.0 and 4433.
	Host string `json:"host,omitempty"`
	Port int    `json:"port,omitempty"`
	CORS CORS   `json:"cors"`
}

// Admin is the API of operators; it must not be reachable from outside.
type Admin struct {
	BaseURL string `json:"base_url,omitempty"`
	// Host and Port are where the kratos config adapter listens. Default 0.0.0.0 and 4434.
	Host string `json:"host,omitempty"`
	Port int    `json:"port,omitempty"`
}

// CORS says which other origins may call the public API from a browser.
type CORS struct {
	Enabled bool `json:"enabled"`
	// AllowedOrigins may hold one wildcard each, as in https://*.example.org.
	AllowedOrigins   []string `json:"allowed_origins"`
	AllowedMethods   []string `json:"allowed_methods"`
	AllowedHeaders   []string `json:"allowed_headers"`
	ExposedHeaders   []string `json:"exposed_headers"`
	AllowCredentials bool     `json:"allow_credentials"`
	// MaxAge is how many seconds a browser may remember a preflight answer. 0 sends no such header.
	MaxAge int `json:"max_age"`
}

// Session says how long a session lives and what its cookie looks like.
type Session struct {
	// Lifespan is how long a session lives. Default 24h.
	Lifespan Duration `json:"lifespan"`
	// EarliestPossibleExtend is how long before its end a session may be extended; 0 allows it at any time.
	EarliestPossibleExtend Duration `json:"earliest_possible_extend,omitempty"`
	// Sliding extends sessions that are in use, by a guarded request or whoami, in the last EarliestPossibleExtend of
	// their life, or in the second half of it. Kratos has no such key. Default false: a session ends after Lifespan.
	Sliding bool          `json:"sliding,omitempty"`
	Cookie  SessionCookie `json:"cookie"`
	Whoami  Whoami        `json:"whoami"`
}

// SessionCookie describes the session cookie. Domain, Path and SameSite fall back to the values of Cookies.
type SessionCookie struct {
	// Name defaults to ory_kratos_session.
	Name   string `json:"name"`
	Domain string `json:"domain,omitempty"`
	Path   string `json:"path,omitempty"`
	// SameSite is Strict, Lax or None.
	SameSite string `json:"same_site,omitempty"`
	// Persistent keeps the cookie when the browser closes. Default true.
	Persistent bool `json:"persistent"`
}

// Whoami says which assurance level the session check asks for.
type Whoami struct {
	// RequiredAAL is aal1 or highest_available. Default highest_available.
	RequiredAAL string `json:"required_aal"`
}

// Cookies holds what every cookie shares.
type Cookies struct {
	// Domain is empty by default: the cookie belongs to one host.
	Domain string `json:"domain,omitempty"`
	// Path defaults to /.
	Path string `json:"path"`
	// SameSite is Strict, Lax or None. Default Lax.
	SameSite string `json:"same_site"`
}

// Identity lists the identity schemas.
type Identity struct {
	// DefaultSchemaID names the schema of people who register themselves. Default "default".
	DefaultSchemaID string           `json:"default_schema_id"`
	Schemas         []IdentitySchema `json:"schemas"`
}

// IdentitySchema says where one identity schema comes from.
type IdentitySchema struct {
	ID string `json:"id"`
	// URL is file://, http(s)://, base64:// or preset://email, preset://username, preset://phone.
	URL string `json:"url"`
	// From begins errors about a schema that isn't named in the document.
	From string `json:"-"`
}

// Secrets are lists: the first signs or encrypts, all verify or decrypt.
type Secrets struct {
	// Default stands in for Cookie when that is empty. At least 16 characters each.
	Default []string `json:"default,omitempty"`
	// Cookie signs cookies. At least 16 characters each.
	Cookie []string `json:"cookie,omitempty"`
	// Cipher seals what is stored for years: the secrets of authenticator apps, and the hashes of backup codes. Exactly 32
	// characters each; without any, the secrets for cookies do it. Who drops one takes what it has sealed away.
	Cipher []string `json:"cipher,omitempty"`
}

// Ciphers names how third-party tokens are encrypted at rest: noop, aes or xchacha20-poly1305.
type Ciphers struct {
	Algorithm string `json:"algorithm"`
}

// Clients configures outgoing calls.
type Clients struct {
	HTTP ClientHTTP `json:"http"`
}

// ClientHTTP guards outgoing HTTP calls.
type ClientHTTP struct {
	// DisallowPrivateIPRanges refuses calls to addresses inside the house (a guard against server-side request forgery).
	// Default true, other than in Kratos.
	DisallowPrivateIPRanges bool `json:"disallow_private_ip_ranges"`
	// PrivateIPExceptionURLs may be called all the same; a "*" stands for any text in a path, as in http://127.0.0.1:4000/*.
	PrivateIPExceptionURLs []string `json:"private_ip_exception_urls,omitempty"`
}

// Log holds Kratos' log settings; Caddy's own logging configuration decides.
type Log struct {
	Level               string `json:"level,omitempty"`
	Format              string `json:"format,omitempty"`
	LeakSensitiveValues bool   `json:"leak_sensitive_values,omitempty"`
	RedactionText       string `json:"redaction_text,omitempty"`
}

// FeatureFlags lets others cache the answers of the session check. They will accept a session for that long after it was
// revoked.
type FeatureFlags struct {
	// CacheableSessions sends the header Ory-Session-Cache-For. Default false.
	CacheableSessions bool `json:"cacheable_sessions,omitempty"`
	// CacheableSessionsMaxAge bounds the header's seconds. 0 means until the session ends.
	CacheableSessionsMaxAge Duration `json:"cacheable_sessions_max_age,omitempty"`
}

// OAuth2Provider connects an OAuth2 server that asks this gateway to sign people in.
type OAuth2Provider struct {
	URL              string            `json:"url,omitempty"`
	Headers          map[string]string `json:"headers,omitempty"`
	OverrideReturnTo bool              `json:"override_return_to,omitempty"`
}
