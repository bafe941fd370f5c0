package config

import "encoding/json"

// Courier says how messages to people are delivered.
type Courier struct {
	// DeliveryStrategy is smtp or http. Default smtp.
	DeliveryStrategy string      `json:"delivery_strategy,omitempty"`
	SMTP             SMTP        `json:"smtp"`
	HTTP             CourierHTTP `json:"http,omitzero"`
	Channels         []Channel   `json:"channels,omitempty"`

	TemplateOverridePath string          `json:"template_override_path,omitempty"`
	Templates            json.RawMessage `json:"templates,omitempty"`
	// MessageRetries is how often a failed delivery is tried again. Default 5.
	MessageRetries int             `json:"message_retries,omitempty"`
	MessageTTL     Duration        `json:"message_ttl,omitempty"`
	SMS            json.RawMessage `json:"sms,omitempty"`
	Worker         CourierWorker   `json:"worker,omitzero"`
}

// CourierWorker sets how many messages one round takes.
type CourierWorker struct {
	PullCount int      `json:"pull_count,omitempty"`
	PullWait  Duration `json:"pull_wait,omitempty"`
}

// SMTP is the mail server.
type SMTP struct {
	// ConnectionURI is smtp:// or smtps://. It holds a password: never log it.
	ConnectionURI string `json:"connection_uri,omitempty"`
	// FromAddress defaults to no-reply at the host of the public URL.
	FromAddress    string            `json:"from_address,omitempty"`
	FromName       string            `json:"from_name,omitempty"`
	LocalName      string            `json:"local_name,omitempty"`
	ClientCertPath string            `json:"client_cert_path,omitempty"`
	ClientKeyPath  string            `json:"client_key_path,omitempty"`
	Headers        map[string]string `json:"headers,omitempty"`
}

// CourierHTTP delivers messages by an HTTP call.
type CourierHTTP struct {
	RequestConfig json.RawMessage `json:"request_config,omitempty"`
}

// Channel delivers one kind of message, such as sms.
type Channel struct {
	ID            string          `json:"id"`
	Type          string          `json:"type,omitempty"`
	RequestConfig json.RawMessage `json:"request_config,omitempty"`
	SMTPConfig    json.RawMessage `json:"smtp_config,omitempty"`
}
