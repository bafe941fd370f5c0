package config

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

// value is one node of a document with the line it stands on: YAML and JSON become the same thing.
type value struct {
	line int
	kind kind
	// keys and members are set for an object, items for a list.
	keys    []string
	members map[string]*value
	items   []*value
	// text is the scalar as it was written.
	text string
}

type kind int

const (
	null kind = iota
	text
	integer
	float
	boolean
	list
	object
)

func (k kind) String() string {
	return [...]string{"nothing", "text", "a whole number", "a number", "true or false", "a list", "an object"}[k]
}

// A document of a few lines can unfold into millions of nodes through YAML aliases, or drive a recursion into the ground.
const (
	maxBytes  = 1 << 20
	maxDepth  = 64
	maxValues = 50_000
)

var (
	errTooDeep  = errors.New("the document is nested too deeply")
	errTooLarge = errors.New("the document is too large when its aliases are followed")
)

// read parses a YAML or JSON document. JSON has a reader of its own because YAML's escapes know no surrogate pairs.
func read(data []byte) (*value, error) {
	if len(data) > maxBytes {
		return nil, errors.New("the document is larger than 1 MiB")
	}
	if json.Valid(data) {
		r := &jsonReader{data: data, dec: json.NewDecoder(bytes.NewReader(data))}
		r.dec.UseNumber()
		return r.value(0)
	}
	dec := yaml.NewDecoder(bytes.NewReader(data))
	var doc, second yaml.Node
	if err := dec.Decode(&doc); err == io.EOF {
		return &value{kind: object, line: 1}, nil
	} else if err != nil {
		return nil, yamlError(err)
	}
	if err := dec.Decode(&second); err != io.EOF {
		return nil, errors.New("there is more than one YAML document in the file")
	}
	return new(yamlReader).value(&doc, 0)
}

// yamlError keeps what the library says, save for one sentence that quotes the document: the name of an alias is a secret
// when the secret starts with "*" and has no quotes.
func yamlError(err error) error {
	text := strings.TrimPrefix(err.Error(), "yaml: ")
	if strings.HasPrefix(text, "unknown anchor") {
		text = `an alias refers to nothing: put quotes around text that starts with "*"`
	}
	return errors.New(text)
}

// yamlReader counts the values it makes.
type yamlReader struct{ values int }

func (r *yamlReader) value(n *yaml.Node, depth int) (*value, error) {
	if depth > maxDepth {
		return nil, errTooDeep
	}
	if r.values++; r.values > maxValues {
		return nil, errTooLarge
	}
	switch n.Kind {
	case yaml.DocumentNode:
		return r.value(n.Content[0], depth)
	case yaml.AliasNode:
		return r.value(n.Alias, depth+1)
	case yaml.MappingNode:
		return r.object(n, depth)
	case yaml.SequenceNode:
		v := &value{line: n.Line, kind: list}
		for _, c := range n.Content {
			item, err := r.value(c, depth+1)
			if err != nil {
				return nil, err
			}
			v.items = append(v.items, item)
		}
		return v, nil
	}
	return yamlScalar(n), nil
}

func (r *yamlReader) object(n *yaml.Node, depth int) (*value, error) {
	v := &value{line: n.Line, kind: object}
	var merged []*value
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		child, err := r.value(n.Content[i+1], depth+1)
		if err != nil {
			return nil, err
		}
		if key.Tag == "!!merge" {
			merged = append(merged, child)
			continue
		}
		if key.Kind != yaml.ScalarNode {
			return nil, fmt.Errorf("line %d: a key must be plain text", key.Line)
		}
		if v.get(key.Value) != nil {
			return nil, fmt.Errorf("line %d: the key %q stands twice", key.Line, key.Value)
		}
		// The key's line is where a reader looks; a block value starts one line below.
		child.line = key.Line
		v.set(key.Value, child)
	}
	for _, m := range merged {
		v.merge(m)
	}
	return v, nil
}

func yamlScalar(n *yaml.Node) *value {
	v := &value{line: n.Line, text: n.Value}
	switch n.ShortTag() {
	case "!!null":
		v.kind = null
	case "!!bool":
		v.kind, v.text = boolean, strings.ToLower(n.Value)
	case "!!int":
		v.kind = integer
		var i int64
		if n.Decode(&i) == nil {
			v.text = strconv.FormatInt(i, 10)
		}
	case "!!float":
		v.kind = float
	default:
		v.kind = text
	}
	return v
}

// jsonReader reads valid JSON and counts lines.
type jsonReader struct {
	data []byte
	dec  *json.Decoder
	// line and counted move forward with the decoder.
	line    int
	counted int64
}

func (r *jsonReader) value(depth int) (*value, error) {
	if depth > maxDepth {
		return nil, errTooDeep
	}
	tok, err := r.dec.Token()
	if err != nil {
		return nil, err
	}
	v := &value{line: r.lineNow()}
	switch tok := tok.(type) {
	case json.Delim:
		v.kind = object
		if tok == '[' {
			v.kind = list
		}
		return v, r.fill(v, depth)
	case string:
		v.kind, v.text = text, tok
	case json.Number:
		v.kind, v.text = integer, tok.String()
		if strings.ContainsAny(v.text, ".eE") {
			v.kind = float
		}
	case bool:
		v.kind, v.text = boolean, strconv.FormatBool(tok)
	}
	return v, nil
}

func (r *jsonReader) fill(v *value, depth int) error {
	for r.dec.More() {
		key := ""
		if v.kind == object {
			tok, err := r.dec.Token()
			if err != nil {
				return err
			}
			key, _ = tok.(string)
			if v.get(key) != nil {
				return fmt.Errorf("line %d: the key %q stands twice", r.lineNow(), key)
			}
		}
		line := r.lineNow()
		child, err := r.value(depth + 1)
		if err != nil {
			return err
		}
		if v.kind == list {
			v.items = append(v.items, child)
			continue
		}
		child.line = line
		v.set(key, child)
	}
	_, err := r.dec.Token()
	return err
}

func (r *jsonReader) lineNow() int {
	to := r.dec.InputOffset()
	r.line += bytes.Count(r.data[r.counted:to], []byte("\n"))
	r.counted = to
	return r.line + 1
}

func (v *value) get(key string) *value {
	if v == nil {
		return nil
	}
	return v.members[key]
}

func (v *value) set(key string, child *value) {
	if v.members == nil {
		v.members = make(map[string]*value)
	}
	if _, there := v.members[key]; !there {
		v.keys = append(v.keys, key)
	}
	v.members[key] = child
}

// merge adds the keys of m, or of each object in the list m, that v doesn't have: YAML's "<<".
func (v *value) merge(m *value) {
	for _, item := range m.items {
		v.merge(item)
	}
	for _, key := range m.keys {
		if v.get(key) == nil {
			v.set(key, m.members[key])
		}
	}
}

// plain turns v into what encoding/json would give.
func (v *value) plain() any {
	switch v.kind {
	case object:
		m := make(map[string]any, len(v.keys))
		for k, child := range v.members {
			m[k] = child.plain()
		}
		return m
	case list:
		items := make([]any, len(v.items))
		for i, child := range v.items {
			items[i] = child.plain()
		}
		return items
	case boolean:
		return v.text == "true"
	case integer, float:
		if json.Valid([]byte(v.text)) {
			return json.Number(v.text)
		}
		return v.text
	case null:
		return nil
	}
	return v.text
}
