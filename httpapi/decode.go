package httpapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/gatehouse-id/gatehouse/core/apierror"
	"github.com/gatehouse-id/gatehouse/core/flow"
	"github.com/gatehouse-id/gatehouse/core/schema"
)

// Limits of a request body.
const (
	maxBody  = 1 << 20 // bytes
	maxDepth = 32
	maxKeys  = 1000
)

// decode reads the body of a submission, once and strictly (behaviours.md 9.5).
func (c *call) decode(s *schema.Schema) (flow.Submission, error) {
	t, params, err := mime.ParseMediaType(c.r.Header.Get("Content-Type"))
	if err != nil || len(c.r.Header["Content-Type"]) > 1 {
		t = ""
	}
	var fields map[string]any
	switch t {
	case "application/json":
		fields, err = c.decodeJSON(s)
	case "application/x-www-form-urlencoded", "multipart/form-data":
		if cs := strings.ToLower(params["charset"]); cs != "" && cs != "utf-8" {
			return flow.Submission{}, apierror.BadRequest("The request body must be encoded in UTF-8.")
		}
		fields, err = c.decodeForm(s, t)
	default:
		return flow.Submission{}, apierror.BadRequest("The HTTP header \"Content-Type: " + c.r.Header.Get("Content-Type") +
			"\" is not supported, only [multipart/form-data application/x-www-form-urlencoded application/json] are.")
	}
	if err != nil {
		return flow.Submission{}, err
	}
	return c.submission(fields)
}

// submission takes the fields every method shares out of the body.
func (c *call) submission(fields map[string]any) (flow.Submission, error) {
	sub := flow.Submission{Fields: fields}
	sub.Method = sub.String("method")
	sub.CSRFToken = first(sub.String("csrf_token"), c.r.Header.Get("X-CSRF-Token"))
	// Clients of both generations send either name, on both mounts.
	if old, ok := fields["password_identifier"]; ok && sub.String("identifier") == "" {
		fields["identifier"] = old
	}
	if p, ok := fields["transient_payload"]; ok {
		raw, err := json.Marshal(p)
		if err != nil {
			return sub, fmt.Errorf("encoding the transient payload: %w", err)
		}
		sub.TransientPayload = raw
	}
	return sub, nil
}

func (c *call) readBody() ([]byte, error) {
	body, err := io.ReadAll(c.r.Body)
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return nil, apierror.TooLarge("The request body is too large.")
	case err != nil:
		return nil, apierror.BadRequest("The request body could not be read.")
	case len(body) == 0:
		return nil, apierror.BadRequest(`Unable to decode the HTTP request body because it is empty.`)
	case !utf8.Valid(body):
		return nil, apierror.BadRequest("The request body must be encoded in UTF-8.")
	}
	return body, nil
}

func (c *call) decodeJSON(s *schema.Schema) (map[string]any, error) {
	body, err := c.readBody()
	if err != nil {
		return nil, err
	}
	v, err := StrictJSON(body)
	if err != nil {
		return nil, apierror.BadRequest("Unable to decode the request body as JSON: " + err.Error() + ".")
	}
	fields, ok := v.(map[string]any)
	if !ok {
		return nil, apierror.BadRequest("The JSON in the request body must be an object.")
	}
	// An object of scalars only is read like a form, so {"traits.email": "a@b"} works.
	if scalars(fields) {
		fields = unflatten(fields)
	}
	if c.m.dialect.emptyObjects {
		fillObjects(fields, s)
	}
	return fields, nil
}

func scalars(fields map[string]any) bool {
	for _, v := range fields {
		switch v.(type) {
		case map[string]any, []any:
			return false
		}
	}
	return true
}

func unflatten(flat map[string]any) map[string]any {
	out := map[string]any{}
	for name, v := range flat {
		setPath(out, name, v)
	}
	return out
}

// fillObjects adds the empty objects that today's Kratos makes of object traits
// that were not sent; clients compare what comes back.
func fillObjects(fields map[string]any, s *schema.Schema) {
	traits, ok := fields["traits"].(map[string]any)
	if !ok || s == nil {
		return
	}
	for _, f := range s.Fields() {
		parts := splitPath(f.Path)
		at := traits
		for _, p := range parts[1 : len(parts)-1] {
			if _, there := at[p]; !there {
				at[p] = map[string]any{}
			}
			next, isObject := at[p].(map[string]any)
			if !isObject {
				break
			}
			at = next
		}
	}
}

