package project

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/gatehouse-id/gatehouse/core/apierror"
	"github.com/gatehouse-id/gatehouse/core/config"
)

// Warning says that a part of a configuration document isn't kept or has no effect. Codes are stable.
type Warning struct {
	Code    int64  `json:"code"`
	Message string `json:"message"`
}

// Codes of warnings.
const (
	// WarnOperational: the key is about operating a server, which the operator of the installation does.
	WarnOperational int64 = 1001
	// WarnNotHeld: the key is known, and a revision has no place for it.
	WarnNotHeld int64 = 1002
	// WarnNoEffect: the key is kept, and this program doesn't act on it.
	WarnNoEffect int64 = 1003
)

// operational are the first steps of keys that are about running a server.
var operational = []string{"serve", "dsn", "dev", "log", "tracing", "profiling", "sqa-opt-out", "config", "watch-courier", "expose-metrics-port", "ciphers", "hashers", "database", "clients"}

// Document makes the Kratos configuration document of a revision, as config.Parse reads it. Whether it is valid is
// for those to say who know the rest of the configuration.
func (r *Revision) Document() json.RawMessage {
	d := map[string]any{}
	for _, f := range fields {
		if raw, ok := r.Settings[f.key]; ok && f.path != "" && f.form != schemas && f.form != providers {
			put(d, f.path, raw)
		}
	}
	var list []any
	for _, s := range r.Schemas() {
		list = append(list, map[string]any{"id": s.ID, "url": s.URL})
		if s.Default {
			put(d, "identity.default_schema_id", s.ID)
		}
	}
	put(d, "identity.schemas", list)
	r.putProviders(d)
	for _, h := range get[[]hookRow](r, keyHooks) {
		add(d, h.ConfigKey, h.entry())
	}
	raw, err := json.Marshal(d)
	if err != nil {
		return json.RawMessage("{}") // unreachable: all of it came from JSON
	}
	return raw
}

// Warnings are about what is set and has no effect.
func (r *Revision) Warnings() []Warning {
	_, ineffective, err := config.Parse("", r.Document())
	if err != nil {
		return nil // it was never in force
	}
	return noEffect(ineffective)
}

func noEffect(warnings []config.Warning) []Warning {
	var out []Warning
	for _, w := range warnings {
		out = append(out, Warning{WarnNoEffect, fmt.Sprintf("%s %s", w.Path, w.Text)})
	}
	return out
}

func (r *Revision) putProviders(d map[string]any) {
	rows := get[[]map[string]json.RawMessage](r, keyProviders)
	if rows == nil {
		return
	}
	list := []any{}
	for _, row := range rows {
		p := map[string]any{}
		for from, to := range providerKeys {
			if v, ok := row[from]; ok {
				p[to] = v
			}
		}
		list = append(list, p)
	}
	put(d, "selfservice.methods.oidc.config.providers", list)
}

// put sets the value at a dotted path.
func put(d map[string]any, path string, value any) {
	steps := strings.Split(path, ".")
	for _, step := range steps[:len(steps)-1] {
		next, ok := d[step].(map[string]any)
		if !ok {
			next = map[string]any{}
			d[step] = next
		}
		d = next
	}
	d[steps[len(steps)-1]] = value
}

// add appends to the list at a dotted path.
func add(d map[string]any, path string, value any) {
	list, _ := lookup(d, path).([]any)
	put(d, path, append(list, value))
}

// lookup is the value at a dotted path; nil when there is none.
func lookup(d map[string]any, path string) any {
	var at any = d
	for step := range strings.SplitSeq(path, ".") {
		m, ok := at.(map[string]any)
		if !ok {
			return nil
		}
		at = m[step]
	}
	return at
}

// FromDocument makes settings of a Kratos configuration document. What a revision can't hold
// is a warning; keys that Kratos doesn't have, and values that don't fit, are errors for the client.
func FromDocument(document []byte) (map[string]json.RawMessage, []Warning, error) {
	_, ineffective, err := config.Parse("identity", document)
	if err != nil {
		return nil, nil, apierror.BadRequest("%s", Plainly(err))
	}
	var d map[string]any
	reading := json.NewDecoder(bytes.NewReader(document))
	reading.UseNumber() // claims that are asked for may have large ones
	if err := reading.Decode(&d); err != nil {
		return nil, nil, apierror.BadRequest("identity: has to be a JSON object: %s.", err)
	}
	t := &taking{settings: map[string]any{}}
	if err := t.schemas(d); err != nil {
		return nil, nil, err
	}
	t.object("", d)
	raw, err := json.Marshal(t.settings)
	if err != nil {
		return nil, nil, err
	}
	// The same checks as for settings that come as such.
	r, err := ParseRevision(slices.Concat([]byte(`{"name":"x"`), rest(raw)))
	if err != nil {
		return nil, nil, err
	}
	return r.Settings, append(t.warnings, noEffect(t.held(ineffective))...), nil
}

// rest is what follows the first brace of an object, behind a comma where that is needed.
func rest(object []byte) []byte {
	if len(object) == 2 {
		return object[1:]
	}
	return slices.Concat([]byte{','}, object[1:])
}

// Plainly is a configuration error without the place in a document that nobody has written.
func Plainly(err error) string {
	problems, ok := errors.AsType[config.Problems](err)
	if !ok {
		return err.Error()
	}
	var lines []string
	for _, p := range problems {
		lines = append(lines, strings.TrimPrefix(p.Path+": "+p.Text, ": "))
	}
	return strings.Join(lines, "; ")
}

