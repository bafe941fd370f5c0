package httpapi

import (
	"errors"
	"log/slog"
	"slices"

	"github.com/gatehouse-id/gatehouse/core/flow"
	"github.com/gatehouse-id/gatehouse/core/selfservice"
	"github.com/gatehouse-id/gatehouse/core/ui"
)

// What was decided, as the field "result" of an event tells it.
const (
	accepted = "accepted" // done: somebody is signed in, changed or verified something, or was sent a letter
	rejected = "rejected" // the form came back with messages
	refused  = "refused"  // the answer was an error: a rule, the CSRF check, an expired flow
)

// decided logs one event about a submission or an opened link: who tried what from
// where, and what came of it. There is no secret, address or flow id in it; identity
// and session are those that the decision is about, and absent while nobody has
// proven to be anybody. When a browser is sent to another site nothing is decided yet.
func (c *call) decided(k flow.Kind, res *selfservice.Result, err error) {
	if _, away := errors.AsType[*selfservice.DepartError](err); away {
		return
	}
	e := event{action: string(k), result: accepted}
	switch {
	case err != nil:
		e.result, e.reason = refused, reasonOf(err)
	case res.Rejected:
		e.result, e.method, e.reason = rejected, string(res.Tried), messagesOf(res.Flow)
	default:
		e.method = string(res.Flow.Active)
		if res.Identity != nil {
			e.identity = res.Identity.ID
		}
		if res.Session != nil {
			e.session = res.Session.ID
		}
	}
	c.log(e)
}

// event is a decision about somebody's access.
type event struct {
	action   string // the kind of flow, "logout", "revoke", "admin", "token", or what an administrator has done such as "identity.create"
	result   string
	method   string
	reason   any // why not: an error id, or the ids of messages
	identity string
	session  string
	token    string // the id of a personal access token
	project  string
}

func (c *call) log(e event) {
	attrs := []slog.Attr{slog.String("action", e.action), slog.String("result", e.result), slog.String("client_ip", c.clientIP())}
	for _, a := range []struct{ name, value string }{{"method", e.method}, {"identity", e.identity}, {"session", e.session}, {"token", e.token}, {"about_project", e.project}} {
		if a.value != "" {
			attrs = append(attrs, slog.String(a.name, a.value))
		}
	}
	attrs = append(attrs, c.author()...)
	if e.reason != nil {
		attrs = append(attrs, slog.Any("reason", e.reason))
	}
	c.s.Logger.LogAttrs(c.r.Context(), slog.LevelInfo, "access decision", attrs...)
}

// author tells which administrator a decision is of, by the token they came with.
func (c *call) author() []slog.Attr {
	switch {
	case c.token != nil:
		return []slog.Attr{slog.String("by", c.token.ID), slog.String("by_name", c.token.Name)}
	case c.m.open:
		return []slog.Attr{slog.String("by", "open")}
	}
	return nil
}

// changedIdentity tells what an administrator has done to an identity, never what is in it.
func (c *call) changedIdentity(action, id string) {
	c.log(event{action: action, result: accepted, identity: id})
}

// reasonOf names an error: by its id, else by its class.
func reasonOf(err error) string {
	var ex *selfservice.ExpiredError
	if errors.As(err, &ex) {
		err = ex.API
	}
	e := known(err)
	if e.ID == "" {
		return e.Kind.StatusText()
	}
	return e.ID
}

// messagesOf lists the ids of a flow's messages; their texts may repeat what was sent.
func messagesOf(f *flow.Flow) []ui.MessageID {
	var ids []ui.MessageID
	add := func(list []ui.Message) {
		for _, m := range list {
			ids = append(ids, m.ID)
		}
	}
	add(f.Messages)
	for _, list := range f.FieldMessages {
		add(list)
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}
