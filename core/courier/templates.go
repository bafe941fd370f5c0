package courier

import (
	"errors"
	"fmt"
	htmltemplate "html/template"
	"io"
	"slices"
	"strings"
	texttemplate "text/template"
	"text/template/parse"

	"github.com/Masterminds/sprig/v3"
)

// TemplateType names what a message is about, as on the wire.
type TemplateType string

// Template types.
const (
	RecoveryValid           TemplateType = "recovery_valid"            // a link that recovers the account
	RecoveryInvalid         TemplateType = "recovery_invalid"          // somebody tried, and nobody has this address
	RecoveryCodeValid       TemplateType = "recovery_code_valid"       // the same by code
	RecoveryCodeInvalid     TemplateType = "recovery_code_invalid"     //
	VerificationValid       TemplateType = "verification_valid"        // a link that proves the address
	VerificationInvalid     TemplateType = "verification_invalid"      // somebody tried, and nobody has this address
	VerificationCodeValid   TemplateType = "verification_code_valid"   // the same by code
	VerificationCodeInvalid TemplateType = "verification_code_invalid" //
	LoginCodeValid          TemplateType = "login_code_valid"          // signs in
	RegistrationCodeValid   TemplateType = "registration_code_valid"   // completes a registration
	Stub                    TemplateType = "stub"                      // tests the delivery
)

// templateTypes are all types there are.
var templateTypes = []TemplateType{
	RecoveryValid, RecoveryInvalid, RecoveryCodeValid, RecoveryCodeInvalid,
	VerificationValid, VerificationInvalid, VerificationCodeValid, VerificationCodeInvalid,
	LoginCodeValid, RegistrationCodeValid, Stub,
}

// path is where the type has its templates, both below template_override_path
// and in courier.templates: "recovery_code", "valid".
func (t TemplateType) path() (subject, outcome string) {
	if t == Stub {
		return "otp", "test_stub"
	}
	i := strings.LastIndexByte(string(t), '_')
	return string(t[:i]), string(t[i+1:])
}

// part is one text of a message.
type part struct {
	file string // the beginning of the file's name below template_override_path
	key  string // the path below courier.templates.<subject>.<outcome>
	html bool
	max  int // bytes of the result: all parts must fit into one record
}

var (
	partSubject = part{file: "email.subject", key: "email.subject", max: 1 << 10}
	partText    = part{file: "email.body.plaintext", key: "email.body.plaintext", max: 48 << 10}
	partHTML    = part{file: "email.body", key: "email.body.html", html: true, max: 64 << 10}
	partSMS     = part{file: "sms.body", key: "sms.body.plaintext", max: 4 << 10}

	parts = []part{partSubject, partText, partHTML, partSMS}
)

// template is a parsed text or HTML template.
type template interface {
	Execute(w io.Writer, data any) error
}

// slot is what a template is for. locale "" is for everybody.
type slot struct {
	kind   TemplateType
	part   string // part.key
	locale string
}

// Templates are the built-in texts and those that replace them.
type Templates struct {
	own     map[slot]template
	builtin map[slot]template
}

// chosen lists the templates for a slot, best first: the operator's own in the
// person's language, the own one for everybody, then the same of the built-in ones.
func (ts *Templates) chosen(kind TemplateType, p part, locale string) []template {
	chain := append(locales(locale), "")
	var found []template
	for _, from := range []map[slot]template{ts.own, ts.builtin} {
		for _, l := range chain {
			if t, ok := from[slot{kind, p.key, l}]; ok {
				found = append(found, t)
			}
		}
	}
	return found
}

var errTooLong = errors.New("the text is too long")

// render executes a template into at most p.max bytes.
func render(t template, p part, d Data) (string, error) {
	w := &bounded{max: p.max}
	if err := t.Execute(w, d); err != nil {
		return "", err
	}
	text := strings.TrimSpace(w.text.String())
	if p.key == partSubject.key && !singleLine(text) {
		return "", errors.New("a subject is one line")
	}
	return text, nil
}

// bounded is a buffer with an end.
type bounded struct {
	text strings.Builder
	max  int
}

// Write implements io.Writer.
func (b *bounded) Write(p []byte) (int, error) {
	if b.text.Len()+len(p) > b.max {
		return 0, errTooLong
	}
	return b.text.Write(p)
}

// source is one file of a set of templates that may include each other.
type source struct{ name, text string }

// parseSet parses sources as one set, and returns those that say something by
// themselves: a file of nothing but definitions is there to be included.
func parseSet(html bool, sources []source) (map[string]template, error) {
	if html {
		return parseHTML(sources)
	}
	set := texttemplate.New("").Funcs(sprig.HermeticTxtFuncMap())
	for _, s := range sources {
		if _, err := set.New(s.name).Parse(s.text); err != nil {
			return nil, err
		}
	}
	out := map[string]template{}
	for _, s := range sources {
		if t := set.Lookup(s.name); t != nil && !empty(t.Tree) {
			out[s.name] = t
		}
	}
	return out, nil
}

func parseHTML(sources []source) (map[string]template, error) {
	set := htmltemplate.New("").Funcs(sprig.HermeticHtmlFuncMap())
	for _, s := range sources {
		if _, err := set.New(s.name).Parse(s.text); err != nil {
			return nil, err
		}
	}
	out := map[string]template{}
	for _, s := range sources {
		t := set.Lookup(s.name)
		if t == nil || empty(t.Tree) {
			continue
		}
		// The contexts of HTML are analysed by the first execution; what can't be escaped is found here. Other
		// errors come from the data, which this one doesn't have.
		var problem *htmltemplate.Error
		if err := t.Execute(&bounded{max: maxTemplate}, Data{}); errors.As(err, &problem) {
			return nil, fmt.Errorf("in the HTML of %s: %s", s.name, problem.Description)
		}
		out[s.name] = t
	}
	return out, nil
}

func empty(t *parse.Tree) bool { return t == nil || parse.IsEmptyTree(t.Root) }

// typeAt finds the type with a path.
func typeAt(subject, outcome string) (TemplateType, bool) {
	i := slices.IndexFunc(templateTypes, func(t TemplateType) bool {
		s, o := t.path()
		return s == subject && o == outcome
	})
	if i < 0 {
		return "", false
	}
	return templateTypes[i], true
}