// taking takes a document apart.
type taking struct {
	settings map[string]any
	left     []string // paths of what isn't kept
	warnings []Warning
}

// object takes the keys of an object in order.
func (t *taking) object(path string, d map[string]any) {
	for _, key := range slices.Sorted(maps.Keys(d)) {
		at := strings.TrimPrefix(path+"."+key, ".")
		t.value(at, d[key])
	}
}

func (t *taking) value(path string, v any) {
	if v == nil || t.simple(path, v) {
		return
	}
	switch {
	case path == "version" || path == "identity.schemas" || path == "identity.default_schema_id":
	case strings.HasPrefix(path, "selfservice.flows.") && strings.HasSuffix(path, ".hooks"):
		t.hooks(path, v)
	case path == "selfservice.methods.oidc.config.providers":
		t.providers(path, v)
	default:
		if inner, ok := v.(map[string]any); ok {
			t.object(path, inner)
			return
		}
		t.leave(path)
	}
}

// simple takes what stands in a revision as it stands in the document.
func (t *taking) simple(path string, v any) bool {
	if path == "selfservice.whitelisted_return_urls" {
		path = "selfservice.allowed_return_urls"
	}
	at := slices.IndexFunc(fields, func(f field) bool { return f.path == path && f.form < schemas })
	if at < 0 {
		return false
	}
	t.settings[fields[at].key] = v
	return true
}

// leave warns of a key that isn't kept.
func (t *taking) leave(path string) {
	t.left = append(t.left, path)
	w := Warning{WarnNotHeld, path + " isn't kept: a revision of a project has no place for it"}
	if isOperational(path) {
		w = Warning{WarnOperational, path + " isn't kept: it is about operating a server, which the operator of the installation does"}
	}
	t.warnings = append(t.warnings, w)
}

func isOperational(path string) bool {
	first, _, _ := strings.Cut(path, ".")
	return slices.Contains(operational, first)
}

// held are the warnings about keys that were kept; the others have one already.
func (t *taking) held(warnings []config.Warning) []config.Warning {
	return slices.DeleteFunc(warnings, func(w config.Warning) bool {
		return isOperational(w.Path) || slices.ContainsFunc(t.left, func(path string) bool { return within(path, w.Path) || within(w.Path, path) })
	})
}

// within tells whether a path is another one or leads on from there.
func within(path, start string) bool {
	rest, ok := strings.CutPrefix(path, start)
	return ok && (rest == "" || rest[0] == '.' || rest[0] == '[')
}

// schemas takes the list of schemas with the name of the default one, which is "default" where the document doesn't say.
func (t *taking) schemas(d map[string]any) error {
	list, _ := lookup(d, "identity.schemas").([]any)
	chosen, named := lookup(d, "identity.default_schema_id").(string)
	if !named {
		chosen = "default"
	}
	var rows []schemaRow
	for _, item := range list {
		m, _ := item.(map[string]any)
		id, _ := m["id"].(string)
		url, _ := m["url"].(string)
		rows = append(rows, schemaRow{ImportID: id, ImportURL: url, IsDefault: id == chosen})
	}
	if named && !slices.ContainsFunc(rows, func(s schemaRow) bool { return s.IsDefault }) {
		return apierror.BadRequest("identity.default_schema_id: %q is not among identity.schemas: add it there, or name one that is.", cut(chosen))
	}
	if len(rows) > 0 {
		t.settings[keySchemas] = rows
	}
	return nil
}

func (t *taking) hooks(path string, v any) {
	list, _ := v.([]any)
	rows, _ := t.settings[keyHooks].([]hookRow)
	for n, item := range list {
		m, _ := item.(map[string]any)
		row, dropped := hookOf(path, m)
		for _, key := range dropped {
			t.leave(fmt.Sprintf("%s[%d].%s", path, n, key))
		}
		if slices.Contains(hookKinds, row.Hook) {
			rows = append(rows, row)
		}
	}
	t.settings[keyHooks] = rows
}

// hookOf reads a hook of a document, and lists what a row has no place for.
func hookOf(path string, m map[string]any) (row hookRow, dropped []string) {
	row.ConfigKey = path
	row.Hook, _ = m["hook"].(string)
	if !slices.Contains(hookKinds, row.Hook) {
		return row, []string{"hook"}
	}
	c, _ := m["config"].(map[string]any)
	for _, key := range slices.Sorted(maps.Keys(c)) {
		switch key {
		case "url":
			row.URL, _ = c[key].(string)
		case "method":
			row.Method, _ = c[key].(string)
		case "body":
			row.Body, _ = c[key].(string)
		case "auth":
			row.auth(c)
		default:
			dropped = append(dropped, "config."+key)
		}
	}
	return row, dropped
}

func (h *hookRow) auth(c map[string]any) {
	at := func(path string) string { s, _ := lookup(c, "auth."+path).(string); return s }
	h.AuthType = at("type")
	h.User, h.Password = at("config.user"), at("config.password")
	h.KeyName, h.KeyValue, h.KeyIn = at("config.name"), at("config.value"), at("config.in")
}

func (t *taking) providers(path string, v any) {
	list, _ := v.([]any)
	rows := []map[string]any{}
	for n, item := range list {
		m, _ := item.(map[string]any)
		row := map[string]any{}
		for _, key := range slices.Sorted(maps.Keys(m)) {
			if to := providerKey(key); to != "" {
				row[to] = m[key]
				continue
			}
			t.leave(fmt.Sprintf("%s[%d].%s", path, n, key))
		}
		rows = append(rows, row)
	}
	t.settings[keyProviders] = rows
}
