package hooks

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/gatehouse-id/gatehouse/core/flow"
	"github.com/gatehouse-id/gatehouse/core/identity"
	"github.com/gatehouse-id/gatehouse/core/ui"
	"github.com/gatehouse-id/gatehouse/hooks/abi"
)

// Plugin is a compiled plugin; package hooks/wasm has one.
type Plugin interface {
	Call(ctx context.Context, e abi.Event, in *abi.Context) (abi.Output, error)
}

// ABIGuest translates between flows and the plugin ABI (docs/hook-abi.md).
type ABIGuest struct {
	Name   string
	Plugin Plugin
	// Redirect checks where a plugin wants to send the browser.
	Redirect func(to string) error
}

// Call implements Guest.
func (g *ABIGuest) Call(ctx context.Context, in *flow.HookInput) (flow.Decision, error) {
	out, err := g.Plugin.Call(ctx, abi.Event(in.Point), g.context(in))
	if err != nil {
		return flow.Decision{}, err
	}
	switch out.Action {
	case abi.Reject:
		return flow.Decision{Messages: messages(out.Messages)}, nil
	case abi.Deny:
		return flow.Decision{Denied: true}, nil
	case abi.Redirect:
		if err := g.Redirect(out.RedirectTo); err != nil {
			// Without the reason: it holds the URL, and that whatever the plugin has put into it.
			return flow.Decision{}, errors.New("redirect_to is not an allowed return URL")
		}
		return flow.Decision{RedirectTo: out.RedirectTo}, nil
	}
	if in.Identity == nil || !abi.Event(in.Point).ChangesIdentity() {
		return flow.Decision{}, nil
	}
	changed, err := change(in.Identity, out)
	return flow.Decision{IdentityChanged: changed}, err
}

// context tells a plugin what it may know; nothing in it is a secret.
func (g *ABIGuest) context(in *flow.HookInput) *abi.Context {
	c := &abi.Context{
		Event: abi.Event(in.Point), Method: string(in.Method), HookID: g.Name,
		Flow: &abi.Flow{
			ID: in.Flow.ID, Type: string(in.Flow.Type), RequestURL: in.Flow.RequestURL, ReturnTo: in.Flow.ReturnTo,
			TransientPayload: in.Payload,
		},
		Request: &abi.HTTP{
			Method: in.Request.Method, URL: in.Request.URL, ClientIP: in.Request.ClientIP, Headers: in.Request.Headers,
		},
	}
	if p := in.Proof; p != nil {
		c.Provider, c.Claims = p.Site, p.Claims
	}
	if i := in.Identity; i != nil {
		c.Identity = &abi.Identity{
			ID: i.ID, SchemaID: i.SchemaID, State: string(i.State), Traits: i.Traits,
			MetadataPublic: i.MetadataPublic, MetadataAdmin: i.MetadataAdmin,
			VerifiableAddresses: asJSON(i.Verifiable), RecoveryAddresses: asJSON(i.Recovery),
		}
	}
	if s := in.Session; s != nil {
		c.Session = &abi.Session{ID: s.ID, AAL: string(s.AAL()), AuthenticationMethods: asJSON(s.Methods)}
	}
	return c
}

// asJSON encodes our own plain structs, which cannot fail.
func asJSON(v any) json.RawMessage {
	raw, _ := json.Marshal(v)
	return raw
}

func messages(in []abi.FieldMessages) []flow.PointedMessage {
	var out []flow.PointedMessage
	for _, f := range in {
		for _, m := range f.Messages {
			msg := ui.Message{ID: ui.MessageID(m.ID), Text: m.Text, Type: ui.MessageType(m.Type)}
			if len(m.Context) > 0 {
				_ = json.Unmarshal(m.Context, &msg.Context) // a context of another shape is left out
			}
			out = append(out, flow.PointedMessage{Pointer: f.InstancePtr, Message: msg})
		}
	}
	return out
}

// change applies a plugin's changes to an identity that is not stored yet: whole values first, then merge patches
// (RFC 7396).
func change(i *identity.Identity, out abi.Output) (bool, error) {
	if c := out.Identity; c != nil {
		replace(&i.Traits, c.Traits)
		replace(&i.MetadataPublic, c.MetadataPublic)
		replace(&i.MetadataAdmin, c.MetadataAdmin)
		setState(i, c.State)
		setVerified(i, c.VerifiedAddresses)
	}
	c := out.IdentityMerge
	if c == nil {
		return out.Identity != nil, nil
	}
	setState(i, c.State)
	setVerified(i, c.VerifiedAddresses)
	for _, m := range []struct {
		into  *json.RawMessage
		patch json.RawMessage
	}{{&i.Traits, c.Traits}, {&i.MetadataPublic, c.MetadataPublic}, {&i.MetadataAdmin, c.MetadataAdmin}} {
		if err := merge(m.into, m.patch); err != nil {
			return false, fmt.Errorf("identity_merge: %w", err)
		}
	}
	return true, nil
}

func setState(i *identity.Identity, state string) {
	if state != "" {
		i.State = identity.State(state)
	}
}

// setVerified replaces the addresses of an identity that a site vouches for. nil leaves them; a plugin
// that trusts none of them says so by an empty list.
func setVerified(i *identity.Identity, all []abi.Address) {
	if all == nil {
		return
	}
	i.Verifiable = nil
	for _, a := range all {
		i.Verifiable = append(i.Verifiable, identity.VerifiableAddress{Via: a.Via, Value: a.Value, Verified: true, Status: identity.StatusCompleted})
	}
}

// replace sets a value; null takes it away and nothing leaves it.
func replace(into *json.RawMessage, v json.RawMessage) {
	switch {
	case string(v) == "null":
		*into = nil
	case len(v) > 0:
		*into = v
	}
}

// merge applies a JSON merge patch; an empty patch changes nothing.
func merge(into *json.RawMessage, patch json.RawMessage) error {
	if len(patch) == 0 {
		return nil
	}
	target, err := decode(*into)
	if err != nil {
		return err
	}
	p, err := decode(patch)
	if err != nil {
		return err
	}
	merged, err := json.Marshal(mergePatch(target, p))
	if err != nil {
		return err
	}
	replace(into, merged)
	return nil
}

// decode keeps numbers as they are written: a float64 would change large ones that the plugin never touched.
func decode(raw json.RawMessage) (any, error) {
	if len(raw) == 0 {
		return nil, nil
	}
	var v any
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	err := d.Decode(&v)
	return v, err
}

// mergePatch is the algorithm of RFC 7396 section 2.
func mergePatch(target, patch any) any {
	p, ok := patch.(map[string]any)
	if !ok {
		return patch
	}
	t, ok := target.(map[string]any)
	if !ok {
		t = map[string]any{}
	}
	for k, v := range p {
		if v == nil {
			delete(t, k)
		} else {
			t[k] = mergePatch(t[k], v)
		}
	}
	return t
}
