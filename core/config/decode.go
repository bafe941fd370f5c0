package config

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// decoder lays a document over a Config and notes everything that doesn't fit, so that one look mends a whole file.
type decoder struct {
	file     string
	problems Problems
}

var (
	durationType = reflect.TypeFor[Duration]()
	byteSizeType = reflect.TypeFor[ByteSize]()
	rawType      = reflect.TypeFor[json.RawMessage]()
)

// decode writes v into the Go value at to. Null leaves the default in place.
func (d *decoder) decode(v *value, to reflect.Value, path string) {
	if v.kind == null {
		return
	}
	switch to.Type() {
	case durationType:
		set(d, v, to, path, "a duration such as 90s, 15m or 24h", parseDuration)
		return
	case byteSizeType:
		set(d, v, to, path, "a size such as 64MiB or 128MB", parseByteSize)
		return
	case rawType:
		raw, err := json.Marshal(v.plain())
		if err != nil {
			d.add(v, path, err.Error())
		}
		to.SetBytes(raw)
		return
	}
	switch to.Kind() {
	case reflect.Struct:
		d.object(v, to, path)
	case reflect.Slice:
		d.list(v, to, path)
	case reflect.Map:
		d.dictionary(v, to, path)
	default:
		d.scalar(v, to, path)
	}
}

// set reads a scalar that has a notation of its own.
func set[T any](d *decoder, v *value, to reflect.Value, path, want string, parse func(string) (T, error)) {
	if v.kind != text && v.kind != integer {
		d.mismatch(v, path, want)
		return
	}
	parsed, err := parse(v.text)
	if err != nil {
		d.add(v, path, err.Error())
		return
	}
	to.Set(reflect.ValueOf(parsed))
}

func (d *decoder) scalar(v *value, to reflect.Value, path string) {
	switch to.Kind() {
	case reflect.String:
		if v.kind != text {
			d.mismatch(v, path, "text")
			return
		}
		to.SetString(v.text)
	case reflect.Bool:
		if v.kind != boolean {
			d.mismatch(v, path, "true or false")
			return
		}
		to.SetBool(v.text == "true")
	default:
		n, err := strconv.ParseInt(v.text, 10, 32)
		if v.kind != integer || err != nil {
			d.mismatch(v, path, "a whole number")
			return
		}
		to.SetInt(n)
	}
}

func (d *decoder) list(v *value, to reflect.Value, path string) {
	if v.kind != list {
		d.mismatch(v, path, "a list")
		return
	}
	out := reflect.MakeSlice(to.Type(), len(v.items), len(v.items))
	for i, item := range v.items {
		d.decode(item, out.Index(i), fmt.Sprintf("%s[%d]", path, i))
	}
	to.Set(out)
}

func (d *decoder) dictionary(v *value, to reflect.Value, path string) {
	if v.kind != object {
		d.mismatch(v, path, "an object")
		return
	}
	out := reflect.MakeMap(to.Type())
	for _, key := range v.keys {
		elem := reflect.New(to.Type().Elem()).Elem()
		d.decode(v.members[key], elem, dot(path, key))
		out.SetMapIndex(reflect.ValueOf(key), elem)
	}
	to.Set(out)
}

func (d *decoder) object(v *value, to reflect.Value, path string) {
	if v.kind != object {
		d.mismatch(v, path, "an object")
		return
	}
	if name := v.get("hook"); to.Type() == reflect.TypeFor[Hook]() && name != nil {
		if problem := hookProblem(name.text); problem != "" {
			d.add(name, dot(path, "hook"), problem)
		}
	}
	fields := fieldsOf(to)
	for _, key := range v.keys {
		child, where := v.members[key], dot(path, key)
		row := rowAt(where)
		name := key
		if row != nil && row.as != "" {
			name = row.as
		}
		switch field, known := fields[name]; {
		case known && name != key && v.get(name) != nil:
			d.add(child, where, fmt.Sprintf("%q is another name of %q, which is set as well: keep one", key, name))
		case known:
			d.decode(child, field, where)
		case to.Type() == reflect.TypeFor[After]() && slices.Contains(afterMethods, key):
			d.afterMethod(child, to.Addr().Interface().(*After), key, where)
		case row != nil && row.status != works:
			// The table has the key although no code reads it; warn tells about it.
		default:
			d.add(child, where, "nobody knows this key"+suggestion(key, d.choices(fields, to, path)))
		}
	}
}

func (d *decoder) afterMethod(v *value, after *After, method, path string) {
	var m AfterMethod
	d.decode(v, reflect.ValueOf(&m).Elem(), path)
	if after.Methods == nil {
		after.Methods = make(map[string]AfterMethod)
	}
	after.Methods[method] = m
}

// choices lists the keys that an object may have, for a suggestion.
func (d *decoder) choices(fields map[string]reflect.Value, to reflect.Value, path string) []string {
	var out []string
	for name := range fields {
		out = append(out, name)
	}
	if to.Type() == reflect.TypeFor[After]() {
		out = append(out, afterMethods...)
	}
	for _, r := range keys {
		if parent, last, ok := cutLast(r.path); ok && matches(parent, path) {
			out = append(out, last)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// fieldsOf finds the fields of a struct by their JSON names; those of embedded structs stand among them.
func fieldsOf(v reflect.Value) map[string]reflect.Value {
	out := make(map[string]reflect.Value)
	for i := range v.NumField() {
		f := v.Type().Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case f.Anonymous:
			for k, inner := range fieldsOf(v.Field(i)) {
				out[k] = inner
			}
		case name != "" && name != "-":
			out[name] = v.Field(i)
		}
	}
	return out
}

// mismatch doesn't show what was found: it may be a secret in the wrong place, and the line says where to look.
func (d *decoder) mismatch(v *value, path, want string) {
	d.add(v, path, fmt.Sprintf("expected %s, found %s", want, v.kind))
}

func (d *decoder) add(v *value, path, text string) {
	file := d.file
	if v.line == 0 {
		file = fromEnvironment
	}
	d.problems = append(d.problems, Problem{File: file, Line: v.line, Path: path, Text: text})
}

func dot(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}
