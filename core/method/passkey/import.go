package passkey

import (
	"encoding/json"
	"unicode/utf8"

	"github.com/gatehouse-id/gatehouse/core/apierror"
	"github.com/gatehouse-id/gatehouse/core/ceremony"
	"github.com/gatehouse-id/gatehouse/core/identity"
)

// Import implements flow.ImportMethod. Passkeys work on as long as the site keeps the domain that they were made for. The
// handle is on the devices: it is how their owner is found.
func (m *Method) Import(i *identity.Identity, config json.RawMessage) error {
	c, err := ceremony.ReadKeys(config)
	if err != nil {
		return err
	}
	if len(c.UserHandle) == 0 || !utf8.Valid(c.UserHandle) {
		return apierror.BadRequest("The credentials of the type passkey need the user_handle that the devices know, as a text.")
	}
	i.SetKeys(identity.Passkey, c, m.Now())
	return nil
}
