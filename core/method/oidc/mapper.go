package oidc

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/gatehouse-id/gatehouse/core/identity"
	"github.com/gatehouse-id/gatehouse/core/schema"
	"github.com/gatehouse-id/gatehouse/internal/jsonnet"
)

// Mapper makes of a provider's claims what a new identity is to be:
//
//	{"identity": {"traits": {…}, "metadata_public": …, "metadata_admin": …, "verified_addresses": [{"via": "email", "value": "…"}]}}
type Mapper interface {
	Map(ctx context.Context, claims json.RawMessage) (json.RawMessage, error)
}

// jsonnetMapper is a mapper written in Jsonnet. It finds the claims as std.extVar('claims').
type jsonnetMapper struct {
	program *jsonnet.Program
	sandbox *jsonnet.Sandbox
}

// Map implements Mapper.
func (m jsonnetMapper) Map(ctx context.Context, claims json.RawMessage) (json.RawMessage, error) {
	return m.sandbox.Evaluate(ctx, m.program, jsonnet.Input{External: map[string]json.RawMessage{"claims": claims}})
}

// mapped is what mappers answer with.
type mapped struct {
	Identity struct {
		Traits         json.RawMessage `json:"traits"`
		MetadataPublic json.RawMessage `json:"metadata_public"`
		MetadataAdmin  json.RawMessage `json:"metadata_admin"`
		Verified       []struct {
			Via   string `json:"via"`
			Value string `json:"value"`
		} `json:"verified_addresses"`
	} `json:"identity"`
}

// errNoTraits says that a mapper made no traits; the person can still enter them.
var errNoTraits = errors.New("the mapper made no object of identity.traits")

// parseMapped reads a mapper's answer.
func parseMapped(raw []byte) (*mapped, error) {
	var m mapped
	if err := json.Unmarshal(raw, &m); err != nil {
		return nil, fmt.Errorf("reading what the mapper made: %w", err)
	}
	return &m, nil
}

// traits are the mapped traits; errNoTraits comes with an empty object.
func (m *mapped) traits() (map[string]any, error) {
	c, err := parseClaims(m.Identity.Traits)
	if err != nil {
		return map[string]any{}, errNoTraits
	}
	return c, nil
}

// verified are the addresses that the mapper calls verified.
func (m *mapped) verified() []identity.Address {
	var out []identity.Address
	for _, a := range m.Identity.Verified {
		out = append(out, identity.Address{Via: a.Via, Value: schema.Normalize(a.Value)})
	}
	return out
}

// vouched leaves out of what mappers call verified the address and the number that the
// provider tells without having seen that they are the person's: a mapper that forgets to
// ask must not hand over the account of whoever has them.
func vouched(all []identity.Address, c Claims) []identity.Address {
	doubtful := func(a identity.Address, via, claim string) bool {
		return a.Via == via && a.Value == schema.Normalize(c.text(claim)) && !c.flag(claim+"_verified")
	}
	return slices.DeleteFunc(slices.Clone(all), func(a identity.Address) bool {
		return doubtful(a, identity.ViaEmail, "email") || doubtful(a, identity.ViaSMS, "phone_number")
	})
}

// object keeps metadata that is an object, which null is not.
func object(raw json.RawMessage) json.RawMessage {
	if c, err := parseClaims(raw); err != nil || len(c) == 0 {
		return nil
	}
	return raw
}
