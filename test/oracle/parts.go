package main

import "slices"

// laterPart is a piece of many recordings that a later issue brings. When that
// issue is done its row goes: from then on the recordings count as they are.
type laterPart struct {
	issue  int
	what   string
	remove func(object map[string]any)
}

var laterParts = []laterPart{
	{4, "second factors in the settings form", without("webauthn", "passkey")},
}

// without removes the nodes of some groups.
func without(groups ...string) func(object map[string]any) {
	return func(object map[string]any) {
		nodes, ok := object["nodes"].([]any)
		if !ok {
			return
		}
		object["nodes"] = slices.DeleteFunc(nodes, func(n any) bool {
			node, _ := n.(map[string]any)
			group, _ := node["group"].(string)
			return slices.Contains(groups, group)
		})
	}
}
