package httpapi

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/google/uuid"

	"github.com/gatehouse-id/gatehouse/core/apierror"
	"github.com/gatehouse-id/gatehouse/core/identity"
	"github.com/gatehouse-id/gatehouse/core/selfservice"
)

// createIdentity serves POST /identities of the admin API.
func (c *call) createIdentity() error {
	raw, _, err := c.readJSON()
	if err != nil {
		return err
	}
	var b identityBody
	if err := strictly(raw, &b); err != nil {
		return err
	}
	n, err := c.account(b)
	if err != nil {
		return err
	}
	once, err := c.once(raw)
	if err != nil {
		return err
	}
	i, err := c.createAccount(n, once)
	if err != nil {
		return err
	}
	base := c.s.adminURL()
	if c.m.dialect == seed {
		base += c.m.prefix
	}
	c.w.Header().Set("Location", base+"/identities/"+i.ID)
	return c.showIdentity(http.StatusCreated, i)
}

// createAccount makes an identity, or finds the one that the same request has made before.
func (c *call) createAccount(n selfservice.Account, once *selfservice.Once) (*identity.Identity, error) {
	var i *identity.Identity
	var repeated bool
	var err error
	if once == nil {
		i, err = c.s.Accounts.Create(c.r.Context(), n)
	} else {
		i, repeated, err = c.s.Accounts.CreateOnce(c.r.Context(), n, *once)
	}
	switch {
	case err != nil:
		return nil, err
	case repeated:
		c.w.Header().Set("Idempotency-Replayed", "true")
	default:
		c.changedIdentity("identity.create", i.ID)
	}
	return i, nil
}

// showIdentity answers with one identity and the tag of its revision.
func (c *call) showIdentity(status int, i *identity.Identity) error {
	c.w.Header().Set("ETag", etag(i.Revision))
	return c.json(status, c.m.dialect.identity(c, i, true))
}

// getIdentity serves GET /identities/{id} of the admin API.
func (c *call) getIdentity() error {
	included, err := c.included()
	if err != nil {
		return err
	}
	i, err := c.findIdentity()
	if err != nil {
		return err
	}
	return c.showWithCredentials(i, included)
}

// identityByExternalID serves GET /identities/by/external/{externalID...} of the admin API.
func (c *call) identityByExternalID() error {
	included, err := c.included()
	if err != nil {
		return err
	}
	i, err := c.s.Identities.ByExternalID(c.r.Context(), c.r.PathValue("externalID"))
	if errors.Is(err, identity.ErrNotFound) {
		return apierror.NoRecord()
	}
	if err != nil {
		return fmt.Errorf("finding an identity by its external id: %w", err)
	}
	return c.showWithCredentials(i, included)
}

func (c *call) showWithCredentials(i *identity.Identity, included []identity.CredentialType) error {
	v, views := c.m.dialect.identity(c, i, true), credentialViews(i)
	for _, t := range included {
		if err := c.disclose(i, t, views); err != nil {
			return err
		}
	}
	v["credentials"] = views
	c.w.Header().Set("ETag", etag(i.Revision))
	return c.json(http.StatusOK, v)
}

// identityID is the id in the path. A malformed id is an unknown one.
func (c *call) identityID() (string, error) {
	id, err := uuid.Parse(c.r.PathValue("id"))
	if err != nil {
		return "", apierror.NoRecord()
	}
	return id.String(), nil
}

func (c *call) findIdentity() (*identity.Identity, error) {
	id, err := c.identityID()
	if err != nil {
		return nil, err
	}
	i, err := c.s.Identities.Identity(c.r.Context(), id)
	if errors.Is(err, identity.ErrNotFound) {
		return nil, apierror.NoRecord()
	}
	return i, err
}

// replaceIdentity serves PUT /identities/{id} of the admin API.
func (c *call) replaceIdentity() error {
	id, err := c.identityID()
	if err != nil {
		return err
	}
	var b identityBody
	if err := c.decodeStrict(&b); err != nil {
		return err
	}
	n, err := c.account(b)
	if err != nil {
		return err
	}
	i, err := c.s.Accounts.Replace(c.r.Context(), id, n, c.ifMatch())
	return c.changed("identity.replace", i, err)
}

// patchIdentity serves PATCH /identities/{id} of the admin API.
func (c *call) patchIdentity() error {
	id, err := c.identityID()
	if err != nil {
		return err
	}
	raw, _, err := c.readJSON()
	if err != nil {
		return err
	}
	p, err := selfservice.ParsePatch(raw)
	if err != nil {
		return err
	}
	i, err := c.s.Accounts.Patch(c.r.Context(), id, p, c.ifMatch())
	return c.changed("identity.patch", i, err)
}

// changed answers with an identity that was changed. Its sessions may not count any more.
func (c *call) changed(action string, i *identity.Identity, err error) error {
	if err != nil {
		return err
	}
	c.changedIdentity(action, i.ID)
	c.s.Checker.ForgetIdentity(i.ID)
	return c.showIdentity(http.StatusOK, i)
}

// deleteIdentity serves DELETE /identities/{id} of the admin API.
func (c *call) deleteIdentity() error {
	id, err := c.identityID()
	if err != nil {
		return err
	}
	err = c.s.Accounts.Delete(c.r.Context(), id, c.ifMatch())
	c.s.Checker.ForgetIdentity(id)
	if err != nil {
		return err
	}
	c.changedIdentity("identity.delete", id)
	return c.noContent()
}

// deleteCredential serves DELETE /identities/{id}/credentials/{type} of the admin API.
func (c *call) deleteCredential() error {
	id, err := c.identityID()
	if err != nil {
		return err
	}
	t := identity.CredentialType(c.r.PathValue("type"))
	i, err := c.s.Accounts.RemoveCredential(c.r.Context(), id, t, c.r.URL.Query().Get("identifier"), c.ifMatch())
	if err != nil {
		return err
	}
	c.s.Checker.ForgetIdentity(id)
	c.log(event{action: "credential.delete", result: accepted, method: string(t), identity: id})
	c.w.Header().Set("ETag", etag(i.Revision))
	return c.noContent()
}
