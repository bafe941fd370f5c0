package httpapi

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"

	"github.com/gatehouse-id/gatehouse/core/apierror"
	"github.com/gatehouse-id/gatehouse/core/schema"
)

// schemas serves GET /schemas.
func (c *call) schemas() error {
	all := c.s.Schemas().All()
	p := c.window(len(all))
	out := []map[string]any{}
	for _, s := range all[p.from:p.to] {
		out = append(out, map[string]any{"id": s.ID, "schema": json.RawMessage(s.Raw)})
	}
	return c.json(http.StatusOK, out)
}

// schema serves GET /schemas/{id}: the schema as it was configured. The id may be
// base64url of the id, as in schema_url, or plain.
func (c *call) schema() error {
	id := c.r.PathValue("id")
	s := c.findSchema(id)
	if s == nil {
		return apierror.NotFound("Identity schema `%s` could not be found.", id)
	}
	c.w.Header().Set("Content-Type", "application/json")
	_, _ = c.w.Write(s.Raw)
	return nil
}

func (c *call) findSchema(id string) *schema.Schema {
	if b, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(id, "=")); err == nil {
		if s := c.s.Schemas().Get(string(b)); s != nil {
			return s
		}
	}
	return c.s.Schemas().Get(id)
}
