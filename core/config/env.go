package config

import (
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// overlay writes the variables of an environment into a document. Only variables whose name is the path of a key in Config
// count; the rest of an environment is none of our business.
func overlay(doc *value, environ []string) {
	if len(environ) == 0 {
		return
	}
	slots := envSlots(reflect.TypeFor[Config](), nil, nil)
	environ = slices.Sorted(slices.Values(environ))
	for _, entry := range environ {
		name, content, ok := strings.Cut(entry, "=")
		if !ok || content == "" {
			continue
		}
		for _, s := range slots {
			if path, ok := s.match(name); ok {
				put(doc, path, s.value(content))
				break
			}
		}
	}
}

// slot is a scalar of Config that a variable can set.
type slot struct {
	path []string
	typ  reflect.Type
	list bool
}

func envSlots(t reflect.Type, path []string, out []slot) []slot {
	for i := range t.NumField() {
		f := t.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "-" {
			continue
		}
		at := path
		if !f.Anonymous {
			at = append(slices.Clone(path), name)
		}
		ft := f.Type
		switch {
		case ft == rawType || ft.Kind() == reflect.Map:
		case ft.Kind() == reflect.Struct:
			out = envSlots(ft, at, out)
		case ft.Kind() == reflect.Slice:
			if ft.Elem().Kind() == reflect.String {
				out = append(out, slot{at, ft.Elem(), true})
			}
		default:
			out = append(out, slot{at, ft, false})
		}
	}
	return out
}

// match gives the path that a variable names, with the number of a list item as its last step.
func (s slot) match(name string) ([]string, bool) {
	prefix := strings.ToUpper(strings.Join(s.path, "_"))
	if !s.list {
		return s.path, name == prefix
	}
	index, ok := strings.CutPrefix(name, prefix+"_")
	if n, err := strconv.Atoi(index); !ok || err != nil || n < 0 || n > 99 {
		return nil, false
	}
	return append(slices.Clone(s.path), index), true
}

// value reads the text of a variable; text of the wrong type stays text, so that the decoder complains.
func (s slot) value(content string) *value {
	switch s.typ.Kind() {
	case reflect.Bool:
		if b, err := strconv.ParseBool(content); err == nil {
			return &value{kind: boolean, text: strconv.FormatBool(b)}
		}
	case reflect.Int:
		if n, err := strconv.Atoi(content); err == nil {
			return &value{kind: integer, text: strconv.Itoa(n)}
		}
	}
	return &value{kind: text, text: content}
}

// put writes a value at a path and makes the objects on the way. A list grows by one item at most: a gap has no meaning.
func put(doc *value, path []string, v *value) {
	at := doc
	for i, key := range path[:len(path)-1] {
		next := at.get(key)
		if next == nil || next.kind == null {
			next = &value{kind: object}
			if _, err := strconv.Atoi(path[i+1]); err == nil {
				next.kind = list
			}
			at.set(key, next)
		}
		at = next
	}
	last := path[len(path)-1]
	if at.kind != list {
		at.set(last, v)
		return
	}
	n, _ := strconv.Atoi(last)
	if n < len(at.items) {
		at.items[n] = v
	} else {
		at.items = append(at.items, v)
	}
}
