package ui

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// SortBy puts the nodes in the order in which forms are shown.
//
// Groups come in the given order; groups that are not listed share the place after them, where their nodes mix. That is
// how the registration form gets its password between the traits: only oidc is listed there. Within a place come the
// anti-CSRF field, then the nodes by the first key that starts their id, then those that no key starts, and "method" at
// last. What is equal by that is ordered by value (so sign-in buttons are ordered by provider id), and then stays as it
// was added.
func (ns Nodes) SortBy(groups []Group, keys []string) {
	slices.SortStableFunc(ns, func(a, b *Node) int {
		return cmp.Or(
			cmp.Compare(groupPlace(a, groups), groupPlace(b, groups)),
			cmp.Compare(keyPlace(a, keys), keyPlace(b, keys)),
			cmp.Compare(sortValue(a), sortValue(b)),
		)
	})
}

func groupPlace(n *Node, groups []Group) int {
	if i := slices.Index(groups, n.Group); i >= 0 {
		return i
	}
	return len(groups)
}

func keyPlace(n *Node, keys []string) int {
	id := n.ID()
	switch id {
	case CSRFName:
		return -1
	case "method":
		return len(keys) + 1
	}
	if i := slices.IndexFunc(keys, func(key string) bool { return strings.HasPrefix(id, key) }); i >= 0 {
		return i
	}
	return len(keys)
}

func sortValue(n *Node) string {
	if i := n.Input(); i != nil && i.Value != nil {
		return fmt.Sprint(i.Value)
	}
	return ""
}
