package config

import "time"

// Default is the configuration of a product that was told nothing: passwords, passkeys and second factors on, built-in pages under /auth/, people
// known by their e-mail address, signed in as soon as they have signed up.
func Default() Config {
	c := kratosDefaults()
	c.SelfService.DefaultBrowserReturnURL = "/"
	c.SelfService.Flows.Registration.After.Methods = map[string]AfterMethod{
		"password": {Hooks: []Hook{{Hook: "session"}}},
		"oidc":     {Hooks: []Hook{{Hook: "session"}}},
		"webauthn": {Hooks: []Hook{{Hook: "session"}}},
		"passkey":  {Hooks: []Hook{{Hook: "session"}}},
	}
	c.SelfService.Methods.WebAuthn.Enabled, c.SelfService.Methods.Passkey.Enabled = true, true
	c.SelfService.Methods.TOTP.Enabled, c.SelfService.Methods.LookupSecret.Enabled = true, true
	c.SelfService.Flows.Recovery.Enabled, c.SelfService.Flows.Verification.Enabled = true, true
	c.Identity.Schemas = []IdentitySchema{{ID: "default", URL: "preset://email"}}
	c.Resolve()
	return c
}

// kratosDefaults are the values Kratos has for keys a document leaves out. Four differ on purpose: the pages are the
// built-in ones instead of Ory's "page not configured" notices, passwords are hashed with argon2id, its memory
// is 64 MiB (see below), and calls to addresses inside the house are refused.
func kratosDefaults() Config {
	var c Config
	c.Serve = defaultServe()
	c.SelfService.Methods = defaultMethods()
	c.SelfService.Flows = defaultFlows()
	c.Session = Session{
		Lifespan: hours(24),
		Cookie:   SessionCookie{Name: "ory_kratos_session", Persistent: true},
		Whoami:   Whoami{RequiredAAL: "highest_available"},
	}
	c.Cookies = Cookies{Path: "/", SameSite: "Lax"}
	c.Identity.DefaultSchemaID = "default"
	c.Hashers = defaultHashers()
	c.Ciphers.Algorithm = "noop"
	c.Clients.HTTP.DisallowPrivateIPRanges = true
	c.Courier = Courier{
		DeliveryStrategy: "smtp",
		MessageRetries:   5,
	}
	return c
}

func defaultServe() Serve {
	return Serve{
		Public: Public{
			Host: "0.0.0.0",
			Port: 4433,
			CORS: CORS{
				AllowedOrigins:   []string{"*"},
				AllowedMethods:   []string{"POST", "GET", "PUT", "PATCH", "DELETE"},
				AllowedHeaders:   []string{"Authorization", "Content-Type", "X-Session-Token"},
				ExposedHeaders:   []string{"Content-Type"},
				AllowCredentials: true,
			},
		},
		Admin: Admin{Host: "0.0.0.0", Port: 4434},
	}
}

func defaultMethods() Methods {
	return Methods{
		Password: PasswordMethod{Enabled: true, Config: PasswordConfig{
			HaveIBeenPwnedEnabled:            true,
			HaveIBeenPwnedHost:               "api.pwnedpasswords.com",
			IgnoreNetworkErrors:              true,
			MinPasswordLength:                8,
			IdentifierSimilarityCheckEnabled: true,
		}},
		Profile: Toggle{Enabled: true},
		Code:    CodeMethod{Enabled: true, Config: CodeConfig{Lifespan: Duration(15 * time.Minute), MaxSubmissions: 5}},
		Link:    LinkMethod{Enabled: true, Config: LinkConfig{Lifespan: hours(1)}},
	}
}

func defaultFlows() Flows {
	return Flows{
		Error:        ErrorFlow{UIURL: "/auth/error"},
		Login:        LoginFlow{UIURL: "/auth/login", Lifespan: hours(1), Style: "unified", MaxSubmissions: 5},
		Registration: RegistrationFlow{Enabled: true, UIURL: "/auth/registration", Lifespan: hours(1), Style: "unified"},
		Settings: SettingsFlow{
			UIURL:                   "/auth/settings",
			Lifespan:                hours(1),
			PrivilegedSessionMaxAge: hours(1),
			RequiredAAL:             "highest_available",
		},
		Recovery:     RecoveryFlow{UIURL: "/auth/recovery", Lifespan: hours(1), Use: "code"},
		Verification: VerificationFlow{UIURL: "/auth/verification", Lifespan: hours(1), Use: "code"},
	}
}

// defaultHashers takes argon2id with 64 MiB and two passes: above the 19 MiB and two passes that OWASP names as the least, at a
// cost of some 50 ms, and half of Kratos' 128 MB because every login under way holds that memory. Parallelism is fixed:
// Kratos takes twice the number of CPUs, which makes the same password hash differently on two machines.
func defaultHashers() Hashers {
	return Hashers{
		Algorithm: "argon2",
		Bcrypt:    Bcrypt{Cost: 12},
		Argon2:    Argon2{Memory: 64 << 20, Iterations: 2, Parallelism: 2, SaltLength: 16, KeyLength: 32},
	}
}

// Resolve fills in the values that fall back to another one. Call it again after changing a parsed configuration, for
// instance after setting the base URL.
func (c *Config) Resolve() {
	c.Dev = c.Dev || localHTTP(c.Serve.Public.BaseURL)
	cookie := &c.Session.Cookie
	cookie.Domain = or(cookie.Domain, c.Cookies.Domain)
	cookie.Path = or(cookie.Path, c.Cookies.Path)
	cookie.SameSite = or(cookie.SameSite, c.Cookies.SameSite)
	if len(c.Secrets.Cookie) == 0 {
		c.Secrets.Cookie = c.Secrets.Default
	}
}

func or(value, fallback string) string {
	if value != "" {
		return value
	}
	return fallback
}

func hours(n int) Duration { return Duration(time.Duration(n) * time.Hour) }
