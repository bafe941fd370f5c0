// Package courier queues messages to people and delivers them by mail or HTTP.
//
// A Composer renders a message; whoever asked for it commits it together with
// what it is about (flow.Changes.Messages). Every node runs a Worker per channel,
// which claims what is due, sends it, and notes the outcome. Records and claims
// are kept by package storage.
package courier

import (
	"encoding/json"
	"errors"
	"time"

	"github.com/google/uuid"
)

// Status tells how far a message has come.
type Status string

// Statuses of a message, as on the wire.
const (
	Queued     Status = "queued"     // waits for its first or next attempt
	Processing Status = "processing" // a node has claimed it
	Sent       Status = "sent"
	Abandoned  Status = "abandoned" // given up: refused for good, too old, or tried too often
)

// Type tells what kind of address a message goes to.
type Type string

// Types of a message, as on the wire.
const (
	Email Type = "email"
	Phone Type = "phone"
)

// Channels that need no configuration of their own. Others are named by the
// operator in courier.channels.
const (
	ChannelEmail = "email"
	ChannelSMS   = "sms"
)

// Message is one message to one person. The JSON tags are those of the stored
// record (docs/storage-keys.md).
type Message struct {
	ID        string `json:"id"` // UUID v7: ids sort by the time of their making
	Type      Type   `json:"type"`
	Channel   string `json:"channel"`
	Status    Status `json:"status"`
	Recipient string `json:"recipient"`
	Subject   string `json:"subject,omitempty"` // e-mail only
	Body      string `json:"body,omitempty"`    // plain text
	HTML      string `json:"html,omitempty"`    // e-mail only
	// TemplateType and TemplateData tell an HTTP channel what the text was made
	// from, so that the provider can use a template of its own.
	TemplateType TemplateType    `json:"template_type"`
	TemplateData json.RawMessage `json:"template_data,omitempty"`

	// SendCount counts attempts, those that ended in a crash too: it is raised by
	// the claim. More than one says that the person may have got it more than once.
	SendCount  int        `json:"send_count"`
	Dispatches []Dispatch `json:"dispatches,omitempty"` // the latest attempts that ended
	CreatedAt  time.Time  `json:"created_at"`
	UpdatedAt  time.Time  `json:"updated_at"`
	// ExpiresAt is when nobody wants the message any more; zero = no such time.
	ExpiresAt time.Time `json:"expires_at,omitzero"`
	// DueAt is when a node should look at the message: to send it, or, while it is
	// Processing, to take it over from a node that didn't come back.
	DueAt time.Time `json:"due_at"`
	// Claim names the attempt that Processing is about. A node that lost its claim
	// finds another one here.
	Claim string `json:"claim,omitempty"`
}

// DispatchStatus is how an attempt ended.
type DispatchStatus string

// Ends of an attempt, as on the wire.
const (
	DispatchFailed  DispatchStatus = "failed"
	DispatchSuccess DispatchStatus = "success"
)

// Dispatch is one attempt at delivering a message.
type Dispatch struct {
	ID        string         `json:"id"`
	Status    DispatchStatus `json:"status"`
	Error     string         `json:"error,omitempty"`
	CreatedAt time.Time      `json:"created_at"`
	UpdatedAt time.Time      `json:"updated_at"`
}

// Errors of a Store.
var (
	// ErrNotFound says that there is no such message, or none any more.
	ErrNotFound = errors.New("courier: no such message")
	// ErrNotDue says that a message can't be claimed: another node has it, or it
	// isn't time yet, or it is done.
	ErrNotDue = errors.New("courier: the message isn't due")
	// ErrClaimLost says that the claim ran out and another node took the message.
	ErrClaimLost = errors.New("courier: the claim was lost")
)

// Filter selects a part of the listing of messages, newest first.
type Filter struct {
	Status    Status // "" = any
	Recipient string // "" = any
	Before    string // id of the last message of the previous page, or empty
	Limit     int
}

// maxDispatches bounds what a record remembers of its attempts.
const maxDispatches = 20

// note adds the end of an attempt that began at a time; cause nil = delivered.
func (m *Message) note(began, ended time.Time, cause error) {
	d := Dispatch{ID: uuid.NewString(), Status: DispatchSuccess, CreatedAt: began, UpdatedAt: ended}
	if cause != nil {
		d.Status, d.Error = DispatchFailed, clip(cause.Error(), maxErrorBytes)
	}
	m.Dispatches = append(m.Dispatches, d)
	m.Dispatches = m.Dispatches[max(0, len(m.Dispatches)-maxDispatches):]
}

// maxErrorBytes bounds what is kept of a server's answer.
const maxErrorBytes = 512

// clip shortens a text and keeps it UTF-8.
func clip(text string, bytes int) string {
	if len(text) <= bytes {
		return text
	}
	for bytes > 0 && text[bytes]&0xC0 == 0x80 {
		bytes--
	}
	return text[:bytes] + "…"
}

// forget erases what must not lie around once the message has left: the text with
// its code or link, and the personal data it was made from.
func (m *Message) forget() { m.Body, m.HTML, m.TemplateData = "", "", nil }
