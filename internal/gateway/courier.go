package gateway

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/gatehouse-id/gatehouse/core/config"
	"github.com/gatehouse-id/gatehouse/core/courier"
	"github.com/gatehouse-id/gatehouse/internal/jsonnet"
	"github.com/gatehouse-id/gatehouse/storage"
)

// mailroom is the courier of a gateway: what composes messages and what delivers them.
type mailroom struct {
	composer *courier.Composer
	senders  map[string]courier.Sender // by channel; a channel without one keeps its messages
	sandbox  *jsonnet.Sandbox
}

// newMailroom reads templates and channels; errors name the key of the configuration.
func newMailroom(ctx context.Context, o Options, client *http.Client) (*mailroom, error) {
	c := &o.Config.Courier
	source := o.source(client)
	templates, err := courier.LoadTemplates(ctx, courier.TemplateConfig{
		Dir: o.path(c.TemplateOverridePath), URLs: c.Templates, Source: source,
	})
	if err != nil {
		return nil, err
	}
	m := &mailroom{senders: map[string]courier.Sender{}, sandbox: &jsonnet.Sandbox{}}
	if err := m.addSenders(ctx, o, courier.HTTPOptions{Client: client, Source: source, Sandbox: m.sandbox}); err != nil {
		return nil, err
	}
	m.composer = &courier.Composer{
		Templates: templates, Site: siteOf(o.PublicURL()), TTL: c.MessageTTL.Std(),
		KeepData: c.DeliveryStrategy == "http" || len(c.Channels) > 0, Now: o.Now, Logger: o.Logger,
	}
	return m, nil
}

// path is a path of the configuration; a relative one starts where relative file:// URLs do.
func (o Options) path(name string) string {
	if name == "" || filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(o.BaseDir, name)
}

// siteOf is the host of a URL as people know it.
func siteOf(base string) string {
	u, err := url.Parse(base)
	if err != nil {
		return ""
	}
	return u.Hostname()
}

// addSenders makes the senders of all channels. One named "email" in
// courier.channels goes before delivery_strategy.
func (m *mailroom) addSenders(ctx context.Context, o Options, calls courier.HTTPOptions) error {
	c := &o.Config.Courier
	for i, ch := range c.Channels {
		at := fmt.Sprintf("courier.channels[%d]", i)
		sender, err := channelSender(ctx, &ch, o, calls)
		switch {
		case err != nil:
			return fmt.Errorf("%s.%w", at, err)
		case ch.ID == "":
			return fmt.Errorf("%s.id: is missing: name the channel, such as sms", at)
		case m.senders[ch.ID] != nil:
			return fmt.Errorf("%s.id: %q is the id of another channel: give each its own", at, ch.ID)
		}
		m.senders[ch.ID] = sender
	}
	if m.senders[courier.ChannelEmail] != nil {
		return nil
	}
	switch c.DeliveryStrategy {
	case "http":
		sender, err := courier.NewHTTP(ctx, c.HTTP.RequestConfig, calls)
		if err != nil {
			return fmt.Errorf("courier.http.request_config: %w", err)
		}
		m.senders[courier.ChannelEmail] = sender
	case "", "smtp":
		if c.SMTP.ConnectionURI == "" {
			return nil // messages wait; Run says so
		}
		sender, err := courier.NewSMTP(o.smtp(&c.SMTP))
		if err != nil {
			return fmt.Errorf("courier.smtp.%w", err)
		}
		m.senders[courier.ChannelEmail] = sender
	default:
		return fmt.Errorf("courier.delivery_strategy: %q is not known: write smtp or http", c.DeliveryStrategy)
	}
	return nil
}

func channelSender(ctx context.Context, ch *config.Channel, o Options, calls courier.HTTPOptions) (courier.Sender, error) {
	switch cmp.Or(ch.Type, "http") {
	case "http":
		sender, err := courier.NewHTTP(ctx, ch.RequestConfig, calls)
		if err != nil {
			return nil, fmt.Errorf("request_config: %w", err)
		}
		return sender, nil
	case "smtp":
		if ch.ID != courier.ChannelEmail {
			return nil, fmt.Errorf("type: smtp delivers the channel %q only", courier.ChannelEmail)
		}
		var c config.SMTP
		d := json.NewDecoder(bytes.NewReader(ch.SMTPConfig))
		d.DisallowUnknownFields()
		if err := d.Decode(&c); err != nil {
			return nil, fmt.Errorf("smtp_config: it must be an object as in courier.smtp") // the cause may quote the password
		}
		sender, err := courier.NewSMTP(o.smtp(&c))
		if err != nil {
			return nil, fmt.Errorf("smtp_config.%w", err)
		}
		return sender, nil
	}
	return nil, fmt.Errorf("type: %q is not known: write http or smtp", ch.Type)
}

func (o Options) smtp(c *config.SMTP) courier.SMTPConfig {
	return courier.SMTPConfig{
		ConnectionURI: c.ConnectionURI, FromAddress: cmp.Or(c.FromAddress, "no-reply@"+mailDomain(o.PublicURL())), FromName: c.FromName,
		LocalName: c.LocalName, ClientCertPath: o.path(c.ClientCertPath), ClientKeyPath: o.path(c.ClientKeyPath), Headers: c.Headers,
	}
}

// mailDomain is the host of a URL in an address, where no bare IP address may stand.
func mailDomain(base string) string {
	host := siteOf(base)
	if host == "" || net.ParseIP(host) != nil {
		return "localhost"
	}
	return host
}

// run delivers until ctx ends, and returns when the last attempt has ended.
func (m *mailroom) run(ctx context.Context, o Options, store *storage.Store) {
	defer m.sandbox.Close()
	development := o.Config.Development(o.BaseURL)
	var running sync.WaitGroup
	for channel, sender := range m.senders {
		w := &courier.Worker{
			Channel: channel, Store: store, Sender: sender, Retries: o.Config.Courier.MessageRetries,
			KeepText: development, Now: o.Now, Logger: o.Logger,
		}
		running.Go(func() { _ = w.Run(ctx) })
	}
	for _, channel := range m.unattended() {
		switch {
		case development:
			n := &courier.Notice{
				Channel: channel, Store: store, Message: store.Message, Logger: o.Logger,
				AdminURL: cmp.Or(o.Config.Serve.Admin.BaseURL, o.AdminURL),
			}
			running.Go(func() { runNotice(ctx, n) })
		case channel == courier.ChannelEmail:
			o.Logger.Warn("no mail server is set: mails wait in the outbox for a week and are then forgotten",
				"fix", "set courier.smtp.connection_uri, or smtp in the Caddyfile")
		}
	}
	running.Wait()
}

// unattended lists the channels that messages are made for and that nobody delivers.
func (m *mailroom) unattended() []string {
	return slices.DeleteFunc([]string{courier.ChannelEmail, courier.ChannelSMS}, func(channel string) bool {
		return m.senders[channel] != nil
	})
}

// runNotice goes on when a watch breaks.
func runNotice(ctx context.Context, n *courier.Notice) {
	for ctx.Err() == nil {
		_ = n.Run(ctx)
		select {
		case <-ctx.Done():
		case <-time.After(time.Second):
		}
	}
}
