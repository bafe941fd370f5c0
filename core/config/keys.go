package config

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
)

// status says what a key does in this version.
type status int

const (
	// works: the key is acted on.
	works status = iota
	// later: the key is known, and its capability isn't built yet.
	later
	// ignored: the key is known, and something else decides.
	ignored
)

// when says which values of a key without effect are worth a warning.
type when int

const (
	// always: anything that isn't empty, false or zero.
	always when = iota //nolint:unused // the zero value, in every row that names no other
	// enabled: an object whose "enabled" is true.
	enabled
)

// row is one line of the table.
type row struct {
	// path is dotted; "*" stands for any one step. A row speaks for everything below it that has no row of its own.
	path   string
	status status
	// why follows "has no effect: " in the warning.
	why  string
	when when
	// harmless is a value that asks for nothing this version doesn't do.
	harmless string
	// as is the name of the key that this one is another name of.
	as string
}

// keys is the one place that says what this version does with each part of a configuration document. A key with neither a
// row nor a field in Config is refused.
var keys = []row{
	{path: "version", status: works},
	{path: "dev", status: works},
	{path: "dsn", status: ignored, why: "the store is chosen in the Caddyfile (store embedded, or store etcd)"},

	{path: "serve.public", status: works},
	{path: "serve.admin", status: works},
	{path: "serve.*.tls", status: ignored, why: "Caddy makes and renews the certificates"},
	{path: "serve.*.socket", status: ignored, why: "use Caddy's bind directive"},
	{path: "serve.*.request_log", status: ignored, why: "use Caddy's log directive"},
	{path: "serve.public.cors.options_passthrough", status: ignored, why: "preflight requests are always answered here"},
	{path: "serve.public.cors.debug", status: ignored, why: "use Caddy's log directive"},
	{path: "serve.public.domain_aliases", status: ignored, why: "serve a site for each host name"},

	{path: "session.lifespan", status: works},
	{path: "session.cookie", status: works},
	{path: "session.earliest_possible_extend", status: works},
	{path: "session.sliding", status: works},
	{path: "session.whoami.required_aal", status: works},
	{path: "session.whoami.tokenizer", status: later, why: "sessions can't be turned into a JWT yet"},
	{path: "cookies", status: works},

	{path: "identity", status: works},
	{path: "identity.schemas.*.selfservice_selectable", status: later, why: "people register with the default schema"},

	{path: "selfservice.default_browser_return_url", status: works},
	{path: "selfservice.allowed_return_urls", status: works},
	{path: "selfservice.whitelisted_return_urls", status: works, as: "allowed_return_urls"},

	{path: "selfservice.methods.password", status: works},
	{path: "selfservice.methods.password.config.migrate_hook", status: later, why: "passwords can't be taken over by a web hook yet"},
	{path: "selfservice.methods.profile", status: works},
	{path: "selfservice.methods.code", status: works},
	{path: "selfservice.methods.link", status: works},
	{path: "selfservice.methods.totp", status: works},
	{path: "selfservice.methods.lookup_secret", status: works},
	{path: "selfservice.methods.webauthn", status: works},
	{path: "selfservice.methods.webauthn.config.rp.icon", status: ignored, why: "browsers show no icon of a site"},
	{path: "selfservice.methods.passkey", status: works},
	{path: "selfservice.methods.passkey.config.rp.icon", status: ignored, why: "browsers show no icon of a site"},
	{path: "selfservice.methods.oidc", status: works},
	{path: "selfservice.methods.saml", status: later, why: "third parties can't sign people in yet", when: enabled},
	{path: "selfservice.methods.captcha", status: later, why: "there is no captcha", when: enabled},
	{path: "selfservice.methods.b2b", status: later, why: "there are no organizations"},
	{path: "selfservice.methods.oidc.config.providers.*.auth_url", status: ignored, why: "providers are asked for their endpoints"},
	{path: "selfservice.methods.oidc.config.providers.*.token_url", status: ignored, why: "providers are asked for their endpoints"},
	{path: "selfservice.methods.oidc.config.providers.*.organization_id", status: ignored, why: "there are no organizations"},
	{path: "selfservice.methods.oidc.config.providers.*.fedcm_config_url", status: later, why: "browsers can't sign in by FedCM yet"},
	{path: "selfservice.methods.oidc.config.providers.*.net_id_token_origin_header", status: later, why: "browsers can't sign in by FedCM yet"},
	{path: "selfservice.methods.oidc.config.providers.*.tenant", status: works, as: "microsoft_tenant"},
	{path: "selfservice.methods.oidc.config.providers.*.azure_tenant", status: works, as: "microsoft_tenant"},
	{path: "selfservice.methods.oidc.config.providers.*.team_id", status: works, as: "apple_team_id"},
	{path: "selfservice.methods.oidc.config.providers.*.private_key_id", status: works, as: "apple_private_key_id"},
	{path: "selfservice.methods.oidc.config.providers.*.private_key", status: works, as: "apple_private_key"},

	{path: "selfservice.flows.error", status: works},
	{path: "selfservice.flows.login", status: works},
	{path: "selfservice.flows.registration", status: works},
	{path: "selfservice.flows.registration.login_hints", status: later, why: "a taken identifier is told in the same words to all"},
	{path: "selfservice.flows.registration.enable_legacy_one_step", status: ignored, why: "set style to unified"},
	{path: "selfservice.flows.settings", status: works},
	{path: "selfservice.flows.recovery", status: works},
	{path: "selfservice.flows.verification", status: works},
	{path: "selfservice.flows.logout", status: works},

	{path: "hashers", status: works},
	{path: "hashers.argon2.expected_duration", status: ignored, why: "the cost is set by memory and iterations"},
	{path: "hashers.argon2.expected_deviation", status: ignored, why: "the cost is set by memory and iterations"},
	{path: "hashers.argon2.dedicated_memory", status: ignored, why: "the cost is set by memory and iterations"},
	{path: "secrets.default", status: works},
	{path: "secrets.cookie", status: works},
	{path: "secrets.cipher", status: works},
	{path: "secrets.pagination", status: ignored, why: "page tokens hold nothing secret"},
	{path: "ciphers.algorithm", status: later, why: "no third-party tokens are stored yet", harmless: "noop"},

	{path: "courier", status: works},
	{path: "courier.sms", status: ignored, why: "name a channel with the id sms in courier.channels"},
	{path: "courier.worker", status: ignored, why: "the store tells when messages come, nothing is pulled"},
	{path: "watch-courier", status: ignored, why: "every node delivers messages"},
	{path: "expose-metrics-port", status: ignored, why: "use Caddy's metrics"},
	{path: "clients.http", status: works},
	{path: "clients.web_hook", status: ignored, why: "web hooks are told a fixed list of request headers"},
	{path: "oauth2_provider", status: later, why: "no OAuth2 server can be connected yet"},

	{path: "log", status: ignored, why: "use Caddy's log option"},
	{path: "tracing", status: ignored, why: "use Caddy's tracing directive"},
	{path: "profiling", status: ignored, why: "use Caddy's admin endpoint"},
	{path: "sqa-opt-out", status: ignored, why: "nothing is reported to anyone"},
	{path: "sqa_opt_out", status: ignored, why: "nothing is reported to anyone"},
	{path: "help", status: ignored, why: "it belongs on the command line"},
	{path: "config", status: ignored, why: "it belongs on the command line"},
	{path: "db", status: ignored, why: "there is no SQL database"},
	{path: "preview", status: ignored, why: "reads are always consistent"},
	{path: "feature_flags.cacheable_sessions", status: works},
	{path: "feature_flags.cacheable_sessions_max_age", status: works},
	{path: "feature_flags.use_continue_with_transitions", status: ignored, why: "answers always say how to continue"},
	{path: "feature_flags.faster_session_extend", status: ignored, why: "extending a session is always fast"},
	{path: "feature_flags.use_legacy_require_verified_login_error", status: ignored, why: "there is no such switch"},
	{path: "feature_flags.legacy_continue_with_verification_ui", status: ignored, why: "there is no such switch"},
	{path: "feature_flags.legacy_oidc_registration_node_group", status: ignored, why: "there is no such switch"},
	{path: "feature_flags.password_profile_registration_node_group", status: ignored, why: "there is no such switch"},
	{path: "feature_flags.choose_recovery_address", status: ignored, why: "there is no such switch"},
	{path: "organizations", status: later, why: "there are no organizations"},
	{path: "enterprise", status: ignored, why: "there is one edition"},
	{path: "revision", status: ignored, why: "revisions are counted by the store"},
	{path: "security", status: later, why: "taken identifiers are told as Kratos tells them by default"},
}

