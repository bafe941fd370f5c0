package pages

import (
	"errors"
	"fmt"
	"html/template"
	"net/url"
	"slices"
	"strings"

	"github.com/gatehouse-id/gatehouse/core/ui"
)

// view is what the templates see. Every URL in it has been checked.
type view struct {
	kind       Kind
	Brand      brand
	Title      string // of the document
	Heading    string
	Lead       string
	Stylesheet template.URL
	Script     template.URL

	Notices []notice  // what is not an error
	Errors  []problem // the summary at the top
	Forms   []form
	Scripts []script
	Links   links

	Error   *errorView
	Session *sessionView
	Devices *devicesView
}

type brand struct {
	Name string
	Logo template.URL
	Home template.URL
}

// notice is a message of the form that is not an error. Type is "info" or "success".
type notice struct {
	Type ui.MessageType
	Text string
}

// problem is a line of the error summary. Field and ID name the field it is about; a form's own error has neither.
type problem struct {
	ID    string
	Field string
	Text  string
}

// OnlyError is the error of a form that has no other and names no field: it needs no list.
func (v *view) OnlyError() string {
	if len(v.Errors) == 1 && v.Errors[0].ID == "" {
		return v.Errors[0].Text
	}
	return ""
}

// links are the checked links of a page; "" is not shown.
type links struct {
	Login, Registration, Recovery, Verification, Settings, Logout, Sessions, Home template.URL
	// Again leads from a later step to the first.
	Again template.URL
}

func (r *Renderer) view(p Page) (*view, error) {
	v := &view{
		kind:       p.Kind,
		Stylesheet: template.URL(r.assetPath + r.stylesheet), //nolint:gosec // assetPath was checked by New
		Script:     template.URL(r.assetPath + r.script),     //nolint:gosec // likewise
		Heading:    heading(p),
		Lead:       lead(p),
		Links:      newLinks(p),
	}
	v.Brand = brand{Name: r.name, Logo: r.logo, Home: v.Links.Home}
	if err := v.fill(p); err != nil {
		return nil, err
	}
	v.Title = v.Heading + " – " + r.name
	if len(v.Errors) > 0 {
		// Read out first: who submits a form and hears the same title again cannot tell that it was refused.
		v.Title = "Error: " + v.Title
	}
	return v, nil
}

func (v *view) fill(p Page) error {
	switch p.Kind {
	case Error:
		if p.Error == nil {
			return errors.New("Page.Error must be set")
		}
		v.Error = newErrorView(*p.Error)
	case Welcome:
		if p.Session != nil {
			v.Session = newSessionView(*p.Session)
		}
	case Sessions:
		if p.Devices == nil {
			return errors.New("Page.Devices must be set")
		}
		var err error
		v.Devices, err = newDevicesView(*p.Devices)
		return err
	default:
		return v.fillFlow(p)
	}
	return nil
}

func (v *view) fillFlow(p Page) error {
	if p.UI == nil {
		return errors.New("Page.UI must be set")
	}
	action, ok := linkURL(p.UI.Action)
	if !ok {
		return fmt.Errorf("action %q is neither a path nor an http(s) URL", p.UI.Action)
	}
	v.addMessages(p.UI.Messages)
	v.Forms = newForms(p, action)
	v.Scripts = newScripts(p.UI)
	v.addFieldErrors()
	return nil
}

func (v *view) addMessages(messages ui.Messages) {
	for _, m := range messages {
		if m.Type == ui.Error {
			v.Errors = append(v.Errors, problem{Text: m.Text})
			continue
		}
		v.Notices = append(v.Notices, notice{m.Type, m.Text})
	}
}

func (v *view) addFieldErrors() {
	for _, f := range v.Forms {
		for _, e := range f.Elements {
			for _, m := range e.Messages {
				if m.Type == ui.Error {
					v.Errors = append(v.Errors, problem{ID: e.ID, Field: e.Label, Text: m.Text})
				}
			}
		}
	}
}

func newLinks(p Page) links {
	l := links{
		Login:        withReturnTo(p.Links.Login, p.ReturnTo),
		Registration: withReturnTo(p.Links.Registration, p.ReturnTo),
		Recovery:     withReturnTo(p.Links.Recovery, p.ReturnTo),
		Verification: withReturnTo(p.Links.Verification, p.ReturnTo),
		Settings:     withReturnTo(p.Links.Settings, ""),
		Logout:       withReturnTo(p.Links.Logout, ""),
		Sessions:     withReturnTo(p.Links.Sessions, ""),
		Home:         withReturnTo(p.Links.Home, ""),
	}
	if p.Refresh || p.secondStep() {
		// Whoever proves themselves once more is signed in: those flows would only send them back.
		l.Registration, l.Recovery = "", ""
	}
	if p.laterStep() {
		l.Again = withReturnTo(p.restart(), p.ReturnTo)
	}
	if !p.secondStep() {
		l.Logout = ""
	}
	if p.Kind == Login && (!p.secondStep() || p.UI == nil || slices.ContainsFunc(p.UI.Nodes, isButton)) {
		l.Settings = "" // it is for who has nothing to confirm with
	}
	if p.UI == nil || !p.UI.Messages.Has(ui.MsgAddressNotVerified) {
		l.Verification = ""
	}
	return l
}

// secondStep reports whether a second factor is asked for.
func (p Page) secondStep() bool { return p.Kind == Login && strings.EqualFold(p.RequestedAAL, "aal2") }

// laterStep reports whether a form is about something that was entered in an earlier one and can't be changed here.
func (p Page) laterStep() bool {
	if p.UI == nil || p.Kind != Login && p.Kind != Registration || p.Refresh && p.UI.Nodes.Find("code") == nil {
		return false
	}
	return slices.ContainsFunc(p.UI.Nodes, func(n *ui.Node) bool {
		return isHidden(n) && n.Group == ui.GroupDefault && n.ID() != ui.CSRFName
	})
}

// identifier is who the form knows is signing in; "" when it asks for that, or for more.
func (p Page) identifier() string {
	n := p.UI.Nodes.Find("identifier")
	if n == nil || !isHidden(n) {
		return ""
	}
	return valueText(n.Input().Value)
}

// restart is where the same form begins from the start.
func (p Page) restart() string {
	if p.Kind == Registration {
		return p.Links.Registration
	}
	q := url.Values{}
	if p.Refresh {
		q.Set("refresh", "true")
	}
	if p.secondStep() {
		q.Set("aal", "aal2")
	}
	if len(q) == 0 || p.Links.Login == "" {
		return p.Links.Login
	}
	return p.Links.Login + "?" + q.Encode()
}

// script is a script that nodes ask for, such as the one that talks to security keys.
type script struct {
	Src                                    template.URL
	Integrity, CrossOrigin, ReferrerPolicy string
}

func newScripts(c *ui.Container) []script {
	var scripts []script
	for _, n := range c.Nodes {
		a, ok := n.Attributes.(*ui.Script)
		if !ok {
			continue
		}
		src, ok := scriptURL(a.Src, c.Action)
		if !ok || slices.ContainsFunc(scripts, func(s script) bool { return s.Src == src }) {
			continue
		}
		scripts = append(scripts, script{src, a.Integrity, a.CrossOrigin, a.ReferrerPolicy})
	}
	return scripts
}
