package abi

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"
)

// Field looks up the value at an RFC 6901 pointer, for example "/identity/traits/email". A string comes back raw,
// without quotes; everything else as JSON text. It answers as if the pointer was applied to the JSON form of c, but
// encodes only the branch it walks: that is what makes it cheap for a plugin that needs three values.
func (c *Context) Field(pointer string) (raw []byte, ok bool) {
	tokens, ok := splitPointer(pointer)
	if !ok {
		return nil, false
	}
	var node any = c
	for _, token := range tokens {
		if node, ok = child(node, token); !ok {
			return nil, false
		}
	}
	return text(node)
}

// splitPointer refuses what RFC 6901 refuses: a pointer that does not start with a slash, and a tilde that is
// neither ~0 nor ~1.
func splitPointer(pointer string) ([]string, bool) {
	if pointer == "" {
		return nil, true
	}
	if pointer[0] != '/' || len(pointer) > MaxPath {
		return nil, false
	}
	tokens := strings.Split(pointer[1:], "/")
	for i, token := range tokens {
		unescaped := strings.NewReplacer("~0", "", "~1", "").Replace(token)
		if strings.Contains(unescaped, "~") {
			return nil, false
		}
		tokens[i] = strings.NewReplacer("~1", "/", "~0", "~").Replace(token)
	}
	return tokens, true
}

// child steps into node. The structs on the way to traits are walked in place; the small rest is encoded first.
func child(node any, token string) (any, bool) {
	switch n := node.(type) {
	case *Context:
		return n.child(token)
	case *Identity:
		return n.child(token)
	case json.RawMessage:
		return rawChild(n, token)
	case string:
		return nil, false
	}
	encoded, err := json.Marshal(node)
	if err != nil {
		return nil, false
	}
	return rawChild(encoded, token)
}

func (c *Context) child(token string) (any, bool) {
	switch token {
	case "abi":
		return json.RawMessage(strconv.Itoa(c.ABI)), true
	case "host":
		return c.Host, c.Host != ""
	case "event":
		return string(c.Event), true
	case "method":
		return c.Method, c.Method != ""
	case "hook_id":
		return c.HookID, c.HookID != ""
	case "flow":
		return c.Flow, c.Flow != nil
	case "identity":
		return c.Identity, c.Identity != nil
	case "session":
		return c.Session, c.Session != nil
	case "request":
		return c.Request, c.Request != nil
	case "provider":
		return c.Provider, c.Provider != ""
	case "claims":
		return c.Claims, len(c.Claims) > 0
	}
	return nil, false
}

func (i *Identity) child(token string) (any, bool) {
	switch token {
	case "id":
		return i.ID, i.ID != ""
	case "schema_id":
		return i.SchemaID, true
	case "state":
		return i.State, i.State != ""
	}
	raw := map[string]json.RawMessage{
		"traits": i.Traits, "metadata_public": i.MetadataPublic, "metadata_admin": i.MetadataAdmin,
		"verifiable_addresses": i.VerifiableAddresses, "recovery_addresses": i.RecoveryAddresses,
	}[token]
	return raw, len(raw) > 0
}

func rawChild(raw json.RawMessage, token string) (any, bool) {
	switch trimmed := bytes.TrimLeft(raw, " \t\r\n"); {
	case len(trimmed) == 0:
		return nil, false
	case trimmed[0] == '{':
		var members map[string]json.RawMessage
		if json.Unmarshal(raw, &members) != nil {
			return nil, false
		}
		value, ok := members[token]
		return value, ok
	case trimmed[0] == '[':
		return element(raw, token)
	}
	return nil, false
}

func element(raw json.RawMessage, token string) (any, bool) {
	if token == "" || len(token) > 1 && token[0] == '0' || strings.Trim(token, "0123456789") != "" {
		return nil, false
	}
	index, err := strconv.Atoi(token)
	if err != nil {
		return nil, false
	}
	var elements []json.RawMessage
	if json.Unmarshal(raw, &elements) != nil || index >= len(elements) {
		return nil, false
	}
	return elements[index], true
}

// text is the form in which a guest sees node.
func text(node any) ([]byte, bool) {
	if s, ok := node.(string); ok {
		return []byte(s), true
	}
	encoded, err := json.Marshal(node) // compacts a RawMessage and refuses a broken one
	if err != nil {
		return nil, false
	}
	if encoded[0] == '"' {
		var s string
		err = json.Unmarshal(encoded, &s)
		return []byte(s), err == nil
	}
	return encoded, true
}
