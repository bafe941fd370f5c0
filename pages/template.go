package pages

import (
	"embed"
	"fmt"
	"html/template"
)

//go:embed templates
var templateFiles embed.FS

// pageTemplates says which template makes the main part of each page. The flows share one: a form is a form.
var pageTemplates = map[Kind]string{
	Login:        "flow",
	Registration: "flow",
	Recovery:     "flow",
	Verification: "flow",
	Settings:     "flow",
	Error:        "error",
	Welcome:      "welcome",
	Sessions:     "sessions",
}

// parseTemplates builds one set per page: each defines "content" anew, which a single set could hold only once.
func parseTemplates() (map[Kind]*template.Template, error) {
	base, err := template.ParseFS(templateFiles, "templates/layout.html", "templates/nodes/*.html")
	if err != nil {
		return nil, fmt.Errorf("parsing templates: %w", err)
	}
	sets := make(map[Kind]*template.Template, len(pageTemplates))
	for kind, name := range pageTemplates {
		set, err := base.Clone()
		if err == nil {
			set, err = set.ParseFS(templateFiles, "templates/"+name+".html")
		}
		if err != nil {
			return nil, fmt.Errorf("parsing template %q: %w", name, err)
		}
		sets[kind] = set
	}
	return sets, nil
}
