package flow

import (
	"github.com/gatehouse-id/gatehouse/core/schema"
	"github.com/gatehouse-id/gatehouse/core/ui"
)

// TraitNodes makes an input for every trait of the schema.
func TraitNodes(s *schema.Schema, g ui.Group) ui.Nodes {
	var nodes ui.Nodes
	for _, f := range s.Fields() {
		n := ui.NewInput(g, f.Path, ui.InputType(f.InputType), ui.RequiredIf(f.Required), ui.Pattern(f.Pattern), ui.Autocomplete(f.Autocomplete))
		if f.Title != "" {
			n = n.WithLabel(ui.TraitLabel(f.Title, f.Path))
		}
		nodes.Append(n)
	}
	return nodes
}
