package ui

import (
	"strings"
	"testing"
)

func TestMessageTableFollowsTheNumbering(t *testing.T) {
	for id, entry := range messages {
		wrong := id >= 4000000
		if (entry.kind == Error) != wrong {
			t.Errorf("message %d is of type %s", id, entry.kind)
		}
		if entry.text == "" && id != MsgSettingsLookupCodes {
			t.Errorf("message %d has no text", id)
		}
		if strings.Count(entry.text, "{") != strings.Count(entry.text, "}") {
			t.Errorf("message %d has an open brace: %s", id, entry.text)
		}
	}
}

func FuzzFieldName(f *testing.F) {
	for _, seed := range []string{"", "#/", "#/traits/a~1b", "traits.email", "//", "/%zz/0", "~", "#/a.b/0"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, field string) {
		form := NewContainer("/")
		form.AddMessage(field, Invalid("x"))
		form.AddMessage(field, Invalid("x"))
		if len(form.Messages)+len(form.Nodes) == 0 || len(form.Nodes) > 1 {
			t.Errorf("%q: got %d form messages, %d nodes", field, len(form.Messages), len(form.Nodes))
		}
	})
}
