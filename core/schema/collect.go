package schema

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v5"
)

// Identifier is a value that finds an identity when somebody signs in.
type Identifier struct {
	// Type is the credential type: password, webauthn, passkey or code.
	Type string
	// Value is normalised: trimmed and in lower case.
	Value string
	// Via is the channel of a code: email or sms. Empty for other types.
	Via string
}

// Address is a value to which messages can be sent.
type Address struct {
	// Via is email or sms.
	Via string
	// Value is normalised as an Identifier's is.
	Value string
}

// Identifiers lists the identifiers among traits in document order, each once.
func (s *Schema) Identifiers(traits json.RawMessage) ([]Identifier, error) {
	marked, err := s.collect(traits)
	if err != nil {
		return nil, err
	}
	var out []Identifier
	for _, m := range marked {
		for _, id := range m.ext.identifiesFor() {
			id.Value = Normalize(m.value)
			if id.Value != "" && !slices.Contains(out, id) {
				out = append(out, id)
			}
		}
	}
	return out, nil
}

// Addresses lists what can be verified and what can be used to recover an account, in document order, each once.
func (s *Schema) Addresses(traits json.RawMessage) (verifiable, recovery []Address, err error) {
	marked, err := s.collect(traits)
	if err != nil {
		return nil, nil, err
	}
	for _, m := range marked {
		verifiable = addAddress(verifiable, m.ext.Verification.Via, m.value)
		recovery = addAddress(recovery, m.ext.Recovery.Via, m.value)
	}
	return verifiable, recovery, nil
}

// AccountName is what an authenticator app shows for an identity with these traits, or "".
func (s *Schema) AccountName(traits json.RawMessage) (string, error) {
	return s.first(traits, func(e *extension) bool { return e.Credentials.TOTP.AccountName })
}

// DisplayName is what a passkey shows for an identity with these traits: what the schema marks as that, else what somebody
// signs in with, or "".
func (s *Schema) DisplayName(traits json.RawMessage) (string, error) {
	name, err := s.first(traits, func(e *extension) bool { return e.Credentials.Passkey.DisplayName })
	if err != nil || name != "" {
		return name, err
	}
	return s.first(traits, func(e *extension) bool { return len(e.identifiesFor()) > 0 })
}

// first finds the first value among traits that the schema says something about.
func (s *Schema) first(traits json.RawMessage, wanted func(*extension) bool) (string, error) {
	marked, err := s.collect(traits)
	if err != nil {
		return "", err
	}
	for _, m := range marked {
		if wanted(m.ext) && m.value != "" {
			return m.value, nil
		}
	}
	return "", nil
}

// Normalize is how identifiers and addresses are compared: without space around them, in lower case, and a phone number
// without the spaces and dashes that make it readable.
func Normalize(value string) string {
	value = strings.ToLower(strings.TrimSpace(value))
	if tel := telSeparators.Replace(value); telPattern.MatchString(tel) {
		return tel
	}
	return value
}

func addAddress(list []Address, via, value string) []Address {
	a := Address{Via: via, Value: Normalize(value)}
	if via == "" || a.Value == "" || slices.Contains(list, a) {
		return list
	}
	return append(list, a)
}

// Term is the value of a trait that administrators can search by.
type Term struct {
	Trait string // dotted, such as "name.last"
	Value string // normalised as an Identifier's is
}

// Terms lists what a search finds traits by, in document order, each once.
func (s *Schema) Terms(traits json.RawMessage) ([]Term, error) {
	c, err := s.walk(traits)
	if err != nil {
		return nil, err
	}
	var out []Term
	for _, m := range c.searched {
		t := Term{strings.TrimPrefix(m.path, "traits."), Normalize(m.value)}
		if s.leaf[m.path].Searchable && t.Value != "" && !slices.Contains(out, t) {
			out = append(out, t)
		}
	}
	return out, nil
}

// Searchable tells whether administrators can search by the trait at a dotted path such as "name.last".
func (s *Schema) Searchable(trait string) bool { return s.leaf["traits."+trait].Searchable }

