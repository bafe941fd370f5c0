package httpapi

import (
	"encoding/base64"
	"encoding/json"
	"time"

	"github.com/gatehouse-id/gatehouse/core/identity"
	"github.com/gatehouse-id/gatehouse/core/session"
)

// encodeID is the form in which schema_url carries an id today.
func encodeID(id string) string { return base64.RawURLEncoding.EncodeToString([]byte(id)) }

// identity presents an identity (behaviours.md 23.1). Only the admin API shows
// credentials and metadata_admin.
func (d *dialect) identity(c *call, i *identity.Identity, admin bool) map[string]any {
	v := map[string]any{
		"id": i.ID, "schema_id": i.SchemaID, "schema_url": c.schemaURL(i.SchemaID),
		"state": i.State, "state_changed_at": i.StateChangedAt, "traits": i.Traits,
		"created_at": i.CreatedAt, "updated_at": i.UpdatedAt,
	}
	if len(i.Verifiable) > 0 {
		v["verifiable_addresses"] = i.Verifiable
	}
	if len(i.Recovery) > 0 {
		v["recovery_addresses"] = i.Recovery
	}
	if i.ExternalID != "" {
		v["external_id"] = i.ExternalID
	}
	if d.extras {
		v["metadata_public"], v["organization_id"] = orNull(i.MetadataPublic), nil
	} else if len(i.MetadataPublic) > 0 {
		v["metadata_public"] = i.MetadataPublic
	}
	if admin {
		v["metadata_admin"] = orNull(i.MetadataAdmin)
		v["credentials"] = credentialViews(i)
	}
	return v
}

func orNull(raw json.RawMessage) json.RawMessage {
	if len(raw) == 0 {
		return json.RawMessage("null")
	}
	return raw
}

// schemaURL is always on the public mount of the same dialect.
func (c *call) schemaURL(id string) string {
	prefix := ""
	if c.m.dialect == seed {
		prefix = "/api/kratos/public"
	}
	return c.s.PublicURL() + prefix + c.m.dialect.schemaURL(id)
}

// methodView is an AMR entry without the key that came later.
type methodView struct {
	Method      string    `json:"method"`
	CompletedAt time.Time `json:"completed_at"`
}

// session presents a session (behaviours.md 6.1): never its token.
func (d *dialect) session(c *call, s *session.Session, i *identity.Identity) map[string]any {
	v := map[string]any{
		"id": s.ID, "active": s.Active(c.s.Now()), "issued_at": s.IssuedAt, "authenticated_at": s.AuthenticatedAt,
		"expires_at": s.ExpiresAt, "authenticator_assurance_level": s.AAL(),
	}
	if i != nil {
		v["identity"] = d.identity(c, i, false)
	}
	if d.extras {
		v["authentication_methods"], v["devices"] = s.Methods, s.Devices
		return v
	}
	methods := make([]methodView, len(s.Methods))
	for n, m := range s.Methods {
		methods[n] = methodView{m.Method, m.CompletedAt}
	}
	v["authentication_methods"] = methods
	return v
}
