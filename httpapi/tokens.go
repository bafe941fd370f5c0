package httpapi

import (
	"errors"
	"net/http"
	"time"

	"github.com/gatehouse-id/gatehouse/core/apierror"
	"github.com/gatehouse-id/gatehouse/core/project"
)

// createTokenBody is the body of POST /tokens.
type createTokenBody struct {
	Name   string          `json:"name"`
	Scopes []project.Scope `json:"scopes"`
	// ExpiresIn is a duration such as 720h; "" makes a token that lasts until it is revoked.
	ExpiresIn string `json:"expires_in"`
	// IdentityID is the person that the token stands for in the project API; "" makes one of the operator's.
	IdentityID string `json:"identity_id"`
}

// tokenView is a token as it is shown. Value is there once, when it was made.
type tokenView struct {
	ID        string          `json:"id"`
	Name      string          `json:"name"`
	Value     string          `json:"value,omitempty"`
	Scopes    []project.Scope `json:"scopes"`
	CreatedAt time.Time       `json:"created_at"`
	ExpiresAt time.Time       `json:"expires_at,omitzero"`
	// IdentityID is the person that the token stands for.
	IdentityID string `json:"identity_id,omitempty"`
}

func viewToken(t *project.Token) tokenView {
	return tokenView{ID: t.ID, Name: t.Name, Scopes: t.Scopes, CreatedAt: t.CreatedAt, ExpiresAt: t.ExpiresAt, IdentityID: t.IdentityID}
}

// createToken serves POST /tokens of the admin API.
func (c *call) createToken() error {
	b, expires, err := c.readToken()
	if err != nil {
		return err
	}
	made, t, err := project.NewToken(b.Name, b.Scopes, c.s.Now(), expires)
	if err != nil {
		return apierror.BadRequest("The token can't be made: %s.", err)
	}
	if t.IdentityID = b.IdentityID; t.IdentityID != "" {
		if _, err := c.s.Identities.Identity(c.r.Context(), t.IdentityID); err != nil {
			return apierror.BadRequest("identity_id: there is no such identity.").WithCause(err)
		}
	}
	if err := c.mayHandOut(t); err != nil {
		return err
	}
	if err := c.s.Tokens.CreateAccessToken(c.r.Context(), t); err != nil {
		return err
	}
	c.log(event{action: "token", result: accepted, token: t.ID})
	v := viewToken(t)
	v.Value = made
	return c.json(http.StatusCreated, v)
}

// readToken reads what a new token is to be.
func (c *call) readToken() (b createTokenBody, expires time.Time, err error) {
	if err := c.decodeStrict(&b); err != nil {
		return b, expires, err
	}
	expires, err = c.tokenEnd(b.ExpiresIn)
	return b, expires, err
}

// tokenEnd is the zero time when no lifespan is given.
func (c *call) tokenEnd(lifespan string) (time.Time, error) {
	d, err := expiresIn(lifespan)
	if err != nil || d == 0 {
		return time.Time{}, err
	}
	return c.s.Now().Add(d), nil
}

// mayHandOut refuses a token that could do more, or longer, than the one it is asked
// for with: who may make tokens may not thereby become an administrator.
func (c *call) mayHandOut(t *project.Token) error {
	by := c.token
	if by == nil {
		return nil
	}
	if by.IdentityID != "" && t.IdentityID != by.IdentityID {
		return apierror.Forbidden("The token of a person makes tokens for that person only: set identity_id to %s.", by.IdentityID)
	}
	for _, s := range t.Scopes {
		if !by.Allows(s) {
			return apierror.Forbidden("A token can't be given the scope %s by a token that doesn't have it.", s)
		}
	}
	if !by.ExpiresAt.IsZero() && !by.Allows(project.Admin) && (t.ExpiresAt.IsZero() || t.ExpiresAt.After(by.ExpiresAt)) {
		return apierror.Forbidden("A token can't last longer than the one that makes it, which ends at %s.", by.ExpiresAt.Format(time.RFC3339))
	}
	return nil
}

// listTokens serves GET /tokens of the admin API. There are few: it has no pages.
func (c *call) listTokens() error {
	all, err := c.s.Tokens.AccessTokens(c.r.Context())
	if err != nil {
		return err
	}
	out := []tokenView{}
	for _, t := range all {
		if !t.Expired(c.s.Now()) {
			out = append(out, viewToken(t))
		}
	}
	return c.json(http.StatusOK, out)
}

// revokeToken serves DELETE /tokens/{id} of the admin API.
func (c *call) revokeToken() error {
	id, err := c.uuidInPath()
	if err != nil {
		return err
	}
	if _, err := c.s.Tokens.AccessToken(c.r.Context(), id); err != nil {
		if errors.Is(err, project.ErrNotFound) {
			return apierror.NoRecord()
		}
		return err
	}
	if err := c.s.Tokens.RevokeAccessToken(c.r.Context(), id); err != nil {
		return apierror.Unavailable(err, "The token could not be revoked. Please try again.")
	}
	c.s.Access.Forget(id)
	c.log(event{action: "revoke", result: accepted, token: id})
	return c.noContent()
}
