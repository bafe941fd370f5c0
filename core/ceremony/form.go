package ceremony

import (
	"crypto/sha512"
	_ "embed"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"

	"github.com/google/uuid"

	"github.com/gatehouse-id/gatehouse/core/identity"
	"github.com/gatehouse-id/gatehouse/core/ui"
)

// Script is what pages load to run ceremonies, at ScriptPath below the mount of the API.
//
//go:embed webauthn.js
var Script []byte

// ScriptPath is where Script is served.
const ScriptPath = "/.well-known/ory/webauthn.js"

var integrity = func() string {
	sum := sha512.Sum512(Script)
	return "sha512-" + base64.StdEncoding.EncodeToString(sum[:])
}()

// ScriptNode makes a page load the script.
func ScriptNode(g ui.Group) *ui.Node {
	return ui.NewNode(g, &ui.Script{
		Src: ScriptPath, Async: true, ReferrerPolicy: "no-referrer", CrossOrigin: "anonymous", Integrity: integrity,
		Type: "text/javascript", Name: "webauthn_script", Nonce: uuid.NewString(),
	})
}

// Trigger is a button that calls a function of the script, such as "oryPasskeyLogin". Newer
// pages call it by its name; older ones run the code.
func Trigger(g ui.Group, name, function string, options json.RawMessage, label ui.Message) *ui.Node {
	n := ui.NewInput(g, name, ui.InputButton, ui.Value(string(options)), ui.Label(label))
	in := n.Input()
	in.OnClick, in.OnClickTrigger = "window."+function+"("+string(options)+")", function
	return n
}

// Field is a hidden field.
func Field(g ui.Group, name, value string) *ui.Node {
	return ui.NewInput(g, name, ui.InputHidden, ui.Value(value))
}

// RemoveButtons are the buttons that remove keys, one each. label is the text of one.
func RemoveButtons(g ui.Group, name string, keys []identity.Key, label func(k identity.Key) ui.Message) ui.Nodes {
	var nodes ui.Nodes
	for _, k := range keys {
		n := ui.NewSubmit(g, name, hex.EncodeToString(k.ID), label(k))
		if k.Authenticator.CloneWarning {
			n.Messages = ui.Messages{ui.Invalid("A copy of this key seems to be in use. If nobody but you has it, remove it and add it again.")}
		}
		nodes.Append(n)
	}
	return nodes
}

// Note is what a flow remembers between two answers.
type Note struct {
	// Round counts the answers that were taken. See Binding.
	Round int `json:"round"`
	// IdentityID is who has been named, "" for nobody. Handle and Keys are theirs, as they
	// were then, for the form.
	IdentityID string         `json:"identity_id,omitempty"`
	Handle     []byte         `json:"handle,omitempty"`
	Keys       []identity.Key `json:"keys,omitempty"`
}

// ReadNote reads a note; none is the zero Note.
func ReadNote(raw []byte) Note {
	var n Note
	_ = json.Unmarshal(raw, &n)
	return n
}

// Bytes is the note as ReadNote reads it.
func (n Note) Bytes() []byte {
	raw, _ := json.Marshal(n) // no value in it can fail
	return raw
}
