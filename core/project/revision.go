package project

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/gatehouse-id/gatehouse/core/apierror"
)

// Revision is a configuration that a project has or had. Settings are keyed as in the
// API, and hold only what is set. The JSON is flat: projectRevision of cloud-projects.md 3.
type Revision struct {
	ID        string
	ProjectID string
	Name      string
	CreatedAt time.Time
	UpdatedAt time.Time
	Settings  map[string]json.RawMessage
}

// MaxRevision bounds a revision in bytes: sealed, it has to fit into a record of the store.
const MaxRevision = 160 << 10

var errTooLarge = apierror.TooLarge("A revision has up to %d bytes, with its secrets and as it is stored. This one has more.", MaxRevision)

// fits refuses what the store could not keep. What a client has sent can be longer when it is written again.
func (r *Revision) fits() error {
	raw, err := json.Marshal(r)
	if err == nil && len(raw) > MaxRevision {
		return errTooLarge
	}
	return err
}

// maxProjectName bounds the name of a project, in characters.
const maxProjectName = 200

// own are the keys of a revision itself.
type own struct {
	ID        string    `json:"id"`
	ProjectID string    `json:"project_id"`
	Name      string    `json:"name"`
	CreatedAt time.Time `json:"created_at"`
	UpdatedAt time.Time `json:"updated_at"`
}

// MarshalJSON writes the flat form, with secrets in clear; see Redacted.
func (r *Revision) MarshalJSON() ([]byte, error) {
	raw, err := json.Marshal(own{r.ID, r.ProjectID, r.Name, r.CreatedAt, r.UpdatedAt})
	if err != nil || len(r.Settings) == 0 {
		return raw, err
	}
	settings, err := json.Marshal(r.Settings)
	if err != nil {
		return nil, err
	}
	return slices.Concat(raw[:len(raw)-1], []byte{','}, settings[1:]), nil
}

// UnmarshalJSON reads what MarshalJSON wrote. ParseRevision is for what clients send.
func (r *Revision) UnmarshalJSON(raw []byte) error {
	var o own
	if err := json.Unmarshal(raw, &o); err != nil {
		return err
	}
	all := map[string]json.RawMessage{}
	if err := json.Unmarshal(raw, &all); err != nil {
		return err
	}
	*r = Revision{ID: o.ID, ProjectID: o.ProjectID, Name: o.Name, CreatedAt: o.CreatedAt, UpdatedAt: o.UpdatedAt}
	r.Settings = map[string]json.RawMessage{}
	for _, f := range fields {
		if value, ok := all[f.key]; ok {
			r.Settings[f.key] = value
		}
	}
	return nil
}

// readOnly are keys that clients send back as they have read them.
var readOnly = []string{"id", "project_id", "created_at", "updated_at"}

// ParseRevision reads a revision that a client sends. Errors are for the client and name
// the key: unknown keys, values of another form, names that are taken twice.
func ParseRevision(body []byte) (*Revision, error) {
	if len(body) > MaxRevision {
		return nil, apierror.TooLarge("A revision has up to %d bytes, this one has %d.", MaxRevision, len(body))
	}
	var all map[string]json.RawMessage
	if err := json.Unmarshal(body, &all); err != nil {
		return nil, apierror.BadRequest("The request body has to be a JSON object: %s.", err)
	}
	r := &Revision{Settings: map[string]json.RawMessage{}}
	if err := json.Unmarshal(all["name"], &r.Name); err != nil || r.Name == "" || len([]rune(r.Name)) > maxProjectName {
		return nil, apierror.BadRequest("name: has to be a text of 1 to %d characters.", maxProjectName)
	}
	for _, key := range slices.Sorted(maps.Keys(all)) { // the same mistake has the same answer every time
		if key == "name" || slices.Contains(readOnly, key) {
			continue
		}
		at := slices.IndexFunc(fields, func(f field) bool { return f.key == key })
		if at < 0 {
			return nil, apierror.BadRequest("%s: a revision has no such key.", cut(key))
		}
		kept, err := fields[at].form.check(all[key])
		if err != nil {
			return nil, apierror.BadRequest("%s%s.", key, err)
		}
		if kept != nil {
			r.Settings[key] = kept
		}
	}
	return r, nil
}

// check returns a value as it is kept, nil when it means unset. An error begins with what follows the key in a path.
func (f form) check(raw json.RawMessage) (json.RawMessage, error) {
	if string(bytes.TrimSpace(raw)) == "null" {
		return nil, nil
	}
	switch f {
	case text:
		return checked(raw, "a text", func(s string) (any, error) {
			if s == "" {
				return nil, nil
			}
			return s, nil
		})
	case boolean:
		return checked(raw, "true or false", func(b bool) (any, error) { return b, nil })
	case whole:
		return checked(raw, "a whole number", func(n int64) (any, error) { return n, nil })
	case texts:
		return checked(raw, "a list of texts", checkTexts)
	case headers:
		return checked(raw, "an object of texts", func(m map[string]string) (any, error) { return m, nil })
	case schemas:
		return checkedRows(raw, checkSchemas)
	case flowHooks:
		return checkedRows(raw, checkHooks)
	case providers:
		return checkedRows(raw, checkProviders)
	}
	return nil, errors.New(": its form is unknown")
}

// checked decodes a value strictly and encodes what accept makes of it. accept returns nil for unset.
func checked[T any](raw json.RawMessage, want string, accept func(T) (any, error)) (json.RawMessage, error) {
	var v T
	if json.Unmarshal(raw, &v) != nil {
		return nil, fmt.Errorf(": has to be %s", want)
	}
	kept, err := accept(v)
	if err != nil || kept == nil {
		return nil, err
	}
	return json.Marshal(kept)
}

// checkedRows does the same with a list of objects that have no keys but T's.
func checkedRows[T any](raw json.RawMessage, accept func([]T) (any, error)) (json.RawMessage, error) {
	return checked(raw, "a list of objects", func(items []json.RawMessage) (any, error) {
		rows := make([]T, len(items))
		for n, item := range items {
			d := json.NewDecoder(bytes.NewReader(item))
			d.DisallowUnknownFields()
			if err := d.Decode(&rows[n]); err != nil {
				return nil, fmt.Errorf("[%d]%s", n, misfit(err))
			}
		}
		return accept(rows)
	})
}

// misfit says what doesn't fit in the words of JSON, as the rest of a path and a sentence.
func misfit(err error) string {
	if te, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return strings.TrimSuffix("."+te.Field, ".") + ": must not be a " + te.Value
	}
	return ": " + cut(strings.TrimPrefix(err.Error(), "json: "))
}

func checkTexts(list []string) (any, error) {
	if n := slices.Index(list, ""); n >= 0 {
		return nil, fmt.Errorf("[%d]: is empty: write a text, or leave it out", n)
	}
	return list, nil
}

// get decodes a setting; the zero value stands for one that isn't set.
func get[T any](r *Revision, key string) T {
	var v T
	if raw, ok := r.Settings[key]; ok {
		_ = json.Unmarshal(raw, &v) // its form was checked when it was kept
	}
	return v
}
