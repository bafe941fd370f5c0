package oidc

import (
	"context"
	"errors"
	"fmt"
	"regexp"

	"github.com/gatehouse-id/gatehouse/core/config"
)

// microsoft has an issuer for each of its tenants, and endpoints for groups of them.
var microsoft = &kind{
	issuer: "https://login.microsoftonline.com",
	scopes: []string{"openid"},
	connect: func(c *config.OIDCProvider, p *places) error {
		at := "/" + c.Tenant
		p.authorize, p.token, p.keys = at+"/oauth2/v2.0/authorize", at+"/oauth2/v2.0/token", at+"/discovery/v2.0/keys"
		p.userinfo = "https://graph.microsoft.com/oidc/userinfo"
		return nil
	},
	issuedBy: microsoftIssuer,
	style:    inParams,
	subject:  microsoftSubject,
	check: func(c *config.OIDCProvider) error {
		switch {
		case !tenantName.MatchString(c.Tenant):
			return fmt.Errorf("microsoft_tenant: name the tenant by its id or domain, or use common, organizations or consumers (now %q)", c.Tenant)
		case c.SubjectSource != "" && c.SubjectSource != userinfo && c.SubjectSource != "me" && c.SubjectSource != "oid":
			return fmt.Errorf("subject_source: %q is not one of userinfo, me, oid", c.SubjectSource)
		}
		return nil
	},
}

var (
	tenantName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9.-]{0,252}$`)
	tenantID   = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)
)

// personal is the tenant of accounts that belong to no organization.
const personal = "9188040d-6c67-4c5b-b112-36a304b66dad"

// microsoftIssuer holds the issuer of a token against its tenant, and the tenant against
// the configured one. The keys are the same for all tenants, so the signature alone
// doesn't tell whose account it is.
func microsoftIssuer(c *config.OIDCProvider, claims Claims) bool {
	tid := claims.text("tid")
	if !tenantID.MatchString(tid) || claims.text("iss") != "https://login.microsoftonline.com/"+tid+"/v2.0" {
		return false
	}
	switch {
	case c.Tenant == "organizations":
		return tid != personal
	case c.Tenant == "consumers":
		return tid == personal
	case tenantID.MatchString(c.Tenant):
		return tid == c.Tenant
	}
	return true // common, or a domain: the token came from that tenant's own endpoint
}

// microsoftSubject takes the subject from where the configuration says: the one in the ID
// token is another for each client.
func microsoftSubject(ctx context.Context, a *api, c Claims) error {
	switch a.config.SubjectSource {
	case "oid":
		c["sub"] = c.text("oid")
	case "me":
		me, err := a.get(ctx, "https://graph.microsoft.com/v1.0/me")
		if err != nil {
			return err
		}
		if me.text("id") == "" {
			return errors.New("the provider's API names no id")
		}
		c["sub"] = me.text("id")
	}
	// Anybody with a tenant can write any address into an account there.
	delete(c, "email_verified")
	return nil
}
