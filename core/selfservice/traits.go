package selfservice

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/gatehouse-id/gatehouse/core/flow"
	"github.com/gatehouse-id/gatehouse/core/identity"
	"github.com/gatehouse-id/gatehouse/core/schema"
	"github.com/gatehouse-id/gatehouse/core/secret"
	"github.com/gatehouse-id/gatehouse/core/ui"
)

// defaultSchema is the one that self-service registration uses.
func (e *Engine) defaultSchema() (*schema.Schema, error) {
	id := e.Config().Identity.DefaultSchemaID
	s := e.Schemas().Get(id)
	if s == nil {
		return nil, fmt.Errorf("the default identity schema %q is not loaded", id)
	}
	return s, nil
}

// schemaFor is the schema that the traits in a submission have to fit: that of the
// identity in question, or the one people register with.
func (e *Engine) schemaFor(f *flow.Flow) (*schema.Schema, error) {
	if f.Identity == nil {
		return e.defaultSchema()
	}
	s := e.Schemas().Get(f.Identity.SchemaID)
	if s == nil {
		return nil, fmt.Errorf("the identity schema %q of identity %s is not loaded", f.Identity.SchemaID, f.Identity.ID)
	}
	return s, nil
}

// csrfNode is the hidden field every form starts with; it is empty in API flows.
func csrfNode(f *flow.Flow, c *Client) *ui.Node {
	token := ""
	if f.Type == flow.Browser && len(c.CSRF) > 0 {
		token = secret.MaskCSRF(c.CSRF)
	}
	return ui.CSRFNode(token)
}

// newToken makes a session token.
func newToken() string { return secret.NewToken("ory_st_") }

// keepTraits remembers submitted traits so that the form shows them again.
// Traits that were not sent keep the value of an earlier submission.
func (r *run) keepTraits(traits map[string]any) {
	for _, f := range r.schema.Fields() {
		if v, ok := lookup(traits, strings.TrimPrefix(f.Path, "traits.")); ok {
			r.f.SetValue(f.Path, v)
		}
	}
}

// restoreTraits fills in what an earlier step of the flow has accepted and this one doesn't
// send again.
func (r *run) restoreTraits(traits map[string]any) {
	for _, f := range r.schema.Fields() {
		path := strings.TrimPrefix(f.Path, "traits.")
		if _, sent := lookup(traits, path); sent {
			continue
		}
		if v, kept := r.f.Values[f.Path]; kept {
			put(traits, path, v)
		}
	}
}

// put is the inverse of lookup. What stands in the way stays.
func put(t map[string]any, path string, v any) {
	keys := splitPath(path)
	for _, k := range keys[:len(keys)-1] {
		if _, there := t[k]; !there {
			t[k] = map[string]any{}
		}
		next, ok := t[k].(map[string]any)
		if !ok {
			return
		}
		t = next
	}
	t[keys[len(keys)-1]] = v
}

// lookup finds a dotted path in nested objects; a dot inside a key is "\.".
func lookup(t map[string]any, path string) (any, bool) {
	var v any = t
	for _, k := range splitPath(path) {
		m, ok := v.(map[string]any)
		if !ok {
			return nil, false
		}
		if v, ok = m[k]; !ok {
			return nil, false
		}
	}
	return v, true
}

func splitPath(path string) []string {
	const dot = "\x00"
	keys := strings.Split(strings.ReplaceAll(path, `\.`, dot), ".")
	for n, k := range keys {
		keys[n] = strings.ReplaceAll(k, dot, ".")
	}
	return keys
}

// applyTraits validates traits and gives them to the identity with everything the
// schema derives from them. Violations, and what a method's check put into the
// flow before, reject the run.
func (r *run) applyTraits(i *identity.Identity, traits json.RawMessage) error {
	for _, v := range r.schema.Validate(traits) {
		r.f.addAt(v.Pointer, violationMessage(v))
	}
	if len(r.f.FieldMessages) > 0 || len(r.f.Messages) > 0 {
		return errRejected
	}
	d, err := Derive(r.schema, traits)
	if err != nil {
		return fmt.Errorf("deriving identifiers by schema %q: %w", r.schema.ID, err)
	}
	i.Apply(traits, d, r.e.now())
	return nil
}

// addAt puts a message at a JSON pointer below the submission: "/traits/email"
// or "#/traits/email" means the node "traits.email", "" and "/" the whole form.
func (l *loaded) addAt(pointer string, m ui.Message) {
	if name := ui.FieldName(pointer); name != "" {
		l.AddField(name, m)
		return
	}
	l.Messages = append(l.Messages, m)
}

// Derive reads identifiers and addresses out of valid traits.
func Derive(s *schema.Schema, traits json.RawMessage) (identity.Derived, error) {
	d := identity.Derived{Identifiers: map[identity.CredentialType][]string{}}
	ids, err := s.Identifiers(traits)
	if err != nil {
		return d, err
	}
	for _, id := range ids {
		t := identity.CredentialType(id.Type)
		d.Identifiers[t] = append(d.Identifiers[t], id.Value)
	}
	verifiable, recovery, err := s.Addresses(traits)
	if err != nil {
		return d, err
	}
	d.Verifiable, d.Recovery = addresses(verifiable), addresses(recovery)
	terms, err := s.Terms(traits)
	for _, t := range terms {
		d.Search = append(d.Search, identity.Term(t))
	}
	return d, err
}

func addresses(in []schema.Address) []identity.Address {
	var out []identity.Address
	for _, a := range in {
		out = append(out, identity.Address{Via: a.Via, Value: a.Value})
	}
	return out
}