// mark is one value and what the schema says it is for.
type mark struct {
	path  string
	value string
	ext   *extension
}

func (s *Schema) collect(traits json.RawMessage) ([]mark, error) {
	c, err := s.walk(traits)
	return c.marks, err
}

// walk finds all marked values, in document order.
func (s *Schema) walk(traits json.RawMessage) (collector, error) {
	var c collector
	n, err := decodeTraits(traits)
	if err != nil {
		return c, fmt.Errorf("reading traits: %w", err)
	}
	c.visit(s.compiled, map[string]any{"traits": n.plain()}, "", 0)
	s.sort(c.marks)
	s.sort(c.searched)
	return c, nil
}

func (s *Schema) sort(marks []mark) {
	position := func(path string) int {
		if i, ok := s.order[path]; ok {
			return i
		}
		return len(s.order)
	}
	slices.SortStableFunc(marks, func(a, b mark) int {
		return cmp.Or(cmp.Compare(position(a.path), position(b.path)), cmp.Compare(a.path, b.path))
	})
}

// collector walks a value along the schemas that apply to it.
type collector struct {
	marks    []mark // by the extension of Kratos
	searched []mark
}

// maxVisits bounds the walk along a chain of references that never consumes any of the value.
const maxVisits = 4 * maxFieldDepth

func (c *collector) visit(s *jsonschema.Schema, v any, path string, depth int) {
	if s == nil || depth > maxVisits {
		return
	}
	if ext, ok := s.Extensions[extensionKey].(*extension); ok {
		c.mark(ext, v, path)
	}
	if use, ok := s.Extensions[searchKey].(*searchUse); ok && use.Search {
		c.search(v, path)
	}
	for _, same := range applicable(s, v) {
		c.visit(same, v, path, depth+1)
	}
	switch v := v.(type) {
	case map[string]any:
		for key, sub := range s.Properties {
			if value, ok := v[key]; ok {
				c.visit(sub, value, join(path, key), depth+1)
			}
		}
	case []any:
		for i, item := range v {
			c.visit(itemSchema(s, i), item, path, depth+1)
		}
	}
}

func (c *collector) mark(ext *extension, v any, path string) {
	switch v := v.(type) {
	case string:
		c.marks = append(c.marks, mark{path, v, ext})
	case json.Number:
		c.marks = append(c.marks, mark{path, v.String(), ext})
	case []any:
		for _, item := range v {
			if _, nested := item.([]any); !nested {
				c.mark(ext, item, path)
			}
		}
	}
}

func (c *collector) search(v any, path string) {
	switch v := v.(type) {
	case string:
		c.searched = append(c.searched, mark{path: path, value: v})
	case json.Number:
		c.searched = append(c.searched, mark{path: path, value: v.String()})
	case bool:
		c.searched = append(c.searched, mark{path: path, value: strconv.FormatBool(v)})
	case []any:
		for _, item := range v {
			c.search(item, path)
		}
	}
}

// applicable lists the schemas that speak about the same value. Of alternatives only those that hold count: an identifier of
// a branch that doesn't apply must not sign anybody in.
func applicable(s *jsonschema.Schema, v any) []*jsonschema.Schema {
	out := slices.Concat([]*jsonschema.Schema{s.Ref}, s.AllOf)
	for _, branch := range slices.Concat(s.AnyOf, s.OneOf) {
		if branch.Validate(v) == nil {
			out = append(out, branch)
		}
	}
	if s.If == nil {
		return out
	}
	if s.If.Validate(v) == nil {
		return append(out, s.Then)
	}
	return append(out, s.Else)
}

func itemSchema(s *jsonschema.Schema, i int) *jsonschema.Schema {
	switch items := s.Items.(type) {
	case *jsonschema.Schema:
		return items
	case []*jsonschema.Schema:
		if i < len(items) {
			return items[i]
		}
	}
	if i < len(s.PrefixItems) {
		return s.PrefixItems[i]
	}
	return s.Items2020
}
