package httpapi

import (
	"errors"
	"net/http"
	"time"

	"github.com/google/uuid"

	"github.com/gatehouse-id/gatehouse/core/apierror"
	"github.com/gatehouse-id/gatehouse/core/flow"
	"github.com/gatehouse-id/gatehouse/core/identity"
	"github.com/gatehouse-id/gatehouse/core/selfservice"
)

// recoverBody is the body of POST /recovery/link and /recovery/code.
type recoverBody struct {
	IdentityID string `json:"identity_id"`
	ExpiresIn  string `json:"expires_in"`
	FlowType   string `json:"flow_type"`
}

// createRecoveryLink serves POST /recovery/link of the admin API.
func (c *call) createRecoveryLink() error {
	r, err := c.recoverFor("link")
	if errors.Is(err, identity.ErrNotFound) {
		return c.m.dialect.nobodyToRecover
	}
	if err != nil {
		return err
	}
	return c.json(http.StatusOK, map[string]any{"recovery_link": r.Link, "expires_at": r.ExpiresAt})
}

// createRecoveryCode serves POST /recovery/code of the admin API.
func (c *call) createRecoveryCode() error {
	r, err := c.recoverFor("code")
	if errors.Is(err, identity.ErrNotFound) {
		return apierror.NotFound("There is no identity with this identity_id.")
	}
	if err != nil {
		return err
	}
	return c.json(http.StatusCreated, map[string]any{"recovery_link": c.absolute(r.Link), "recovery_code": r.Code, "expires_at": r.ExpiresAt})
}

// recoverFor makes a way back in for the identity that the body names.
func (c *call) recoverFor(method string) (*selfservice.AdminRecovery, error) {
	var b recoverBody
	if err := c.decodeStrict(&b); err != nil {
		return nil, err
	}
	lifespan, err := expiresIn(b.ExpiresIn)
	if err != nil {
		return nil, err
	}
	t := flow.Browser
	switch b.FlowType {
	case "", string(flow.Browser):
	case string(flow.API):
		t = flow.API
	default:
		return nil, apierror.BadRequest("The flow_type must be %q or %q.", flow.API, flow.Browser)
	}
	if uuid.Validate(b.IdentityID) != nil {
		return nil, identity.ErrNotFound
	}
	r, err := c.s.Engine.RecoverFor(c.r.Context(), selfservice.RecoveryOrder{
		IdentityID: b.IdentityID, Method: method, Type: t, Lifespan: lifespan,
		ReturnTo: c.r.URL.Query().Get("return_to"), Base: c.publicBase(), RequestURL: c.self(),
	})
	if err == nil {
		c.changedIdentity("recovery."+method, b.IdentityID)
	}
	return r, err
}

// expiresIn reads a duration; 0 means that none was sent.
func expiresIn(text string) (time.Duration, error) {
	if text == "" {
		return 0, nil
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		return 0, apierror.BadRequest("The expires_in %q is no duration. Write one like \"1h\" or \"1m30s\".", clip(text))
	}
	if d <= 0 {
		return 0, apierror.BadRequest("The expires_in must lie in the future.")
	}
	return d, nil
}

// clip makes client input fit to be repeated in an error.
func clip(text string) string {
	if len(text) > 64 {
		return text[:64] + "..."
	}
	return text
}

// publicBase is the URL of the public mount that speaks the same dialect.
func (c *call) publicBase() string {
	if c.m.dialect == seed {
		return c.s.PublicURL() + "/api/kratos/public"
	}
	return c.s.PublicURL()
}
