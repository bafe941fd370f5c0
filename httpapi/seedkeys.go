package httpapi

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"slices"
	"strings"

	"github.com/gatehouse-id/gatehouse/core/ui"
)

// seedKey gives the nodes of security keys the form they had: options stand in the code of the
// button only, which calls the function by its old name.
func seedKey(n *ui.Node) {
	switch {
	case strings.HasSuffix(n.ID(), "_trigger"):
		in := *n.Input()
		options, _ := in.Value.(string)
		in.OnClick = "window.__" + in.OnClickTrigger + "(" + paddedOptions(options) + ")"
		in.Value, in.OnClickTrigger = "", ""
		n.Attributes = &in
	case n.ID() == "webauthn_remove" && n.Meta.Label != nil:
		label := *n.Meta.Label
		label.ID = ui.MsgSettingsWebAuthnAdd // the two had one id
		n.WithLabel(label)
	}
}

// paddedOptions spells the bytes in options in standard base64 with padding: the scripts of that
// time decode nothing else.
func paddedOptions(options string) string {
	var o struct {
		PublicKey map[string]any `json:"publicKey"`
	}
	if json.Unmarshal([]byte(options), &o) != nil {
		return options
	}
	pad(o.PublicKey, "challenge")
	if user, ok := o.PublicKey["user"].(map[string]any); ok {
		pad(user, "id")
	}
	for _, list := range []string{"allowCredentials", "excludeCredentials"} {
		credentials, _ := o.PublicKey[list].([]any)
		for _, c := range credentials {
			if c, ok := c.(map[string]any); ok {
				pad(c, "id")
			}
		}
	}
	raw, err := json.Marshal(o)
	if err != nil {
		return options
	}
	return string(raw)
}

func pad(object map[string]any, name string) {
	text, _ := object[name].(string)
	if raw, err := base64.RawURLEncoding.DecodeString(text); err == nil {
		object[name] = base64.StdEncoding.EncodeToString(raw)
	}
}

// sortSeedKeys puts the fields that a script fills in behind its button, and the script at last.
func sortSeedKeys(nodes ui.Nodes) {
	isKey := func(n *ui.Node) bool { return n.Group == ui.GroupWebAuthn }
	at := slices.IndexFunc(nodes, isKey)
	if at < 0 {
		return
	}
	end := at
	for end < len(nodes) && isKey(nodes[end]) {
		end++
	}
	slices.SortStableFunc(nodes[at:end], func(a, b *ui.Node) int { return cmp.Compare(seedKeyPlace(a), seedKeyPlace(b)) })
}

func seedKeyPlace(n *ui.Node) int {
	in := n.Input()
	switch {
	case in == nil:
		return 2
	case in.Type == ui.InputHidden:
		return 1
	}
	return 0
}
