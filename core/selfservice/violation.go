package selfservice

import (
	"encoding/json"

	"github.com/gatehouse-id/gatehouse/core/schema"
	"github.com/gatehouse-id/gatehouse/core/ui"
)

// bounds are the messages of the numeric violations.
var bounds = map[schema.Kind]ui.MessageID{
	schema.Minimum:          ui.MsgMinimum,
	schema.ExclusiveMinimum: ui.MsgExclusiveMinimum,
	schema.Maximum:          ui.MsgMaximum,
	schema.ExclusiveMaximum: ui.MsgExclusiveMaximum,
}

// sizes are the constructors for violations of a length or count.
var sizes = map[schema.Kind]func(bound, actual int) ui.Message{
	schema.MinLength: ui.MinLength,
	schema.MaxLength: ui.MaxLength,
	schema.MinItems:  ui.MinItems,
	schema.MaxItems:  ui.MaxItems,
}

// violationMessage says what is wrong with a trait, with the id that clients
// translate by where there is one.
func violationMessage(v schema.Violation) ui.Message {
	if id, ok := bounds[v.Kind]; ok {
		return ui.OutOfRange(id, number(v.Expected), number(v.Actual))
	}
	if size, ok := sizes[v.Kind]; ok {
		return size(int(number(v.Expected)), int(number(v.Actual)))
	}
	switch v.Kind {
	case schema.Required:
		return ui.Missing(v.Property)
	case schema.Pattern:
		return ui.PatternMismatch(text(v.Expected))
	case schema.MultipleOf:
		return ui.NotMultipleOf(number(v.Expected), number(v.Actual))
	case schema.Const:
		return ui.NotConst(v.Expected)
	case schema.Type:
		allowed, _ := v.Expected.([]string)
		return ui.WrongType(allowed, text(v.Actual))
	case schema.Format:
		switch text(v.Expected) {
		case "email":
			return ui.EmailInvalid(text(v.Actual))
		case "tel":
			return ui.PhoneInvalid(text(v.Actual))
		}
	}
	return ui.Invalid(v.Text)
}

func text(v any) string {
	s, _ := v.(string)
	return s
}

func number(v any) float64 {
	switch n := v.(type) {
	case int:
		return float64(n)
	case json.Number:
		f, _ := n.Float64() // the schema package has checked it
		return f
	}
	return 0
}
