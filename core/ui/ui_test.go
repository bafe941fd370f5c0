package ui_test

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-id/gatehouse/core/ui"
)

var update = flag.Bool("update", false, "write the golden files anew")

// everyNode is a form with one node of each type and each attribute that is ever sent.
func everyNode() *ui.Container {
	form := ui.NewContainer("https://id.example/self-service/login?flow=1")
	form.Nodes.Append(
		ui.CSRFNode(""),
		ui.NewInput(ui.GroupDefault, "traits.email", ui.InputEmail, ui.Required(), ui.Autocomplete("email"),
			ui.Label(ui.TraitLabel("Mail address", "traits.email"))),
		ui.NewInput(ui.GroupDefault, "traits.newsletter", ui.InputCheckbox, ui.Value(false), ui.Disabled()),
		ui.NewInput(ui.GroupCode, "code", ui.InputText, ui.Pattern("[0-9]+"), ui.MaxLen(6)),
		ui.NewSubmit(ui.GroupOIDC, "provider", "acme", ui.LoginWith("Acme", "acme")),
		ui.NewNode(ui.GroupWebAuthn, &ui.Input{
			Name: "webauthn_login_trigger", Type: ui.InputButton, Value: "",
			OnClick: "run()", OnClickTrigger: "oryWebAuthnLogin", OnLoad: "load()", OnLoadTrigger: "oryPasskeyLogin",
		}),
		ui.NewNode(ui.GroupTOTP, &ui.Text{Name: "totp_secret_key", Text: ui.TOTPSecret("ABC")}).
			WithLabel(ui.MsgSettingsTOTPSecretLabel.Message()),
		ui.NewNode(ui.GroupTOTP, &ui.Image{Name: "totp_qr", Src: "data:image/png;base64,AA==", Width: 256, Height: 256}),
		ui.NewNode(ui.GroupLink, &ui.Anchor{Name: "continue", Href: "/home", Title: ui.MsgContinue.Message()}),
		ui.NewNode(ui.GroupWebAuthn, &ui.Script{
			Name: "webauthn_script", Src: "/webauthn.js", Async: true, ReferrerPolicy: "no-referrer",
			CrossOrigin: "anonymous", Integrity: "sha512-x", Type: "text/javascript", Nonce: "n",
		}),
	)
	form.AddMessage("", ui.MsgCredentialsInvalid.Message())
	form.AddMessage("#/traits/email", ui.Missing("email"))
	return form
}

