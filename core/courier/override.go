package courier

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gatehouse-id/gatehouse/internal/egress"
)

// TemplateConfig says which texts replace the built-in ones.
type TemplateConfig struct {
	// Dir is courier.template_override_path. It has files such as
	// recovery_code/valid/email.body.plaintext.gotmpl, for one language
	// email.body.plaintext.de.gotmpl.
	Dir string
	// URLs is courier.templates, as {"recovery_code": {"valid": {"email":
	// {"subject": "base64://…", "body": {"html": …, "plaintext": …}}}}}. They go
	// before files.
	URLs json.RawMessage
	// Source reads the URLs.
	Source egress.Source
}

// LoadTemplates reads all templates. One that can't be read or parsed fails it;
// the error names the key of the configuration.
func LoadTemplates(ctx context.Context, c TemplateConfig) (*Templates, error) {
	ts := &Templates{own: map[slot]template{}, builtin: builtins()}
	if c.Dir != "" {
		if err := ts.loadDir(c.Dir); err != nil {
			return nil, fmt.Errorf("courier.template_override_path: %w", err)
		}
	}
	urls, err := flatten(c.URLs)
	if err != nil {
		return nil, err
	}
	for _, key := range slices.Sorted(maps.Keys(urls)) {
		if err := ts.loadURL(ctx, c.Source, key, urls[key]); err != nil {
			return nil, fmt.Errorf("courier.templates.%s: %w", key, err)
		}
	}
	return ts, nil
}

func (ts *Templates) loadDir(root string) error {
	if info, err := os.Stat(root); err != nil || !info.IsDir() {
		return fmt.Errorf("%s is not a directory that can be read", root)
	}
	for _, kind := range templateTypes {
		subject, outcome := kind.path()
		dir := filepath.Join(root, subject, outcome)
		entries, err := os.ReadDir(dir)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		for _, p := range parts {
			if err := ts.loadPart(kind, p, dir, entries); err != nil {
				return fmt.Errorf("%s: %w", filepath.Join(subject, outcome), err)
			}
		}
	}
	return nil
}

// loadPart reads the files of a part: the one for everybody and one per language.
func (ts *Templates) loadPart(kind TemplateType, p part, dir string, entries []fs.DirEntry) error {
	var sources []source
	byName := map[string]string{} // locale by file name
	for _, e := range entries {
		locale, ok := localeOf(e.Name(), p)
		if !ok {
			continue
		}
		text, err := egress.ReadFile(filepath.Join(dir, e.Name()), maxTemplate)
		if err != nil {
			return err
		}
		sources = append(sources, source{e.Name(), string(text)})
		byName[e.Name()] = locale
	}
	set, err := parseSet(p.html, sources)
	if err != nil {
		return err
	}
	for name, t := range set {
		ts.own[slot{kind, p.key, byName[name]}] = t
	}
	return nil
}

// localeOf reads "de" out of email.body.de.gotmpl, and "" out of
// email.body.gotmpl; ok tells whether the file belongs to the part.
func localeOf(name string, p part) (locale string, ok bool) {
	middle, ok := strings.CutPrefix(name, p.file)
	if !ok {
		return "", false
	}
	middle, ok = strings.CutSuffix(middle, ".gotmpl")
	if !ok || middle == "" {
		return "", ok
	}
	locale = strings.TrimPrefix(middle, ".")
	return normalLocale(locale), middle[0] == '.' && localePattern.MatchString(locale)
}

// maxTemplate bounds the source of a template.
const maxTemplate = 1 << 20

// flatten turns courier.templates into its leaves by path.
func flatten(raw json.RawMessage) (map[string]string, error) {
	urls := map[string]string{}
	if len(raw) == 0 {
		return urls, nil
	}
	var doc any
	if err := json.Unmarshal(raw, &doc); err != nil {
		return nil, errors.New("courier.templates: it must be an object")
	}
	return urls, flattenInto(urls, "", doc)
}

func flattenInto(urls map[string]string, at string, v any) error {
	switch v := v.(type) {
	case nil:
		return nil
	case string:
		if at != "" {
			urls[at] = v
			return nil
		}
	case map[string]any:
		for key, child := range v {
			if err := flattenInto(urls, strings.TrimPrefix(at+"."+key, "."), child); err != nil {
				return err
			}
		}
		return nil
	}
	return fmt.Errorf("courier.templates.%s: it must be an object, or a URL as text", at)
}

func (ts *Templates) loadURL(ctx context.Context, s egress.Source, key, url string) error {
	kind, p, err := splitKey(key)
	if err != nil || url == "" {
		return err
	}
	s.Limit = maxTemplate
	raw, err := s.Read(ctx, url)
	if err != nil {
		return err
	}
	set, err := parseSet(p.html, []source{{"template", string(raw)}})
	if err != nil {
		return err
	}
	t, ok := set["template"]
	if !ok {
		return errors.New("the template says nothing")
	}
	for s := range ts.own {
		// A language that only the directory has would go before this one.
		if s.kind == kind && s.part == p.key {
			delete(ts.own, s)
		}
	}
	ts.own[slot{kind, p.key, ""}] = t
	return nil
}

// splitKey reads recovery_code.valid.email.body.html.
func splitKey(key string) (TemplateType, part, error) {
	steps := strings.SplitN(key, ".", 3)
	if len(steps) == 3 {
		kind, known := typeAt(steps[0], steps[1])
		for _, p := range parts {
			if known && p.key == steps[2] {
				return kind, p, nil
			}
		}
	}
	return "", part{}, errors.New("nobody knows this key: write, for example, recovery_code.valid.email.body.html")
}
