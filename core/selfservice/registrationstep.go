package selfservice

import (
	"context"
	"strings"

	"github.com/gatehouse-id/gatehouse/core/flow"
	"github.com/gatehouse-id/gatehouse/core/identity"
	"github.com/gatehouse-id/gatehouse/core/schema"
	"github.com/gatehouse-id/gatehouse/core/ui"
)

// hasProfile tells whether the traits of a registration in steps are accepted.
func hasProfile(f *flow.Flow) bool { return len(f.Notes[stepProfile.Name()]) > 0 }

// refusesTraits tells whether something is wrong with a trait.
func refusesTraits(f *flow.Flow) bool {
	for name := range f.FieldMessages {
		if name == "traits" || strings.HasPrefix(name, "traits.") {
			return true
		}
	}
	return false
}

// profileForm asks for the traits. A provider knows them already, so it stands beside.
func (registration) profileForm(e *Engine, f *flow.Flow, c *Client, s *schema.Schema) ui.Nodes {
	nodes := flow.TraitNodes(s, ui.GroupDefault)
	for _, m := range e.offered(flow.Registration, c) {
		if m.Name() == identity.OIDC {
			nodes = append(nodes, m.(flow.RegistrationMethod).RegistrationForm(f)...)
		}
	}
	return append(nodes, ui.NewSubmit(ui.GroupProfile, "method", string(stepProfile), ui.MsgRegistrationContinue.Message()))
}

// hiddenTraits hand in again what was accepted, so that a client can check it. Lists are
// left out: a hidden field holds one value, and the flow remembers them.
func hiddenTraits(s *schema.Schema) ui.Nodes {
	var nodes ui.Nodes
	for _, f := range s.Fields() {
		if f.Type != "array" {
			nodes.Append(ui.NewInput(ui.GroupDefault, f.Path, ui.InputHidden))
		}
	}
	return nodes
}

// chooseCredential accepts the traits and asks how the person wants to sign in.
func (registration) chooseCredential(ctx context.Context, r *run) error {
	r.f.Active, r.f.State = r.method.Name(), flow.StateChooseMethod
	r.f.Note(stepProfile.Name(), []byte(screenCredentials))
	rec := r.f.record()
	rec.Messages = []ui.Message{ui.MsgRegistrationChoose.Message()}
	return r.stay(ctx, rec)
}

// back asks for the traits again.
func (registration) back(ctx context.Context, r *run) error {
	r.f.Active, r.f.State = r.method.Name(), flow.StateChooseMethod
	r.f.Note(stepProfile.Name(), nil)
	return r.stay(ctx, r.f.record())
}
