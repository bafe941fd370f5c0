package courier

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
	texttemplate "text/template"
	"time"

	"github.com/google/uuid"
)

// Composer renders messages. It stores nothing: the caller commits what it
// returns together with what the message is about (flow.Changes.Messages).
type Composer struct {
	Templates *Templates
	// Site is the host name people know the gateway by.
	Site string
	// TTL is how long a message is worth sending; 0 = as long as it is kept.
	TTL time.Duration
	// KeepData stores the template data with the message, for HTTP channels.
	KeepData bool
	Now      func() time.Time // time.Now unless set
	Logger   *slog.Logger     // slog.Default unless set
}

// Compose makes the message of a type to one address. ErrRecipient when the
// text isn't exactly one address: that is the person's mistake, not the gateway's.
func (c *Composer) Compose(t TemplateType, to string, d Data) (*Message, error) {
	channel, kind := ChannelEmail, Email
	if d.Channel != "" && d.Channel != ChannelEmail {
		channel, kind = d.Channel, Phone
	}
	if err := checkRecipient(channel, to); err != nil {
		return nil, err
	}
	d.To, d.Site = to, c.Site
	m, err := c.message(t, d)
	if err != nil {
		return nil, err
	}
	m.Type, m.Channel, m.Recipient = kind, channel, to
	if err := c.write(m, d); err != nil {
		return nil, fmt.Errorf("composing a message %q: %w", t, err)
	}
	return m, nil
}

// message is the envelope without its texts.
func (c *Composer) message(t TemplateType, d Data) (*Message, error) {
	id, err := uuid.NewV7()
	if err != nil {
		return nil, fmt.Errorf("making the id of a message: %w", err)
	}
	now := time.Now()
	if c.Now != nil {
		now = c.Now()
	}
	now = now.UTC()
	m := &Message{ID: id.String(), Status: Queued, TemplateType: t, CreatedAt: now, UpdatedAt: now, DueAt: now}
	if c.TTL > 0 {
		m.ExpiresAt = now.Add(c.TTL)
	}
	if c.KeepData {
		m.TemplateData, err = d.encoded()
	}
	return m, err
}

func (c *Composer) write(m *Message, d Data) (err error) {
	if m.Type == Phone {
		m.Body, err = c.text(m.TemplateType, partSMS, d)
		return err
	}
	if m.Subject, err = c.text(m.TemplateType, partSubject, d); err != nil {
		return err
	}
	if m.Body, err = c.text(m.TemplateType, partText, d); err != nil {
		return err
	}
	m.HTML, err = c.text(m.TemplateType, partHTML, d)
	return err
}

var errNoTemplate = errors.New("there is no such template")

// text renders one part. A template that fails with this person's data must not
// lock the person out: the next best one is taken, and the operator is told.
func (c *Composer) text(t TemplateType, p part, d Data) (string, error) {
	last := errNoTemplate
	for _, candidate := range c.Templates.chosen(t, p, d.Locale()) {
		text, err := render(candidate, p, d)
		if err == nil {
			return text, nil
		}
		last = err
		subject, outcome := t.path()
		c.logger().Error("a message template failed, the next one is tried",
			"template", subject+"."+outcome+"."+p.key, "where", where(err))
	}
	return "", last
}

// where is the place in a template that an error is about. The rest of the error
// may quote the person's data.
func where(err error) string {
	if _, ok := errors.AsType[texttemplate.ExecError](err); !ok {
		return "in the result: " + err.Error()
	}
	place, _, _ := strings.Cut(err.Error(), ">:")
	return clip(place, maxErrorBytes)
}

func (c *Composer) logger() *slog.Logger {
	if c.Logger == nil {
		return slog.Default()
	}
	return c.Logger
}
