package webauthn

import (
	"encoding/json"

	"github.com/gatehouse-id/gatehouse/core/ceremony"
	"github.com/gatehouse-id/gatehouse/core/identity"
)

// Import implements flow.ImportMethod. Keys work on as long as the site keeps the domain that they were made for.
func (m *Method) Import(i *identity.Identity, config json.RawMessage) error {
	c, err := ceremony.ReadKeys(config)
	if err != nil {
		return err
	}
	i.SetKeys(identity.WebAuthn, c, m.Now())
	return nil
}
