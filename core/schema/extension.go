package schema

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v5"
)

// extensionKey is the key inside a trait's schema that says what the trait is for.
const extensionKey = "ory.sh/kratos"

// searchKey is the key inside a trait's schema by which administrators can search for the trait. It is none of Kratos' on
// purpose: Kratos refuses keys that it doesn't know inside of its own, and ignores others.
const searchKey = "gatehouse"

// searchUse is the value of that key.
type searchUse struct {
	Search bool `json:"search"`
}

// extension is the value of that key. A key it doesn't have makes the schema invalid.
type extension struct {
	Credentials struct {
		Password credentialUse `json:"password"`
		WebAuthn credentialUse `json:"webauthn"`
		Passkey  credentialUse `json:"passkey"`
		Code     credentialUse `json:"code"`
		TOTP     credentialUse `json:"totp"`
	} `json:"credentials"`
	Verification struct {
		Via string `json:"via"`
	} `json:"verification"`
	Recovery struct {
		Via string `json:"via"`
	} `json:"recovery"`
	Organizations struct {
		Matcher string `json:"matcher"`
	} `json:"organizations"`
}

// credentialUse says what a trait is to one credential type.
type credentialUse struct {
	Identifier  bool   `json:"identifier"`
	AccountName bool   `json:"account_name"`
	DisplayName bool   `json:"display_name"`
	Via         string `json:"via"`
}

// The channel to phones. Schemas of the time in which Kratos could not send there call it phone.
const sms, phone = "sms", "phone"

// formatOf is the format that a value must have to receive messages by a channel.
var formatOf = map[string]string{"email": "email", phone: "tel", sms: "tel"}

// identifiesFor lists the credential types for which the trait is an identifier.
func (e *extension) identifiesFor() []Identifier {
	var out []Identifier
	for _, c := range []struct {
		name string
		use  credentialUse
	}{
		{"password", e.Credentials.Password},
		{"webauthn", e.Credentials.WebAuthn},
		{"passkey", e.Credentials.Passkey},
		{"code", e.Credentials.Code},
	} {
		if c.use.Identifier {
			out = append(out, Identifier{Type: c.name, Via: c.use.Via})
		}
	}
	return out
}

// extensionCompiler reads the extension wherever the compiler meets a schema.
type extensionCompiler struct{}

func (extensionCompiler) Compile(_ jsonschema.CompilerContext, m map[string]any) (jsonschema.ExtSchema, error) {
	value, ok := m[extensionKey]
	if !ok {
		return nil, nil
	}
	ext := new(extension)
	if err := readExtension(extensionKey, value, ext); err != nil {
		return nil, err
	}
	for _, via := range []*string{&ext.Verification.Via, &ext.Recovery.Via, &ext.Credentials.Code.Via} {
		if _, ok := formatOf[*via]; !ok && *via != "" {
			return nil, fmt.Errorf(`the key %q: "via" must be email, sms or phone, not %q`, extensionKey, *via)
		}
		if *via == phone {
			*via = sms
		}
	}
	return ext, nil
}

// readExtension decodes the value of one of the keys. A key that it doesn't have makes the schema invalid.
func readExtension(key string, value, into any) error {
	raw, err := json.Marshal(value)
	if err != nil {
		return err
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	if err := dec.Decode(into); err != nil {
		return fmt.Errorf("the key %q: %s", key, strings.TrimPrefix(err.Error(), "json: "))
	}
	return nil
}

// searchCompiler reads the mark for search, likewise.
type searchCompiler struct{}

func (searchCompiler) Compile(_ jsonschema.CompilerContext, m map[string]any) (jsonschema.ExtSchema, error) {
	value, ok := m[searchKey]
	if !ok {
		return nil, nil
	}
	use := new(searchUse)
	return use, readExtension(searchKey, value, use)
}

// Validate has nothing to say: every value can be searched for.
func (*searchUse) Validate(jsonschema.ValidationContext, any) error { return nil }

// Validate demands that an address can be one, whether or not the schema asks for the format as well.
func (e *extension) Validate(ctx jsonschema.ValidationContext, v any) error {
	for _, use := range []struct{ key, via string }{
		{"verification", e.Verification.Via}, {"recovery", e.Recovery.Via},
	} {
		format := formatOf[use.via]
		if s, ok := v.(string); ok && format != "" && !formats[format](s) {
			return ctx.Error(escapePointer(extensionKey)+"/"+use.key+"/via", "%q is not valid %q", s, format)
		}
	}
	return nil
}
