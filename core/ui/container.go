// Package ui models the form a flow shows: container, nodes, attributes, and the numbered messages.
//
// Clients render the form from these values, whatever method made them; the JSON is that of the Ory Kratos API.
package ui

import (
	"net/url"
	"slices"
	"strings"
)

// Container is the whole form of a flow.
type Container struct {
	Action   string   `json:"action"` // absolute URL to submit to
	Method   string   `json:"method"` // always POST
	Nodes    Nodes    `json:"nodes"`
	Messages Messages `json:"messages,omitempty"` // those that belong to no field
}

// NewContainer returns an empty form that is submitted to action.
func NewContainer(action string) *Container {
	return &Container{Action: action, Method: "POST", Nodes: Nodes{}}
}

// ResetMessages drops all messages, of the form and of its nodes. It comes before the messages of a new attempt.
func (c *Container) ResetMessages() {
	c.Messages = nil
	c.Nodes.ResetMessages()
}

// AddMessage shows m at the field. A field is a node id ("traits.email") or a JSON pointer ("#/traits/email",
// "/traits/email"); "", "#" and "#/" stand for the form itself. An error inside a list belongs to the field that holds
// the list. A field that the form doesn't have gets a new text input, so that no message is lost.
func (c *Container) AddMessage(field string, m Message) {
	name := FieldName(field)
	if name == "" {
		c.Messages = append(c.Messages, m)
		return
	}
	node := c.fieldNode(name)
	if node == nil {
		node = NewInput(GroupDefault, name, InputText)
		c.Nodes.Append(node)
	}
	node.Messages = append(node.Messages, m)
}

func (c *Container) fieldNode(name string) *Node {
	for {
		if node := c.Nodes.Find(name); node != nil {
			return node
		}
		parent, last, ok := cutLast(name)
		if !ok || !isIndex(last) {
			return nil
		}
		name = parent
	}
}

// HasErrors reports whether the form or one of its nodes shows an error.
func (c *Container) HasErrors() bool {
	return c.Messages.HasErrors() ||
		slices.ContainsFunc(c.Nodes, func(n *Node) bool { return n.Messages.HasErrors() })
}

// FieldName turns a JSON pointer into the dotted name that nodes go by; a name that is no pointer stays as it is.
func FieldName(field string) string {
	pointer, ok := strings.CutPrefix(strings.TrimPrefix(field, "#"), "/")
	if !ok {
		return strings.TrimPrefix(field, "#")
	}
	if pointer == "" {
		return ""
	}
	name := ""
	for token := range strings.SplitSeq(pointer, "/") {
		name = Join(name, unescapeToken(token))
	}
	return name
}

// unescapeToken undoes both escapings a token may have: percent signs, as the validator writes fragments, then ~1 and ~0.
func unescapeToken(token string) string {
	if plain, err := url.PathUnescape(token); err == nil {
		token = plain
	}
	return strings.NewReplacer("~1", "/", "~0", "~").Replace(token)
}

func cutLast(name string) (parent, last string, ok bool) {
	i := strings.LastIndexByte(name, '.')
	if i < 0 {
		return name, "", false
	}
	return name[:i], name[i+1:], true
}

func isIndex(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}
