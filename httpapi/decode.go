package httpapi

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
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
			return flow.Submission{}, errNotUTF8
		}
		fields, err = c.decodeForm(s, t)
	default:
		return flow.Submission{}, apierror.BadRequest("A submission can't be of the type %.64q. Those that can be read: application/json, application/x-www-form-urlencoded, multipart/form-data.", t)
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
	switch {
	case err != nil:
		return nil, unreadable(err, "The request body could not be read.")
	case len(body) == 0:
		return nil, apierror.BadRequest("The request has no body.")
	case !utf8.Valid(body):
		return nil, errNotUTF8
	}
	return body, nil
}

var errNotUTF8 = apierror.BadRequest("The request body must be encoded in UTF-8.")

// unreadable tells a body over the limit from one that is broken.
func unreadable(err error, reason string) error {
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		return apierror.TooLarge("The request body is too large.")
	}
	return apierror.BadRequest(reason)
}

// readJSON reads a JSON body outside of flows.
func (c *call) readJSON() (raw []byte, v any, err error) {
	c.r.Body = http.MaxBytesReader(c.w, c.r.Body, maxBody)
	if raw, err = c.readBody(); err != nil {
		return nil, nil, err
	}
	if v, err = StrictJSON(raw); err != nil {
		return nil, nil, apierror.BadRequest("The JSON in the request body can't be used: %s.", err)
	}
	return raw, v, nil
}

// readLargeJSON reads a JSON body that may be larger than others.
func (c *call) readLargeJSON(size int64, keys int) ([]byte, error) {
	c.r.Body = http.MaxBytesReader(c.w, c.r.Body, size)
	raw, err := c.readBody()
	if err != nil {
		return nil, err
	}
	if _, err := strictJSON(raw, keys); err != nil {
		return nil, apierror.BadRequest("The JSON in the request body can't be used: %s.", err)
	}
	return raw, nil
}

func (c *call) decodeJSON(s *schema.Schema) (map[string]any, error) {
	body, err := c.readBody()
	if err != nil {
		return nil, err
	}
	v, err := StrictJSON(body)
	if err != nil {
		return nil, apierror.BadRequest("The JSON in the request body can't be used: %s.", err)
	}
	fields, ok := v.(map[string]any)
	if !ok {
		return nil, apierror.BadRequest("The JSON in the request body must be an object.")
	}
	// An object of scalars only is read like a form, so {"traits.email": "a@b"} works.
	if scalars(fields) {
		if fields, err = nest(fields); err != nil {
			return nil, err
		}
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

// nest builds the objects that dotted names stand for. A name that is also the
// beginning of another one ("traits" beside "traits.email") has two readings.
func nest(flat map[string]any) (map[string]any, error) {
	out := map[string]any{}
	for name, v := range flat {
		if strings.ContainsRune(name, 0) || strings.Count(name, ".") > maxDepth || !setPath(out, name, v) {
			return nil, apierror.BadRequest("The request body has a field with an unusable name.")
		}
	}
	return out, nil
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
	values, err := c.formValues(mediaType)
	if err != nil {
		return nil, err
	}
	if len(values) > maxKeys {
		return nil, apierror.BadRequest("The form has too many fields.")
	}
	flat := map[string]any{}
	for name, vs := range values {
		if !utf8.ValidString(name) || slices.ContainsFunc(vs, func(v string) bool { return !utf8.ValidString(v) }) {
			return nil, errNotUTF8
		}
		v, keep, err := formValue(s, name, vs)
		if err != nil {
			return nil, err
		}
		if keep {
			flat[name] = v
		}
	}
	fields, err := nest(flat)
	if _, there := fields["traits"]; !there && err == nil && hasTraits(values) {
		fields["traits"] = map[string]any{} // a form whose fields were all emptied
	}
	return fields, err
}

func hasTraits(form url.Values) bool {
	for name := range form {
		if strings.HasPrefix(name, "traits.") {
			return true
		}
	}
	return false
}

func (c *call) formValues(mediaType string) (url.Values, error) {
	if mediaType == "multipart/form-data" {
		if err := c.r.ParseMultipartForm(maxBody); err != nil {
			return nil, unreadable(err, "The form in the request body could not be read.")
		}
		return c.r.MultipartForm.Value, nil
	}
	body, err := c.readBody()
	if err != nil {
		return nil, err
	}
	values, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, apierror.BadRequest("The form in the request body could not be read.")
	}
	return values, nil
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
	// A hidden field and the button that was pressed may say the same.
	if slices.ContainsFunc(vs, func(v string) bool { return v != vs[0] }) && typ != "boolean" && !known {
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

// setPath sets a dotted name inside nested objects; "\." is a dot in a key. It
// returns false when something else is there already.
func setPath(out map[string]any, name string, v any) bool {
	keys := splitPath(name)
	for _, k := range keys[:len(keys)-1] {
		if _, there := out[k]; !there {
			out[k] = map[string]any{}
		}
		next, ok := out[k].(map[string]any)
		if !ok {
			return false
		}
		out = next
	}
	last := keys[len(keys)-1]
	if _, there := out[last]; there {
		return false
	}
	out[last] = v
	return true
}

func splitPath(name string) []string {
	const dot = "\x00"
	keys := strings.Split(strings.ReplaceAll(name, `\.`, dot), ".")
	for n := range keys {
		keys[n] = strings.ReplaceAll(keys[n], dot, ".")
	}
	return keys
}
