package courier

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gatehouse-id/gatehouse/internal/egress"
)

// urls makes courier.templates of sources by key.
func urls(t testing.TB, sources map[string]string) json.RawMessage {
	t.Helper()
	root := map[string]any{}
	for key, source := range sources {
		at := root
		steps := strings.Split(key, ".")
		for _, step := range steps[:len(steps)-1] {
			next, ok := at[step].(map[string]any)
			if !ok {
				next = map[string]any{}
				at[step] = next
			}
			at = next
		}
		if !strings.Contains(source, "://") {
			source = "base64://" + base64.StdEncoding.EncodeToString([]byte(source))
		}
		at[steps[len(steps)-1]] = source
	}
	raw, err := json.Marshal(root)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// directory makes a template_override_path of files.
func directory(t testing.TB, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for name, text := range files {
		path := filepath.Join(root, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func speaking(locale string) Data {
	return Data{RecoveryCode: "123456", Identity: map[string]any{"traits": map[string]any{"lang": locale}}}
}

func TestFilesReplaceTheBuiltInTextsByLanguage(t *testing.T) {
	c := composer(t, TemplateConfig{Dir: directory(t, map[string]string{
		"recovery_code/valid/email.subject.gotmpl":            "everybody",
		"recovery_code/valid/email.subject.de.gotmpl":         "Deutsch",
		"recovery_code/valid/email.subject.de_CH.gotmpl":      "Schweiz",
		"recovery_code/valid/email.body.plaintext.gotmpl":     "{{.To}} {{.RecoveryCode | repeat 2}}",
		"recovery_code/valid/email.body.gotmpl":               `{{if eq .Identity.traits.lang "nl"}}{{template "dutch" .}}{{else}}<b>{{.RecoveryCode}}</b>{{end}}`,
		"recovery_code/valid/email.body.nl.gotmpl":            `{{define "dutch"}}<i>Hoi {{.To}}</i>{{end}}`,
		"recovery_code/valid/sms.body.gotmpl":                 "own {{.RecoveryCode}}",
		"recovery_code/valid/email.body.plaintext.gotmpl.bak": "{{",
	})})
	for locale, want := range map[string]string{
		"": "everybody", "en": "everybody", "de": "Deutsch", "de-AT": "Deutsch", "DE_ch": "Schweiz", "../../etc": "everybody",
	} {
		if got := composed(t, c, RecoveryCodeValid, speaking(locale)).Subject; got != want {
			t.Errorf("%q: got %q, want %q", locale, got, want)
		}
	}
	m := composed(t, c, RecoveryCodeValid, speaking("de"))
	if m.Body != "ann@example.org 123456123456" || m.HTML != "<b>123456</b>" {
		t.Errorf("got %q and %q", m.Body, m.HTML)
	}
	if m = composed(t, c, RecoveryCodeValid, speaking("nl")); m.HTML != "<i>Hoi ann@example.org</i>" {
		t.Errorf("a file of definitions, as Kratos has them: got %q", m.HTML)
	}
	if m = composed(t, c, RecoveryValid, Data{}); !strings.HasPrefix(m.Subject, "Get back") {
		t.Errorf("another message: got %q, want the built-in one", m.Subject)
	}
}

func TestURLsGoBeforeFiles(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("by http {{.To}}")) }))
	t.Cleanup(server.Close)
	dir := directory(t, map[string]string{
		"recovery_code/valid/email.subject.gotmpl": "by path", "recovery_code/valid/email.subject.de.gotmpl": "nach Pfad", "body": "by file",
	})
	c := composer(t, TemplateConfig{
		Dir: dir, Source: egress.Source{Client: server.Client(), BaseDir: dir},
		URLs: urls(t, map[string]string{
			"recovery_code.valid.email.subject":        "by base64",
			"recovery_code.valid.email.body.plaintext": "file://./body",
			"recovery_code.valid.email.body.html":      server.URL,
		}),
	})
	m := composed(t, c, RecoveryCodeValid, speaking("de"))
	if m.Subject != "by base64" || m.Body != "by file" || m.HTML != "by http ann@example.org" {
		t.Errorf("got %q, %q, %q", m.Subject, m.Body, m.HTML)
	}
}