// hookName is what this version does with the name of a hook.
type hookName struct {
	// at are the beginnings of the paths at which the hook means something; none stands for all.
	at []string
	// why follows "has no effect: " for a hook whose capability isn't built yet.
	why string
}

const (
	afterLogin        = "selfservice.flows.login.after."
	afterRegistration = "selfservice.flows.registration.after."
	afterSettings     = "selfservice.flows.settings.after."
	afterRecovery     = "selfservice.flows.recovery.after."
)

// hookNames says the same of the hooks a document may name. Plug-ins are not named here but bound in the Caddyfile.
var hookNames = map[string]hookName{
	"session":                  {at: []string{afterRegistration}},
	"revoke_active_sessions":   {at: []string{afterLogin, afterSettings, afterRecovery}},
	"require_verified_address": {at: []string{afterLogin}},
	"web_hook":                 {},
	"show_verification_ui":     {at: []string{afterRegistration}},
	"verification":             {why: "new addresses are verified whenever the verification flow is enabled"},
	"verifier":                 {why: "new addresses are verified whenever the verification flow is enabled"},
}

// hookProblem says what is wrong with the name of a hook, or "".
func hookProblem(name string) string {
	if name == "" {
		return "is missing: name the hook, such as session"
	}
	if _, known := hookNames[name]; known {
		return ""
	}
	return fmt.Sprintf("there is no hook %q", name) + suggestion(name, slices.Sorted(maps.Keys(hookNames)))
}

