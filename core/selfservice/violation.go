package selfservice

import (
	"github.com/gatehouse-id/gatehouse/core/schema"
	"github.com/gatehouse-id/gatehouse/core/ui"
)

// ViolationMessage says what is wrong with a trait.
func ViolationMessage(v schema.Violation) ui.Message {
	return ui.Invalid(v.Text)
}
