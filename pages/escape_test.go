package pages

import (
	"strings"
	"testing"

	"github.com/gatehouse-id/gatehouse/core/ui"
	"golang.org/x/net/html"
)

// attacks are texts that break out of markup that is put together by hand.
var attacks = []string{
	`<script>alert(1)</script>`,
	`"><img src=x onerror=alert(1)>`,
	`' onfocus='alert(1)' autofocus='`,
	"` onmouseover=alert(1) `",
	`</title><svg onload=alert(1)>`,
	`</textarea></style></script><script>alert(1)</script>`,
	`--><iframe srcdoc="<script>alert(1)</script>">`,
	`<a href="javascript:alert(1)">x</a>`,
	`javascript:alert(1)`,
	"\x00<scr\x00ipt>alert(1)</script>",
	`{{.}}{{template "layout"}}`,
	`&lt;script&gt;alert(1)&lt;/script&gt;`,
	`<style>*{display:none}</style>`,
	"\u202e<b>\u2028</b>",
}

// hostileForm has the text in every place of every kind of node.
func hostileForm(s string) *ui.Container {
	m := ui.Message{ID: 1, Text: s, Type: ui.Error, Context: map[string]any{"provider": s, "secret": s}}
	info := ui.Message{ID: 2, Text: s, Type: ui.MessageType(s)}
	c := ui.NewContainer("/submit")
	c.Messages = ui.Messages{m, info}
	types := []ui.InputType{
		ui.InputText, ui.InputPassword, ui.InputNumber, ui.InputCheckbox, ui.InputHidden, ui.InputEmail, ui.InputTel,
		ui.InputSubmit, ui.InputButton, ui.InputDateTimeLocal, ui.InputDate, ui.InputURL, ui.InputType(s),
	}
	for _, group := range []ui.Group{ui.GroupDefault, ui.GroupOIDC, ui.Group(s)} {
		for _, inputType := range types {
			n := ui.NewNode(group, &ui.Input{
				Name: s, Type: inputType, Value: s, Label: &m, Pattern: s, Autocomplete: s, OnClick: s, OnClickTrigger: s,
				OnLoad: s, OnLoadTrigger: s, Options: []ui.InputOption{{Value: s}},
			})
			n.Messages, n.Meta.Label = ui.Messages{m, info}, &m
			c.Nodes.Append(n)
		}
		c.Nodes.Append(
			ui.NewNode(group, &ui.Text{Text: m, Name: s}).WithLabel(m),
			ui.NewNode(group, &ui.Image{Src: s, Name: s}).WithLabel(m),
			ui.NewNode(group, &ui.Anchor{Href: s, Title: m, Name: s}).WithLabel(m),
			ui.NewNode(group, &ui.Anchor{Href: "/ok", Title: m, Name: s}).WithLabel(m),
			ui.NewNode(group, &ui.Script{Src: s, Name: s, Integrity: s, CrossOrigin: s, Nonce: s, Type: s}),
			ui.NewNode(group, &ui.Script{Src: "/ok.js", Name: s, Integrity: s, CrossOrigin: s, Nonce: s, Type: s}),
		)
	}
	return c
}

func hostilePages(s string) []Page {
	l := Links{Login: s, Registration: s, Recovery: s, Settings: s, Home: s}
	form := hostileForm(s)
	return []Page{
		{Kind: Login, UI: form, Links: l, ReturnTo: s, RequestedAAL: s},
		{Kind: Login, UI: form, Links: allLinks, ReturnTo: s},
		{Kind: Registration, UI: form, Links: l},
		{Kind: Settings, UI: form, Links: l},
		{Kind: Error, Error: &ErrorView{ID: s, Code: 400, Status: s, Reason: s, Message: s + s}, Links: l},
		{Kind: Welcome, Session: &SessionView{
			IdentityID: s, AAL: s, LogoutURL: s, Traits: map[string]any{s: s, "n": map[string]any{s: []any{s, map[string]any{s: s}}}},
		}, Links: l},
	}
}

func TestHostileTextStaysText(t *testing.T) {
	for _, attack := range attacks {
		for _, page := range hostilePages(attack) {
			doc := parse(t, render(t, page))
			for _, n := range elements(doc) {
				checkElement(t, attack, n)
			}
		}
	}
}

