package abi

import "encoding/json"

// Context is what a plugin is told about the event. It never carries a password, a code, a token, a cookie, a CSRF
// value or the Authorization header; whoever builds it is responsible for that.
type Context struct {
	ABI      int       `json:"abi"`            // Version; the runtime sets it
	Host     string    `json:"host,omitempty"` // name and version of the host, for example "gatehouse/1.0"
	Event    Event     `json:"event"`
	Method   string    `json:"method,omitempty"`  // credential method, for example "password"
	HookID   string    `json:"hook_id,omitempty"` // the name of the hook in the configuration
	Flow     *Flow     `json:"flow,omitempty"`
	Identity *Identity `json:"identity,omitempty"`
	Session  *Session  `json:"session,omitempty"`
	Request  *HTTP     `json:"request,omitempty"`

	// Of OIDCClaims: the site that somebody has come back from, and what it says of them.
	Provider string          `json:"provider,omitempty"` // its id in the configuration
	Claims   json.RawMessage `json:"claims,omitempty"`   // an object, as a Jsonnet mapper finds it
}

// Flow is the self-service flow the event belongs to.
type Flow struct {
	ID               string          `json:"id"`
	Type             string          `json:"type"` // "browser" or "api"
	RequestURL       string          `json:"request_url,omitempty"`
	ReturnTo         string          `json:"return_to,omitempty"`
	TransientPayload json.RawMessage `json:"transient_payload,omitempty"`
}

// Identity is the identity as it would be stored if nothing else happened.
type Identity struct {
	ID                  string          `json:"id,omitempty"` // empty before the identity is stored
	SchemaID            string          `json:"schema_id"`
	State               string          `json:"state,omitempty"`
	Traits              json.RawMessage `json:"traits,omitempty"`
	MetadataPublic      json.RawMessage `json:"metadata_public,omitempty"`
	MetadataAdmin       json.RawMessage `json:"metadata_admin,omitempty"`
	VerifiableAddresses json.RawMessage `json:"verifiable_addresses,omitempty"`
	RecoveryAddresses   json.RawMessage `json:"recovery_addresses,omitempty"`
}

// Session is the session of the person, when there is one.
type Session struct {
	ID                    string          `json:"id"`
	AAL                   string          `json:"aal,omitempty"`
	AuthenticationMethods json.RawMessage `json:"authentication_methods,omitempty"`
}

// HTTP is the request that caused the event; Headers are those of the allow-list only.
type HTTP struct {
	Method   string              `json:"method"`
	URL      string              `json:"url"`
	ClientIP string              `json:"client_ip,omitempty"`
	Headers  map[string][]string `json:"headers,omitempty"`
}
