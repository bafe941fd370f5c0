package pages

import (
	"fmt"
	"html/template"
	"slices"

	"github.com/gatehouse-id/gatehouse/core/ui"
)

// form is one <form>. A flow becomes several of them, because a browser checks and submits a form as a whole: the empty
// password field would stop a click on "Sign in with Acme", and Enter in the password field would press the first button
// of the form, which is a provider's.
type form struct {
	ID       string
	Action   template.URL
	Heading  string // of the section; only on the settings page
	Divider  bool   // an "or" stands before the form
	OnlyWay  bool   // it is a link, and there is nothing to hand in
	Hidden   []hidden
	Elements []element
}

// hidden is a hidden input. Trigger names a function that fills it once the page is there.
type hidden struct {
	Name, Value, Trigger string
}

// part is the nodes that become one form.
type part struct {
	key   ui.Group
	nodes ui.Nodes
}

// mainPart is the form that holds the fields several methods share, such as the identifier.
const mainPart ui.Group = "main"

// ownForm are the groups that need none of the shared fields.
var ownForm = map[ui.Group]bool{
	ui.GroupOIDC: true, "saml": true, ui.GroupTOTP: true, ui.GroupLookupSecret: true,
}

// owned ends the name of the part with the keys that somebody has.
const owned = "_owned"

// sharing are the groups that need the shared fields if there are any: a security key as first factor asks for the
// identifier, and for the traits at sign-up, while as second factor it asks for nothing.
var sharing = map[ui.Group]bool{ui.GroupWebAuthn: true, ui.GroupPasskey: true}

func newForms(p Page, action template.URL) []form {
	common, parts := split(p)
	l := &labeller{kind: p.Kind}
	forms := make([]form, 0, len(parts))
	for _, part := range parts {
		id := fmt.Sprintf("form%d-%s", len(forms)+1, idText(string(part.key)))
		f := form{ID: id, Action: action, Hidden: slices.Clone(common)}
		f.Divider = p.Kind != Settings && len(forms) > 0
		if p.Kind == Settings {
			f.Heading = groupHeadings[string(part.key)]
		}
		f.add(l, part.nodes)
		if len(f.Elements) > 0 {
			forms = append(forms, f)
		}
	}
	focus(p, forms)
	return forms
}

// split sorts the nodes into the hidden fields of every form and the parts that become one form each.
func split(p Page) (common []hidden, parts []part) {
	shared := slices.ContainsFunc(p.UI.Nodes, isSharedField)
	for _, n := range p.UI.Nodes {
		if isHidden(n) && n.Group == ui.GroupDefault {
			common = append(common, newHidden(n.Input()))
			continue
		}
		parts = addTo(parts, partOf(p.Kind, n, shared), n)
	}
	return common, adoptShared(parts)
}

func partOf(kind Kind, n *ui.Node, shared bool) ui.Group {
	g := n.Group
	switch {
	case kind == Settings && g == ui.GroupDefault:
		return ui.GroupProfile
	case kind == Settings && sharing[g] && n.Input() != nil && n.Input().Type == ui.InputSubmit:
		return g + owned // apart from the name of a new key: Enter in there would remove one
	case kind == Settings, ownForm[g], sharing[g] && !shared:
		return g
	default:
		return mainPart
	}
}

func addTo(parts []part, key ui.Group, n *ui.Node) []part {
	i := slices.IndexFunc(parts, func(p part) bool { return p.key == key })
	if i < 0 {
		return append(parts, part{key, ui.Nodes{n}})
	}
	parts[i].nodes = append(parts[i].nodes, n)
	return parts
}

// adoptShared gives the shared fields to the first form with a button when their own has none: after a sign-up with a
// provider that left traits open, the provider's button is the only one.
func adoptShared(parts []part) []part {
	i := slices.IndexFunc(parts, func(p part) bool { return p.key == mainPart })
	if i < 0 || slices.ContainsFunc(parts[i].nodes, isButton) {
		return parts
	}
	to := slices.IndexFunc(parts, func(p part) bool { return slices.ContainsFunc(p.nodes, isButton) })
	if to < 0 {
		return parts
	}
	parts[to].nodes = append(parts[i].nodes, parts[to].nodes...)
	return slices.Delete(parts, i, i+1)
}

