package takeover

import (
	"encoding/json"
	"fmt"
	"time"
)

// Shown are the credentials whose contents a server is asked for.
var Shown = []string{"password", "oidc", "totp", "lookup_secret", "webauthn", "passkey"}

// movers make what an import takes of what a server shows in a credential; nil when there is nothing in it.
var movers = map[string]func(json.RawMessage) (any, error){
	"password":      movePassword,
	"oidc":          moveLinks,
	"totp":          moveApp,
	"lookup_secret": moveCodes,
	"webauthn":      moveKeys,
	"passkey":       moveKeys,
}

// moved is a credential for an import; nil when there is nothing to be moved. note tells what stays behind.
func moved(kind string, config json.RawMessage) (out json.RawMessage, note string, err error) {
	move := movers[kind]
	if move == nil {
		if kind == "code" || isEmpty(config) { // whom codes are sent to follows from the traits
			return nil, "", nil
		}
		return nil, fmt.Sprintf("credentials of the type %.32q stay behind: Gatehouse has none of these", kind), nil
	}
	if isEmpty(config) {
		return nil, "", nil
	}
	v, err := move(config)
	if err != nil || v == nil {
		return nil, "", err
	}
	out, err = json.Marshal(v)
	return out, "", err
}

func isEmpty(config json.RawMessage) bool {
	var members map[string]json.RawMessage
	return len(config) == 0 || json.Unmarshal(config, &members) == nil && len(members) == 0
}

func movePassword(config json.RawMessage) (any, error) {
	var p struct {
		HashedPassword string `json:"hashed_password,omitempty"`
		Password       string `json:"password,omitempty"`
		UseHook        bool   `json:"use_password_migration_hook,omitempty"`
	}
	err := json.Unmarshal(config, &p)
	if p.HashedPassword == "" && p.Password == "" && !p.UseHook {
		return nil, err
	}
	return p, err
}

// link is an account at a provider. The tokens of the day when it was linked stay behind.
type link struct {
	Provider string `json:"provider"`
	Subject  string `json:"subject"`
}

type links struct {
	Providers []link `json:"providers"`
}

func moveLinks(config json.RawMessage) (any, error) {
	var l links
	err := json.Unmarshal(config, &l)
	if len(l.Providers) == 0 {
		return nil, err
	}
	return l, err
}

// moveApp takes the secret in the clear, as Kratos shows it, or sealed.
func moveApp(config json.RawMessage) (any, error) {
	var a struct {
		URL    string `json:"totp_url,omitempty"`
		Sealed []byte `json:"sealed,omitempty"`
	}
	err := json.Unmarshal(config, &a)
	return a, err
}

type code struct {
	Code   string     `json:"code"`
	UsedAt *time.Time `json:"used_at,omitempty"`
}

// moveCodes takes codes in the clear, as Kratos shows them ("recovery_codes") or takes them ("codes"), or sealed.
func moveCodes(config json.RawMessage) (any, error) {
	var c struct {
		Codes  []code `json:"codes,omitempty"`
		Shown  []code `json:"recovery_codes,omitempty"`
		Sealed []byte `json:"sealed,omitempty"`
	}
	err := json.Unmarshal(config, &c)
	c.Codes, c.Shown = append(c.Codes, c.Shown...), nil
	for n := range c.Codes {
		if at := c.Codes[n].UsedAt; at != nil && at.IsZero() {
			c.Codes[n].UsedAt = nil
		}
	}
	return c, err
}

func moveKeys(config json.RawMessage) (any, error) {
	var k struct {
		Keys       []json.RawMessage `json:"credentials"`
		UserHandle json.RawMessage   `json:"user_handle,omitempty"`
	}
	err := json.Unmarshal(config, &k)
	if len(k.Keys) == 0 {
		return nil, err
	}
	return k, err
}
