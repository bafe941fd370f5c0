package schema

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v5"
)

// documentURL stands for the document itself while it is compiled; references are resolved against it.
const documentURL = "gatehouse:schema"

// Parse checks a schema document and makes it ready for use.
func Parse(id string, raw []byte) (*Schema, error) {
	doc, err := decode(raw, schemaLimits)
	if err != nil {
		return nil, err
	}
	if err := checkShape(doc); err != nil {
		return nil, err
	}
	s := &Schema{ID: id, Raw: bytes.Clone(raw), doc: doc}
	// Fields come first: they find a schema without end before the compiler runs into it.
	if err := s.readFields(); err != nil {
		return nil, err
	}
	if s.compiled, err = compile(raw); err != nil {
		return nil, err
	}
	return s, nil
}

// checkShape demands what every identity schema has.
func checkShape(doc *node) error {
	traits := doc.get("properties", "traits")
	if traits == nil || !traits.isObject {
		return errors.New(`"properties.traits" is missing: describe the traits there, as an object`)
	}
	if typeOf(traits) != "object" {
		return errors.New(`"properties.traits.type" must be "object"`)
	}
	if props := traits.get("properties"); props == nil || len(props.keys) == 0 {
		return errors.New(`"properties.traits.properties" is empty: an identity needs at least one trait`)
	}
	for _, key := range doc.keys {
		if err := checkReferences(doc.members[key]); err != nil {
			return err
		}
	}
	return nil
}

// checkReferences refuses what would make a reference mean another place than one in this document.
func checkReferences(n *node) error {
	if id := n.get("$id").text(); id != "" {
		return fmt.Errorf("the $id %q stands inside the document: only the whole document may have one", id)
	}
	if ref := n.get("$ref").text(); ref != "" {
		if _, ok := fragment(ref); !ok {
			return fmt.Errorf("the reference %q leads out of the document: copy the part in, and refer to it as #/definitions/name", ref)
		}
	}
	for _, child := range n.items {
		if err := checkReferences(child); err != nil {
			return err
		}
	}
	for _, key := range n.keys {
		if err := checkReferences(n.members[key]); err != nil {
			return err
		}
	}
	return nil
}

// fragment is the pointer of a reference inside the document, like "definitions/name" for "#/definitions/name".
func fragment(ref string) (string, bool) {
	pointer, ok := strings.CutPrefix(ref, "#")
	if !ok || (pointer != "" && pointer[0] != '/') {
		return "", false
	}
	pointer, err := url.PathUnescape(strings.TrimPrefix(pointer, "/"))
	return pointer, err == nil
}

func compile(raw []byte) (*jsonschema.Schema, error) {
	c := jsonschema.NewCompiler()
	c.Draft = jsonschema.Draft7
	c.AssertFormat = true
	for name, valid := range formats {
		c.Formats[name] = valid
	}
	// The meta-schemas are built in; whatever else is asked for is a reference out of the document.
	c.LoadURL = func(u string) (io.ReadCloser, error) {
		return nil, fmt.Errorf("%q leads out of the document, which is not allowed", u)
	}
	c.RegisterExtension(extensionKey, nil, extensionCompiler{})
	c.RegisterExtension(searchKey, nil, searchCompiler{})
	if err := c.AddResource(documentURL, bytes.NewReader(raw)); err != nil {
		return nil, err
	}
	s, err := c.Compile(documentURL)
	if err != nil {
		return nil, compileError(err)
	}
	return s, nil
}

// compileError keeps what the author of a schema can act on: the deepest cause and where it stands.
func compileError(err error) error {
	var invalid *jsonschema.ValidationError
	if !errors.As(err, &invalid) {
		var outer *jsonschema.SchemaError
		if errors.As(err, &outer) && outer.Err != nil {
			err = outer.Err
		}
		return errors.New(strings.TrimPrefix(err.Error(), "jsonschema: "))
	}
	for len(invalid.Causes) > 0 {
		invalid = invalid.Causes[0]
	}
	text := invalid.Message
	if strings.HasSuffix(invalid.InstanceLocation, "/pattern") {
		text += " (patterns are Go regular expressions: no look-ahead, look-behind or back-reference)"
	}
	return fmt.Errorf("at %s: %s", invalid.InstanceLocation, text)
}
