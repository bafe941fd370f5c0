package totp

import (
	"bytes"
	"encoding/json"
	"strings"
	"time"

	"github.com/pquerna/otp"

	"github.com/gatehouse-id/gatehouse/core/apierror"
	"github.com/gatehouse-id/gatehouse/core/identity"
)

// Bounds of a secret from another system, in bytes. RFC 4226 asks for 16.
const (
	minSecret = 10 // what the first apps had
	maxSecret = 128
)

// Import implements flow.ImportMethod: {"totp_url": "otpauth://totp/…"}. A link that asks for codes that aren't compared
// here would lock its owner out.
func (m *Method) Import(i *identity.Identity, config json.RawMessage) error {
	var c struct {
		URL string `json:"totp_url"`
	}
	d := json.NewDecoder(bytes.NewReader(config))
	d.DisallowUnknownFields()
	if d.Decode(&c) != nil {
		return apierror.BadRequest("The credentials of the type totp must have a totp_url and nothing else.")
	}
	k, err := otp.NewKeyFromURL(c.URL)
	if err != nil || k.Type() != "totp" {
		return apierror.BadRequest("The totp_url is no otpauth link of the type totp.")
	}
	if k.Digits() != digits || k.Algorithm() != algorithm || k.Period() != uint64(period/time.Second) {
		return apierror.BadRequest("The totp_url asks for codes of another kind than six digits, SHA1 and 30 seconds.")
	}
	key, err := text.DecodeString(strings.ToUpper(strings.TrimRight(k.Secret(), "=")))
	if err != nil || len(key) < minSecret || len(key) > maxSecret {
		return apierror.BadRequest("The secret in the totp_url must be %d to %d bytes in base32.", minSecret, maxSecret)
	}
	return m.write(i, credential{Secret: m.Cipher.Seal(sealPurpose, key, []byte(i.ID))})
}