// add turns the nodes into the form's hidden fields and elements.
func (f *form) add(l *labeller, nodes ui.Nodes) {
	nodes = slices.Clone(nodes)
	slices.SortStableFunc(nodes, func(a, b *ui.Node) int { return rank(a) - rank(b) })
	for _, n := range nodes {
		if isHidden(n) {
			f.Hidden = append(f.Hidden, newHidden(n.Input()))
			continue
		}
		if e, ok := l.element(n); ok {
			f.Elements = append(f.Elements, e)
		}
	}
	f.arrangeButtons()
	f.OnlyWay = len(f.Elements) == 1 && f.Elements[0].Widget == "link"
	if f.OnlyWay {
		f.Elements[0].Primary = true
	}
}

// rank puts the method most people use before the others and what leads aside, such as "resend the code", last. It
// matters for the keyboard: Enter presses the first button.
func rank(n *ui.Node) int {
	switch {
	case isButton(n) && leadsAside(n.Input()):
		return 2
	case n.Group == ui.GroupDefault, n.Group == ui.GroupProfile, n.Group == ui.GroupPassword, n.Group == ui.GroupCaptcha:
		return 0
	default:
		return 1
	}
}

// leadsAside reports buttons that do not hand in what the form is for. Those with an address say where a code is to go.
func leadsAside(i *ui.Input) bool {
	return i.Name != "method" && i.Name != "provider" && i.Name != "address"
}

// arrangeButtons decides which button stands out, which ones skip the browser's checks, and where an "or" belongs.
func (f *form) arrangeButtons() {
	var last *element // the button before
	found := false    // the button that stands out
	for i := range f.Elements {
		e := &f.Elements[i]
		e.Divider = last != nil && e.beginsMethodAfter(last)
		if e.Divider {
			last = nil
		}
		if !e.isButton() {
			continue
		}
		last = e
		e.NoValidate = e.aside || f.requiresOther(e.group)
		e.Primary = !found && f.handsIn(e)
		found = found || e.Primary
	}
}

// beginsMethodAfter reports whether e is the first element of another method than the one that button hands in.
func (e *element) beginsMethodAfter(button *element) bool {
	return e.group != button.group && (e.isField() || e.isButton() && !e.aside)
}

// handsIn reports whether the button is what the form is for. Providers are equals of each other, unless one of them has
// fields to hand in.
func (f *form) handsIn(e *element) bool {
	return e.Widget == "submit" && !e.aside &&
		(e.Name != "provider" || slices.ContainsFunc(f.Elements, element.isField))
}

// requiresOther reports whether the form has a required field of a method other than g, which a browser would insist on.
func (f *form) requiresOther(g ui.Group) bool {
	return slices.ContainsFunc(f.Elements, func(e element) bool {
		return e.Required && e.group != g && e.group != ui.GroupDefault && e.group != ui.GroupProfile
	})
}

// focus chooses the field to start in: the first one with an error, else the first empty one. The settings page has no
// obvious field to start in, and neither has a page that only informs.
func focus(p Page, forms []form) {
	var first *element
	for i := range forms {
		for j := range forms[i].Elements {
			e := &forms[i].Elements[j]
			if e.Invalid && e.isField() {
				e.Autofocus = true
				return
			}
			if first == nil && e.takesText() && e.Value == "" && !e.Disabled {
				first = e
			}
		}
	}
	if first != nil && p.Kind != Settings {
		first.Autofocus = true
	}
}

func newHidden(i *ui.Input) hidden {
	return hidden{Name: i.Name, Value: valueText(i.Value), Trigger: trigger(i.OnLoadTrigger)}
}

func isHidden(n *ui.Node) bool {
	i := n.Input()
	return i != nil && i.Type == ui.InputHidden
}

func isButton(n *ui.Node) bool {
	i := n.Input()
	return i != nil && (i.Type == ui.InputSubmit || i.Type == ui.InputButton)
}

func isSharedField(n *ui.Node) bool {
	return n.Group == ui.GroupDefault && n.Input() != nil && !isHidden(n) && !isButton(n)
}