// checkElement reports what none of our templates writes.
func checkElement(t *testing.T, attack string, n *html.Node) {
	t.Helper()
	switch n.Data {
	case "iframe", "svg", "style", "b", "textarea":
		t.Errorf("%q made a <%s>", attack, n.Data)
	case "script":
		if src := attr(n, "src"); src != "/ok.js" && !strings.HasPrefix(src, "/auth/assets/") || n.FirstChild != nil {
			t.Errorf("%q made a script of %q", attack, src)
		}
	}
	for _, a := range n.Attr {
		if strings.HasPrefix(a.Key, "on") || a.Key == "srcdoc" || a.Key == "style" {
			t.Errorf("%q made the attribute %s of <%s>", attack, a.Key, n.Data)
		}
		isURL := a.Key == "href" || a.Key == "src" || a.Key == "action"
		if isURL && !strings.HasPrefix(a.Val, "/") && !strings.HasPrefix(a.Val, "#") {
			t.Errorf("%q made the URL %s=%q of <%s>", attack, a.Key, a.Val, n.Data)
		}
	}
}

var badURLs = []string{
	"", " ", "javascript:alert(1)", "JaVaScRiPt:alert(1)", "java\nscript:alert(1)", "\x01javascript:alert(1)",
	" javascript:alert(1)", "data:text/html,<script>alert(1)</script>", "data:text/html;base64,AAAA", "vbscript:x",
	"//evil.example", "/\\evil.example", "\\\\evil.example", "/\t/evil.example", "https:evil.example", "https:///x",
	"https://", "http:/evil.example", "https://id.example@evil.example/", "ftp://x/", "file:///etc/passwd", "blob:https://x",
	"mailto:a@b.example", "relative/path", "?query", "#fragment", "https://x/%zz",
}

func TestDangerousURLsAreRefused(t *testing.T) {
	for _, raw := range badURLs {
		if url, ok := linkURL(raw); ok || url != "" {
			t.Errorf("linkURL(%q) = %q", raw, url)
		}
		c := ui.NewContainer("/x")
		c.Nodes.Append(
			ui.NewNode(ui.GroupDefault, &ui.Anchor{Href: raw, Name: "a", Title: ui.Message{Text: "click me"}}),
			ui.NewNode(ui.GroupDefault, &ui.Image{Src: raw, Name: "i"}),
		)
		if page := render(t, Page{Kind: Login, UI: c}); strings.Contains(page, "click me") || strings.Contains(page, "<img") {
			t.Errorf("the page shows a link or an image to %q", raw)
		}
	}
}

func TestOrdinaryURLsAreTaken(t *testing.T) {
	for _, raw := range []string{"/", "/a?b=c&d=%20#e", "https://id.example", "http://localhost:8080/x", "https://[::1]/"} {
		if url, ok := linkURL(raw); !ok || string(url) != raw {
			t.Errorf("linkURL(%q) = %q, %v", raw, url, ok)
		}
	}
}

func TestScriptsOfOtherOriginsAreLeftOut(t *testing.T) {
	for src, want := range map[string]bool{
		"https://id.example/w.js": true, "/w.js": true, "https://ID.example/w.js": true,
		"https://cdn.example/w.js": false, "http://id.example/w.js": false, "//id.example/w.js": false, "javascript:1": false,
	} {
		if _, got := scriptURL(src, "https://id.example/login"); got != want {
			t.Errorf("script %q of a form to https://id.example: taken %v, want %v", src, got, want)
		}
	}
}

func TestOnlyKnownFunctionsCanBeCalled(t *testing.T) {
	for name, want := range map[string]string{
		"oryWebAuthnLogin": "oryWebAuthnLogin", "oryPasskeyRegistration": "oryPasskeyRegistration",
		"alert": "", "eval": "", "print": "", "oryWebAuthn.x": "", "oryWebAuthnLogin()": "", "xoryWebAuthn": "", "oryX": "",
	} {
		if got := trigger(name); got != want {
			t.Errorf("trigger(%q) = %q, want %q", name, got, want)
		}
	}
}

// later is a node of a version to come.
type later struct{}

func (later) ID() string        { return "later" }
func (later) NodeType() ui.Type { return "hologram" }

func TestUnknownNodesAreSkipped(t *testing.T) {
	c := ui.NewContainer("/x")
	c.Nodes.Append(ui.NewNode("novel", later{}), ui.NewInput("novel", "hue", "color", ui.Value("#fff")))
	page := render(t, Page{Kind: Login, UI: c})
	if strings.Contains(page, "later") {
		t.Error("the unknown node left a trace")
	}
	if !strings.Contains(page, `name="hue" type="text"`) {
		t.Error("an input of an unknown type is not a text field")
	}
}

func FuzzLinkURLStaysOnHTTP(f *testing.F) {
	for _, raw := range badURLs {
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		url, ok := linkURL(raw)
		if !ok {
			return
		}
		s := strings.ToLower(string(url))
		path := strings.HasPrefix(s, "/") && !strings.HasPrefix(s, "//") && !strings.HasPrefix(s, `/\`)
		if !path && !strings.HasPrefix(s, "http://") && !strings.HasPrefix(s, "https://") {
			t.Errorf("linkURL took %q", raw)
		}
	})
}
