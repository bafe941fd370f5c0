package schema

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/santhosh-tekuri/jsonschema/v5"
)

// Kind says which rule of the schema a value breaks.
type Kind int

// The kinds of violations; Other is every rule without a kind of its own.
const (
	Other Kind = iota
	Required
	Type
	MinLength
	MaxLength
	Pattern
	Format
	Enum
	Const
	Minimum
	ExclusiveMinimum
	Maximum
	ExclusiveMaximum
	MultipleOf
	MinItems
	MaxItems
	UniqueItems
	AdditionalProperties
)

// Violation is one rule that one value breaks.
type Violation struct {
	// Pointer is the JSON pointer of the value in a document {"traits": …}, such as "/traits/email". A missing property is
	// named by the pointer it would have.
	Pointer string
	Kind    Kind
	// Property is the name of the missing property for Required.
	Property string
	// Expected is what the schema asks for: the pattern, the format, the bound (json.Number, or int for lengths and
	// counts), the constant, []string for Type, []any for Enum.
	Expected any
	// Actual is what was found: the value, its length or count as an int, its type for Type, or the names ([]string) for
	// AdditionalProperties.
	Actual any
	// Text says it in words, as Kratos does.
	Text string
}

// rule says how the violations of one keyword are told.
type rule struct {
	kind Kind
	// text has %e for what was expected and %a for what was found.
	text string
	// measure turns the value into what is reported of it; nil reports the value.
	measure func(*node) any
}

var rules = map[string]rule{
	"type":             {Type, "expected %e, but got %a", jsonType},
	"minLength":        {MinLength, "length must be >= %e, but got %a", length},
	"maxLength":        {MaxLength, "length must be <= %e, but got %a", length},
	"pattern":          {Pattern, "does not match pattern %e", nil},
	"format":           {Format, "%a is not valid %e", nil},
	"via":              {Format, "%a is not valid %e", nil},
	"enum":             {Enum, "value must be one of %e", nil},
	"const":            {Const, "value must be %e", nil},
	"minimum":          {Minimum, "must be >= %e but found %a", nil},
	"exclusiveMinimum": {ExclusiveMinimum, "must be > %e but found %a", nil},
	"maximum":          {Maximum, "must be <= %e but found %a", nil},
	"exclusiveMaximum": {ExclusiveMaximum, "must be < %e but found %a", nil},
	"multipleOf":       {MultipleOf, "%a not multipleOf %e", nil},
	"minItems":         {MinItems, "minimum %e items allowed, but found %a items", length},
	"maxItems":         {MaxItems, "maximum %e items allowed, but found %a items", length},
	"uniqueItems":      {UniqueItems, "the items must differ from each other", nil},
}

// violations tells what one leaf of the validator's answer means. It looks up both sides itself: the validator only has a
// sentence, which can't be taken apart safely once it quotes what a stranger typed.
func (s *Schema) violations(e *jsonschema.ValidationError, doc *node) []Violation {
	_, location, _ := strings.Cut(e.AbsoluteKeywordLocation, "#")
	location = strings.TrimPrefix(location, "/")
	value := doc.at(strings.TrimPrefix(e.InstanceLocation, "/"))
	expected := s.doc.at(location)
	keyword := location[strings.LastIndexByte(location, '/')+1:]

	switch keyword {
	case "required":
		return missing(e.InstanceLocation, expected, value)
	case "additionalProperties":
		return s.additional(e, location, value)
	}
	v := Violation{Pointer: e.InstanceLocation, Text: e.Message}
	r, ok := rules[keyword]
	if !ok || expected == nil || value == nil {
		return []Violation{v}
	}
	v.Kind, v.Expected, v.Actual = r.kind, expectation(keyword, expected), value.plain()
	if r.measure != nil {
		v.Actual = r.measure(value)
	}
	v.Text = strings.NewReplacer("%e", show(v.Expected, keyword), "%a", show(v.Actual, keyword)).Replace(r.text)
	return []Violation{v}
}

func missing(pointer string, required, value *node) []Violation {
	var out []Violation
	if required == nil || value == nil {
		return out
	}
	for _, item := range required.items {
		name := item.text()
		if _, there := value.members[name]; there {
			continue
		}
		out = append(out, Violation{
			Pointer:  pointer + "/" + escapePointer(name),
			Kind:     Required,
			Property: name,
			Text:     fmt.Sprintf("missing properties: %q", name),
		})
	}
	return out
}

// additional names the properties that the schema at location doesn't allow. As in Kratos the fault is with the object around
// them: a form has no field for them.
func (s *Schema) additional(e *jsonschema.ValidationError, location string, value *node) []Violation {
	v := Violation{Pointer: e.InstanceLocation, Kind: AdditionalProperties, Text: e.Message}
	owner := s.doc.at(strings.TrimSuffix(strings.TrimSuffix(location, "additionalProperties"), "/"))
	if owner == nil || value == nil {
		return []Violation{v}
	}
	var names, quoted []string
	for _, key := range value.keys {
		if owner.get("properties").get(key) == nil && !matchesAny(owner.get("patternProperties"), key) {
			names, quoted = append(names, key), append(quoted, strconv.Quote(key))
		}
	}
	v.Actual, v.Text = names, fmt.Sprintf("additionalProperties %s not allowed", strings.Join(quoted, ", "))
	return []Violation{v}
}

// expectation is the keyword's value in the form that Violation.Expected promises.
func expectation(keyword string, n *node) any {
	switch keyword {
	case "via":
		return formatOf[n.text()]
	case "type":
		if t := n.text(); t != "" {
			return []string{t}
		}
		var types []string
		for _, item := range n.items {
			types = append(types, item.text())
		}
		return types
	case "minLength", "maxLength", "minItems", "maxItems":
		if num, ok := n.scalar.(json.Number); ok {
			if f, err := num.Float64(); err == nil {
				return int(f)
			}
		}
	}
	return n.plain()
}

// show writes a value as Kratos does: strings quoted, except for the names of types.
func show(v any, keyword string) string {
	switch v := v.(type) {
	case string:
		if keyword == "type" {
			return v
		}
		return strconv.Quote(v)
	case []string:
		return strings.Join(v, " or ")
	case []any:
		parts := make([]string, len(v))
		for i, item := range v {
			parts[i] = show(item, keyword)
		}
		return strings.Join(parts, ", ")
	}
	raw, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	return string(raw)
}

func length(n *node) any {
	if n.isArray {
		return len(n.items)
	}
	return utf8.RuneCountInString(n.text())
}

func jsonType(n *node) any {
	switch {
	case n.isObject:
		return "object"
	case n.isArray:
		return "array"
	}
	switch n.scalar.(type) {
	case string:
		return "string"
	case json.Number:
		return "number"
	case bool:
		return "boolean"
	}
	return "null"
}
