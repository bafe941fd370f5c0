package project

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// row is what the lists of a revision tell about their items and nobody needs: it is read and dropped.
type row struct {
	ID         json.RawMessage `json:"id,omitempty"`
	RevisionID json.RawMessage `json:"project_revision_id,omitempty"`
	CreatedAt  json.RawMessage `json:"created_at,omitempty"`
	UpdatedAt  json.RawMessage `json:"updated_at,omitempty"`
}

// schemaRow is a projectRevisionIdentitySchema (cloud-projects.md 5).
type schemaRow struct {
	row
	Schema    json.RawMessage `json:"identity_schema,omitempty"`
	SchemaID  json.RawMessage `json:"identity_schema_id,omitempty"`
	ImportID  string          `json:"import_id,omitempty"`
	ImportURL string          `json:"import_url,omitempty"`
	IsDefault bool            `json:"is_default"`
	Preset    string          `json:"preset,omitempty"`
}

// SchemaRef names a schema of a revision.
type SchemaRef struct {
	ID, URL string
	Default bool
}

// Schemas are the identity schemas of a revision: one for e-mail addresses when it names none.
func (r *Revision) Schemas() []SchemaRef {
	rows := get[[]schemaRow](r, keySchemas)
	if len(rows) == 0 {
		return []SchemaRef{{ID: "default", URL: presetScheme + "email", Default: true}}
	}
	named := slices.ContainsFunc(rows, func(s schemaRow) bool { return s.IsDefault })
	var out []SchemaRef
	for n, s := range rows {
		out = append(out, SchemaRef{ID: s.ImportID, URL: s.url(), Default: s.IsDefault || !named && n == 0})
	}
	return out
}

func (s schemaRow) url() string {
	if s.Preset != "" {
		return presetScheme + s.Preset
	}
	return s.ImportURL
}

const (
	keySchemas   = "kratos_identity_schemas"
	keyHooks     = "kratos_selfservice_flows_hooks"
	keyProviders = "kratos_selfservice_methods_oidc_config_providers"
)

func checkSchemas(rows []schemaRow) (any, error) {
	seen, defaulted := map[string]bool{}, false
	for n := range rows {
		s := &rows[n]
		if err := s.check(); err != nil {
			return nil, fmt.Errorf("[%d].%w", n, err)
		}
		if seen[s.ImportID] {
			return nil, fmt.Errorf("[%d].import_id: %q is the name of another schema in this list", n, cut(s.ImportID))
		}
		if s.IsDefault && defaulted {
			return nil, fmt.Errorf("[%d].is_default: is true for a second schema: one can be the default", n)
		}
		seen[s.ImportID], defaulted = true, defaulted || s.IsDefault
	}
	return rows, nil
}

const presetScheme = "preset://"

// check brings a schema into the form in which it is kept: a preset by its name, under a name of its own.
func (s *schemaRow) check() error {
	s.row, s.Schema, s.SchemaID = row{}, nil, nil
	s.Preset = strings.TrimPrefix(s.Preset, presetScheme)
	if name, ok := strings.CutPrefix(s.ImportURL, presetScheme); ok && (s.Preset == "" || s.Preset == name) {
		s.Preset, s.ImportURL = name, ""
	}
	if s.ImportURL != "" && s.Preset != "" {
		return errors.New("import_url: there is a preset as well: keep one")
	}
	if s.Preset == "" {
		if err := checkBase64(s.ImportURL); err != nil {
			return fmt.Errorf("import_url: %w", err)
		}
	}
	if s.ImportID == "" {
		s.ImportID = s.Preset
	}
	if s.ImportID == "" {
		return errors.New("import_id: is missing: it is what identities call their schema")
	}
	return nil
}

const base64Scheme = "base64://"

// checkBase64 refuses what isn't a document in a base64:// URL. Other schemes would let a
// project read files and addresses that the server can reach.
func checkBase64(url string) error {
	encoded, ok := strings.CutPrefix(url, base64Scheme)
	if !ok {
		return errors.New("has to be base64:// and the document in standard base64")
	}
	raw, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		return fmt.Errorf("what follows base64:// isn't standard base64: %s", err)
	}
	if !json.Valid(bytes.TrimSpace(raw)) {
		return errors.New("the document isn't JSON")
	}
	return nil
}

// hookRow is a projectRevisionHook (cloud-projects.md 4).
type hookRow struct {
	row
	ConfigKey string `json:"config_key"`
	Hook      string `json:"hook"`
	URL       string `json:"web_hook_config_url,omitempty"`
	Method    string `json:"web_hook_config_method,omitempty"`
	Body      string `json:"web_hook_config_body,omitempty"`
	AuthType  string `json:"web_hook_config_auth_type,omitempty"`
	User      string `json:"web_hook_config_auth_basic_auth_user,omitempty"`
	Password  string `json:"web_hook_config_auth_basic_auth_password,omitempty"`
	KeyName   string `json:"web_hook_config_auth_api_key_name,omitempty"`
	KeyValue  string `json:"web_hook_config_auth_api_key_value,omitempty"`
	KeyIn     string `json:"web_hook_config_auth_api_key_in,omitempty"`
}

const webHook = "web_hook"

// hookKinds are the hooks that a revision can name.
var hookKinds = []string{"session", "revoke_active_sessions", "require_verified_address", webHook}

func checkHooks(rows []hookRow) (any, error) {
	for n := range rows {
		h := &rows[n]
		h.row = row{}
		if err := h.check(); err != nil {
			return nil, fmt.Errorf("[%d].%w", n, err)
		}
	}
	return rows, nil
}

