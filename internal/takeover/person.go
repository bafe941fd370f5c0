package takeover

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"
)

// person is an identity as the admin API of any Kratos shows it. What stands nowhere here follows from the traits, or from
// the configuration.
type person struct {
	ID             string                `json:"id"`
	SchemaID       string                `json:"schema_id"`
	ExternalID     string                `json:"external_id"`
	State          string                `json:"state"`
	Traits         json.RawMessage       `json:"traits"`
	MetadataPublic json.RawMessage       `json:"metadata_public"`
	MetadataAdmin  json.RawMessage       `json:"metadata_admin"`
	Credentials    map[string]credential `json:"credentials"`
	Verifiable     []address             `json:"verifiable_addresses"`
	Organization   *string               `json:"organization_id"`
	CreatedAt      *time.Time            `json:"created_at"`
}

type credential struct {
	Config json.RawMessage `json:"config"`
}

type address struct {
	Value      string     `json:"value"`
	Via        string     `json:"via"`
	Verified   bool       `json:"verified"`
	VerifiedAt *time.Time `json:"verified_at,omitempty"`
	Status     string     `json:"status,omitempty"`
}

// creation is what makes a person somewhere else, as an item of a batch takes it.
type creation struct {
	ID             string                `json:"id"`
	CreatedAt      *time.Time            `json:"created_at,omitempty"`
	SchemaID       string                `json:"schema_id,omitempty"`
	ExternalID     string                `json:"external_id,omitempty"`
	State          string                `json:"state,omitempty"`
	Traits         json.RawMessage       `json:"traits"`
	MetadataPublic json.RawMessage       `json:"metadata_public,omitempty"`
	MetadataAdmin  json.RawMessage       `json:"metadata_admin,omitempty"`
	Credentials    map[string]credential `json:"credentials,omitempty"`
	Verifiable     []address             `json:"verifiable_addresses,omitempty"`
}

// read makes a creation of what a server shows. warnings tell what has to stay behind.
func read(raw []byte) (c creation, warnings []string, err error) {
	var p person
	if err := json.Unmarshal(raw, &p); err != nil {
		return c, nil, fmt.Errorf("it is no identity: %w", err)
	}
	if p.ID == "" {
		return c, nil, errors.New("it has no id")
	}
	c = creation{
		ID: p.ID, CreatedAt: p.CreatedAt, SchemaID: p.SchemaID, ExternalID: p.ExternalID, State: p.State,
		Traits: p.Traits, MetadataPublic: p.MetadataPublic, MetadataAdmin: p.MetadataAdmin, Verifiable: proofs(p.Verifiable),
	}
	if p.Organization != nil && *p.Organization != "" {
		warnings = append(warnings, "the organization stays behind: there are none in Gatehouse")
	}
	c.Credentials = map[string]credential{}
	for _, kind := range slices.Sorted(maps.Keys(p.Credentials)) {
		config, note, err := moved(kind, p.Credentials[kind].Config)
		switch {
		case err != nil:
			return c, nil, fmt.Errorf("reading its credentials of the type %.32q: %w", kind, err)
		case note != "":
			warnings = append(warnings, note)
		case config != nil:
			c.Credentials[kind] = credential{config}
		}
	}
	return c, warnings, nil
}

// proofs are the addresses about which something is known. The others follow from the traits.
func proofs(all []address) []address {
	var out []address
	for _, a := range all {
		if a.Via == "phone" { // as the first versions called it
			a.Via = "sms"
		}
		if a.Verified || a.Status != "" && a.Status != "pending" {
			out = append(out, a)
		}
	}
	return out
}