func TestFormHasTheJSONClientsRead(t *testing.T) {
	got, err := json.MarshalIndent(everyNode(), "", "\t")
	if err != nil {
		t.Fatal(err)
	}
	golden := filepath.Join("testdata", "form.json")
	if *update {
		if err := os.WriteFile(golden, append(got, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if string(got)+"\n" != string(want) {
		t.Errorf("got %s\nwant %s", got, want)
	}
}

func TestFormSurvivesDecoding(t *testing.T) {
	first, _ := json.Marshal(everyNode())
	var form ui.Container
	if err := json.Unmarshal(first, &form); err != nil {
		t.Fatal(err)
	}
	second, _ := json.Marshal(form)
	if string(first) != string(second) {
		t.Errorf("got %s\nwant %s", second, first)
	}
}

func TestEmptyFormHasListsAndNoMessages(t *testing.T) {
	got, _ := json.Marshal(ui.Container{Action: "/", Method: "POST"})
	if want := `{"action":"/","method":"POST","nodes":[]}`; string(got) != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestUnknownNodeTypeIsRefused(t *testing.T) {
	err := json.Unmarshal([]byte(`{"type":"div","group":"default","attributes":{}}`), new(ui.Node))
	if err == nil || !strings.Contains(err.Error(), `"div"`) {
		t.Errorf("got %v, want an error that names the type", err)
	}
}

func TestAddMessageFindsTheField(t *testing.T) {
	tests := []struct{ field, node string }{
		{"traits.email", "traits.email"},
		{"#/traits/email", "traits.email"},
		{"/traits/email", "traits.email"},
		{"#/traits/tags/3", "traits.tags"},
		{"#/traits/a.b", `traits.a\.b`},
		{"#/traits/x~1y~0z", "traits.x/y~z"},
		{"#/traits/two%20words", "traits.two words"},
	}
	for _, test := range tests {
		form := ui.NewContainer("/")
		form.Nodes.Append(
			ui.NewInput(ui.GroupDefault, "traits.email", ui.InputEmail),
			ui.NewInput(ui.GroupDefault, "traits.tags", ui.InputText),
			ui.NewInput(ui.GroupDefault, `traits.a\.b`, ui.InputText),
			ui.NewInput(ui.GroupDefault, "traits.x/y~z", ui.InputText),
			ui.NewInput(ui.GroupDefault, "traits.two words", ui.InputText),
		)
		count := len(form.Nodes)
		form.AddMessage(test.field, ui.Invalid("no"))
		if !form.Nodes.Find(test.node).Messages.Has(ui.MsgInvalid) || len(form.Nodes) != count {
			t.Errorf("%q did not reach %q", test.field, test.node)
		}
	}
}

func TestAddMessageMakesAFieldRatherThanLoseIt(t *testing.T) {
	form := ui.NewContainer("/")
	form.AddMessage("#/traits/nickname", ui.Missing("nickname"))
	node := form.Nodes.Find("traits.nickname")
	if node == nil || node.Group != ui.GroupDefault || node.Input().Type != ui.InputText || len(node.Messages) != 1 {
		t.Errorf("got %+v", node)
	}
}

func TestAddMessageWithoutFieldIsForTheForm(t *testing.T) {
	form := ui.NewContainer("/")
	for _, field := range []string{"", "#", "/", "#/"} {
		form.AddMessage(field, ui.MsgDuplicate.Message())
	}
	if len(form.Messages) != 4 || len(form.Nodes) != 0 || !form.HasErrors() {
		t.Errorf("got %d messages, %d nodes", len(form.Messages), len(form.Nodes))
	}
	form.ResetMessages()
	if form.HasErrors() {
		t.Error("messages are left after ResetMessages")
	}
}

func TestSortByGivesTheOrderOfTheForms(t *testing.T) {
	traits := []string{"traits.email", "traits.name.first", "traits.age"}
	tests := []struct {
		form   string
		nodes  []string // group:name[=value], as methods add them
		groups []ui.Group
		keys   []string
		want   []string
	}{
		{
			"login",
			[]string{
				"password:method=password", "password:password", "default:identifier", "default:csrf_token",
				"oidc:provider=beta", "oidc:provider=acme", "code:method=code",
			},
			[]ui.Group{ui.GroupOIDC, ui.GroupDefault, ui.GroupCode, ui.GroupPassword},
			[]string{"identifier", "password"},
			[]string{
				"oidc:provider=acme", "oidc:provider=beta", "default:csrf_token", "default:identifier",
				"code:method=code", "password:password", "password:method=password",
			},
		},
		{
			"registration mixes the password into the traits",
			[]string{
				"password:password", "password:method=password", "default:traits.age", "default:traits.name.first",
				"default:traits.email", "default:csrf_token", "oidc:provider=acme",
			},
			[]ui.Group{ui.GroupOIDC},
			slices.Insert(slices.Clone(traits), 1, "password"),
			[]string{
				"oidc:provider=acme", "default:csrf_token", "default:traits.email", "password:password",
				"default:traits.name.first", "default:traits.age", "password:method=password",
			},
		},
		{
			"settings",
			[]string{
				"totp:method=totp", "totp:totp_code", "oidc:unlink=beta", "oidc:link=acme", "profile:method=profile",
				"profile:traits.age", "profile:traits.email", "default:csrf_token",
			},
			[]ui.Group{ui.GroupDefault, ui.GroupProfile, ui.GroupPassword, ui.GroupOIDC, ui.GroupTOTP},
			append(slices.Clone(traits), "totp_code"),
			[]string{
				"default:csrf_token", "profile:traits.email", "profile:traits.age", "profile:method=profile",
				"oidc:link=acme", "oidc:unlink=beta", "totp:totp_code", "totp:method=totp",
			},
		},
	}
	for _, test := range tests {
		t.Run(test.form, func(t *testing.T) {
			nodes := parseNodes(test.nodes)
			nodes.SortBy(test.groups, test.keys)
			if got := printNodes(nodes); !slices.Equal(got, test.want) {
				t.Errorf("got  %v\nwant %v", got, test.want)
			}
		})
	}
}

func parseNodes(lines []string) (nodes ui.Nodes) {
	for _, line := range lines {
		group, rest, _ := strings.Cut(line, ":")
		name, value, ok := strings.Cut(rest, "=")
		node := ui.NewInput(ui.Group(group), name, ui.InputText)
		if ok {
			node.Input().Value = value
		}
		nodes.Append(node)
	}
	return nodes
}

func printNodes(nodes ui.Nodes) (lines []string) {
	for _, n := range nodes {
		line := string(n.Group) + ":" + n.ID()
		if value, ok := n.Input().Value.(string); ok {
			line += "=" + value
		}
		lines = append(lines, line)
	}
	return lines
}

func TestUpsertReplacesInPlace(t *testing.T) {
	nodes := parseNodes([]string{"default:a", "default:b", "oidc:provider=acme"})
	nodes.Upsert(parseNodes([]string{"password:a", "oidc:provider=acme", "oidc:provider=beta", "default:c"})...)
	want := []string{"password:a", "default:b", "oidc:provider=acme", "oidc:provider=beta", "default:c"}
	if got := printNodes(nodes); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestRemoveDropsByIDAndByGroup(t *testing.T) {
	nodes := parseNodes([]string{"default:a", "code:method=code", "password:method=password", "totp:b"})
	nodes.Remove("method")
	nodes.RemoveGroup(ui.GroupTOTP)
	if got := printNodes(nodes); !slices.Equal(got, []string{"default:a"}) {
		t.Errorf("got %v", got)
	}
}

func TestSetValueLeavesButtonsAlone(t *testing.T) {
	nodes := ui.Nodes{
		ui.NewSubmit(ui.GroupCode, "email", "a@b.example", ui.MsgResendCode.Message()),
		ui.NewInput(ui.GroupCode, "email", ui.InputEmail),
	}
	if !nodes.SetValue("email", "x@y.example") || nodes[0].Input().Value != "a@b.example" || nodes[1].Input().Value != "x@y.example" {
		t.Errorf("got %v and %v", nodes[0].Input().Value, nodes[1].Input().Value)
	}
	if nodes.SetValue("nothing", 1) {
		t.Error("SetValue found a node that is not there")
	}
}

func TestSetValuesFillsNestedTraits(t *testing.T) {
	nodes := parseNodes([]string{"default:traits.email", "default:traits.name.first", `default:traits.a\.b`})
	nodes.SetValues("traits", map[string]any{
		"email": "ann@example.org", "name": map[string]any{"first": "Ann", "last": "Oak"}, "a.b": "c",
	})
	want := []string{"default:traits.email=ann@example.org", "default:traits.name.first=Ann", `default:traits.a\.b=c`}
	if got := printNodes(nodes); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestClearSecretsKeepsOnlyWhatMayBeShown(t *testing.T) {
	nodes := ui.Nodes{
		ui.NewInput(ui.GroupPassword, "password", ui.InputPassword, ui.Value("hunter2")),
		ui.NewInput(ui.GroupTOTP, "totp_code", ui.InputText, ui.Value("123456")),
		ui.NewInput(ui.GroupDefault, "identifier", ui.InputText, ui.Value("ann")),
		ui.NewSubmit(ui.GroupPassword, "method", "password", ui.MsgLoginPassword.Message()),
	}
	nodes.ClearSecrets()
	if nodes[0].Input().Value != nil || nodes[1].Input().Value != nil {
		t.Error("a secret is left")
	}
	if nodes[2].Input().Value != "ann" || nodes[3].Input().Value != "password" {
		t.Error("more than secrets was cleared")
	}
}

func TestMessagesCarryTheContextClientsTranslateWith(t *testing.T) {
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	tests := []struct {
		got  ui.Message
		want string
	}{
		{ui.MsgPasswordLabel.Message(), `{"id":1070001,"text":"Password","type":"info"}`},
		{ui.MsgSettingsSaved.Message(), `{"id":1050001,"text":"Your changes are saved.","type":"success"}`},
		{
			ui.RegistrationWith("Acme", "acme"),
			`{"id":1040002,"text":"Sign up with Acme","type":"info","context":{"provider":"Acme","provider_id":"acme"}}`,
		},
		{
			ui.OutOfRange(ui.MsgMinimum, 16, 1000000),
			`{"id":4000018,"text":"Please enter 16 or more, this is 1000000.","type":"error","context":{"actual":1000000,"minimum":16}}`,
		},
		{
			ui.OutOfRange(ui.MsgExclusiveMaximum, 2.5, 3),
			`{"id":4000021,"text":"Please enter less than 2.5, this is 3.","type":"error","context":{"actual":3,"maximum":2.5}}`,
		},
		{
			ui.PasswordTooShort(8, 4),
			`{"id":4000032,"text":"Please choose a password of at least 8 characters, this has 4.","type":"error",` +
				`"context":{"actual_length":4,"min_length":8}}`,
		},
		{
			ui.Expired(ui.MsgLoginExpired, at, at.Add(90*time.Second)),
			`{"id":4010001,"text":"The sign-in page expired 1.50 minutes ago. Please try again.","type":"error",` +
				`"context":{"expired_at":"2026-03-01T12:00:00Z","expired_at_unix":1772366400}}`,
		},
		{
			ui.WrongType([]string{"string", "null"}, "number"),
			`{"id":4000026,"text":"Please enter a value of type string or null, this is a number.","type":"error",` +
				`"context":{"actual_type":"number","allowed_types":["string","null"],"allowed_types_list":"string or null"}}`,
		},
		{
			ui.LookupCodes(ui.Messages{ui.LookupCode("abc"), ui.LookupCodeUsed(at)}),
			`{"id":1050015,"text":"abc, used","type":"info","context":{"secrets":[` +
				`{"id":1050009,"text":"abc","type":"info","context":{"secret":"abc"}},` +
				`{"id":1050014,"text":"Used at Sun, 01 Mar 2026 12:00:00 UTC","type":"info",` +
				`"context":{"used_at":"2026-03-01T12:00:00Z","used_at_unix":1772366400}}]}}`,
		},
	}
	for _, test := range tests {
		got, err := json.Marshal(test.got)
		if err != nil || string(got) != test.want {
			t.Errorf("got  %s (%v)\nwant %s", got, err, test.want)
		}
	}
}

func TestMessageTextIsFilledOnce(t *testing.T) {
	m := ui.LoginWith("{provider_id}", "acme")
	if want := "Sign in with {provider_id}"; m.Text != want {
		t.Errorf("got %q, want %q", m.Text, want)
	}
}

func TestUnknownMessageShowsItsReason(t *testing.T) {
	m := ui.MessageID(9000001).With(map[string]any{"reason": "Not today."})
	if m.Text != "Not today." || m.Type != ui.Error {
		t.Errorf("got %+v", m)
	}
}