func (h *hookRow) check() error {
	path := strings.Split(h.ConfigKey, ".")
	switch {
	case len(path) < 5 || path[0] != "selfservice" || path[1] != "flows" || path[len(path)-1] != "hooks":
		return fmt.Errorf("config_key: %q names no list of hooks: write for example selfservice.flows.registration.after.password.hooks", cut(h.ConfigKey))
	case !slices.Contains(hookKinds, h.Hook):
		return fmt.Errorf("hook: %q is none: use one of %s", cut(h.Hook), strings.Join(hookKinds, ", "))
	case h.Hook == webHook:
		return h.checkWebHook()
	case h.URL+h.Method+h.Body+h.AuthType+h.keys() != "":
		return fmt.Errorf("hook: %q has no settings: leave out what begins with web_hook_", h.Hook)
	}
	return nil
}

func (h *hookRow) checkWebHook() error {
	switch {
	case h.URL == "" || h.Method == "":
		return errors.New("web_hook_config_url: a web_hook needs web_hook_config_url and web_hook_config_method")
	case !remote(h.Body):
		return errors.New("web_hook_config_body: has to be base64:// and the program in standard base64, or an https:// URL")
	case h.AuthType == "" && h.keys() != "":
		return errors.New("web_hook_config_auth_type: is missing: write basic_auth or api_key")
	case h.AuthType != "" && h.AuthType != "basic_auth" && h.AuthType != "api_key":
		return fmt.Errorf("web_hook_config_auth_type: %q is none: use basic_auth or api_key", cut(h.AuthType))
	}
	return nil
}

// keys are all settings of the ways to prove who calls.
func (h *hookRow) keys() string { return h.User + h.Password + h.KeyName + h.KeyValue + h.KeyIn }

// remote tells whether a program can be had without reading files of the server, if there is one.
func remote(url string) bool {
	return url == "" || strings.HasPrefix(url, base64Scheme) || strings.HasPrefix(url, "https://")
}

// entry is the hook as it stands in a configuration document.
func (h *hookRow) entry() map[string]any {
	if h.Hook != webHook {
		return map[string]any{"hook": h.Hook}
	}
	c := map[string]any{"url": h.URL, "method": h.Method}
	if h.Body != "" {
		c["body"] = h.Body
	}
	switch h.AuthType {
	case "basic_auth":
		c["auth"] = map[string]any{"type": h.AuthType, "config": map[string]any{"user": h.User, "password": h.Password}}
	case "api_key":
		c["auth"] = map[string]any{"type": h.AuthType, "config": map[string]any{"name": h.KeyName, "value": h.KeyValue, "in": h.KeyIn}}
	}
	return map[string]any{"hook": h.Hook, "config": c}
}

// providerRow is a projectRevisionThirdPartyLoginProvider (config.md 2).
type providerRow struct {
	row
	ProviderID string          `json:"provider_id,omitempty"`
	Provider   string          `json:"provider,omitempty"`
	Label      string          `json:"label,omitempty"`
	ClientID   string          `json:"client_id,omitempty"`
	Secret     string          `json:"client_secret,omitempty"`
	IssuerURL  string          `json:"issuer_url,omitempty"`
	AuthURL    string          `json:"auth_url,omitempty"`
	TokenURL   string          `json:"token_url,omitempty"`
	MapperURL  string          `json:"mapper_url,omitempty"`
	Scope      []string        `json:"scope,omitempty"`
	Claims     json.RawMessage `json:"requested_claims,omitempty"`
	Tenant     string          `json:"azure_tenant,omitempty"`
	TeamID     string          `json:"apple_team_id,omitempty"`
	AppleKeyID string          `json:"apple_private_key_id,omitempty"`
	AppleKey   string          `json:"apple_private_key,omitempty"`
}

// providerKeys are the names of a provider's fields in a revision and in a configuration document.
var providerKeys = map[string]string{
	"provider_id": "id", "provider": "provider", "label": "label", "client_id": "client_id", "client_secret": "client_secret",
	"issuer_url": "issuer_url", "auth_url": "auth_url", "token_url": "token_url", "mapper_url": "mapper_url", "scope": "scope",
	"requested_claims": "requested_claims", "azure_tenant": "microsoft_tenant", "apple_team_id": "apple_team_id",
	"apple_private_key_id": "apple_private_key_id", "apple_private_key": "apple_private_key",
}

// otherProviderKeys are further names that documents have for the same fields.
var otherProviderKeys = map[string]string{
	"tenant": "azure_tenant", "azure_tenant": "azure_tenant", "team_id": "apple_team_id",
	"private_key_id": "apple_private_key_id", "private_key": "apple_private_key",
}

// providerKey is what a field of a provider in a document is called in a revision; "" when there is no place for it.
func providerKey(inDocument string) string {
	for key, name := range providerKeys {
		if name == inDocument {
			return key
		}
	}
	return otherProviderKeys[inDocument]
}

func checkProviders(rows []providerRow) (any, error) {
	seen := map[string]bool{}
	for n := range rows {
		p := &rows[n]
		p.row = row{}
		switch {
		case p.ProviderID == "" || p.Provider == "":
			return nil, fmt.Errorf("[%d].provider_id: a provider needs provider_id and provider", n)
		case seen[p.ProviderID]:
			return nil, fmt.Errorf("[%d].provider_id: %q is the id of another provider in this list", n, cut(p.ProviderID))
		case !remote(p.MapperURL):
			return nil, fmt.Errorf("[%d].mapper_url: has to be base64:// and the program in standard base64, or an https:// URL", n)
		}
		seen[p.ProviderID] = true
	}
	return rows, nil
}
