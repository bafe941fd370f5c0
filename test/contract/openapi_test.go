package contract

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v5"
)

// document is one of the published OpenAPI documents. They are not ours, so they
// are not in the repository: GATEHOUSE_OPENAPI names the directory that has them.
type document struct {
	name     string // "seed" or "latest"
	tree     map[string]any
	compiler *jsonschema.Compiler

	mu      sync.Mutex // guards schemas and the compiler
	schemas map[string]*jsonschema.Schema
}

type documents struct{ seed, latest *document }

// published returns the documents, or nil when GATEHOUSE_OPENAPI isn't set.
var published = sync.OnceValues(func() (*documents, error) {
	dir := os.Getenv("GATEHOUSE_OPENAPI")
	if dir == "" {
		return nil, nil //nolint:nilnil // no documents is no error
	}
	seed, err := readSeed(dir)
	if err != nil {
		return nil, err
	}
	latest, err := readTree(filepath.Join(dir, "openapi-latest.json"))
	if err != nil {
		return nil, err
	}
	docs := &documents{}
	if docs.seed, err = newDocument("seed", seed); err != nil {
		return nil, err
	}
	docs.latest, err = newDocument("latest", latest)
	return docs, err
})

// readSeed reads the seed document. When it was put together, two schemas of
// Kratos were overwritten with others of the same name: they come from the
// document of that Kratos.
func readSeed(dir string) (map[string]any, error) {
	tree, err := readTree(filepath.Join(dir, "openapi-seed.json"))
	if err != nil {
		return nil, err
	}
	kratos, err := readTree(filepath.Join(dir, "openapi-seed-kratos.json"))
	if err != nil {
		return nil, err
	}
	for _, name := range []string{"genericError", "identitySchema"} {
		at(tree, "components", "schemas")[name] = at(kratos, "components", "schemas")[name]
	}
	return tree, nil
}

func readTree(path string) (map[string]any, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("GATEHOUSE_OPENAPI: %w", err)
	}
	var tree map[string]any
	if err := json.Unmarshal(text, &tree); err != nil {
		return nil, fmt.Errorf("reading %s: %w", path, err)
	}
	return tree, nil
}

func newDocument(name string, tree map[string]any) (*document, error) {
	allowNull(tree)
	text, err := json.Marshal(tree)
	if err != nil {
		return nil, err
	}
	d := &document{name: name, tree: tree, compiler: jsonschema.NewCompiler(), schemas: map[string]*jsonschema.Schema{}}
	// OpenAPI 3.0 has the keywords of draft 4, and formats are part of its types.
	d.compiler.Draft, d.compiler.AssertFormat = jsonschema.Draft4, true
	return d, d.compiler.AddResource(name+".json", bytes.NewReader(text))
}

// allowNull says OpenAPI's "nullable" in the words of JSON Schema.
func allowNull(node any) {
	switch n := node.(type) {
	case []any:
		for _, child := range n {
			allowNull(child)
		}
	case map[string]any:
		for _, child := range n {
			allowNull(child)
		}
		if kind, ok := n["type"].(string); ok && n["nullable"] == true {
			n["type"] = []any{kind, "null"}
			if enum, ok := n["enum"].([]any); ok {
				n["enum"] = append(enum, nil)
			}
		}
	}
}

// at is the object below the keys, or nil.
func at(tree map[string]any, keys ...string) map[string]any {
	for _, key := range keys {
		tree, _ = tree[key].(map[string]any)
	}
	return tree
}

// problem is where an answer breaks the document.
type problem struct {
	document, operation string
	// at is "status 404" for a status that isn't documented, "content type", "body",
	// or the place of the schema's keyword that the body breaks.
	at     string
	detail string
}

func (p problem) String() string {
	return fmt.Sprintf("%s document, %s, %s: %s", p.document, p.operation, p.at, p.detail)
}

// checkAnswer fails the test when an answer breaks its document and no exception allows that.
func checkAnswer(t testing.TB, a answer) {
	docs, err := published()
	if err != nil {
		t.Error(err)
	}
	if docs == nil || err != nil {
		return
	}
	doc := docs.latest
	if strings.HasPrefix(a.path, "/api/kratos/") || strings.HasPrefix(a.path, "/backoffice/") {
		doc = docs.seed
	}
	for _, p := range doc.check(a) {
		t.Errorf("%s %s answered %d: %s\n%.600s", a.method, a.path, a.status, p, a.body)
	}
}

// check compares an answer with what is documented, and lists what no exception allows.
func (d *document) check(a answer) []problem {
	path := d.route(a)
	operation := at(d.tree, "paths", path, strings.ToLower(a.method))
	if operation == nil {
		return d.unlessExcepted(problem{d.name, a.method + " " + a.path, "path", "there is no such operation"})
	}
	id, _ := operation["operationId"].(string)
	pointer, response := d.response(path, a, operation)
	if response == nil {
		return d.unlessExcepted(problem{d.name, id, "status " + strconv.Itoa(a.status), "it is not documented"})
	}
	content := at(response, "content")
	if content == nil {
		if len(a.body) > 0 {
			return d.unlessExcepted(problem{d.name, id, "body", "there should be none"})
		}
		return nil
	}
	if got, _, _ := mime.ParseMediaType(a.header.Get("Content-Type")); content[got] == nil {
		return d.unlessExcepted(problem{d.name, id, "content type", "it is " + got})
	}
	return d.validate(id, pointer+"/content/application~1json/schema", a.body)
}

