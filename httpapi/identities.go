package httpapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"github.com/google/uuid"

	"github.com/gatehouse-id/gatehouse/core/apierror"
	"github.com/gatehouse-id/gatehouse/core/identity"
	"github.com/gatehouse-id/gatehouse/core/selfservice"
)

// createIdentityBody is the body of POST /identities.
type createIdentityBody struct {
	SchemaID       string          `json:"schema_id"`
	ExternalID     string          `json:"external_id"`
	State          string          `json:"state"`
	Traits         json.RawMessage `json:"traits"`
	MetadataPublic json.RawMessage `json:"metadata_public"`
	MetadataAdmin  json.RawMessage `json:"metadata_admin"`
	Credentials    struct {
		Password *struct {
			Config struct {
				Password       string `json:"password"`
				HashedPassword string `json:"hashed_password"`
			} `json:"config"`
		} `json:"password"`
	} `json:"credentials"`
}

// createIdentity serves POST /identities of the admin API.
func (c *call) createIdentity() error {
	var b createIdentityBody
	if err := c.decodeStrict(&b); err != nil {
		return err
	}
	n := selfservice.NewAccount{
		SchemaID: first(b.SchemaID, c.s.Config().Identity.DefaultSchemaID), ExternalID: b.ExternalID, State: b.State,
		Traits: b.Traits, MetadataPublic: b.MetadataPublic, MetadataAdmin: b.MetadataAdmin,
	}
	if p := b.Credentials.Password; p != nil {
		n.Password, n.HashedPassword = p.Config.Password, p.Config.HashedPassword
	}
	i, err := c.s.Accounts.Create(c.r.Context(), n)
	if err != nil {
		return err
	}
	base := c.s.adminURL()
	if c.m.dialect == seed {
		base += c.m.prefix
	}
	c.w.Header().Set("Location", base+"/identities/"+i.ID)
	return c.json(http.StatusCreated, c.m.dialect.identity(c, i, true))
}

// decodeStrict reads a JSON body whose keys must all be known.
func (c *call) decodeStrict(into any) error {
	raw, _, err := c.readJSON()
	if err != nil {
		return err
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return apierror.BadRequest("The JSON in the request body can't be used: %s.", err)
	}
	return nil
}

// listIdentities serves GET /identities of the admin API.
func (c *call) listIdentities() error {
	all, err := c.s.Identities.Identities(c.r.Context(), identity.Page{After: c.r.URL.Query().Get("page_token"), Limit: clamp(c.r.URL.Query().Get("page_size"), 250, 1, 500)})
	if err != nil {
		return fmt.Errorf("listing identities: %w", err)
	}
	out := []map[string]any{}
	for _, i := range all {
		v := c.m.dialect.identity(c, i, true)
		delete(v, "credentials") // shown for one identity only
		out = append(out, v)
	}
	return c.json(http.StatusOK, out)
}

// getIdentity serves GET /identities/{id} of the admin API.
func (c *call) getIdentity() error {
	i, err := c.findIdentity()
	if err != nil {
		return err
	}
	v := c.m.dialect.identity(c, i, true)
	if err := c.disclose(i, v["credentials"].(map[string]any)); err != nil {
		return err
	}
	return c.json(http.StatusOK, v)
}

// closed is what is shown of credentials that hold nothing but secrets.
func closed(*identity.Identity) (json.RawMessage, error) { return json.RawMessage(`{}`), nil }

// disclose adds to the views of credentials what is in those that the query names.
func (c *call) disclose(i *identity.Identity, views map[string]any) error {
	for _, name := range c.r.URL.Query()["include_credential"] {
		open := c.s.Disclose[identity.CredentialType(name)]
		if open == nil {
			if !c.m.dialect.extras {
				return apierror.BadRequest("The credential %.32q can't be included. One that can be: oidc.", name)
			}
			open = closed
		}
		if view, has := views[name].(map[string]any); has {
			config, err := open(i)
			if err != nil {
				return fmt.Errorf("opening the %s credential of identity %s: %w", name, i.ID, err)
			}
			view["config"] = config
		}
	}
	return nil
}

func (c *call) findIdentity() (*identity.Identity, error) {
	id := c.r.PathValue("id")
	if _, err := uuid.Parse(id); err != nil {
		return nil, apierror.NoRecord() // a malformed id is an unknown one
	}
	i, err := c.s.Identities.Identity(c.r.Context(), id)
	if errors.Is(err, identity.ErrNotFound) {
		return nil, apierror.NoRecord()
	}
	return i, err
}

// deleteIdentity serves DELETE /identities/{id} of the admin API.
func (c *call) deleteIdentity() error {
	i, err := c.findIdentity()
	if err != nil {
		return err
	}
	if err := c.s.Accounts.Delete(c.r.Context(), i.ID); err != nil && !errors.Is(err, identity.ErrNotFound) {
		return err
	}
	return c.noContent()
}
