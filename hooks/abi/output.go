package abi

import (
	"encoding/json"
	"errors"
	"fmt"
)

// Output is the decision of a plugin. The zero value is not a decision; no output at all means DefaultOutput.
type Output struct {
	Action        Action          `json:"action"`
	Identity      *IdentityChange `json:"identity,omitempty"`       // replaces the keys that are set
	IdentityMerge *IdentityChange `json:"identity_merge,omitempty"` // an RFC 7396 patch for the keys that are set
	Messages      []FieldMessages `json:"messages,omitempty"`       // of Reject

	RedirectTo string `json:"redirect_to,omitempty"` // of Redirect; the caller checks it against the allowed return URLs
	Status     int    `json:"status,omitempty"`      // of Redirect and Deny
	Body       string `json:"body,omitempty"`        // of Deny

	Claims          map[string]json.RawMessage `json:"claims,omitempty"`
	Headers         map[string]string          `json:"headers,omitempty"`
	ResponseHeaders map[string]string          `json:"response_headers,omitempty"`
}

// IdentityChange holds new values as JSON. A nil field is left alone.
type IdentityChange struct {
	Traits         json.RawMessage `json:"traits,omitempty"`
	MetadataPublic json.RawMessage `json:"metadata_public,omitempty"`
	MetadataAdmin  json.RawMessage `json:"metadata_admin,omitempty"`
	State          string          `json:"state,omitempty"` // "active" or "inactive"
	// VerifiedAddresses are those that the site of OIDCClaims has seen to be the person's.
	VerifiedAddresses []Address `json:"verified_addresses,omitempty"`
}

// Address is an address of a person.
type Address struct {
	Via   string `json:"via"` // "email" or "sms"
	Value string `json:"value"`
}

// FieldMessages are the messages for one form field.
type FieldMessages struct {
	InstancePtr string    `json:"instance_ptr"` // "#/traits/email"; "#/" is the whole form
	Messages    []Message `json:"messages"`
}

// Message is one sentence for the person at the form.
type Message struct {
	ID      int64           `json:"id"`
	Text    string          `json:"text"`
	Type    string          `json:"type"` // "error" when left out, "info" or "success"
	Context json.RawMessage `json:"context,omitempty"`
}

// DefaultOutput is the decision of a plugin that says nothing.
func DefaultOutput() Output { return Output{Action: Continue} }

// DecodeOutput reads what a plugin answered to event. A plugin is foreign code, so the reading is strict: a document
// of at most MaxOutput bytes of UTF-8, no key twice, no unknown key (a typo must not silently pass a security hook),
// nothing behind it, and only what the event and the action allow.
func DecodeOutput(event Event, data []byte) (Output, error) {
	s, ok := event.spec()
	if !ok {
		return Output{}, fmt.Errorf("unknown event %q", event)
	}
	if err := scan(data); err != nil {
		return Output{}, fmt.Errorf("decoding output: %w", err)
	}
	var out Output
	if err := json.Unmarshal(data, &out); err != nil {
		return Output{}, fmt.Errorf("decoding output: %w", err)
	}
	if err := out.check(s); err != nil {
		return Output{}, fmt.Errorf("checking output for %s: %w", event, err)
	}
	return out, nil
}

// UnmarshalJSON reads o by exact key names; encoding/json alone would take "ACTION" for "action".
func (o *Output) UnmarshalJSON(data []byte) error {
	return object(data, map[string]any{
		"action": &o.Action, "identity": &o.Identity, "identity_merge": &o.IdentityMerge, "messages": &o.Messages,
		"redirect_to": &o.RedirectTo, "status": &o.Status, "body": &o.Body,
		"claims": &o.Claims, "headers": &o.Headers, "response_headers": &o.ResponseHeaders,
	})
}

// UnmarshalJSON reads c by exact key names.
func (c *IdentityChange) UnmarshalJSON(data []byte) error {
	return object(data, map[string]any{
		"traits": &c.Traits, "metadata_public": &c.MetadataPublic, "metadata_admin": &c.MetadataAdmin, "state": &c.State,
		"verified_addresses": &c.VerifiedAddresses,
	})
}

// UnmarshalJSON reads a by exact key names.
func (a *Address) UnmarshalJSON(data []byte) error {
	return object(data, map[string]any{"via": &a.Via, "value": &a.Value})
}

// UnmarshalJSON reads f by exact key names.
func (f *FieldMessages) UnmarshalJSON(data []byte) error {
	return object(data, map[string]any{"instance_ptr": &f.InstancePtr, "messages": &f.Messages})
}

// UnmarshalJSON reads m by exact key names.
func (m *Message) UnmarshalJSON(data []byte) error {
	m.Type = "error"
	return object(data, map[string]any{"id": &m.ID, "text": &m.Text, "type": &m.Type, "context": &m.Context})
}

// object decodes data into the named destinations.
func object(data []byte, fields map[string]any) error {
	if len(data) == 0 || data[0] != '{' {
		return errors.New("an object is needed here")
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(data, &members); err != nil {
		return err
	}
	for name, raw := range members {
		dst, ok := fields[name]
		if !ok {
			return fmt.Errorf("unknown key %q", clip(name))
		}
		if err := json.Unmarshal(raw, dst); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}
