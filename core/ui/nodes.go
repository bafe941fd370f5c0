package ui

import (
	"encoding/json"
	"slices"
	"strings"
)

// Nodes is the ordered list of a form's elements.
type Nodes []*Node

// repeated are the names that several nodes of one form share on purpose: one button per method, provider or key.
var repeated = map[string]bool{
	"method": true, "provider": true, "link": true, "unlink": true, "address": true,
	"webauthn_remove": true, "passkey_remove": true,
}

// secrets are the fields whose submitted value is never shown again, apart from those of type password.
var secrets = map[string]bool{"password": true, "totp_code": true, "lookup_secret": true, "code": true}

// MarshalJSON writes an empty list as [] and not as null: clients iterate over it.
func (ns Nodes) MarshalJSON() ([]byte, error) {
	if ns == nil {
		return []byte("[]"), nil
	}
	return json.Marshal([]*Node(ns))
}

// Find returns the first node with this id, or nil.
func (ns Nodes) Find(id string) *Node {
	return ns.find(func(n *Node) bool { return n.ID() == id })
}

// FindIn returns the first node of the group with this id, or nil. It tells the method buttons apart.
func (ns Nodes) FindIn(group Group, id string) *Node {
	return ns.find(func(n *Node) bool { return n.Group == group && n.ID() == id })
}

func (ns Nodes) find(match func(*Node) bool) *Node {
	if i := slices.IndexFunc(ns, match); i >= 0 {
		return ns[i]
	}
	return nil
}

// Append adds nodes at the end.
func (ns *Nodes) Append(nodes ...*Node) { *ns = append(*ns, nodes...) }

// Upsert replaces each node where it stands, or adds it at the end when the form has none like it. Two nodes are alike
// when they have the same id and, for the names that repeat, the same input type and value.
func (ns *Nodes) Upsert(nodes ...*Node) {
	for _, node := range nodes {
		i := slices.IndexFunc(*ns, func(n *Node) bool { return alike(n, node) })
		if i < 0 {
			ns.Append(node)
			continue
		}
		(*ns)[i] = node
	}
}

func alike(a, b *Node) bool {
	if a.ID() != b.ID() {
		return false
	}
	if !repeated[a.ID()] {
		return true
	}
	x, y := a.Input(), b.Input()
	return x != nil && y != nil && x.Type == y.Type && sortValue(a) == sortValue(b)
}

// Remove drops every node with one of these ids.
func (ns *Nodes) Remove(ids ...string) {
	*ns = slices.DeleteFunc(*ns, func(n *Node) bool { return slices.Contains(ids, n.ID()) })
}

// RemoveGroup drops every node of one of these groups.
func (ns *Nodes) RemoveGroup(groups ...Group) {
	*ns = slices.DeleteFunc(*ns, func(n *Node) bool { return slices.Contains(groups, n.Group) })
}

// SetValue sets the value of the first input with this name, and reports whether there is one. Buttons keep their value,
// because it says what they do.
func (ns Nodes) SetValue(name string, value any) bool {
	node := ns.find(func(n *Node) bool { return n.ID() == name && fillable(n) })
	if node == nil {
		return false
	}
	node.Input().Value = value
	return true
}

func fillable(n *Node) bool {
	i := n.Input()
	return i != nil && i.Type != InputSubmit && i.Type != InputButton
}

// SetValues fills the inputs below prefix from a decoded document, such as an identity's traits with prefix "traits".
// Values without an input are passed over.
func (ns Nodes) SetValues(prefix string, values map[string]any) {
	for key, value := range values {
		name := Join(prefix, key)
		if nested, ok := value.(map[string]any); ok {
			ns.SetValues(name, nested)
			continue
		}
		ns.SetValue(name, value)
	}
}

// ClearSecrets takes the submitted secrets out of the form, so that they are neither shown nor stored.
func (ns Nodes) ClearSecrets() {
	for _, n := range ns {
		if i := n.Input(); i != nil && fillable(n) && (i.Type == InputPassword || secrets[i.Name]) {
			i.Value = nil
		}
	}
}

// ResetMessages drops the messages of every node.
func (ns Nodes) ResetMessages() {
	for _, n := range ns {
		n.Messages = nil
	}
}

// Join appends a property to a dotted name. A dot inside the property is escaped, so that {"a.b": 1} and {"a": {"b": 1}}
// have different names.
func Join(prefix, key string) string {
	key = strings.ReplaceAll(key, ".", `\.`)
	if prefix == "" {
		return key
	}
	return prefix + "." + key
}