// route is the path of the document that a request is for: the one with most words in common.
func (d *document) route(a answer) (best string) {
	for path, methods := range at(d.tree, "paths") {
		if at(methods.(map[string]any), strings.ToLower(a.method)) == nil || !matches(path, a.path) {
			continue
		}
		if best == "" || strings.Count(path, "{") < strings.Count(best, "{") {
			best = path
		}
	}
	return best
}

func matches(template, path string) bool {
	want, got := strings.Split(template, "/"), strings.Split(path, "/")
	return slices.EqualFunc(want, got, func(w, g string) bool { return w == g || strings.HasPrefix(w, "{") })
}

// response is what the document says about the status of an answer, and where it says so.
func (d *document) response(path string, a answer, operation map[string]any) (pointer string, response map[string]any) {
	key := strconv.Itoa(a.status)
	if at(operation, "responses", key) == nil {
		key = "default"
	}
	response = at(operation, "responses", key)
	if ref, ok := response["$ref"].(string); ok {
		name := strings.TrimPrefix(ref, "#/components/responses/")
		return "/components/responses/" + name, at(d.tree, "components", "responses", name)
	}
	escaped := strings.NewReplacer("~", "~0", "/", "~1").Replace(path)
	return fmt.Sprintf("/paths/%s/%s/responses/%s", escaped, strings.ToLower(a.method), key), response
}

func (d *document) validate(operation, pointer string, body []byte) []problem {
	schema, err := d.schema(pointer)
	if err != nil {
		return []problem{{d.name, operation, pointer, err.Error()}}
	}
	var value any
	if err := json.Unmarshal(body, &value); err != nil {
		return []problem{{d.name, operation, "body", err.Error()}}
	}
	var invalid *jsonschema.ValidationError
	if err := schema.Validate(value); errors.As(err, &invalid) {
		return d.remaining(operation, invalid)
	}
	return nil
}

func (d *document) schema(pointer string) (*jsonschema.Schema, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if schema := d.schemas[pointer]; schema != nil {
		return schema, nil
	}
	schema, err := d.compiler.Compile(d.name + ".json#" + (&url.URL{Fragment: pointer}).EscapedFragment())
	d.schemas[pointer] = schema
	return schema, err
}

// remaining lists what is left of a validation error when the exceptions are taken away.
func (d *document) remaining(operation string, e *jsonschema.ValidationError) []problem {
	_, keyword, _ := strings.Cut(e.AbsoluteKeywordLocation, "#")
	p := problem{d.name, operation, keyword, fmt.Sprintf("%q %s", e.InstanceLocation, e.Message)}
	if excepted(p) {
		return nil
	}
	var left []problem
	for _, cause := range e.Causes {
		rest := d.remaining(operation, cause)
		if len(rest) == 0 && strings.HasSuffix(keyword, "Of") {
			return nil // one of the alternatives would do
		}
		left = append(left, rest...)
	}
	if len(e.Causes) == 0 {
		return []problem{p}
	}
	return left
}

func (d *document) unlessExcepted(p problem) []problem {
	if excepted(p) {
		return nil
	}
	return []problem{p}
}

// TestOperationsAreThoseOfTheDocuments compares our table with the documents that it is taken from.
func TestOperationsAreThoseOfTheDocuments(t *testing.T) {
	docs, err := published()
	if err != nil {
		t.Fatal(err)
	}
	if docs == nil {
		t.Skip("NOT TESTED: whether answers are as published, because GATEHOUSE_OPENAPI names no directory with the documents") //nolint:forbidigo // the documents are not ours, and .ci/run sets it where they are
	}
	ofSeed := 0
	for _, o := range operations {
		if o.seed != "" {
			ofSeed++
			docs.seed.compare(t, o.seed, o.path, o.method, o.seedErrors)
		}
		if o.today != "" {
			docs.latest.compare(t, o.today, o.root(), o.method, o.todayErrors)
		}
	}
	if got := len(docs.seed.operations()); got != ofSeed {
		t.Errorf("the seed document has %d operations, the table %d", got, ofSeed)
	}
}

func (d *document) operations() (ids []string) {
	for _, methods := range at(d.tree, "paths") {
		for _, o := range methods.(map[string]any) {
			if o, ok := o.(map[string]any); ok && o["operationId"] != nil {
				ids = append(ids, o["operationId"].(string))
			}
		}
	}
	return ids
}

func (d *document) compare(t *testing.T, id, path, method string, want []int) {
	t.Helper()
	o := at(d.tree, "paths", path, strings.ToLower(method))
	var got []int
	for key := range at(o, "responses") {
		if status, err := strconv.Atoi(key); err == nil && status >= 400 && status != 500 {
			got = append(got, status)
		}
	}
	slices.Sort(got)
	if o["operationId"] != id || !slices.Equal(got, want) {
		t.Errorf("%s %s in the %s document: got %v with errors %v, want %s with %v", method, path, d.name, o["operationId"], got, id, want)
	}
}
