// Package schema loads identity schemas, validates traits, and reads the credential and address extensions.
//
// A schema is JSON Schema (draft 7 unless it says otherwise) with the key "ory.sh/kratos" inside trait properties. It is
// checked whole when it is loaded, so that a form can't fail later. Patterns are Go regular expressions: they run in
// linear time whatever a stranger types, and can't look ahead or back.
package schema

import (
	"github.com/santhosh-tekuri/jsonschema/v5"
)

// Set holds the schemas of one configuration. It never changes; a nil Set is empty.
type Set struct {
	all  []*Schema
	byID map[string]*Schema
}

// NewSet puts schemas into a set, in their order. Of two with one id, the first counts.
func NewSet(schemas ...*Schema) *Set {
	set := &Set{byID: make(map[string]*Schema, len(schemas))}
	for _, s := range schemas {
		if _, taken := set.byID[s.ID]; taken {
			continue
		}
		set.all = append(set.all, s)
		set.byID[s.ID] = s
	}
	return set
}

// Get finds a schema by its id, or returns nil.
func (s *Set) Get(id string) *Schema {
	if s == nil {
		return nil
	}
	return s.byID[id]
}

// All lists the schemas in configuration order. The result is shared and must not be changed.
func (s *Set) All() []*Schema {
	if s == nil {
		return nil
	}
	return s.all
}

// Schema is one identity schema, ready to use from many goroutines.
type Schema struct {
	// ID is the name in the configuration, such as "customer".
	ID string
	// Raw is the document as it was loaded, byte for byte.
	Raw []byte

	compiled *jsonschema.Schema
	doc      *node
	fields   []Field
	// leaf and order are keyed by dotted path; order keeps answers in document order.
	leaf  map[string]Field
	order map[string]int
}

// Fields lists the traits a form can ask for, in document order. The result is shared and must not be changed.
func (s *Schema) Fields() []Field { return s.fields }

// TypeAt says which JSON type the trait at a dotted path such as "traits.age" has, so that a form's text can be turned into
// it. For an array it is the type of the items. It is not ok for a path that is no leaf of the schema.
func (s *Schema) TypeAt(path string) (jsonType string, isArray, ok bool) {
	f, ok := s.leaf[path]
	if !ok {
		return "", false, false
	}
	if f.Type == "array" {
		return f.ItemType, true, true
	}
	return f.Type, false, true
}
