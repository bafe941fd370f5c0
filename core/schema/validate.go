package schema

import (
	"cmp"
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v5"
)

// maxTraitBytes bounds the traits of one identity.
const maxTraitBytes = 256 << 10

// Validate checks traits against the schema and reports everything that is wrong with them at once, in document order. No
// traits at all count as empty ones. The result is empty when the traits are valid.
func (s *Schema) Validate(traits json.RawMessage) []Violation {
	n, err := decodeTraits(traits)
	if err != nil {
		return []Violation{{Pointer: "/traits", Kind: Other, Text: "the traits can not be read: " + err.Error()}}
	}
	doc := &node{isObject: true, keys: []string{"traits"}, members: map[string]*node{"traits": n}}
	err = s.compiled.Validate(doc.plain())
	var invalid *jsonschema.ValidationError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &invalid):
		return s.sorted(s.leaves(invalid, doc, nil))
	default:
		return []Violation{{Pointer: "/traits", Kind: Other, Text: "the traits can not be checked"}}
	}
}

// decodeTraits reads traits within their limits.
func decodeTraits(traits json.RawMessage) (*node, error) {
	if t := strings.TrimSpace(string(traits)); t == "" || t == "null" {
		return &node{isObject: true, members: map[string]*node{}}, nil
	}
	if len(traits) > maxTraitBytes {
		return nil, errors.New("the document is too large")
	}
	return decode(traits, traitLimits)
}

// leaves collects the causes that have no cause themselves.
func (s *Schema) leaves(e *jsonschema.ValidationError, doc *node, out []Violation) []Violation {
	if len(e.Causes) == 0 {
		return append(out, s.violations(e, doc)...)
	}
	for _, cause := range e.Causes {
		out = s.leaves(cause, doc, out)
	}
	return out
}

// sorted puts violations in document order and drops what two keywords say alike; the validator's own order is random.
func (s *Schema) sorted(list []Violation) []Violation {
	position := func(v Violation) int {
		if i, ok := s.order[dotted(v.Pointer)]; ok {
			return i
		}
		return len(s.order)
	}
	slices.SortFunc(list, func(a, b Violation) int {
		return cmp.Or(
			cmp.Compare(position(a), position(b)),
			cmp.Compare(a.Pointer, b.Pointer),
			cmp.Compare(a.Kind, b.Kind),
			cmp.Compare(a.Text, b.Text),
		)
	})
	return slices.CompactFunc(list, func(a, b Violation) bool {
		return a.Pointer == b.Pointer && a.Kind == b.Kind && a.Text == b.Text
	})
}
