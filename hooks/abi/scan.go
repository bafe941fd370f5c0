package abi

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"
)

// scan checks the shape of a document before anything is built from it: size, UTF-8, depth, keys that come twice,
// and data behind the end. encoding/json takes the last of two equal keys and replaces bad UTF-8, and two readers
// that disagree on a document are how a filter is passed by.
func scan(data []byte) error {
	if len(data) > MaxOutput {
		return fmt.Errorf("%d bytes, the limit is %d", len(data), MaxOutput)
	}
	if !utf8.Valid(data) {
		return errors.New("invalid UTF-8")
	}
	// The leading byte tells an object from all else; UnmarshalJSON of Output relies on it.
	if trimmed := bytes.TrimLeft(data, " \t\r\n"); len(trimmed) == 0 || trimmed[0] != '{' {
		return errors.New("the document is not an object")
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	if err := scanValue(decoder); err != nil {
		return err
	}
	if _, err := decoder.Token(); err != io.EOF {
		return errors.New("data after the document")
	}
	return nil
}

// level is an open array or object; keys is nil for an array.
type level struct {
	keys    map[string]bool
	wantKey bool
}

// scanValue reads one value. It loops instead of recursing: the depth is the guest's choice.
func scanValue(decoder *json.Decoder) error {
	var open []level
	for {
		token, err := decoder.Token()
		if err != nil {
			return err
		}
		switch token {
		case json.Delim('{'):
			open = append(open, level{keys: map[string]bool{}, wantKey: true})
		case json.Delim('['):
			open = append(open, level{})
		case json.Delim('}'), json.Delim(']'):
			open = open[:len(open)-1]
			closeValue(open)
		default:
			if err := scalar(open, token); err != nil {
				return err
			}
		}
		if len(open) > MaxDepth {
			return fmt.Errorf("nested deeper than %d levels", MaxDepth)
		}
		if len(open) == 0 {
			return nil
		}
	}
}

// scalar takes a token that opens and closes nothing: a key or a plain value.
func scalar(open []level, token json.Token) error {
	if len(open) == 0 {
		return nil
	}
	top := &open[len(open)-1]
	key, isString := token.(string)
	if top.keys == nil || !top.wantKey || !isString {
		closeValue(open)
		return nil
	}
	if top.keys[key] {
		return fmt.Errorf("key %q comes twice", clip(key))
	}
	top.keys[key] = true
	top.wantKey = false
	return nil
}

// closeValue notes that a member of the innermost object is complete.
func closeValue(open []level) {
	if len(open) > 0 {
		open[len(open)-1].wantKey = true
	}
}

// clip keeps a guest's text short enough for an error message.
func clip(s string) string {
	const most = 64
	if len(s) <= most {
		return s
	}
	return s[:most] + "…"
}
