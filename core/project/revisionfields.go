package project

// form is how the value of a key looks in a revision, and what becomes of it in the configuration document.
type form uint8

const (
	text      form = iota // string; "" is unset
	boolean               // boolean or null, which is unset
	whole                 // integer
	texts                 // list of strings
	headers               // object of strings, or null
	schemas               // projectRevisionIdentitySchema[]
	flowHooks             // projectRevisionHook[]
	providers             // projectRevisionThirdPartyLoginProvider[]
)

// field is a key of a revision.
type field struct {
	key  string
	path string // of the same thing in a Kratos configuration; hooks stand at many places
	form form
}

// fields are the keys that a revision can have beside its own (config.md 1).
var fields = []field{
	{"kratos_cookies_same_site", "cookies.same_site", text},
	{"kratos_courier_smtp_connection_uri", "courier.smtp.connection_uri", text},
	{"kratos_courier_smtp_from_address", "courier.smtp.from_address", text},
	{"kratos_courier_smtp_from_name", "courier.smtp.from_name", text},
	{"kratos_courier_smtp_headers", "courier.smtp.headers", headers},
	{"kratos_identity_schemas", "identity.schemas", schemas},
	{"kratos_secrets_cipher", "secrets.cipher", texts},
	{"kratos_secrets_cookie", "secrets.cookie", texts},
	{"kratos_secrets_default", "secrets.default", texts},
	{"kratos_selfservice_allowed_return_urls", "selfservice.allowed_return_urls", texts},
	{"kratos_selfservice_default_browser_return_url", "selfservice.default_browser_return_url", text},
	{"kratos_selfservice_flows_error_ui_url", "selfservice.flows.error.ui_url", text},
	{"kratos_selfservice_flows_hooks", "", flowHooks},
	{"kratos_selfservice_flows_login_after_default_browser_return_url", "selfservice.flows.login.after.default_browser_return_url", text},
	{"kratos_selfservice_flows_login_after_oidc_default_browser_return_url", "selfservice.flows.login.after.oidc.default_browser_return_url", text},
	{"kratos_selfservice_flows_login_after_password_default_browser_return_url", "selfservice.flows.login.after.password.default_browser_return_url", text},
	{"kratos_selfservice_flows_login_lifespan", "selfservice.flows.login.lifespan", text},
	{"kratos_selfservice_flows_login_ui_url", "selfservice.flows.login.ui_url", text},
	{"kratos_selfservice_flows_logout_after_default_browser_return_url", "selfservice.flows.logout.after.default_browser_return_url", text},
	{"kratos_selfservice_flows_recovery_after_default_browser_return_url", "selfservice.flows.recovery.after.default_browser_return_url", text},
	{"kratos_selfservice_flows_recovery_enabled", "selfservice.flows.recovery.enabled", boolean},
	{"kratos_selfservice_flows_recovery_lifespan", "selfservice.flows.recovery.lifespan", text},
	{"kratos_selfservice_flows_recovery_ui_url", "selfservice.flows.recovery.ui_url", text},
	{"kratos_selfservice_flows_registration_after_default_browser_return_url", "selfservice.flows.registration.after.default_browser_return_url", text},
	{"kratos_selfservice_flows_registration_after_oidc_default_browser_return_url", "selfservice.flows.registration.after.oidc.default_browser_return_url", text},
	{"kratos_selfservice_flows_registration_after_password_default_browser_return_url", "selfservice.flows.registration.after.password.default_browser_return_url", text},
	{"kratos_selfservice_flows_registration_lifespan", "selfservice.flows.registration.lifespan", text},
	{"kratos_selfservice_flows_registration_ui_url", "selfservice.flows.registration.ui_url", text},
	{"kratos_selfservice_flows_settings_after_default_browser_return_url", "selfservice.flows.settings.after.default_browser_return_url", text},
	{"kratos_selfservice_flows_settings_after_password_default_browser_return_url", "selfservice.flows.settings.after.password.default_browser_return_url", text},
	{"kratos_selfservice_flows_settings_after_profile_default_browser_return_url", "selfservice.flows.settings.after.profile.default_browser_return_url", text},
	{"kratos_selfservice_flows_settings_lifespan", "selfservice.flows.settings.lifespan", text},
	{"kratos_selfservice_flows_settings_privileged_session_max_age", "selfservice.flows.settings.privileged_session_max_age", text},
	{"kratos_selfservice_flows_settings_required_aal", "selfservice.flows.settings.required_aal", text},
	{"kratos_selfservice_flows_settings_ui_url", "selfservice.flows.settings.ui_url", text},
	{"kratos_selfservice_flows_verification_after_default_browser_return_url", "selfservice.flows.verification.after.default_browser_return_url", text},
	{"kratos_selfservice_flows_verification_enabled", "selfservice.flows.verification.enabled", boolean},
	{"kratos_selfservice_flows_verification_lifespan", "selfservice.flows.verification.lifespan", text},
	{"kratos_selfservice_flows_verification_ui_url", "selfservice.flows.verification.ui_url", text},
	{"kratos_selfservice_methods_link_config_base_url", "selfservice.methods.link.config.base_url", text},
	{"kratos_selfservice_methods_link_config_lifespan", "selfservice.methods.link.config.lifespan", text},
	{"kratos_selfservice_methods_link_enabled", "selfservice.methods.link.enabled", boolean},
	{"kratos_selfservice_methods_lookup_secret_enabled", "selfservice.methods.lookup_secret.enabled", boolean},
	{"kratos_selfservice_methods_oidc_config_providers", "selfservice.methods.oidc.config.providers", providers},
	{"kratos_selfservice_methods_oidc_enabled", "selfservice.methods.oidc.enabled", boolean},
	{"kratos_selfservice_methods_password_config_haveibeenpwned_enabled", "selfservice.methods.password.config.haveibeenpwned_enabled", boolean},
	{"kratos_selfservice_methods_password_config_ignore_network_errors", "selfservice.methods.password.config.ignore_network_errors", boolean},
	{"kratos_selfservice_methods_password_config_max_breaches", "selfservice.methods.password.config.max_breaches", whole},
	{"kratos_selfservice_methods_password_enabled", "selfservice.methods.password.enabled", boolean},
	{"kratos_selfservice_methods_profile_enabled", "selfservice.methods.profile.enabled", boolean},
	{"kratos_selfservice_methods_totp_config_issuer", "selfservice.methods.totp.config.issuer", text},
	{"kratos_selfservice_methods_totp_enabled", "selfservice.methods.totp.enabled", boolean},
	{"kratos_selfservice_methods_webauthn_config_rp_display_name", "selfservice.methods.webauthn.config.rp.display_name", text},
	{"kratos_selfservice_methods_webauthn_config_rp_icon", "selfservice.methods.webauthn.config.rp.icon", text},
	{"kratos_selfservice_methods_webauthn_config_rp_id", "selfservice.methods.webauthn.config.rp.id", text},
	{"kratos_selfservice_methods_webauthn_config_rp_origin", "selfservice.methods.webauthn.config.rp.origin", text},
	{"kratos_selfservice_methods_webauthn_enabled", "selfservice.methods.webauthn.enabled", boolean},
	{"kratos_session_cookie_persistent", "session.cookie.persistent", boolean},
	{"kratos_session_cookie_same_site", "session.cookie.same_site", text},
	{"kratos_session_lifespan", "session.lifespan", text},
	{"kratos_session_whoami_required_aal", "session.whoami.required_aal", text},
}
