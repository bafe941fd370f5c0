package pages

import (
	"cmp"
	"encoding/json"
	"html/template"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/gatehouse-id/gatehouse/core/ui"
)

// element is one visible node. Widget names the template that shows it; the templates in templates/nodes have one each.
type element struct {
	Widget  string
	Divider bool // an "or" stands before it
	ID      string
	Name    string
	Label   string
	Value   string

	// Fields.
	Type         ui.InputType
	Autocomplete string
	InputMode    string
	Pattern      string
	MaxLength    int
	Options      []option
	Required     bool
	Disabled     bool
	Checked      bool
	Optional     bool // say so beside the label
	Autofocus    bool
	Invalid      bool
	Messages     ui.Messages

	// Buttons.
	Primary    bool
	NoValidate bool
	Initial    string // of a provider
	Trigger    string // the function a button calls
	Load       string // the function it calls once the page is there

	// Everything else.
	URL           template.URL
	Width, Height int
	Items         []string

	group ui.Group
	aside bool
}

type option struct {
	Value    string
	Selected bool
}

func (e element) isButton() bool { return e.Widget == "submit" || e.Widget == "button" }

func (e element) isField() bool {
	return e.takesText() || e.Widget == "checkbox" || e.Widget == "select"
}

func (e element) takesText() bool { return e.Widget == "field" || e.Widget == "password" }

// labeller makes elements and gives each an id of its own.
type labeller struct {
	kind Kind
	next int
}

// element turns a node into what the templates show; ok is false for nodes there is nothing to show of.
func (l *labeller) element(n *ui.Node) (e element, ok bool) {
	switch a := n.Attributes.(type) {
	case *ui.Input:
		e, ok = l.input(n, a), true
	case *ui.Text:
		e, ok = textElement(a), true
	case *ui.Image:
		e, ok = imageElement(a)
	case *ui.Anchor:
		e, ok = anchorElement(a)
	}
	if !ok {
		return element{}, false // a script, or a type that a later version knows
	}
	l.next++
	e.ID = "f" + strconv.Itoa(l.next) + "-" + idText(n.ID())
	e.group, e.Messages = n.Group, n.Messages
	e.Invalid = n.Messages.HasErrors()
	if n.Meta.Label != nil && n.Meta.Label.Text != "" {
		e.Label = n.Meta.Label.Text
	}
	e.Initial = initial(n, e)
	return e, true
}

func (l *labeller) input(n *ui.Node, i *ui.Input) element {
	e := element{
		Widget: "field", Name: i.Name, Type: i.Type, Label: humanize(i.Name), Value: valueText(i.Value),
		Pattern: anywhere(i.Pattern), MaxLength: i.MaxLength, Required: i.Required, Disabled: i.Disabled,
		Autocomplete: cmp.Or(i.Autocomplete, l.autocomplete(i)),
	}
	if i.Label != nil && i.Label.Text != "" {
		e.Label = i.Label.Text
	}
	e.Optional = !i.Required && strings.HasPrefix(i.Name, "traits.")
	switch i.Type {
	case ui.InputSubmit:
		e.Widget, e.aside, e.Required = "submit", leadsAside(i), false
	case ui.InputButton:
		e.Widget, e.aside, e.Required = "button", leadsAside(i), false
		e.Trigger, e.Load = trigger(i.OnClickTrigger), trigger(i.OnLoadTrigger)
	case ui.InputCheckbox:
		e.checkbox()
	case ui.InputPassword:
		// A password is never sent back, even if a method forgot to blank it.
		e.Widget, e.Value = "password", ""
	default:
		e.text(n, i)
	}
	return e
}

// checkbox drops "required": for a schema it means that the property is there, and the hidden false sees to that, while
// for a browser it would mean that the box has to be ticked.
func (e *element) checkbox() {
	e.Widget, e.Checked, e.Required, e.Optional = "checkbox", e.Value == "true", false, false
}

