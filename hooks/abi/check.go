package abi

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"unicode"
)

// Limits of the parts of an output document.
const (
	maxFields      = 32      // form fields with messages
	maxMessages    = 8       // messages per form field
	maxMessageText = 1 << 10 // bytes
	maxInstancePtr = 256     // bytes
	maxRedirect    = 2 << 10 // bytes
	maxAddresses   = 16      // that a site has verified
	maxAddress     = 320     // bytes of one: the longest of an e-mail address
	maxHeaders     = 32
	maxHeaderValue = 4 << 10 // bytes
)

// check holds an output against its event and its action. A key that belongs to another action is refused like an
// unknown one, for the same reason.
func (o *Output) check(s spec) error {
	if !slices.Contains(s.actions, o.Action) {
		return fmt.Errorf("action %q is not one of %v", clip(string(o.Action)), s.actions)
	}
	if err := o.checkKeys(s); err != nil {
		return err
	}
	if err := o.checkAction(); err != nil {
		return err
	}
	for name, change := range map[string]*IdentityChange{"identity": o.Identity, "identity_merge": o.IdentityMerge} {
		if err := change.check(s.event); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	if err := checkHeaders(o.Headers); err != nil {
		return err
	}
	return checkHeaders(o.ResponseHeaders)
}

func (o *Output) checkKeys(s spec) error {
	goesOn := o.Action == Continue
	for _, key := range []struct {
		name    string
		set     bool
		allowed bool
	}{
		{"identity", o.Identity != nil, goesOn && s.identity},
		{"identity_merge", o.IdentityMerge != nil, goesOn && s.identity},
		{"messages", o.Messages != nil, o.Action == Reject},
		{"redirect_to", o.RedirectTo != "", o.Action == Redirect},
		{"status", o.Status != 0, o.Action == Redirect || o.Action == Deny},
		{"body", o.Body != "", o.Action == Deny},
		{"claims", o.Claims != nil, goesOn && s.headers},
		{"headers", o.Headers != nil, goesOn && s.headers || o.Action == Deny},
		{"response_headers", o.ResponseHeaders != nil, goesOn && s.headers},
	} {
		if key.set && !key.allowed {
			return fmt.Errorf("key %q is not allowed with action %q", key.name, o.Action)
		}
	}
	return nil
}

func (o *Output) checkAction() error {
	switch o.Action {
	case Reject:
		return checkMessages(o.Messages)
	case Redirect:
		if o.Status != 0 && !slices.Contains([]int{302, 303, 307}, o.Status) {
			return fmt.Errorf("status %d is not 302, 303 or 307", o.Status)
		}
		return checkRedirect(o.RedirectTo)
	case Deny:
		if o.Status != 0 && (o.Status < 400 || o.Status > 599) {
			return fmt.Errorf("status %d is not between 400 and 599", o.Status)
		}
	}
	return nil
}

func checkMessages(fields []FieldMessages) error {
	if len(fields) == 0 || len(fields) > maxFields {
		return fmt.Errorf("messages for %d fields, 1 to %d are needed", len(fields), maxFields)
	}
	for i, field := range fields {
		if !validInstancePtr(field.InstancePtr) {
			return fmt.Errorf("messages/%d: instance_ptr %q does not start with #/", i, clip(field.InstancePtr))
		}
		if n := len(field.Messages); n == 0 || n > maxMessages {
			return fmt.Errorf("messages/%d: %d messages, 1 to %d are needed", i, n, maxMessages)
		}
		for j := range field.Messages {
			if err := field.Messages[j].check(); err != nil {
				return fmt.Errorf("messages/%d/messages/%d: %w", i, j, err)
			}
		}
	}
	return nil
}

func validInstancePtr(p string) bool {
	return strings.HasPrefix(p, "#/") && len(p) <= maxInstancePtr && plain(p)
}

func (m *Message) check() error {
	switch {
	case m.ID <= 0 || m.ID > 1<<53:
		return errors.New("id is not a positive number")
	case strings.TrimSpace(m.Text) == "":
		return errors.New("text is empty")
	case len(m.Text) > maxMessageText:
		return fmt.Errorf("text has more than %d bytes", maxMessageText)
	case !plain(m.Text):
		return errors.New("text has control characters")
	case !slices.Contains([]string{"error", "info", "success"}, m.Type):
		return fmt.Errorf("type %q is not error, info or success", clip(m.Type))
	case m.Context != nil && !isObject(m.Context):
		return errors.New("context is not an object")
	}
	return nil
}

// checkRedirect takes an http or https URL or a path on this host. Whether the place is allowed is for the caller.
func checkRedirect(target string) error {
	u, err := url.Parse(target)
	if err != nil || target == "" || len(target) > maxRedirect || !plain(target) || strings.Contains(target, `\`) {
		return errors.New("redirect_to is not a URL")
	}
	if u.Scheme == "" && u.Host == "" && strings.HasPrefix(target, "/") && !strings.HasPrefix(target, "//") {
		return nil
	}
	if (u.Scheme == "https" || u.Scheme == "http") && u.Host != "" && u.User == nil {
		return nil
	}
	return errors.New("redirect_to is neither an http URL nor a path")
}

func (c *IdentityChange) check(e Event) error {
	switch {
	case c == nil:
		return nil
	case c.VerifiedAddresses != nil && e != OIDCClaims:
		return fmt.Errorf("verified_addresses is for %s only", OIDCClaims)
	case c.State != "" && e == OIDCClaims:
		return fmt.Errorf("state is not for %s: there is no identity yet", OIDCClaims)
	case c.Traits != nil && !isObject(c.Traits):
		return errors.New("traits is not an object")
	case c.MetadataPublic != nil && !isObjectOrNull(c.MetadataPublic):
		return errors.New("metadata_public is not an object")
	case c.MetadataAdmin != nil && !isObjectOrNull(c.MetadataAdmin):
		return errors.New("metadata_admin is not an object")
	case c.State != "" && c.State != "active" && c.State != "inactive":
		return errors.New("state is neither active nor inactive")
	}
	return checkAddresses(c.VerifiedAddresses)
}

func checkAddresses(all []Address) error {
	if len(all) > maxAddresses {
		return fmt.Errorf("%d verified_addresses, the limit is %d", len(all), maxAddresses)
	}
	for i, a := range all {
		switch {
		case a.Via != "email" && a.Via != "sms":
			return fmt.Errorf("verified_addresses/%d: via %q is neither email nor sms", i, clip(a.Via))
		case strings.TrimSpace(a.Value) == "" || len(a.Value) > maxAddress || !plain(a.Value):
			return fmt.Errorf("verified_addresses/%d: value is no address", i)
		}
	}
	return nil
}

// reserved are header fields that steer the connection or carry credentials; a plugin may not set them.
var reserved = []string{
	"host", "connection", "keep-alive", "proxy-connection", "proxy-authenticate", "proxy-authorization", "te", "trailer",
	"transfer-encoding", "upgrade", "content-length", "cookie", "set-cookie", "authorization",
}

func checkHeaders(headers map[string]string) error {
	if len(headers) > maxHeaders {
		return fmt.Errorf("%d headers, the limit is %d", len(headers), maxHeaders)
	}
	for name, value := range headers {
		lower := strings.ToLower(name)
		switch {
		case !isToken(name):
			return fmt.Errorf("header name %q is not a token", clip(name))
		case slices.Contains(reserved, lower):
			return fmt.Errorf("header %q cannot be set by a plugin", name)
		case len(value) > maxHeaderValue || !plain(value):
			return fmt.Errorf("header %q has an invalid value", name)
		}
	}
	return nil
}

// isToken is the token rule of RFC 9110, 5.6.2.
func isToken(name string) bool {
	if name == "" || len(name) > 128 {
		return false
	}
	for _, c := range []byte(name) {
		letter := c|0x20 >= 'a' && c|0x20 <= 'z'
		if !letter && (c < '0' || c > '9') && !strings.ContainsRune("!#$%&'*+-.^_`|~", rune(c)) {
			return false
		}
	}
	return true
}

// plain reports that s has no control character, not even a line break.
func plain(s string) bool { return !strings.ContainsFunc(s, unicode.IsControl) }

func isObject(raw json.RawMessage) bool { return bytes.HasPrefix(raw, []byte("{")) }

func isObjectOrNull(raw json.RawMessage) bool { return isObject(raw) || string(raw) == "null" }