func (c *call) decodeForm(s *schema.Schema, mediaType string) (map[string]any, error) {
	var values url.Values
	if mediaType == "multipart/form-data" {
		if err := c.r.ParseMultipartForm(maxBody); err != nil {
			return nil, apierror.BadRequest("The form in the request body could not be read.")
		}
		values = c.r.MultipartForm.Value
	} else {
		body, err := c.readBody()
		if err != nil {
			return nil, err
		}
		if values, err = url.ParseQuery(string(body)); err != nil {
			return nil, apierror.BadRequest("The form in the request body could not be read.")
		}
	}
	if len(values) > maxKeys {
		return nil, apierror.BadRequest("The form has too many fields.")
	}
	out := map[string]any{}
	for name, vs := range values {
		if !utf8.ValidString(name) || strings.Count(name, ".") > maxDepth {
			return nil, apierror.BadRequest("The form has a field with an unusable name.")
		}
		v, keep, err := formValue(s, name, vs)
		if err != nil {
			return nil, err
		}
		if keep {
			setPath(out, name, v)
		}
	}
	return out, nil
}

// formValue gives a form field the type its trait has. Empty fields count as not
// sent; a number or boolean that is none stays text, so that the schema complains.
func formValue(s *schema.Schema, name string, vs []string) (v any, keep bool, err error) {
	typ, array, known := "string", false, false
	if s != nil && strings.HasPrefix(name, "traits.") {
		typ, array, known = s.TypeAt(name)
		if !known {
			return nil, false, nil // only fields of the schema are taken
		}
	}
	if array {
		list := []any{}
		for _, x := range vs {
			if x != "" {
				list = append(list, typed(typ, x))
			}
		}
		return list, len(list) > 0, nil
	}
	if len(vs) > 1 && typ != "boolean" && !known {
		return nil, false, apierror.BadRequest("The form field " + strconv.Quote(name) + " was sent more than once.")
	}
	last := vs[len(vs)-1] // of a hidden "false" and a checked "true" the last counts
	return typed(typ, last), last != "", nil
}

func typed(typ, v string) any {
	switch typ {
	case "boolean":
		switch v {
		case "true", "on", "1":
			return true
		case "false", "off", "0":
			return false
		}
	case "number", "integer":
		if n := json.Number(v); json.Valid([]byte(v)) && v[0] != '"' {
			if _, err := n.Float64(); err == nil {
				return n
			}
		}
	}
	return v
}

// setPath sets a dotted name inside nested objects; "\." is a dot in a key.
func setPath(out map[string]any, name string, v any) {
	keys := splitPath(name)
	for _, k := range keys[:len(keys)-1] {
		next, ok := out[k].(map[string]any)
		if !ok {
			next = map[string]any{}
			out[k] = next
		}
		out = next
	}
	out[keys[len(keys)-1]] = v
}

func splitPath(name string) []string {
	const dot = "\x00"
	keys := strings.Split(strings.ReplaceAll(name, `\.`, dot), ".")
	for n := range keys {
		keys[n] = strings.ReplaceAll(keys[n], dot, ".")
	}
	return keys
}

// StrictJSON decodes one JSON value and refuses what has two readings: duplicate
// keys, trailing data, excessive depth or width. Numbers stay json.Number.
func StrictJSON(data []byte) (any, error) {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	keys := 0
	v, err := strictValue(d, 0, &keys)
	if err != nil {
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return nil, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("there is more than one JSON value")
	}
	return v, nil
}

func strictValue(d *json.Decoder, depth int, keys *int) (any, error) {
	if depth > maxDepth {
		return nil, fmt.Errorf("it is nested deeper than %d levels", maxDepth)
	}
	t, err := d.Token()
	if err != nil {
		return nil, err
	}
	switch t {
	case json.Delim('{'):
		return strictObject(d, depth, keys)
	case json.Delim('['):
		list := []any{}
		for d.More() {
			if *keys++; *keys > maxKeys {
				return nil, fmt.Errorf("it has more than %d keys and items", maxKeys)
			}
			v, err := strictValue(d, depth+1, keys)
			if err != nil {
				return nil, err
			}
			list = append(list, v)
		}
		_, err := d.Token()
		return list, err
	}
	return t, nil
}

func strictObject(d *json.Decoder, depth int, keys *int) (any, error) {
	out := map[string]any{}
	for d.More() {
		if *keys++; *keys > maxKeys {
			return nil, fmt.Errorf("it has more than %d keys and items", maxKeys)
		}
		t, err := d.Token()
		if err != nil {
			return nil, err
		}
		k, ok := t.(string)
		if !ok {
			return nil, errors.New("an object key is not a string")
		}
		if _, twice := out[k]; twice {
			return nil, fmt.Errorf("the key %q stands there twice", k)
		}
		if out[k], err = strictValue(d, depth+1, keys); err != nil {
			return nil, err
		}
	}
	_, err := d.Token()
	return out, err
}
