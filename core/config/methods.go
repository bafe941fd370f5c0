package config

import "encoding/json"

// Methods configures each credential method.
type Methods struct {
	Password     PasswordMethod `json:"password"`
	Profile      Toggle         `json:"profile"`
	Code         CodeMethod     `json:"code"`
	Link         LinkMethod     `json:"link"`
	TOTP         TOTPMethod     `json:"totp"`
	LookupSecret Toggle         `json:"lookup_secret"`
	WebAuthn     WebAuthnMethod `json:"webauthn"`
	Passkey      PasskeyMethod  `json:"passkey"`
	OIDC         OIDCMethod     `json:"oidc"`
}

// Toggle switches a method that has nothing else to configure.
type Toggle struct {
	Enabled bool `json:"enabled"`
}

// PasswordMethod is an identifier with a password.
type PasswordMethod struct {
	Enabled bool           `json:"enabled"`
	Config  PasswordConfig `json:"config"`
}

// PasswordConfig is the password policy.
type PasswordConfig struct {
	// HaveIBeenPwnedEnabled asks a list of leaked passwords (by the first five characters of a hash). Default true.
	HaveIBeenPwnedEnabled bool `json:"haveibeenpwned_enabled"`
	// HaveIBeenPwnedHost answers that question. Default api.pwnedpasswords.com.
	HaveIBeenPwnedHost string `json:"haveibeenpwned_host"`
	// MaxBreaches is how often a password may have leaked and still pass. Default 0.
	MaxBreaches int `json:"max_breaches"`
	// IgnoreNetworkErrors lets a password pass when the list can't be asked. Default true.
	IgnoreNetworkErrors bool `json:"ignore_network_errors"`
	// MinPasswordLength counts bytes of UTF-8, as Kratos does; 6 at least. Default 8.
	MinPasswordLength int `json:"min_password_length"`
	// IdentifierSimilarityCheckEnabled refuses passwords that look like the identifier. Default true.
	IdentifierSimilarityCheckEnabled bool `json:"identifier_similarity_check_enabled"`

	MigrateHook json.RawMessage `json:"migrate_hook,omitempty"`
}

// CodeMethod sends one-time codes.
type CodeMethod struct {
	Enabled bool `json:"enabled"`
	// PasswordlessEnabled lets people sign up and sign in with a code alone, by the traits that the schema marks
	// with credentials.code.identifier. Default false.
	PasswordlessEnabled bool `json:"passwordless_enabled"`
	// PasswordlessLoginFallback lets people sign in with a code to a verified address whatever they have signed up with.
	// Default false.
	PasswordlessLoginFallback bool `json:"passwordless_login_fallback_enabled,omitempty"`
	// MFAEnabled makes a code the second factor of everybody who has an address that the schema marks. Default false.
	MFAEnabled bool       `json:"mfa_enabled,omitempty"`
	Config     CodeConfig `json:"config"`
}

// CodeConfig says how long a code lives and who gets one.
type CodeConfig struct {
	// Lifespan defaults to 15m.
	Lifespan Duration `json:"lifespan"`
	// MaxSubmissions is how many codes one flow takes. Default 5.
	MaxSubmissions int `json:"max_submissions,omitempty"`
	// MissingCredentialFallbackEnabled sends codes for signing in to verified addresses too that the schema doesn't mark.
	// Default false.
	MissingCredentialFallbackEnabled bool `json:"missing_credential_fallback_enabled,omitempty"`
}

// SignsIn tells whether a code is enough to sign in.
func (m *CodeMethod) SignsIn() bool {
	return m.Enabled && (m.PasswordlessEnabled || m.PasswordlessLoginFallback)
}

// SignsUp tells whether a code is enough to sign up.
func (m *CodeMethod) SignsUp() bool { return m.Enabled && m.PasswordlessEnabled }

// SecondFactor tells whether a code counts beside another factor.
func (m *CodeMethod) SecondFactor() bool { return m.Enabled && m.MFAEnabled }

// FallsBack tells whether a verified address is as good as one that the schema marks.
func (m *CodeMethod) FallsBack() bool {
	return m.PasswordlessLoginFallback || m.Config.MissingCredentialFallbackEnabled
}

// LinkMethod sends links for recovery and verification.
type LinkMethod struct {
	Enabled bool       `json:"enabled"`
	Config  LinkConfig `json:"config"`
}

