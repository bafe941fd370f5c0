package pages

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"github.com/gatehouse-id/gatehouse/core/ui"
)

// parse reads a page the way a browser does.
func parse(t *testing.T, page string) *html.Node {
	t.Helper()
	doc, err := html.Parse(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

// elements returns the elements of these names, all of them without names.
func elements(doc *html.Node, names ...string) []*html.Node {
	var found []*html.Node
	for n := range doc.Descendants() {
		if n.Type == html.ElementNode && (len(names) == 0 || slices.Contains(names, n.Data)) {
			found = append(found, n)
		}
	}
	return found
}

func attr(n *html.Node, name string) string {
	value, _ := lookup(n, name)
	return value
}

func lookup(n *html.Node, name string) (string, bool) {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val, true
		}
	}
	return "", false
}

func text(n *html.Node) string {
	var b strings.Builder
	for d := range n.Descendants() {
		if d.Type == html.TextNode {
			b.WriteString(d.Data)
		}
	}
	return strings.TrimSpace(b.String())
}

func byID(doc *html.Node) map[string]*html.Node {
	ids := map[string]*html.Node{}
	for _, n := range elements(doc) {
		if id, ok := lookup(n, "id"); ok {
			ids[id] = n
		}
	}
	return ids
}

// eachExample runs check on every example page.
func eachExample(t *testing.T, check func(t *testing.T, doc *html.Node)) {
	for name, page := range examples(t) {
		t.Run(name, func(t *testing.T) { check(t, parse(t, render(t, page))) })
	}
}

func TestMarkupIsBalanced(t *testing.T) {
	void := []string{"meta", "link", "input", "img"}
	for name, page := range examples(t) {
		var open []string
		tokens := html.NewTokenizer(strings.NewReader(render(t, page)))
		for tokens.Next() != html.ErrorToken {
			token := tokens.Token()
			switch {
			case token.Type == html.StartTagToken && !slices.Contains(void, token.Data):
				open = append(open, token.Data)
			case token.Type == html.EndTagToken:
				if len(open) == 0 || open[len(open)-1] != token.Data {
					t.Fatalf("%s: </%s> closes %v", name, token.Data, open)
				}
				open = open[:len(open)-1]
			}
		}
		if tokens.Err() != io.EOF || len(open) > 0 {
			t.Errorf("%s: got error %v and open %v", name, tokens.Err(), open)
		}
	}
}

func TestEveryFieldHasALabel(t *testing.T) {
	eachExample(t, func(t *testing.T, doc *html.Node) {
		labels := map[string]string{}
		for _, l := range elements(doc, "label") {
			labels[attr(l, "for")] = text(l)
		}
		for _, field := range elements(doc, "input", "select", "textarea") {
			if attr(field, "type") != "hidden" && labels[attr(field, "id")] == "" {
				t.Errorf("%s %q has no label", field.Data, attr(field, "name"))
			}
		}
		for _, button := range elements(doc, "button") {
			if text(button) == "" {
				t.Errorf("button %q has no text", attr(button, "name"))
			}
		}
	})
}

func TestIDsAreUniqueAndReferencesResolve(t *testing.T) {
	eachExample(t, func(t *testing.T, doc *html.Node) {
		seen := map[string]bool{}
		for _, n := range elements(doc) {
			if id, ok := lookup(n, "id"); ok {
				if seen[id] || id == "" {
					t.Errorf("id %q occurs twice or is empty", id)
				}
				seen[id] = true
			}
		}
		for _, n := range elements(doc) {
			refs := []string{attr(n, "for"), attr(n, "aria-describedby"), attr(n, "aria-labelledby"), attr(n, "data-reveal")}
			if fragment, ok := strings.CutPrefix(attr(n, "href"), "#"); ok {
				refs = append(refs, fragment)
			}
			for _, ref := range refs {
				if ref != "" && !seen[ref] {
					t.Errorf("%s refers to id %q, which the page lacks", n.Data, ref)
				}
			}
		}
	})
}

func TestEveryFormWorksWithoutJavaScript(t *testing.T) {
	eachExample(t, func(t *testing.T, doc *html.Node) {
		for _, form := range elements(doc, "form") {
			if attr(form, "method") != "post" || !strings.HasPrefix(attr(form, "action"), "https://id.example/") {
				t.Errorf("form has method %q and action %q", attr(form, "method"), attr(form, "action"))
			}
			tokens := 0
			for _, input := range elements(form, "input") {
				if attr(input, "name") == ui.CSRFName && attr(input, "value") == "c3JmLXRva2Vu" {
					tokens++
				}
			}
			if tokens != 1 {
				t.Errorf("form %s carries %d CSRF tokens, want 1", attr(form, "id"), tokens)
			}
		}
	})
}

