package config

import (
	"cmp"
	"errors"
	"regexp"
	"strconv"
	"strings"
)

// Locate adds file and line to the problems of what was parsed of a document: the line of
// the key itself or, where it is missing, of the part that it belongs to. Other errors
// count as problems when they begin with a key, as in "courier.smtp.from_name: …", and
// stay as they are when they don't.
func Locate(err error, name string, data []byte, environ []string) error {
	var problems Problems
	if !errors.As(err, &problems) {
		if problems = keyed(err); problems == nil {
			return err
		}
	}
	doc, unreadable := read(data)
	if unreadable != nil {
		doc = &value{kind: object}
	}
	overlay(doc, environ)
	for i := range problems {
		p := &problems[i]
		line, ok := doc.lineOf(p.Path)
		if p.File, p.Line = cmp.Or(p.File, name), cmp.Or(p.Line, line); ok && p.Line == 0 {
			p.File = fromEnvironment
		}
	}
	return problems
}

// keyPath begins an error about a key of more than one step.
var keyPath = regexp.MustCompile(`^([a-z_0-9]+(?:\.[a-z_0-9]+|\[[0-9]+\])+): `)

// keyed makes a problem of an error that begins with a key.
func keyed(err error) Problems {
	if err == nil {
		return nil
	}
	found := keyPath.FindString(err.Error())
	if path := strings.TrimSuffix(found, ": "); path != "" {
		return Problems{{Path: path, Text: err.Error()[len(found):]}}
	}
	return nil
}

// fromEnvironment stands in for the name of a file.
const fromEnvironment = "the environment"

// lineOf is the line of the value at a path, or of the closest part around it; 0 stands
// for the document as a whole. ok tells whether the value itself is there, and has the
// line 0 only when it comes from the environment.
func (v *value) lineOf(path string) (line int, ok bool) {
	at := v
	for _, step := range steps(path) {
		next := at.get(step)
		if n, err := strconv.Atoi(step); err == nil && at.kind == list && n >= 0 && n < len(at.items) {
			next = at.items[n]
		}
		if next == nil {
			if next = at.otherName(step, path); next == nil {
				return line, false
			}
		}
		at, line = next, next.line
	}
	return line, true
}

// otherName finds the member that stands under another name of the key.
func (v *value) otherName(step, path string) *value {
	parent, _, found := strings.Cut(path, step)
	for _, r := range keys {
		if _, last, _ := cutLast(r.path); found && r.as == step && matches(r.path, parent+last) {
			return v.get(last)
		}
	}
	return nil
}