// LinkConfig says how long a link lives and which host it names.
type LinkConfig struct {
	// BaseURL defaults to serve.public.base_url.
	BaseURL string `json:"base_url,omitempty"`
	// Lifespan defaults to 1h.
	Lifespan Duration `json:"lifespan"`
}

// TOTPMethod is a time-based code from an authenticator app.
type TOTPMethod struct {
	Enabled bool       `json:"enabled"`
	Config  TOTPConfig `json:"config"`
}

// TOTPConfig names the issuer an app shows; the host of serve.public.base_url by default.
type TOTPConfig struct {
	Issuer string `json:"issuer,omitempty"`
}

// WebAuthnMethod is a security key.
type WebAuthnMethod struct {
	Enabled bool           `json:"enabled"`
	Config  WebAuthnConfig `json:"config"`
}

// WebAuthnConfig says whether a key alone is enough, and for which relying party it is made.
type WebAuthnConfig struct {
	Passwordless bool         `json:"passwordless,omitempty"`
	RP           RelyingParty `json:"rp"`
	// UserVerification is required, preferred or discouraged: whether a key has to check who is using it, by a PIN or a
	// finger. Kratos has no such key. Default preferred.
	UserVerification string `json:"user_verification,omitempty"`
}

// PasskeyMethod is a discoverable key that needs no identifier.
type PasskeyMethod struct {
	Enabled bool          `json:"enabled"`
	Config  PasskeyConfig `json:"config"`
}

// PasskeyConfig names the relying party of passkeys.
type PasskeyConfig struct {
	RP RelyingParty `json:"rp"`
	// UserVerification is as in WebAuthnConfig.
	UserVerification string `json:"user_verification,omitempty"`
}

// RelyingParty is the site a key is bound to.
type RelyingParty struct {
	// ID is the domain. It must never change: no key works for another. Default: the host of serve.public.base_url.
	ID string `json:"id,omitempty"`
	// DisplayName is what devices call the site. Default: the domain.
	DisplayName string `json:"display_name,omitempty"`
	// Icon is not shown any more by any browser.
	Icon string `json:"icon,omitempty"`
	// Origin and Origins are the pages that may ask for a key, spelled as https://app.example.org. Default: those of the
	// domain and of serve.public.base_url.
	Origin  string   `json:"origin,omitempty"`
	Origins []string `json:"origins,omitempty"`
}

// OIDCMethod is signing in with a third party.
type OIDCMethod struct {
	Enabled bool       `json:"enabled"`
	Config  OIDCConfig `json:"config"`
}

// OIDCConfig lists the third parties.
type OIDCConfig struct {
	BaseRedirectURI string         `json:"base_redirect_uri,omitempty"`
	Providers       []OIDCProvider `json:"providers,omitempty"`
}

// OIDCProvider is one third party. The fields past MapperURL are needed by some providers only.
type OIDCProvider struct {
	// ID is part of the callback path and of the stored credential: it must never change.
	ID       string `json:"id"`
	Provider string `json:"provider"`
	Label    string `json:"label,omitempty"`

	ClientID     string   `json:"client_id"`
	ClientSecret string   `json:"client_secret,omitempty"`
	IssuerURL    string   `json:"issuer_url,omitempty"`
	AuthURL      string   `json:"auth_url,omitempty"`
	TokenURL     string   `json:"token_url,omitempty"`
	MapperURL    string   `json:"mapper_url"`
	Scope        []string `json:"scope,omitempty"`

	RequestedClaims json.RawMessage `json:"requested_claims,omitempty"`

	Tenant         string `json:"microsoft_tenant,omitempty"`
	SubjectSource  string `json:"subject_source,omitempty"`
	TeamID         string `json:"apple_team_id,omitempty"`
	PrivateKeyID   string `json:"apple_private_key_id,omitempty"`
	PrivateKey     string `json:"apple_private_key,omitempty"`
	OrganizationID string `json:"organization_id,omitempty"`

	AdditionalIDTokenAudiences []string `json:"additional_id_token_audiences,omitempty"`
	ClaimsSource               string   `json:"claims_source,omitempty"`
	PKCE                       string   `json:"pkce,omitempty"`
	FedCMConfigURL             string   `json:"fedcm_config_url,omitempty"`
	NetIDTokenOriginHeader     string   `json:"net_id_token_origin_header,omitempty"`

	// UpdateIdentityOnLogin is never or automatic: whether traits follow the claims at every login. Default never.
	UpdateIdentityOnLogin string `json:"update_identity_on_login,omitempty"`
}
