package ui

import (
	"encoding/json"
	"fmt"
)

// Type is the kind of element a node stands for. It is repeated inside the attributes as node_type.
type Type string

// The node types of the contract.
const (
	TypeInput  Type = "input"
	TypeText   Type = "text"
	TypeImage  Type = "img"
	TypeAnchor Type = "a"
	TypeScript Type = "script"
)

// Group says which method, or which part of the form, a node belongs to. Clients lay forms out by it.
type Group string

// The groups of the contract.
const (
	GroupDefault         Group = "default"
	GroupPassword        Group = "password"
	GroupOIDC            Group = "oidc"
	GroupProfile         Group = "profile"
	GroupLink            Group = "link"
	GroupCode            Group = "code"
	GroupTOTP            Group = "totp"
	GroupLookupSecret    Group = "lookup_secret"
	GroupWebAuthn        Group = "webauthn"
	GroupPasskey         Group = "passkey"
	GroupIdentifierFirst Group = "identifier_first"
	GroupCaptcha         Group = "captcha"
)

// Meta is what a client may show around a node.
type Meta struct {
	Label *Message `json:"label,omitempty"`
}

// Node is one element of a form.
type Node struct {
	Type       Type       `json:"type"`
	Group      Group      `json:"group"`
	Attributes Attributes `json:"attributes"`
	Messages   Messages   `json:"messages"`
	Meta       Meta       `json:"meta"`
}

// NewNode puts attributes into a group. The node's type follows from the attributes.
func NewNode(group Group, attributes Attributes) *Node {
	return &Node{Type: attributes.NodeType(), Group: group, Attributes: attributes}
}

// NewInput returns an input node; options refine it.
//
//	ui.NewInput(ui.GroupPassword, "password", ui.InputPassword, ui.Required(), ui.Autocomplete("current-password"),
//		ui.Label(ui.MsgPasswordLabel.Message()))
func NewInput(group Group, name string, inputType InputType, options ...Option) *Node {
	node := NewNode(group, &Input{Name: name, Type: inputType})
	for _, option := range options {
		option(node)
	}
	return node
}

// NewSubmit returns a submit button that sends value under name.
func NewSubmit(group Group, name, value string, label Message) *Node {
	return NewInput(group, name, InputSubmit, Value(value), Label(label))
}

// CSRFNode returns the hidden field with the anti-CSRF token. API flows carry it too, with an empty token.
func CSRFNode(token string) *Node {
	return NewInput(GroupDefault, CSRFName, InputHidden, Value(token), Required())
}

// CSRFName is the name of the anti-CSRF field.
const CSRFName = "csrf_token"

// ID is the name of an input and the id of everything else; messages find their node by it.
func (n *Node) ID() string { return n.Attributes.ID() }

// Input returns the node's input attributes, or nil when the node is no input.
func (n *Node) Input() *Input {
	input, _ := n.Attributes.(*Input)
	return input
}

// WithLabel sets the label and returns the node.
func (n *Node) WithLabel(label Message) *Node {
	n.Meta.Label = &label
	return n
}

// UnmarshalJSON reads the attributes by the node's type, which stands beside them.
func (n *Node) UnmarshalJSON(data []byte) error {
	var wire struct {
		Type       Type            `json:"type"`
		Group      Group           `json:"group"`
		Attributes json.RawMessage `json:"attributes"`
		Messages   Messages        `json:"messages"`
		Meta       Meta            `json:"meta"`
	}
	if err := json.Unmarshal(data, &wire); err != nil {
		return err
	}
	attributes, err := newAttributes(wire.Type)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(wire.Attributes, attributes); err != nil {
		return fmt.Errorf("reading attributes of a node of type %q: %w", wire.Type, err)
	}
	*n = Node{Type: wire.Type, Group: wire.Group, Attributes: attributes, Messages: wire.Messages, Meta: wire.Meta}
	return nil
}

// Option refines an input node that is being built. Options do nothing to nodes of another type.
type Option func(*Node)

// Value presets the value. An empty string is sent, nil is not.
func Value(value any) Option { return input(func(i *Input) { i.Value = value }) }

// Required marks the field as one that has to be filled in.
func Required() Option { return input(func(i *Input) { i.Required = true }) }

// RequiredIf is Required when required is true.
func RequiredIf(required bool) Option { return input(func(i *Input) { i.Required = required }) }

// Disabled shows the field without letting it be changed.
func Disabled() Option { return input(func(i *Input) { i.Disabled = true }) }

// Autocomplete sets the HTML autocomplete token, such as "current-password".
func Autocomplete(token string) Option { return input(func(i *Input) { i.Autocomplete = token }) }

// Pattern sets the regular expression that the value has to match.
func Pattern(pattern string) Option { return input(func(i *Input) { i.Pattern = pattern }) }

// MaxLen sets the longest value the field takes.
func MaxLen(n int) Option { return input(func(i *Input) { i.MaxLength = n }) }

// Label sets the label.
func Label(label Message) Option { return func(n *Node) { n.Meta.Label = &label } }

func input(set func(*Input)) Option {
	return func(n *Node) {
		if i := n.Input(); i != nil {
			set(i)
		}
	}
}