func (e *element) text(n *ui.Node, i *ui.Input) {
	switch e.Type {
	case ui.InputEmail, ui.InputTel, ui.InputURL, ui.InputNumber, ui.InputDate:
	case ui.InputDateTimeLocal:
		e.Value = localTime(e.Value)
	default:
		e.Type = ui.InputText
	}
	if e.Autocomplete == "one-time-code" && n.Group != ui.GroupLookupSecret {
		e.InputMode = "numeric"
		e.MaxLength = 0 // a pasted "123 456" is one digit too long, and the browser would cut it off
	}
	if len(i.Options) > 0 {
		e.Widget = "select"
		for _, o := range i.Options {
			value := valueText(o.Value)
			e.Options = append(e.Options, option{value, value == e.Value})
		}
	}
}

// autocompletes are the tokens for the well-known fields whose node names none.
var autocompletes = map[string]string{
	"identifier": "username", "password_identifier": "username", "email": "email",
	"totp_code": "one-time-code", "code": "one-time-code", "lookup_secret": "off",
}

func (l *labeller) autocomplete(i *ui.Input) string {
	switch {
	case i.Type == ui.InputPassword && l.kind == Login:
		return "current-password"
	case i.Type == ui.InputPassword:
		return "new-password"
	case i.Type == ui.InputEmail:
		return "email"
	default:
		return autocompletes[i.Name]
	}
}

// anywhere lets a pattern match anywhere in the value, as JSON Schema means it; HTML ties it to both ends, and would
// refuse in the browser what the server accepts.
func anywhere(pattern string) string {
	if pattern == "" {
		return ""
	}
	return ".*(?:" + pattern + ").*"
}

// localTime writes a time with a zone the way the browser's picker takes it.
func localTime(value string) string {
	t, err := time.Parse(time.RFC3339, value)
	if err != nil {
		return value
	}
	return t.Format("2006-01-02T15:04:05")
}

// textElement shows backup codes as a list and a secret in letters that can be told apart.
func textElement(a *ui.Text) element {
	e := element{Widget: "text", Value: a.Text.Text, Items: secrets(a.Text)}
	if _, ok := a.Text.Context["secret"]; ok && e.Items == nil {
		e.Items = []string{inFours(a.Text.Text)}
	}
	return e
}

// inFours makes a long secret one that can be typed. Authenticator apps take the blanks.
func inFours(secret string) string {
	var b strings.Builder
	for i, r := range secret {
		if i > 0 && i%4 == 0 {
			b.WriteByte(' ')
		}
		b.WriteRune(r)
	}
	return b.String()
}

// secrets reads the messages inside a message. They are Go values in a new flow and decoded JSON in a stored one.
func secrets(m ui.Message) []string {
	data, err := json.Marshal(m.Context["secrets"])
	if err != nil {
		return nil
	}
	var inner []ui.Message
	if json.Unmarshal(data, &inner) != nil {
		return nil
	}
	var texts []string
	for _, m := range inner {
		texts = append(texts, m.Text)
	}
	return texts
}

func imageElement(a *ui.Image) (element, bool) {
	src, ok := imageURL(a.Src)
	return element{Widget: "image", URL: src, Width: a.Width, Height: a.Height, Label: humanize(a.Name)}, ok
}

// anchorElement shows a link that cannot be trusted as nothing: its text alone would ask for a click that does nothing.
func anchorElement(a *ui.Anchor) (element, bool) {
	href, ok := linkURL(a.Href)
	return element{Widget: "link", URL: href, Value: cmp.Or(a.Title.Text, a.Href)}, ok
}

// initial is the letter that stands in for the logo of a provider.
func initial(n *ui.Node, e element) string {
	if n.Group != ui.GroupOIDC || !e.isButton() || n.Meta.Label == nil {
		return ""
	}
	name, _ := n.Meta.Label.Context["provider"].(string)
	for _, letter := range name {
		return strings.ToUpper(string(letter))
	}
	return ""
}

// triggerName matches the functions of the WebAuthn script. Any other name could reach whatever is global in a browser.
var triggerName = regexp.MustCompile(`^ory(WebAuthn|Passkey)[A-Za-z]*$`)

func trigger(name string) string {
	if !triggerName.MatchString(name) {
		return ""
	}
	return name
}

var notInID = regexp.MustCompile(`[^A-Za-z0-9]+`)

// idText makes a name fit for an id attribute and for the fragment of a link.
func idText(name string) string {
	return strings.Trim(notInID.ReplaceAllString(name, "-"), "-")
}
