package config

// SelfService holds the flows people run themselves and the methods they may use in them.
type SelfService struct {
	// DefaultBrowserReturnURL is where a browser goes when nothing more specific is set: an absolute URL or path.
	DefaultBrowserReturnURL string `json:"default_browser_return_url"`
	// AllowedReturnURLs lists where return_to may lead. The old key whitelisted_return_urls is read as well.
	AllowedReturnURLs []string `json:"allowed_return_urls,omitempty"`
	Methods           Methods  `json:"methods"`
	Flows             Flows    `json:"flows"`
}

// Flows configures each kind of flow.
type Flows struct {
	Error        ErrorFlow        `json:"error"`
	Login        LoginFlow        `json:"login"`
	Registration RegistrationFlow `json:"registration"`
	Settings     SettingsFlow     `json:"settings"`
	Recovery     RecoveryFlow     `json:"recovery"`
	Verification VerificationFlow `json:"verification"`
	Logout       LogoutFlow       `json:"logout"`
}

// ErrorFlow names the page that shows self-service errors.
type ErrorFlow struct {
	UIURL string `json:"ui_url"`
}

// LoginFlow configures signing in.
type LoginFlow struct {
	UIURL    string   `json:"ui_url"`
	Lifespan Duration `json:"lifespan"`
	// MaxSubmissions is how many codes of an authenticator app, or backup codes, one flow takes. Kratos has no such key.
	// Default 5.
	MaxSubmissions int `json:"max_submissions"`
	// Style is unified or identifier_first.
	Style  string `json:"style,omitempty"`
	Before Before `json:"before,omitzero"`
	After  After  `json:"after,omitzero"`
}

// RegistrationFlow configures signing up.
type RegistrationFlow struct {
	// Enabled lets people sign up. Default true.
	Enabled    bool     `json:"enabled"`
	LoginHints bool     `json:"login_hints,omitempty"`
	UIURL      string   `json:"ui_url"`
	Lifespan   Duration `json:"lifespan"`
	// Style is unified (one form) or profile_first.
	Style               string `json:"style,omitempty"`
	EnableLegacyOneStep bool   `json:"enable_legacy_one_step,omitempty"`
	Before              Before `json:"before,omitzero"`
	After               After  `json:"after,omitzero"`
}

// SettingsFlow configures changing one's own account.
type SettingsFlow struct {
	UIURL    string   `json:"ui_url"`
	Lifespan Duration `json:"lifespan"`
	// PrivilegedSessionMaxAge is how fresh a login must be to change credentials. Default 1h.
	PrivilegedSessionMaxAge Duration `json:"privileged_session_max_age"`
	// RequiredAAL is aal1 or highest_available. Default highest_available.
	RequiredAAL string `json:"required_aal"`
	// KeepSessions lets the other sessions live on when a password is changed, as in Kratos. Default false.
	KeepSessions bool   `json:"keep_sessions,omitempty"`
	Before       Before `json:"before,omitzero"`
	After        After  `json:"after,omitzero"`
}

// RecoveryFlow configures getting back into an account.
type RecoveryFlow struct {
	Enabled  bool     `json:"enabled"`
	UIURL    string   `json:"ui_url"`
	Lifespan Duration `json:"lifespan"`
	// Use is link or code.
	Use                     string `json:"use"`
	NotifyUnknownRecipients bool   `json:"notify_unknown_recipients,omitempty"`
	// KeepSessions lets the other sessions live on when the account is recovered, as in Kratos. Default false.
	KeepSessions bool   `json:"keep_sessions,omitempty"`
	Before       Before `json:"before,omitzero"`
	After        After  `json:"after,omitzero"`
}

// VerificationFlow configures proving that an address is one's own.
type VerificationFlow struct {
	Enabled  bool     `json:"enabled"`
	UIURL    string   `json:"ui_url"`
	Lifespan Duration `json:"lifespan"`
	// Use is link or code.
	Use                     string `json:"use"`
	NotifyUnknownRecipients bool   `json:"notify_unknown_recipients,omitempty"`
	Before                  Before `json:"before,omitzero"`
	After                   After  `json:"after,omitzero"`
}

// LogoutFlow configures signing out.
type LogoutFlow struct {
	After LogoutAfter `json:"after,omitzero"`
}

// LogoutAfter is where a browser goes after signing out.
type LogoutAfter struct {
	DefaultBrowserReturnURL string `json:"default_browser_return_url,omitempty"`
}
