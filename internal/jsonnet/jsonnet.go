// Package jsonnet evaluates the small Jsonnet programs of a configuration: bodies of web hooks and mappers of claims.
//
// A program is fed with what strangers type, and no interpreter of Jsonnet can be
// stopped from outside: one line makes an array of a billion elements. So each
// evaluation runs in a process of its own making, which ends when it takes too
// long or too much memory. It has no environment, no files and no imports.
package jsonnet

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/google/go-jsonnet"
)

// Program is a Jsonnet program whose syntax is right.
type Program struct {
	name   string
	source string
}

// maxSource bounds a program: a parser's stack grows with what it reads.
const maxSource = 256 << 10

// Errors of an evaluation.
var (
	// ErrTimeout says that an evaluation took too long.
	ErrTimeout = errors.New("the Jsonnet program took too long")
	// ErrKilled says that an evaluation took too much memory, or ended its process in another way.
	ErrKilled = errors.New("the Jsonnet program took too much memory")
	// ErrTooLarge says that the result is over the limit.
	ErrTooLarge = errors.New("the result of the Jsonnet program is too large")
)

// Error is what a program itself did wrong: `error "…"`, a missing field, a wrong type.
type Error struct {
	// Text is the message, without the trace.
	Text string
}

func (e *Error) Error() string { return "evaluating Jsonnet: " + e.Text }

// New checks the syntax of a program. The name stands in error messages.
func New(name, source string) (*Program, error) {
	if len(source) > maxSource {
		return nil, fmt.Errorf("the Jsonnet program is larger than %d KiB", maxSource>>10)
	}
	if depth(source) > maxNesting {
		return nil, errors.New("the Jsonnet program is nested too deeply")
	}
	if _, err := jsonnet.SnippetToAST(name, source); err != nil {
		return nil, fmt.Errorf("reading Jsonnet: %s", firstLine(err.Error()))
	}
	return &Program{name: name, source: source}, nil
}

// maxNesting bounds the brackets that are open at once.
const maxNesting = 200

// depth counts brackets without regard to strings and comments, which only makes it stricter.
func depth(source string) int {
	open, most := 0, 0
	for _, c := range []byte(source) {
		switch c {
		case '(', '[', '{':
			open++
			most = max(most, open)
		case ')', ']', '}':
			open--
		}
	}
	return most
}

// Input is what a program is given.
type Input struct {
	// Arguments are the arguments of the function that the program is, by name, as JSON.
	Arguments map[string]json.RawMessage `json:"arguments,omitempty"`
	// External are the variables that std.extVar finds, as JSON.
	External map[string]json.RawMessage `json:"external,omitempty"`
}

// evaluate runs a program without any limit but the depth of its stack.
func evaluate(r request) (string, error) {
	vm := jsonnet.MakeVM()
	vm.MaxStack = maxStack
	vm.Importer(&jsonnet.MemoryImporter{})
	vm.ErrorFormatter.SetMaxStackTraceSize(1)
	for name, value := range r.Arguments {
		vm.TLACode(name, string(value))
	}
	for name, value := range r.External {
		vm.ExtCode(name, string(value))
	}
	return vm.EvaluateAnonymousSnippet(r.Name, r.Source)
}

// maxStack bounds recursion; it is the interpreter's default.
const maxStack = 500

// firstLine takes a message out of a trace.
func firstLine(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	return strings.TrimPrefix(line, "RUNTIME ERROR: ")
}
