package schema

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// node is a JSON value that remembers the order of its keys, which decides the order of a form's fields.
type node struct {
	// keys and members belong together; both are nil unless the value is an object.
	keys    []string
	members map[string]*node
	items   []*node
	// scalar is a string, json.Number, bool or nil.
	scalar   any
	isObject bool
	isArray  bool
}

// limits bound what a document may ask of us, before anything recursive looks at it.
type limits struct {
	depth, keys, values int
}

var (
	schemaLimits = limits{depth: 64, keys: 20_000, values: 50_000}
	traitLimits  = limits{depth: 32, keys: 1000, values: 10_000}
)

// A number is kept as the text it came in and later becomes a fraction of big integers: 1e999999999 would fill the memory.
const (
	maxNumberLength   = 64
	maxNumberExponent = 400
)

// reader decodes one document and counts down its limits.
type reader struct {
	dec  *json.Decoder
	left limits
}

// decode reads one JSON document. Twice the same key in one object is refused: two readers could take different ones.
func decode(raw []byte, l limits) (*node, error) {
	r := &reader{dec: json.NewDecoder(bytes.NewReader(raw)), left: l}
	r.dec.UseNumber()
	n, err := r.value()
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return nil, atLine(raw, r.dec.InputOffset(), err)
	}
	if _, err := r.dec.Token(); err != io.EOF {
		return nil, atLine(raw, r.dec.InputOffset(), errors.New("there is more text after the JSON value"))
	}
	return n, nil
}

func (r *reader) value() (*node, error) {
	tok, err := r.dec.Token()
	if err != nil {
		return nil, err
	}
	if r.left.values--; r.left.values < 0 {
		return nil, errors.New("the document has too many values")
	}
	switch tok := tok.(type) {
	case json.Delim:
		return r.nested(tok)
	case json.Number:
		return &node{scalar: tok}, checkNumber(tok)
	default:
		return &node{scalar: tok}, nil
	}
}

func (r *reader) nested(open json.Delim) (*node, error) {
	if r.left.depth--; r.left.depth < 0 {
		return nil, errors.New("the document is nested too deeply")
	}
	defer func() { r.left.depth++ }()
	n := &node{isArray: open == '[', isObject: open == '{'}
	if n.isObject {
		n.members = make(map[string]*node)
	}
	for r.dec.More() {
		if err := r.child(n); err != nil {
			return nil, err
		}
	}
	_, err := r.dec.Token()
	return n, err
}

func (r *reader) child(n *node) error {
	if n.isArray {
		item, err := r.value()
		n.items = append(n.items, item)
		return err
	}
	tok, err := r.dec.Token()
	if err != nil {
		return err
	}
	key, _ := tok.(string)
	if _, twice := n.members[key]; twice {
		return fmt.Errorf("the key %q stands twice in one object", key)
	}
	if r.left.keys--; r.left.keys < 0 {
		return errors.New("the document has too many keys")
	}
	n.keys = append(n.keys, key)
	n.members[key], err = r.value()
	return err
}

func checkNumber(n json.Number) error {
	if len(n) > maxNumberLength {
		return errors.New("a number has too many digits")
	}
	_, exp, found := strings.Cut(strings.ToLower(n.String()), "e")
	if !found {
		return nil
	}
	if e, err := strconv.Atoi(exp); err != nil || e > maxNumberExponent || e < -maxNumberExponent {
		return errors.New("a number has too large an exponent")
	}
	return nil
}

// atLine says where in the document err stands.
func atLine(raw []byte, offset int64, err error) error {
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		offset = syntax.Offset
	}
	offset = min(offset, int64(len(raw)))
	return &lineError{Line: 1 + bytes.Count(raw[:offset], []byte("\n")), Err: err}
}

// lineError is a fault at a line of a document.
type lineError struct {
	Line int
	Err  error
}

func (e *lineError) Error() string { return fmt.Sprintf("line %d: %v", e.Line, e.Err) }
func (e *lineError) Unwrap() error { return e.Err }

// get follows object keys; a missing one gives nil.
func (n *node) get(keys ...string) *node {
	for _, k := range keys {
		if n == nil {
			return nil
		}
		n = n.members[k]
	}
	return n
}

// text is the string n holds, or "".
func (n *node) text() string {
	if n == nil {
		return ""
	}
	s, _ := n.scalar.(string)
	return s
}

// at follows a JSON pointer without its leading slash; nil when it leads nowhere.
func (n *node) at(pointer string) *node {
	if pointer == "" {
		return n
	}
	for _, seg := range strings.Split(pointer, "/") {
		if n == nil {
			return nil
		}
		if n.isArray {
			i, err := strconv.Atoi(seg)
			if err != nil || i < 0 || i >= len(n.items) {
				return nil
			}
			n = n.items[i]
			continue
		}
		n = n.members[unescapePointer(seg)]
	}
	return n
}

// plain turns n into the values encoding/json would give.
func (n *node) plain() any {
	switch {
	case n == nil:
		return nil
	case n.isObject:
		m := make(map[string]any, len(n.keys))
		for k, v := range n.members {
			m[k] = v.plain()
		}
		return m
	case n.isArray:
		list := make([]any, len(n.items))
		for i, v := range n.items {
			list[i] = v.plain()
		}
		return list
	}
	return n.scalar
}
