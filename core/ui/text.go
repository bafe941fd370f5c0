package ui

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// MessageType says how a message is to be shown.
type MessageType string

// The message types of the contract.
const (
	Info    MessageType = "info"
	Error   MessageType = "error"
	Success MessageType = "success"
)

// Message is a sentence for the person at the form. Clients that translate use ID and Context and ignore Text.
type Message struct {
	ID      MessageID      `json:"id"`
	Text    string         `json:"text"`
	Type    MessageType    `json:"type"`
	Context map[string]any `json:"context,omitzero"`
}

// Messages is a list of messages.
type Messages []Message

// MarshalJSON writes an empty list as [] and not as null.
func (ms Messages) MarshalJSON() ([]byte, error) {
	if ms == nil {
		return []byte("[]"), nil
	}
	return json.Marshal([]Message(ms))
}

// HasErrors reports whether one of the messages is an error.
func (ms Messages) HasErrors() bool {
	return slices.ContainsFunc(ms, func(m Message) bool { return m.Type == Error })
}

// Has reports whether one of the messages has this id.
func (ms Messages) Has(id MessageID) bool {
	return slices.ContainsFunc(ms, func(m Message) bool { return m.ID == id })
}

// Message returns the message of an id that needs no context.
func (id MessageID) Message() Message { return id.With(nil) }

// With returns the message with its context, which also fills the words in braces of the sentence.
func (id MessageID) With(context map[string]any) Message { return id.with(context, nil) }

// with also fills in words that are shown but are no part of the context.
func (id MessageID) with(context, shown map[string]any) Message {
	entry, ok := messages[id]
	if !ok {
		// A plugin may bring an id of its own together with a reason.
		entry.kind, entry.text = Error, "{reason}"
	}
	return Message{ID: id, Text: fill(entry.text, context, shown), Type: entry.kind, Context: context}
}

// fill replaces the words in braces in one pass, so that a value that looks like such a word stays what it is.
func fill(text string, sources ...map[string]any) string {
	if !strings.Contains(text, "{") {
		return text
	}
	var pairs []string
	for _, source := range sources {
		for _, key := range slices.Sorted(maps.Keys(source)) {
			pairs = append(pairs, "{"+key+"}", display(source[key]))
		}
	}
	return strings.NewReplacer(pairs...).Replace(text)
}

func display(v any) string {
	switch v := v.(type) {
	case float64: // 1e+06 is no number to show to a person
		return strconv.FormatFloat(v, 'f', -1, 64)
	case time.Time:
		return v.UTC().Format(time.RFC1123)
	default:
		return fmt.Sprint(v)
	}
}
