package courier

import (
	"cmp"
	"encoding/json"
	"regexp"
	"strings"
)

// Data is what a template can say. The fields have the names that templates
// written for Kratos use. Whoever composes a message fills in what its type is about.
type Data struct {
	// Channel is how the person is reached: "" or ChannelEmail, ChannelSMS, or one of courier.channels.
	Channel string `json:"-"`
	// Site is the host name people know the gateway by. The Composer sets it.
	Site string `json:"-"`
	// To is the recipient. The Composer sets it.
	To string `json:"to"`

	RecoveryURL      string `json:"recovery_url,omitempty"`
	RecoveryCode     string `json:"recovery_code,omitempty"`
	VerificationURL  string `json:"verification_url,omitempty"` // with a code too: a link to the page that takes it
	VerificationCode string `json:"verification_code,omitempty"`
	LoginCode        string `json:"login_code,omitempty"`
	RegistrationCode string `json:"registration_code,omitempty"`
	ExpiresInMinutes int    `json:"expires_in_minutes,omitempty"` // 0 = the text doesn't say

	// RequestURL is where the flow was started.
	RequestURL string `json:"request_url,omitempty"`
	// Identity is the account as the admin API shows it, without credentials; nil
	// when there is none. Its traits name the language.
	Identity map[string]any `json:"identity,omitempty"`
	// Traits are those of a registration, which has no identity yet.
	Traits map[string]any `json:"traits,omitempty"`
	// TransientPayload is what the person's client sent along. It is foreign text.
	TransientPayload map[string]any `json:"transient_payload,omitempty"`
}

// Code is the code the message is about, or "".
func (d Data) Code() string {
	return cmp.Or(d.RecoveryCode, d.VerificationCode, d.LoginCode, d.RegistrationCode)
}

// URL is the link the message is about, or "".
func (d Data) URL() string { return cmp.Or(d.RecoveryURL, d.VerificationURL) }

// localeTraits are the names under which schemas keep a person's language.
var localeTraits = []string{"locale", "lang", "language", "preferred_language"}

var localePattern = regexp.MustCompile(`^[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8}){0,3}$`)

// Locale is the language of the person's traits, such as "de-ch", or "".
func (d Data) Locale() string {
	traits, ok := d.Identity["traits"].(map[string]any)
	if !ok {
		traits = d.Traits
	}
	for _, name := range localeTraits {
		if text, ok := traits[name].(string); ok && localePattern.MatchString(text) {
			return normalLocale(text)
		}
	}
	return ""
}

func normalLocale(text string) string { return strings.ToLower(strings.ReplaceAll(text, "_", "-")) }

// locales lists a locale and what it falls back to: de-ch, de.
func locales(locale string) []string {
	var chain []string
	for locale != "" {
		chain = append(chain, locale)
		locale = locale[:max(0, strings.LastIndexByte(locale, '-'))]
	}
	return chain
}

// maxData bounds the data that is stored with a message.
const maxData = 64 << 10

// encoded is the data for an HTTP channel. What is too large goes without the
// parts that a person or an administrator may have filled at will.
func (d Data) encoded() (json.RawMessage, error) {
	raw, err := json.Marshal(d)
	if err == nil && len(raw) > maxData {
		d.Identity, d.Traits, d.TransientPayload = nil, nil, nil
		raw, err = json.Marshal(d)
	}
	return raw, err
}