// hookWithoutEffect says why a known hook does nothing at a path, or "".
func hookWithoutEffect(name, path string) string {
	h := hookNames[name]
	if h.why != "" || len(h.at) == 0 || slices.ContainsFunc(h.at, func(start string) bool { return strings.HasPrefix(path, start) }) {
		return h.why
	}
	places := make([]string, len(h.at))
	for i, start := range h.at {
		places[i] = strings.TrimSuffix(start, ".")
	}
	return "it belongs to " + strings.Join(places, ", ")
}

// webHookKeys are those of a web hook's configuration that have no effect, and why.
var webHookKeys = map[string]string{
	"emit_analytics_event": "there are no analytics, the log tells of hooks that fail",
	"id":                   "a hook is known by its URL",
}

// warnWebHook tells the keys of a hook's configuration that have no effect.
func warnWebHook(config *value, path string) (out []Warning) {
	for _, key := range slices.Sorted(maps.Keys(webHookKeys)) {
		if v := config.get(key); v != nil && v.active() {
			out = append(out, Warning{Path: dot(path, key), Line: v.line, Text: "has no effect: " + webHookKeys[key]})
		}
	}
	return out
}

// warn walks a document and tells every key that has no effect, once for each part of the document.
func warn(v *value, path string, out []Warning) []Warning {
	if r := rowAt(path); r != nil && r.status != works {
		if r.active(v) {
			out = append(out, Warning{Path: path, Line: v.line, Text: "has no effect: " + r.why})
		}
		return out
	}
	if h := v.get("hook"); h != nil && strings.Contains(path, ".hooks[") {
		if why := hookWithoutEffect(h.text, path); why != "" {
			out = append(out, Warning{Path: path, Line: h.line, Text: fmt.Sprintf("the hook %q has no effect: %s", h.text, why)})
		}
		return append(out, warnWebHook(v.get("config"), path+".config")...)
	}
	for i, item := range v.items {
		out = warn(item, fmt.Sprintf("%s[%d]", path, i), out)
	}
	for _, key := range v.keys {
		out = warn(v.members[key], dot(path, key), out)
	}
	return out
}

func (r *row) active(v *value) bool {
	if on := v.get("enabled"); r.when == enabled {
		return on != nil && on.text == "true"
	}
	return v.active() && (r.harmless == "" || v.text != r.harmless)
}

// active reports whether anything in v is set to more than nothing.
func (v *value) active() bool {
	switch v.kind {
	case null:
		return false
	case boolean:
		return v.text == "true"
	case integer, float:
		return strings.Trim(v.text, "-+0.") != ""
	case text:
		return v.text != ""
	}
	for _, item := range v.items {
		if item.active() {
			return true
		}
	}
	for _, child := range v.members {
		if child.active() {
			return true
		}
	}
	return false
}

// rowAt finds the row with exactly this path.
func rowAt(path string) *row {
	s := steps(path)
	for i, p := range patterns() {
		if fits(p, s) {
			return &keys[i]
		}
	}
	return nil
}

// patterns are the steps of the paths of keys.
var patterns = sync.OnceValue(func() (out [][]string) {
	for _, r := range keys {
		out = append(out, strings.Split(r.path, "."))
	}
	return out
})

// matches compares step by step; the items of a list are steps of their own.
func matches(pattern, path string) bool { return fits(strings.Split(pattern, "."), steps(path)) }

func fits(p, s []string) bool {
	if len(p) != len(s) {
		return false
	}
	for i := range p {
		if p[i] != "*" && p[i] != s[i] {
			return false
		}
	}
	return true
}

func steps(path string) []string {
	return strings.Split(strings.ReplaceAll(strings.ReplaceAll(path, "]", ""), "[", "."), ".")
}

func cutLast(path string) (parent, last string, ok bool) {
	i := strings.LastIndexByte(path, '.')
	if i < 0 {
		return "", path, path != ""
	}
	return path[:i], path[i+1:], true
}
