package pages

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
)

//go:embed static
var staticFiles embed.FS

type asset struct {
	contentType string
	body        []byte
}

// Asset returns the stylesheet or the script of that name. Names carry a hash of the content, so a copy may be kept for
// ever. The body must not be changed.
func (r *Renderer) Asset(name string) (contentType string, body []byte, ok bool) {
	a, ok := r.assets[name]
	return a.contentType, a.body, ok
}

// Assets lists the names that Asset knows, sorted.
func (r *Renderer) Assets() []string { return slices.Sorted(maps.Keys(r.assets)) }

// loadAssets fills r.assets. The theme becomes part of the stylesheet: the policy forbids inline styles.
func (r *Renderer) loadAssets(theme string) error {
	css, err := staticFiles.ReadFile("static/pages.css")
	if err != nil {
		return fmt.Errorf("loading stylesheet: %w", err)
	}
	js, err := staticFiles.ReadFile("static/pages.js")
	if err != nil {
		return fmt.Errorf("loading script: %w", err)
	}
	css = append(css, theme...)
	r.stylesheet, r.script = hashedName(css, "css"), hashedName(js, "js")
	r.assets = map[string]asset{
		r.stylesheet: {"text/css; charset=utf-8", css},
		r.script:     {"text/javascript; charset=utf-8", js},
	}
	return nil
}

func hashedName(body []byte, extension string) string {
	sum := sha256.Sum256(body)
	return "pages-" + hex.EncodeToString(sum[:6]) + "." + extension
}