func TestNothingIsInline(t *testing.T) {
	eachExample(t, func(t *testing.T, doc *html.Node) {
		for _, n := range elements(doc) {
			if n.Data == "style" || n.Data == "script" && attr(n, "src") == "" {
				t.Errorf("page has an inline %s", n.Data)
			}
			for _, a := range n.Attr {
				if a.Key == "style" || strings.HasPrefix(a.Key, "on") {
					t.Errorf("%s has the attribute %s", n.Data, a.Key)
				}
			}
		}
	})
}

func TestFocusStartsAtOneField(t *testing.T) {
	want := map[string]string{
		"login": "identifier", "login-wrong": "password", "login-refresh": "password", "login-aal2": "totp_code",
		"registration-error": "traits.email", "settings": "password", "recovery-code": "code",
		"recovery": "email", "recovery-no-address": "email", "recovery-code-wrong": "code", "verification-code": "code", "login-unverified": "password",
	}
	for name, page := range examples(t) {
		var got []string
		for _, n := range elements(parse(t, render(t, page))) {
			if _, ok := lookup(n, "autofocus"); ok {
				got = append(got, attr(n, "name"))
			}
		}
		if len(got) > 1 || want[name] != "" && !slices.Equal(got, []string{want[name]}) {
			t.Errorf("%s: focus on %q, want %q", name, got, want[name])
		}
	}
}

func TestErrorsAreSummedUpAndTiedToTheirFields(t *testing.T) {
	doc := parse(t, render(t, examples(t)["registration-error"]))
	ids := byID(doc)
	summary := slices.IndexFunc(elements(doc), func(n *html.Node) bool { return attr(n, "role") == "alert" })
	if summary < 0 {
		t.Fatal("page has no alert")
	}
	items := elements(elements(doc)[summary], "a")
	if len(items) != 3 {
		t.Fatalf("summary has %d links, want 3", len(items))
	}
	for _, item := range items {
		field := ids[strings.TrimPrefix(attr(item, "href"), "#")]
		if attr(field, "aria-invalid") != "true" {
			t.Errorf("field %q is not marked invalid", attr(field, "name"))
		}
		if described := text(ids[attr(field, "aria-describedby")]); !strings.HasSuffix(text(item), described) {
			t.Errorf("summary says %q, field says %q", text(item), described)
		}
	}
	if title := text(elements(doc, "title")[0]); !strings.HasPrefix(title, "Error: ") {
		t.Errorf("title is %q, want it to begin with Error", title)
	}
}

func TestEnterPressesTheMainButton(t *testing.T) {
	for _, name := range []string{"login", "login-methods", "login-aal2", "registration", "recovery-code", "recovery-link-sent", "verification-code"} {
		doc := parse(t, render(t, examples(t)[name]))
		for _, form := range elements(doc, "form") {
			fields := slices.ContainsFunc(elements(form, "input"), func(n *html.Node) bool { return attr(n, "type") != "hidden" })
			submit := slices.IndexFunc(elements(form, "button"), func(n *html.Node) bool { return attr(n, "type") == "submit" })
			if fields && !strings.Contains(attr(elements(form, "button")[submit], "class"), "primary") {
				t.Errorf("%s: Enter in %s presses %q", name, attr(form, "id"), text(elements(form, "button")[submit]))
			}
		}
	}
}

// TestEnterInTheNameOfAKeyRemovesNone: the buttons that remove keys are in another form.
func TestEnterInTheNameOfAKeyRemovesNone(t *testing.T) {
	for _, g := range []ui.Group{ui.GroupWebAuthn, ui.GroupPasskey} {
		doc := parse(t, render(t, Page{Kind: Settings, UI: &ui.Container{Action: "/self-service/settings", Method: "POST", Nodes: ui.Nodes{
			ui.NewSubmit(g, string(g)+"_remove", "00ff", ui.PasskeyRemove("The stick", time.Time{})),
			ui.NewInput(g, "name", ui.InputText, ui.Label(ui.TraitLabel("Name", "name"))),
			ui.NewInput(g, string(g)+"_register_trigger", ui.InputButton, ui.Label(ui.MsgSettingsPasskeyAdd.Message())),
		}}}))
		for _, form := range elements(doc, "form") {
			named := slices.ContainsFunc(elements(form, "input"), func(n *html.Node) bool { return attr(n, "type") == "text" })
			if removes := strings.Contains(text(form), "The stick"); named == removes {
				t.Errorf("%s: a form has a field: %v, and removes a key: %v", g, named, removes)
			}
		}
	}
}

