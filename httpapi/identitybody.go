package httpapi

import (
	"bytes"
	"encoding/json"
	"time"

	"github.com/gatehouse-id/gatehouse/core/apierror"
	"github.com/gatehouse-id/gatehouse/core/identity"
	"github.com/gatehouse-id/gatehouse/core/selfservice"
)

// identityBody is the body of POST /identities and PUT /identities/{id}, and a part of that of PATCH /identities.
type identityBody struct {
	SchemaID       string          `json:"schema_id"`
	ExternalID     string          `json:"external_id"`
	State          string          `json:"state"`
	Traits         json.RawMessage `json:"traits"`
	MetadataPublic json.RawMessage `json:"metadata_public"`
	MetadataAdmin  json.RawMessage `json:"metadata_admin"`
	Credentials    map[identity.CredentialType]struct {
		Config json.RawMessage `json:"config"`
	} `json:"credentials"`
	Verifiable   []addressBody `json:"verifiable_addresses"`
	Recovery     []addressBody `json:"recovery_addresses"`
	Organization *string       `json:"organization_id"`
}

// addressBody is an address as it is shown, so that what one server shows can be given to another.
type addressBody struct {
	ID         string     `json:"id"` // made anew
	Value      string     `json:"value"`
	Via        string     `json:"via"`
	Verified   bool       `json:"verified"`
	VerifiedAt *time.Time `json:"verified_at"`
	Status     string     `json:"status"`
	CreatedAt  *time.Time `json:"created_at"`
	UpdatedAt  *time.Time `json:"updated_at"`
}

// account is what the body says about an identity. Recovery addresses follow from the traits: those that are named change
// nothing.
func (c *call) account(b identityBody) (selfservice.Account, error) {
	if b.Organization != nil {
		return selfservice.Account{}, apierror.BadRequest("There are no organizations here: leave organization_id out.")
	}
	n := selfservice.Account{
		SchemaID: b.SchemaID, ExternalID: b.ExternalID, State: b.State,
		Traits: b.Traits, MetadataPublic: b.MetadataPublic, MetadataAdmin: b.MetadataAdmin,
	}
	if n.SchemaID == "" && c.r.PathValue("id") == "" {
		n.SchemaID = c.s.Config().Identity.DefaultSchemaID
	}
	if len(b.Credentials) > 0 {
		n.Credentials = make(map[identity.CredentialType]json.RawMessage, len(b.Credentials))
	}
	for t, k := range b.Credentials {
		n.Credentials[t] = k.Config
	}
	for _, a := range b.Verifiable {
		n.Verifiable = append(n.Verifiable, selfservice.AddressProof{
			Via: a.Via, Value: a.Value, Verified: a.Verified, VerifiedAt: a.VerifiedAt, Status: a.Status,
		})
	}
	return n, nil
}

// decodeStrict reads a JSON body whose keys must all be known.
func (c *call) decodeStrict(into any) error {
	raw, _, err := c.readJSON()
	if err != nil {
		return err
	}
	return strictly(raw, into)
}

func strictly(raw []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return apierror.BadRequest("The JSON in the request body can't be used: %s.", err)
	}
	return nil
}
