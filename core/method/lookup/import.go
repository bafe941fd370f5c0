package lookup

import (
	"bytes"
	"encoding/json"
	"time"

	"github.com/gatehouse-id/gatehouse/core/apierror"
	"github.com/gatehouse-id/gatehouse/core/identity"
)

// Bounds of codes from another system. A short code can be guessed, and each answer is compared with all codes.
const (
	minImported  = 6
	maxImported  = 64
	mostImported = 64 // codes
)

// Import implements flow.ImportMethod: {"codes": [{"code": "…", "used_at": null}]}.
func (m *Method) Import(i *identity.Identity, config json.RawMessage) error {
	var imported struct {
		Codes []struct {
			Code   string     `json:"code"`
			UsedAt *time.Time `json:"used_at"`
		} `json:"codes"`
	}
	d := json.NewDecoder(bytes.NewReader(config))
	d.DisallowUnknownFields()
	if d.Decode(&imported) != nil || len(imported.Codes) > mostImported {
		return apierror.BadRequest("The credentials of the type lookup_secret must have up to %d codes and nothing else.", mostImported)
	}
	var c credential
	for _, k := range imported.Codes {
		code := normalize(k.Code)
		if len(code) < minImported || len(code) > maxImported {
			return apierror.BadRequest("A code of the type lookup_secret must have %d to %d characters.", minImported, maxImported)
		}
		c.Codes = append(c.Codes, stored{Hash: m.Cipher.MAC(hashPurpose, hashed(i, code)), Hint: code[:hint], UsedAt: k.UsedAt})
	}
	return m.write(i, c)
}