// TestAWayOnIsNoForm: its token is nothing for the place that the way leads to.
func TestAWayOnIsNoForm(t *testing.T) {
	doc := parse(t, render(t, examples(t)["verification-done"]))
	if forms, inputs := elements(doc, "form"), elements(doc, "input"); len(forms) > 0 || len(inputs) > 0 {
		t.Errorf("a finished verification has %d forms and %d fields", len(forms), len(inputs))
	}
	for _, a := range elements(doc, "a") {
		if text(a) == "Continue" && attr(a, "href") == "https://app.example/in/x" {
			return
		}
	}
	t.Error("there is no way on")
}

// TestOnlyTheRefusedAreAskedToVerify: everybody else has no use for the link.
func TestOnlyTheRefusedAreAskedToVerify(t *testing.T) {
	for name, page := range examples(t) {
		if page.Kind != Login {
			continue
		}
		if got, want := strings.Contains(render(t, page), "Verify your address"), name == "login-unverified"; got != want {
			t.Errorf("%s: the link is there: %v, want %v", name, got, want)
		}
	}
}

func TestButtonsOfOtherMethodsSkipTheBrowsersChecks(t *testing.T) {
	want := map[string]bool{"Sign in with password": false, "Send sign in code": true, "Continue": false, "Resend code": true}
	for _, name := range []string{"login-methods", "recovery-code"} {
		for _, b := range elements(parse(t, render(t, examples(t)[name])), "button") {
			_, skips := lookup(b, "formnovalidate")
			if expected, ok := want[text(b)]; ok && skips != expected {
				t.Errorf("%s: button %q skips checks: %v, want %v", name, text(b), skips, expected)
			}
		}
	}
}

func TestProviderButtonSendsTheTraitsItAskedFor(t *testing.T) {
	c := ui.NewContainer("https://id.example/x")
	c.Nodes.Append(
		ui.NewSubmit(ui.GroupOIDC, "provider", "acme", ui.MsgRegistrationContinue.Message()),
		ui.CSRFNode("t"),
		ui.NewInput(ui.GroupDefault, "traits.email", ui.InputEmail, ui.Required()),
	)
	forms := elements(parse(t, render(t, Page{Kind: Registration, UI: c})), "form")
	if len(forms) != 1 || len(elements(forms[0], "input")) != 2 || len(elements(forms[0], "button")) != 1 {
		t.Errorf("got %d forms, want one with the token, the trait and the button", len(forms))
	}
}

func TestCheckboxSendsFalseWhenUnticked(t *testing.T) {
	doc := parse(t, render(t, examples(t)["settings"]))
	var got []string
	for _, n := range elements(doc, "input") {
		if attr(n, "name") == "traits.newsletter" {
			_, checked := lookup(n, "checked")
			got = append(got, fmt.Sprint(attr(n, "type"), " ", attr(n, "value"), " ", checked))
		}
	}
	if want := []string{"hidden false false", "checkbox true true"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestPasswordsAreNeverSentBack(t *testing.T) {
	c := ui.NewContainer("/x")
	c.Nodes.Append(ui.NewInput(ui.GroupPassword, "password", ui.InputPassword, ui.Value("hunter2hunter2")))
	if page := render(t, Page{Kind: Login, UI: c}); strings.Contains(page, "hunter2") {
		t.Errorf("page contains the password:\n%s", page)
	}
}

func TestLinksKeepReturnTo(t *testing.T) {
	page := render(t, examples(t)["login"])
	if want := "/self-service/registration/browser?return_to=https%3A%2F%2Fapp.example%2Finbox%3Fa%3Db%26c"; !strings.Contains(page, want) {
		t.Errorf("page lacks the link %s", want)
	}
	off := examples(t)["login"]
	off.Links.Registration, off.Links.Recovery = "", ""
	if page := render(t, off); strings.Contains(page, "<nav") {
		t.Error("page shows links to flows that are off")
	}
}
