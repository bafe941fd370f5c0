package storage

import (
	"encoding"
	"encoding/json"
	"reflect"
	"strings"
)

// merge returns the new form of a value of type t, with the fields of the old
// form that t does not know, at any depth. What t knows is as in the new form:
// an entry that left a map or a list takes its unknown fields along. Values
// that encode themselves, json.RawMessage among them, belong to their writer
// as a whole.
func merge(t reflect.Type, old, next json.RawMessage) (json.RawMessage, error) {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch {
	case encodesItself(t) || isNull(old) || isNull(next):
		return next, nil
	case t.Kind() == reflect.Struct:
		return mergeStruct(t, old, next)
	case t.Kind() == reflect.Map:
		return mergeMap(t.Elem(), old, next)
	case t.Kind() == reflect.Slice && identified(t.Elem()):
		return mergeList(t.Elem(), old, next)
	}
	return next, nil
}

func mergeStruct(t reflect.Type, old, next json.RawMessage) (json.RawMessage, error) {
	before, after, err := objects(old, next)
	if err != nil {
		return nil, err
	}
	known := fieldTypes(t)
	for name, value := range before {
		ft, ok := known[name]
		if !ok {
			after[name] = value
			continue
		}
		if err := mergeMember(ft, name, value, after); err != nil {
			return nil, err
		}
	}
	return json.Marshal(after)
}

func mergeMap(elem reflect.Type, old, next json.RawMessage) (json.RawMessage, error) {
	before, after, err := objects(old, next)
	if err != nil {
		return nil, err
	}
	for name, value := range before {
		if err := mergeMember(elem, name, value, after); err != nil {
			return nil, err
		}
	}
	return json.Marshal(after)
}

// mergeMember merges the old value of one member into the new object, if the
// member is still there.
func mergeMember(t reflect.Type, name string, old json.RawMessage, after map[string]json.RawMessage) error {
	next, ok := after[name]
	if !ok {
		return nil
	}
	merged, err := merge(t, old, next)
	if err == nil {
		after[name] = merged
	}
	return err
}

// mergeList merges the elements that have the same id.
func mergeList(elem reflect.Type, old, next json.RawMessage) (json.RawMessage, error) {
	var before, after []json.RawMessage
	if err := unmarshalBoth(old, next, &before, &after); err != nil {
		return nil, err
	}
	byID := map[string]json.RawMessage{}
	for _, e := range before {
		if id := elementID(e); id != "" {
			byID[id] = e
		}
	}
	for n, e := range after {
		same, ok := byID[elementID(e)]
		if !ok {
			continue
		}
		merged, err := merge(elem, same, e)
		if err != nil {
			return nil, err
		}
		after[n] = merged
	}
	return json.Marshal(after)
}

func elementID(element json.RawMessage) string {
	var e struct {
		ID string `json:"id"`
	}
	if json.Unmarshal(element, &e) != nil {
		return ""
	}
	return e.ID
}

func objects(old, next json.RawMessage) (before, after map[string]json.RawMessage, err error) {
	err = unmarshalBoth(old, next, &before, &after)
	return before, after, err
}

func unmarshalBoth(old, next json.RawMessage, before, after any) error {
	if err := json.Unmarshal(old, before); err != nil {
		return err
	}
	return json.Unmarshal(next, after)
}

func isNull(raw json.RawMessage) bool { return string(raw) == "null" }

// encodesItself tells whether a type decides about its JSON form by itself.
func encodesItself(t reflect.Type) bool {
	return implements[json.Marshaler](t) || implements[encoding.TextMarshaler](t)
}

func implements[I any](t reflect.Type) bool {
	i := reflect.TypeFor[I]()
	return t.Implements(i) || reflect.PointerTo(t).Implements(i)
}

// identified tells whether the elements of a list are told apart by an "id".
func identified(elem reflect.Type) bool {
	if elem.Kind() != reflect.Struct || encodesItself(elem) {
		return false
	}
	id, ok := fieldTypes(elem)["id"]
	return ok && id.Kind() == reflect.String
}

// fieldTypes are the types of a struct's fields by their JSON names.
func fieldTypes(t reflect.Type) map[string]reflect.Type {
	types := map[string]reflect.Type{}
	for _, f := range reflect.VisibleFields(t) {
		if name, _, _ := strings.Cut(f.Tag.Get("json"), ","); name != "" && name != "-" {
			types[name] = f.Type
		}
	}
	return types
}
