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
		return []SchemaRef{{ID: "default", URL: "preset://email", Default: true}}
	}
	named := slices.ContainsFunc(rows, func(s schemaRow) bool { return s.IsDefault })
	var out []SchemaRef
	for n, s := range rows {
		out = append(out, SchemaRef{ID: s.id(), URL: s.url(), Default: s.IsDefault || !named && n == 0})
	}
	return out
}

func (s schemaRow) id() string {
	if s.ImportID == "" {
		return s.Preset
	}
	return s.ImportID
}

func (s schemaRow) url() string {
	if s.Preset != "" {
		return "preset://" + strings.TrimPrefix(s.Preset, "preset://")
	}
	return s.ImportURL
}

const (
	keySchemas   = "kratos_identity_schemas"
	keyHooks     = "kratos_selfservice_flows_hooks"
	keyProviders = "kratos_selfservice_methods_oidc_config_providers"
)

func checkSchemas(rows []schemaRow) (any, error) {
	seen, defaults := map[string]bool{}, 0
	for n := range rows {
		s := &rows[n]
		s.row, s.Schema, s.SchemaID = row{}, nil, nil
		if s.ImportURL != "" && s.Preset != "" {
			return nil, fmt.Errorf("[%d]: has import_url and preset: keep one", n)
		}
		if s.Preset == "" {
			if err := checkBase64(s.ImportURL); err != nil {
				return nil, fmt.Errorf("[%d].import_url: %w", n, err)
			}
		}
		if s.id() == "" {
			return nil, fmt.Errorf("[%d].import_id: is missing: it is what identities call their schema", n)
		}
		if seen[s.id()] {
			return nil, fmt.Errorf("[%d].import_id: %q is the name of another schema in this list", n, cut(s.id()))
		}
		seen[s.id()] = true
		if s.IsDefault {
			defaults++
		}
		if defaults > 1 {
			return nil, fmt.Errorf("[%d].is_default: is true for a second schema: one can be the default", n)
		}
	}
	return rows, nil
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
	case h.Hook != webHook:
		return nil
	case h.URL == "" || h.Method == "":
		return errors.New("web_hook_config_url: a web_hook needs web_hook_config_url and web_hook_config_method")
	case h.AuthType != "" && h.AuthType != "basic_auth" && h.AuthType != "api_key":
		return fmt.Errorf("web_hook_config_auth_type: %q is none: use basic_auth or api_key", cut(h.AuthType))
	}
	return nil
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
		case p.MapperURL != "" && !strings.HasPrefix(p.MapperURL, base64Scheme) && !strings.HasPrefix(p.MapperURL, "https://"):
			return nil, fmt.Errorf("[%d].mapper_url: has to be base64:// and the program in standard base64, or an https:// URL", n)
		}
		seen[p.ProviderID] = true
	}
	return rows, nil
}