func TestBrokenTemplatesAreFoundAtTheStart(t *testing.T) {
	for want, c := range map[string]TemplateConfig{
		"courier.template_override_path: /nowhere":                             {Dir: "/nowhere"},
		"courier.template_override_path: verification/valid: template: email":  {Dir: directory(t, map[string]string{"verification/valid/email.subject.gotmpl": "{{"})},
		"courier.template_override_path: recovery/valid: in the HTML of email": {Dir: directory(t, map[string]string{"recovery/valid/email.body.gotmpl": `<a href={{if .To}}"{{end}}>`})},
		"courier.templates: it must":                                           {URLs: json.RawMessage(`{`)},
		"courier.templates.recovery: it must":                                  {URLs: json.RawMessage(`{"recovery": 1}`)},
		"courier.templates.: it must":                                          {URLs: json.RawMessage(`"x"`)},
		"courier.templates.recovery.valid.email.subject: template:":            {URLs: urls(t, map[string]string{"recovery.valid.email.subject": "{{.To"})},
		"courier.templates.recovery.valid.email.subject: the template says":    {URLs: urls(t, map[string]string{"recovery.valid.email.subject": `{{define "x"}}{{end}}`})},
		"courier.templates.recovery.valid.email.body.html: the scheme":         {URLs: urls(t, map[string]string{"recovery.valid.email.body.html": "ftp://x"})},
		"courier.templates.recovery.valid.email.body.plain: nobody knows":      {URLs: urls(t, map[string]string{"recovery.valid.email.body.plain": "x"})},
		"courier.templates.recovery.invalidated.email.subject: nobody knows":   {URLs: urls(t, map[string]string{"recovery.invalidated.email.subject": "x"})},
		"courier.templates.stub.email: nobody knows":                           {URLs: urls(t, map[string]string{"stub.email": "x"})},
	} {
		if _, err := LoadTemplates(t.Context(), c); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("got %v, want %s…", err, want)
		}
	}
}

// FuzzTemplateSource: whatever a template holds, it is refused or it renders, within its bounds.
func FuzzTemplateSource(f *testing.F) {
	for _, seed := range []string{
		"{{.To}}", "{{", `<a href="{{.RecoveryURL}}">`, `{{define "a"}}{{template "a"}}{{end}}{{template "a"}}`, "{{range .Identity}}{{.}}{{end}}",
		"<script>{{.To}}</script>", `{{index .Traits "x" "y"}}`, "{{.To | b64enc | quote}}", "{{/* */}}", "\x00{{.}}",
	} {
		f.Add(seed, true)
		f.Add(seed, false)
	}
	f.Fuzz(func(t *testing.T, text string, html bool) {
		if strings.Contains(text, "repeat") || strings.Contains(text, "until") || strings.Contains(text, "seq") || strings.Contains(text, "template") {
			return // an operator who wants to burn time can
		}
		set, err := parseSet(html, []source{{"template", text}})
		if err != nil {
			return
		}
		p := partText
		for _, tpl := range set {
			if out, err := render(tpl, p, speaking("de")); err == nil && len(out) > p.max {
				t.Errorf("%q rendered %d bytes", text, len(out))
			}
		}
	})
}

// FuzzTemplateURLs: whatever courier.templates holds, it is an error or a key that is known.
func FuzzTemplateURLs(f *testing.F) {
	f.Add([]byte(`{"recovery":{"valid":{"email":{"subject":"base64://eA"}}}}`))
	f.Add([]byte(`{"recovery.valid":{"email.subject":null}}`))
	f.Add([]byte(`[{"a":[]}]`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		found, err := flatten(raw)
		if err != nil {
			return
		}
		for key := range found {
			if kind, p, err := splitKey(key); err == nil && (kind == "" || p.key == "") {
				t.Errorf("%q is known and names nothing", key)
			}
		}
	})
}
