package httpapi

import (
	"fmt"
	"slices"

	"github.com/gatehouse-id/gatehouse/core/apierror"
	"github.com/gatehouse-id/gatehouse/core/identity"
)

// included reads include_credential: the credentials whose contents the administrator wants to see.
func (c *call) included() ([]identity.CredentialType, error) {
	var types []identity.CredentialType
	for _, text := range c.r.URL.Query()["include_credential"] {
		t := identity.CredentialType(text)
		if !slices.Contains(c.m.dialect.includable, t) {
			return nil, apierror.BadRequest("The parameter include_credential can't be %.64q.", text)
		}
		types = append(types, t)
	}
	return types, nil
}

// credentialViews shows which credentials there are.
func credentialViews(i *identity.Identity) map[string]map[string]any {
	out := map[string]map[string]any{}
	for t, k := range i.Credentials {
		ids := k.Identifiers
		if ids == nil {
			ids = []string{}
		}
		out[string(t)] = map[string]any{
			"type": t, "identifiers": ids, "version": k.Version, "created_at": k.CreatedAt, "updated_at": k.UpdatedAt,
		}
	}
	return out
}

// closedViews are the views of a list: a list of hashes or tokens is what somebody looks for who steals them.
func closedViews(i *identity.Identity, included []identity.CredentialType) map[string]map[string]any {
	views := credentialViews(i)
	for _, t := range included {
		if view := views[string(t)]; view != nil {
			view["config"] = map[string]any{}
		}
	}
	return views
}

// disclose adds to the view of a credential what somebody needs who moves to another server: hashes and public keys. Of
// credentials that hold nothing but secrets that is something nobody can read.
func (c *call) disclose(i *identity.Identity, t identity.CredentialType, views map[string]map[string]any) error {
	view, open := views[string(t)], c.s.Disclose[t]
	switch {
	case view == nil:
	case t == identity.Password:
		view["config"] = identity.PasswordConfig{HashedPassword: i.PasswordHash()}
	case open == nil:
		view["config"] = map[string]any{}
	default:
		config, err := open(i)
		if err != nil {
			return fmt.Errorf("opening the %s credential of identity %s: %w", t, i.ID, err)
		}
		view["config"] = config
	}
	return nil
}
