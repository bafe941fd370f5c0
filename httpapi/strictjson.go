package httpapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// StrictJSON decodes one JSON value and refuses what has two readings: duplicate
// keys, trailing data, excessive depth or width. Numbers stay json.Number.
func StrictJSON(data []byte) (any, error) { return strictJSON(data, maxKeys) }

// strictJSON is StrictJSON with a limit of keys and items.
func strictJSON(data []byte, keys int) (any, error) {
	d := strictDecoder{json.NewDecoder(bytes.NewReader(data)), keys, keys}
	d.UseNumber()
	v, err := d.value(0)
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

// strictDecoder counts what it decodes.
type strictDecoder struct {
	*json.Decoder
	most, left int // keys and items
}

// count takes one key or item of those that are left.
func (d *strictDecoder) count() error {
	if d.left--; d.left < 0 {
		return fmt.Errorf("it has more than %d keys and items", d.most)
	}
	return nil
}

func (d *strictDecoder) value(depth int) (any, error) {
	if depth > maxDepth {
		return nil, fmt.Errorf("it is nested deeper than %d levels", maxDepth)
	}
	t, err := d.Token()
	if err != nil {
		return nil, err
	}
	switch t {
	case json.Delim('{'):
		return d.object(depth)
	case json.Delim('['):
		list := []any{}
		for d.More() {
			if err := d.count(); err != nil {
				return nil, err
			}
			v, err := d.value(depth + 1)
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

func (d *strictDecoder) object(depth int) (any, error) {
	out := map[string]any{}
	for d.More() {
		if err := d.count(); err != nil {
			return nil, err
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
			return nil, fmt.Errorf("the key %.64q stands there twice", k)
		}
		if out[k], err = d.value(depth + 1); err != nil {
			return nil, err
		}
	}
	_, err := d.Token()
	return out, err
}
