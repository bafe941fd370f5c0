package oidc

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// Claims are what a provider says about a person, by the names of OpenID Connect. They
// are foreign: a value may have any type.
type Claims map[string]any

// standard are the claims that mappers find at the top, as in Kratos; all others are
// below raw_claims.
var standard = []string{
	"iss", "sub", "object", "name", "given_name", "family_name", "last_name", "middle_name", "nickname", "preferred_username",
	"profile", "picture", "website", "email", "email_verified", "gender", "birthdate", "zoneinfo", "locale", "phone_number",
	"phone_number_verified", "updated_at", "hd", "team",
}

// flags are the claims that are true or false; some providers send them as text.
var flags = map[string]bool{"email_verified": true, "phone_number_verified": true}

// errClaims says that a provider sent something else than an object.
var errClaims = errors.New("the claims are no JSON object")

// parseClaims reads a JSON object. Numbers stay as they are written.
func parseClaims(raw []byte) (Claims, error) {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	var c Claims
	if err := d.Decode(&c); err != nil {
		return nil, fmt.Errorf("%w: %w", errClaims, err)
	}
	if c == nil || d.More() {
		return nil, errClaims
	}
	return c, nil
}

// text is a claim that is a text, else "".
func (c Claims) text(name string) string {
	s, _ := c[name].(string)
	return s
}

// id is a text or a number: the user APIs of some providers count their users.
func (c Claims) id(name string) string {
	if n, ok := c[name].(json.Number); ok {
		return n.String()
	}
	return c.text(name)
}

// below are the claims inside of an object.
func (c Claims) below(name string) Claims {
	m, _ := c[name].(map[string]any)
	if m == nil {
		return Claims{}
	}
	return m
}

// flag tells whether a claim is true, or the text "true".
func (c Claims) flag(name string) bool { return c[name] == true || c.text(name) == "true" }

// subject names the account at the provider, and never changes.
func (c Claims) subject() string { return c.text("sub") }

// maxSubject bounds a subject; OpenID Connect allows 255 characters.
const maxSubject = 255

// check refuses claims that name no account.
func (c Claims) check() error {
	sub := c.subject()
	if sub == "" || len(sub) > maxSubject || strings.ContainsFunc(sub, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return errors.New("the claims name no subject that can be kept")
	}
	return nil
}

// forMapper is what a mapper is given: the standard claims that say something, and all
// of them as they came.
func (c Claims) forMapper() (json.RawMessage, error) {
	out := map[string]any{"raw_claims": map[string]any(c)}
	for _, name := range standard {
		switch v := c[name].(type) {
		case nil:
		case string:
			if flags[name] {
				if v == "true" {
					out[name] = true
				}
			} else if v != "" {
				out[name] = v
			}
		case bool:
			if v {
				out[name] = true
			}
		default:
			out[name] = v
		}
	}
	raw, err := json.Marshal(out)
	if err != nil {
		return nil, fmt.Errorf("encoding claims: %w", err)
	}
	return raw, nil
}
