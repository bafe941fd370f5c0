package config

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
)

// Warning tells about a key that is known but has no effect here.
type Warning struct {
	// Path is the dotted path of the key.
	Path string
	// Line is where it stands; 0 when it comes from the environment.
	Line int
	Text string
}

// String is the warning as a log shows it.
func (w Warning) String() string { return fmt.Sprintf("%s (line %d): %s", w.Path, w.Line, w.Text) }

// Problem is one thing wrong with a document.
type Problem struct {
	File string
	Line int
	Path string
	Text string
}

// Error is the problem in one line: file:line: key path: what to do.
func (p Problem) Error() string {
	where := p.File
	if p.Line > 0 {
		where = fmt.Sprintf("%s:%d", p.File, p.Line)
	}
	parts := make([]string, 0, 3)
	for _, s := range []string{where, p.Path, p.Text} {
		if s != "" {
			parts = append(parts, s)
		}
	}
	return strings.Join(parts, ": ")
}

// Problems is everything wrong with a document. As an error it has one line per problem.
type Problems []Problem

// maxProblems is how many problems an error tells at once: past it, the file is of another kind altogether.
const maxProblems = 20

func (p Problems) Error() string {
	var b strings.Builder
	for i, problem := range p {
		if i == maxProblems {
			fmt.Fprintf(&b, "\n… and %d more", len(p)-i)
			break
		}
		if i > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(problem.Error())
	}
	return b.String()
}

// Unwrap gives each problem to errors.As.
func (p Problems) Unwrap() []error {
	errs := make([]error, len(p))
	for i, problem := range p {
		errs[i] = problem
	}
	return errs
}

// Parse reads a Kratos configuration document, YAML or JSON, and lays it over Kratos' defaults. The name is for messages.
// A key nobody knows is an error; a known one without effect is a warning. Values that contradict each other are for
// Validate, because a Caddyfile may still add to what was parsed.
func Parse(name string, data []byte) (*Config, []Warning, error) {
	return ParseWithEnv(name, data, nil)
}

// ParseWithEnv is Parse with an environment, as from os.Environ, laid over the document as Kratos does: dots become
// underscores, all in upper case, list items by number, as in SELFSERVICE_FLOWS_LOGIN_UI_URL or SECRETS_COOKIE_0.
func ParseWithEnv(name string, data []byte, environ []string) (*Config, []Warning, error) {
	doc, err := read(data)
	if err != nil {
		return nil, nil, Problems{{File: name, Text: err.Error()}}
	}
	if doc.kind == null {
		doc.kind = object
	}
	overlay(doc, environ)
	c := kratosDefaults()
	d := &decoder{file: name}
	d.decode(doc, reflect.ValueOf(&c).Elem(), "")
	if len(d.problems) > 0 {
		return nil, nil, d.problems
	}
	c.Resolve()
	warnings := warn(doc, "", nil)
	for _, w := range c.doubts() {
		w.Line, _ = doc.lineOf(w.Path)
		warnings = append(warnings, w)
	}
	return &c, warnings, nil
}

// doubts warns of values that are allowed and unwise.
func (c *Config) doubts() []Warning {
	var out []Warning
	if h := c.Hashers; h.Algorithm == "bcrypt" && h.Bcrypt.Cost > 0 && h.Bcrypt.Cost < 12 && !c.Dev {
		out = append(out, Warning{
			Path: "hashers.bcrypt.cost",
			Text: fmt.Sprintf("%d is cheap to guess against: set 12 or more outside dev", h.Bcrypt.Cost),
		})
	}
	return out
}

// ToJSON writes a document, YAML or JSON, as JSON: its keys and values as they are, defaults not filled in.
func ToJSON(data []byte) ([]byte, error) {
	doc, err := read(data)
	if err != nil {
		return nil, err
	}
	if doc.kind == null {
		return []byte("{}"), nil
	}
	return json.Marshal(doc.plain())
}
