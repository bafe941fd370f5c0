package schema

import (
	"context"
	"fmt"
	"net/url"
	"strings"

	"github.com/gatehouse-id/gatehouse/internal/egress"
)

// Source says where one schema comes from.
type Source struct {
	ID string
	// URL is file://, http(s)://, base64:// or preset://email, preset://username, preset://phone.
	URL string
}

// maxSchemaBytes bounds a schema, wherever it comes from.
const maxSchemaBytes = 1 << 20

// Load reads and checks every schema. One that is missing or broken fails the whole load: the error names the schema and
// its place.
func Load(ctx context.Context, sources []Source, documents egress.Source) (*Set, error) {
	documents.Limit = maxSchemaBytes
	var all []*Schema
	seen := map[string]bool{}
	for _, src := range sources {
		if seen[src.ID] {
			return nil, fmt.Errorf("loading identity schema %q: the id is taken by another schema: give each its own", src.ID)
		}
		seen[src.ID] = true
		s, err := load(ctx, src, documents)
		if err != nil {
			return nil, fmt.Errorf("loading identity schema %q from %s: %w", src.ID, place(src.URL), err)
		}
		all = append(all, s)
	}
	return NewSet(all...), nil
}

func load(ctx context.Context, src Source, documents egress.Source) (*Schema, error) {
	raw, err := read(ctx, src.URL, documents)
	if err != nil {
		return nil, err
	}
	return Parse(src.ID, raw)
}

func read(ctx context.Context, from string, documents egress.Source) ([]byte, error) {
	if name, ok := strings.CutPrefix(from, "preset://"); ok {
		return preset(name)
	}
	return documents.Read(ctx, from)
}

// place is a source's URL as an error may show it: short, and without a password or the query, which may be one.
func place(source string) string {
	scheme, _, _ := strings.Cut(source, "://")
	u, err := url.Parse(source)
	switch {
	case scheme == "file":
		return source
	case scheme == "base64" || err != nil:
		return scheme + "://…"
	}
	u.RawQuery = ""
	return u.Redacted()
}
