package ui

import (
	"encoding/json"
	"fmt"
)

// Attributes describes one element. The implementations are *Input, *Text, *Image, *Anchor and *Script.
type Attributes interface {
	// ID is what the node is found by: the name of an input, the id of any other element.
	ID() string
	// NodeType is the type of node these attributes belong to.
	NodeType() Type
}

// InputType is the type attribute of an input.
type InputType string

// The input types of the contract.
const (
	InputText          InputType = "text"
	InputPassword      InputType = "password"
	InputNumber        InputType = "number"
	InputCheckbox      InputType = "checkbox"
	InputHidden        InputType = "hidden"
	InputEmail         InputType = "email"
	InputTel           InputType = "tel"
	InputSubmit        InputType = "submit"
	InputButton        InputType = "button"
	InputDateTimeLocal InputType = "datetime-local"
	InputDate          InputType = "date"
	InputURL           InputType = "url"
)

// Input is a form field or a button.
type Input struct {
	Name         string        `json:"name"`
	Type         InputType     `json:"type"`
	Value        any           `json:"value,omitempty"` // left out only when nil: "" and false are sent
	Required     bool          `json:"required,omitempty"`
	Autocomplete string        `json:"autocomplete,omitempty"`
	Label        *Message      `json:"label,omitempty"` // part of the contract, never set; labels stand in Meta
	Pattern      string        `json:"pattern,omitempty"`
	Disabled     bool          `json:"disabled"`
	MaxLength    int           `json:"maxlength,omitempty"`
	Options      []InputOption `json:"options,omitempty"` // the choices of an enum, for a select element

	// OnClick and OnLoad are JavaScript for older clients. The Trigger fields name a function of the WebAuthn script
	// instead, which works under a content security policy without eval.
	OnClick        string `json:"onclick,omitempty"`
	OnClickTrigger string `json:"onclickTrigger,omitempty"`
	OnLoad         string `json:"onload,omitempty"`
	OnLoadTrigger  string `json:"onloadTrigger,omitempty"`
}

// InputOption is one choice of an input whose schema lists its values.
type InputOption struct {
	Value any `json:"value"`
}

// Text is a text to show, such as the list of backup codes.
type Text struct {
	Text Message `json:"text"`
	Name string  `json:"id"`
}

// Image is a picture to show, such as the TOTP QR code.
type Image struct {
	Src    string `json:"src"`
	Name   string `json:"id"`
	Width  int    `json:"width"`
	Height int    `json:"height"`
}

// Anchor is a link.
type Anchor struct {
	Href  string  `json:"href"`
	Title Message `json:"title"`
	Name  string  `json:"id"`
}

// Script is a script that the client has to load for the form to work.
type Script struct {
	Src            string `json:"src"`
	Async          bool   `json:"async"`
	ReferrerPolicy string `json:"referrerpolicy"`
	CrossOrigin    string `json:"crossorigin"`
	Integrity      string `json:"integrity"`
	Type           string `json:"type"`
	Name           string `json:"id"`
	Nonce          string `json:"nonce"`
}

// ID returns the input's name.
func (a *Input) ID() string { return a.Name }

// ID returns the text's id.
func (a *Text) ID() string { return a.Name }

// ID returns the image's id.
func (a *Image) ID() string { return a.Name }

// ID returns the link's id.
func (a *Anchor) ID() string { return a.Name }

// ID returns the script's id.
func (a *Script) ID() string { return a.Name }

// NodeType is TypeInput.
func (*Input) NodeType() Type { return TypeInput }

// NodeType is TypeText.
func (*Text) NodeType() Type { return TypeText }

// NodeType is TypeImage.
func (*Image) NodeType() Type { return TypeImage }

// NodeType is TypeAnchor.
func (*Anchor) NodeType() Type { return TypeAnchor }

// NodeType is TypeScript.
func (*Script) NodeType() Type { return TypeScript }

// The MarshalJSON methods add node_type, by which clients generated from the API description tell the kinds apart. The
// local type has the fields without the method, or the encoder would call it again.

// MarshalJSON writes the attributes with their node_type.
func (a *Input) MarshalJSON() ([]byte, error) {
	type fields Input
	return json.Marshal(struct {
		*fields
		NodeType Type `json:"node_type"`
	}{(*fields)(a), TypeInput})
}

// MarshalJSON writes the attributes with their node_type.
func (a *Text) MarshalJSON() ([]byte, error) {
	type fields Text
	return json.Marshal(struct {
		*fields
		NodeType Type `json:"node_type"`
	}{(*fields)(a), TypeText})
}

// MarshalJSON writes the attributes with their node_type.
func (a *Image) MarshalJSON() ([]byte, error) {
	type fields Image
	return json.Marshal(struct {
		*fields
		NodeType Type `json:"node_type"`
	}{(*fields)(a), TypeImage})
}

// MarshalJSON writes the attributes with their node_type.
func (a *Anchor) MarshalJSON() ([]byte, error) {
	type fields Anchor
	return json.Marshal(struct {
		*fields
		NodeType Type `json:"node_type"`
	}{(*fields)(a), TypeAnchor})
}

// MarshalJSON writes the attributes with their node_type.
func (a *Script) MarshalJSON() ([]byte, error) {
	type fields Script
	return json.Marshal(struct {
		*fields
		NodeType Type `json:"node_type"`
	}{(*fields)(a), TypeScript})
}

func newAttributes(t Type) (Attributes, error) {
	switch t {
	case TypeInput:
		return &Input{}, nil
	case TypeText:
		return &Text{}, nil
	case TypeImage:
		return &Image{}, nil
	case TypeAnchor:
		return &Anchor{}, nil
	case TypeScript:
		return &Script{}, nil
	default:
		return nil, fmt.Errorf("reading a node: unknown type %q", t)
	}
}
