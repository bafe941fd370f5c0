package storage

import (
	"encoding/json"
	"fmt"
	"reflect"
)

// version is the version of every record's shape. Fields may be added without
// raising it; it is raised when an older program would misread a record.
const version = 1

// head is what every record carries beside its own fields.
type head struct {
	V  int    `json:"v"`
	Op string `json:"op,omitempty"` // id of the commit that wrote the record, see Store.ambiguous
}

// encode makes the stored form of a record. Fields of the old form that this
// program does not know were written by a newer one that shares the store: they stay.
func encode(record any, op string, old []byte) ([]byte, error) {
	next, err := json.Marshal(record)
	if err != nil {
		return nil, fmt.Errorf("encoding %T: %w", record, err)
	}
	if len(old) > 0 {
		if next, err = merge(reflect.TypeOf(record), old, next); err != nil {
			return nil, fmt.Errorf("merging with the stored %T: %w", record, ErrDamaged)
		}
	}
	return stamp(next, head{version, op})
}

// stamp puts the head into an encoded record.
func stamp(record []byte, h head) ([]byte, error) {
	fields := map[string]json.RawMessage{}
	if err := json.Unmarshal(record, &fields); err != nil {
		return nil, fmt.Errorf("stamping a record: %w", err)
	}
	delete(fields, "op")
	raw, err := json.Marshal(h)
	if err != nil {
		return nil, fmt.Errorf("encoding the head: %w", err)
	}
	if err := json.Unmarshal(raw, &fields); err != nil {
		return nil, fmt.Errorf("stamping a record: %w", err)
	}
	return json.Marshal(fields)
}

// decode reads a stored record. It fails closed: bytes that are damaged or of
// another version are an error and never an empty record.
func decode(key string, value []byte, into any) error {
	var h head
	if err := json.Unmarshal(value, &h); err != nil {
		// The error of encoding/json may quote the value; a record is not for the log.
		return fmt.Errorf("decoding %q: %w", key, ErrDamaged)
	}
	if h.V != version {
		return fmt.Errorf("decoding %q of version %d, this program knows %d: %w", key, h.V, version, ErrDamaged)
	}
	if err := json.Unmarshal(value, into); err != nil {
		return fmt.Errorf("decoding %q: %w", key, ErrDamaged)
	}
	return nil
}
