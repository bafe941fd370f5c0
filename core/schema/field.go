package schema

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
)

// Field is one trait that a form can ask for.
type Field struct {
	// Path is dotted, such as "traits.name.first"; a dot inside a key is written "\.".
	Path string
	// InputType is the type of the HTML input: text, email, url, tel, number, checkbox, date or datetime-local.
	InputType string
	// Required says that the object around it lists it as required.
	Required bool
	Pattern  string
	Title    string
	// Autocomplete is the HTML autofill hint, or "".
	Autocomplete string
	// MaxLength is nil when the schema sets none.
	MaxLength *int
	// Type is the JSON type: string, number, integer, boolean, array, or "" when the schema doesn't say.
	Type string
	// ItemType is the JSON type of an array's items.
	ItemType string
	// Enum lists the allowed values in document order.
	Enum []any
	// Identifies lists the credential types whose login identifier this trait is.
	Identifies []string
	// Searchable says that administrators can search by the trait.
	Searchable bool
	// Displayed says that passkeys show the trait as the name of the account.
	Displayed bool
}

// maxFieldDepth bounds the nesting of objects and references: a schema that refers to itself has no end.
const maxFieldDepth = 32

// maxFieldVisits bounds how far references unfold: a few definitions that each name the next one twice grow without end.
const maxFieldVisits = 10_000

var (
	errUnfolds  = errors.New("the traits grow too large when their references are followed")
	errCircular = errors.New("the traits refer to themselves: a form can't show a schema without end")

	inputByFormat = map[string]string{
		"email": "email", "date-time": "datetime-local", "date": "date", "uri": "url", "tel": "tel", "regex": "text",
	}
	inputByType = map[string]string{"number": "number", "integer": "number", "boolean": "checkbox"}

	autocompleteByFormat = map[string]string{"email": "email", "uri": "url", "tel": "tel"}
)

// fieldWalk collects the leaves below one document.
type fieldWalk struct {
	root   *node
	fields []Field
	// order numbers every property that was seen, leaf or not.
	order map[string]int
	seen  map[string]bool
	// visits counts the schemas that were looked at, references followed.
	visits int
}

func (s *Schema) readFields() error {
	w := fieldWalk{root: s.doc, order: map[string]int{}, seen: map[string]bool{}}
	if err := w.object(s.doc.get("properties", "traits"), "traits", 0); err != nil {
		return err
	}
	s.fields, s.order = w.fields, w.order
	s.leaf = make(map[string]Field, len(w.fields))
	for _, f := range w.fields {
		s.leaf[f.Path] = f
	}
	return nil
}

// object walks the properties of n and of the schemas that apply to the same value.
func (w *fieldWalk) object(n *node, path string, depth int) error {
	if depth > maxFieldDepth {
		return errCircular
	}
	if w.visits++; w.visits > maxFieldVisits {
		return errUnfolds
	}
	n, err := w.follow(n)
	if err != nil || n == nil {
		return err
	}
	required := requiredSet(n)
	if props := n.get("properties"); props != nil {
		for _, key := range props.keys {
			if err := w.property(props.members[key], join(path, key), required[key], depth+1); err != nil {
				return err
			}
		}
	}
	for _, keyword := range []string{"allOf", "anyOf", "oneOf"} {
		if list := n.get(keyword); list != nil {
			for _, branch := range list.items {
				if err := w.object(branch, path, depth+1); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func (w *fieldWalk) property(n *node, path string, required bool, depth int) error {
	n, err := w.follow(n)
	if err != nil {
		return err
	}
	if _, known := w.order[path]; !known {
		w.order[path] = len(w.order)
	}
	if n == nil {
		return nil
	}
	kind := typeOf(n)
	if kind == "object" {
		return w.object(n, path, depth)
	}
	f := newField(n, path, kind)
	f.Required = required
	if kind == "array" {
		items, err := w.follow(n.get("items"))
		if err != nil {
			return err
		}
		if f.ItemType = typeOf(items); f.ItemType == "object" {
			return nil
		}
		f.Identifies = append(f.Identifies, identifies(items)...)
		f.Searchable = f.Searchable || searchable(items)
	}
	if !w.seen[path] {
		w.seen[path] = true
		w.fields = append(w.fields, f)
	}
	return nil
}

// follow resolves references inside the document. Others were refused when the schema was compiled.
func (w *fieldWalk) follow(n *node) (*node, error) {
	for range maxFieldDepth {
		ref := n.get("$ref").text()
		if ref == "" {
			return n, nil
		}
		pointer, ok := fragment(ref)
		if !ok {
			return nil, fmt.Errorf("the reference %q is not one inside the document: write it as #/definitions/name", ref)
		}
		if n = w.root.at(pointer); n == nil {
			return nil, fmt.Errorf("the reference %q leads nowhere", ref)
		}
	}
	return nil, errCircular
}

func newField(n *node, path, kind string) Field {
	format := n.get("format").text()
	f := Field{
		Path:         path,
		InputType:    "text",
		Pattern:      n.get("pattern").text(),
		Title:        n.get("title").text(),
		Autocomplete: autocompleteByFormat[format],
		Type:         kind,
	}
	if t, ok := inputByType[kind]; ok {
		f.InputType = t
	}
	if t, ok := inputByFormat[format]; ok {
		f.InputType = t
	}
	if m := n.get("maxLength"); m != nil {
		if num, ok := m.scalar.(json.Number); ok {
			if i, err := strconv.Atoi(num.String()); err == nil {
				f.MaxLength = &i
			}
		}
	}
	f.Identifies, f.Searchable = identifies(n), searchable(n)
	f.Displayed = n.get(extensionKey, "credentials", "passkey", "display_name").isTrue()
	if e := n.get("enum"); e != nil {
		f.Enum, _ = e.plain().([]any)
	}
	return f
}

// typeOf is the first type of n that isn't null. An object that doesn't say so is known by its properties.
func typeOf(n *node) string {
	if n == nil {
		return ""
	}
	t := n.get("type")
	if s := t.text(); s != "" {
		return s
	}
	if t != nil {
		for _, item := range t.items {
			if s := item.text(); s != "" && s != "null" {
				return s
			}
		}
	}
	if n.get("properties") != nil {
		return "object"
	}
	return ""
}

func requiredSet(n *node) map[string]bool {
	set := map[string]bool{}
	if list := n.get("required"); list != nil {
		for _, item := range list.items {
			set[item.text()] = true
		}
	}
	return set
}

func (n *node) isTrue() bool { return n != nil && n.scalar == true }

// identifies lists the credential types that n, or each item of an array, is an identifier for.
func identifies(n *node) []string {
	var out []string
	credentials := n.get(extensionKey, "credentials")
	for _, name := range []string{"password", "webauthn", "passkey", "code"} {
		if credentials.get(name, "identifier").isTrue() {
			out = append(out, name)
		}
	}
	return out
}

// searchable tells whether n is marked for search.
func searchable(n *node) bool {
	mark := n.get(searchKey, "search")
	return mark != nil && mark.scalar == true
}
