package httpapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"github.com/google/uuid"

	"github.com/gatehouse-id/gatehouse/core/apierror"
	"github.com/gatehouse-id/gatehouse/core/courier"
)

// MessageStore reads the courier's messages; courier.ErrNotFound when there is none.
type MessageStore interface {
	Message(ctx context.Context, id string) (*courier.Message, error)
	Messages(ctx context.Context, f courier.Filter) ([]*courier.Message, error)
}

// listMessages serves GET /courier/messages of the admin API, newest first.
func (c *call) listMessages() error {
	f, err := c.messageFilter()
	if err != nil {
		return err
	}
	page := f
	page.Limit++ // the one more tells whether there is a next page
	all, err := c.s.Messages.Messages(c.r.Context(), page)
	if err != nil {
		return fmt.Errorf("listing messages: %w", err)
	}
	more := len(all) > f.Limit
	all = all[:min(len(all), f.Limit)]
	c.linkMessages(f, all, more)
	out := []map[string]any{}
	for _, m := range all {
		out = append(out, c.message(m))
	}
	return c.json(http.StatusOK, out)
}

var messageStatuses = []courier.Status{courier.Queued, courier.Processing, courier.Sent, courier.Abandoned}

func (c *call) messageFilter() (courier.Filter, error) {
	q := c.r.URL.Query()
	f := courier.Filter{
		Status: courier.Status(q.Get("status")), Recipient: q.Get("recipient"),
		Before: q.Get("page_token"), Limit: clamp(q.Get("page_size"), 250, 1, maxMessages),
	}
	if f.Status != "" && !slices.Contains(messageStatuses, f.Status) {
		return f, apierror.BadRequest("There is no status %.32q of messages. There are queued, processing, sent and abandoned.", f.Status)
	}
	if _, err := uuid.Parse(f.Before); f.Before != "" && err != nil {
		return f, apierror.BadRequest("The page_token is none that was given out here.")
	}
	return f, nil
}

// maxMessages is the largest page.
const maxMessages = 1000

func (c *call) linkMessages(f courier.Filter, all []*courier.Message, more bool) {
	link := func(rel, token string) {
		q := url.Values{"page_size": {strconv.Itoa(f.Limit)}}
		for name, value := range map[string]string{"page_token": token, "status": string(f.Status), "recipient": f.Recipient} {
			if value != "" {
				q.Set(name, value)
			}
		}
		c.w.Header().Add("Link", fmt.Sprintf("<%s?%s>; rel=%q", c.self(), q.Encode(), rel))
	}
	link("first", "")
	if more && len(all) > 0 {
		link("next", all[len(all)-1].ID)
	}
}

// getMessage serves GET /courier/messages/{id} of the admin API.
func (c *call) getMessage() error {
	id := c.r.PathValue("id")
	if _, err := uuid.Parse(id); err != nil {
		return apierror.NoRecord() // a malformed id is an unknown one
	}
	m, err := c.s.Messages.Message(c.r.Context(), id)
	if errors.Is(err, courier.ErrNotFound) {
		return apierror.NoRecord()
	}
	if err != nil {
		return err
	}
	return c.json(http.StatusOK, c.message(m))
}

// redacted stands for a text that holds codes and links: who may read the admin
// API may not for that reason sign in as everybody. Kratos has the same words.
const redacted = "<redacted-unless-dev-mode>"

// message is a message as the contract has it.
func (c *call) message(m *courier.Message) map[string]any {
	body := m.Body
	if !c.s.Config().Development(c.s.BaseURL) {
		body = redacted
	}
	out := map[string]any{
		"id": m.ID, "status": m.Status, "type": m.Type, "recipient": m.Recipient, "subject": m.Subject, "body": body,
		"template_type": m.TemplateType, "channel": m.Channel, "send_count": m.SendCount,
		"created_at": m.CreatedAt, "updated_at": m.UpdatedAt,
	}
	if len(m.Dispatches) > 0 {
		out["dispatches"] = dispatches(m)
	}
	return out
}

func dispatches(m *courier.Message) []map[string]any {
	var out []map[string]any
	for _, d := range m.Dispatches {
		v := map[string]any{
			"id": d.ID, "message_id": m.ID, "status": d.Status, "created_at": d.CreatedAt, "updated_at": d.UpdatedAt,
		}
		if d.Error != "" {
			v["error"] = map[string]any{"message": d.Error}
		}
		out = append(out, v)
	}
	return out
}
