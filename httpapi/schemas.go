package httpapi

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
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

// window is a part of a listing.
type window struct{ from, to int }

// window reads page and per_page, and writes X-Total-Count and Link
// (behaviours.md 25): pages count from 0, junk means the default.
func (c *call) window(total int) window {
	q := c.r.URL.Query()
	per := clamp(q.Get("per_page"), 250, 1, 1000)
	n := clamp(q.Get("page"), 0, 0, 1<<31)
	last := max(0, (total-1)/per)
	c.w.Header().Set("X-Total-Count", strconv.Itoa(total))
	var links []string
	add := func(rel string, n int) {
		u := c.base() + c.path + "?" + url.Values{"page": {strconv.Itoa(n)}, "per_page": {strconv.Itoa(per)}}.Encode()
		links = append(links, fmt.Sprintf("<%s>; rel=%q", u, rel))
	}
	if n > 0 || last == 0 {
		add("first", 0)
	}
	if n < last {
		add("next", n+1)
	}
	if n > 0 {
		add("prev", min(n-1, last))
	}
	if n < last {
		add("last", last)
	}
	c.w.Header().Set("Link", strings.Join(links, ","))
	from := min(n*per, total)
	return window{from, min(from+per, total)}
}

func clamp(s string, def, least, most int) int {
	n, err := strconv.Atoi(s)
	if err != nil {
		return def
	}
	return min(max(n, least), most)
}
