package importgraph

// layer is a row of packages that may import the rows below it and never each
// other. A name ending in "/*" stands for every package of that directory.
type layer struct {
	name     string
	packages []string
}

// layers are listed from the lowest to the highest. A package that is in no row
// fails the test: whoever adds one decides where it stands.
var layers = []layer{
	{"leaves", []string{"core/apierror", "core/ui", "core/hash", "core/secret", "hooks/abi", "storage/kv", "plugins/sdk", "internal/egress", "internal/jsonnet"}},
	{"backends", []string{"storage/etcd", "storage/kvtest"}},
	{"nouns", []string{"core/identity", "core/schema", "core/courier", "core/config", "core/onetime", "core/guess"}},
	{"state", []string{"core/session", "core/project", "core/ceremony"}},
	{"words", []string{"core/flow"}},
	{"engine", []string{"core/selfservice", "core/method/*", "hooks", "hooks/wasm", "storage", "storage/certs", "plugins/*"}},
	{"pages", []string{"pages"}},
	{"edge", []string{"httpapi"}},
	{"assembly", []string{"internal/gateway"}},
	{"tenancy", []string{"internal/tenancy"}},
	{"clients", []string{"internal/adminapi"}},
	{"moving", []string{"internal/takeover"}},
	{"subcommands", []string{"internal/admincli"}},
	{"host", []string{"caddymodule"}},
	{"command", []string{"cmd/*"}},
}

// testOnly packages may import everything and are imported by tests alone.
var testOnly = []string{"internal/testenv", "internal/hostile", "internal/faultproxy", "internal/mailtest", "internal/optest", "internal/softkey", "internal/importgraph", "test", "test/*"}

// restriction says who may import a library that would tie the importer to it.
type restriction struct {
	prefix  string // of the import path
	allowed []string
}

// restrictions list packages ("storage/etcd") and, where one file of a package
// is the exception, files ("hooks/webhook_call.go").
var restrictions = []restriction{
	{"github.com/caddyserver/", []string{"caddymodule", "cmd/*"}},
	{"go.etcd.io/", []string{"storage/etcd"}},
	{"github.com/tetratelabs/wazero", []string{"hooks/wasm"}},
	{"github.com/go-webauthn/", []string{"core/ceremony"}},
	{"github.com/google/go-jsonnet", []string{"internal/jsonnet"}},
	{"net/http", append([]string{"pages", "httpapi", "internal/gateway", "caddymodule"}, httpClients...)},
}

// httpClients are the files below the edge that call out over HTTP. They are
// clients only: none of them may name a server's type.
var httpClients = []string{
	"core/courier/httpsender.go",       // calls the providers of HTTP channels
	"core/method/password/breaches.go", // asks how often a password was seen in breaches
	"core/method/oidc/api.go",          // asks providers who somebody is
	"hooks/webhook_call.go",            // calls web hooks
	"internal/adminapi/client.go",      // asks admin APIs
	"internal/takeover/source.go",      // names the methods of the calls that it makes through it
	"internal/takeover/import.go",
	"internal/takeover/batch.go",
	"internal/takeover/retry.go",
	"internal/admincli/admincli.go",
	"internal/admincli/import.go",
	"internal/admincli/identities.go",
	"internal/admincli/sessions.go",
	"internal/admincli/token.go",
	"internal/admincli/projects.go",
	"internal/admincli/members.go",
	"internal/egress/egress.go", // makes the clients that all of these should use
	"internal/egress/source.go", // fetches schemas, templates and programs
}

// serverNames are what a file of httpClients must not use of net/http.
var serverNames = []string{
	"Handle", "HandleFunc", "Handler", "HandlerFunc", "ListenAndServe", "ListenAndServeTLS", "ResponseWriter", "Serve",
	"ServeMux", "Server", "SetCookie",
}

// sentences open the package comments: what each package owns. The comment may
// go on after it. Other packages need a sentence too, but choose it themselves.
var sentences = map[string]string{
	"core/apierror":    "defines the one error type whose text may reach an API client.",
	"core/ui":          "models the form a flow shows: container, nodes, attributes, and the numbered messages.",
	"core/hash":        "hashes and compares passwords, and reads the hash formats an import may carry.",
	"core/secret":      "signs and seals cookies, tokens, flow ids and stored secrets with rotating keys.",
	"core/config":      "holds one project's configuration: typed, validated, hot-swappable.",
	"core/schema":      "loads identity schemas, validates traits, and reads the credential and address extensions.",
	"core/identity":    "holds identities, traits, credentials and addresses, and the rules for changing them.",
	"core/session":     "issues, checks, extends and revokes sessions and tracks their assurance level.",
	"core/project":     "holds projects, their configuration revisions, members and personal access tokens.",
	"core/courier":     "queues messages to people and delivers them by mail or HTTP.",
	"core/onetime":     "holds the links and codes that prove a mailbox: how they are made, what is stored of them, and how long they count.",
	"core/guess":       "bounds how often secrets that people type can be guessed.",
	"core/ceremony":    "makes and checks the public keys of WebAuthn: what a browser is asked for, and whether its answer proves a key.",
	"core/flow":        "says what a self-service flow is, what a method may do in it, and what a hook may decide.",
	"core/selfservice": "runs flows: the phases every flow shares, and login, registration, settings, recovery, verification, logout.",
	"storage/kv":       "defines the small transactional key-value store every backend implements, and an in-memory one.",
	"storage/kvtest":   "is the conformance suite for kv.Store.",
	"storage/etcd":     "implements kv.Store on etcd, embedded or remote.",
	"storage/certs":    "keeps certificates, their keys and what else a TLS server has to remember in a kv.Store, sealed.",
	"storage":          "keeps identities, sessions, flows, messages and projects as records in a kv.Store; keys, indexes and codecs are here only.",
	"hooks/abi":        "is the contract between host and plugin: export names, payload types, limits, version.",
	"hooks":            "resolves configured hooks in order and holds the built-in ones (session, revoke_active_sessions, require_verified_address, web_hook).",
	"hooks/wasm":       "runs hook plugins in wazero under time and memory limits.",
	"pages":            "renders the built-in self-service pages from embedded templates.",
	"httpapi":          "serves the public, admin and project HTTP API: routes, decoding, cookies, CSRF, redirects, error bodies.",
	"internal/tenancy": "keeps the gateways of all projects: which host is whose, awake on demand, swapped when a revision changes.",
	"internal/gateway": "assembles stores, engine, methods, hooks and HTTP edge into one server.",
	"caddymodule":      "registers the Caddy app, handlers, guard, directives, config adapter, subcommands, metrics.",
}
