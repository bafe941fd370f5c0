package courier

import (
	"context"
	"errors"
	"fmt"
)

// Sender delivers one message. When it returns an error the message may have
// been delivered all the same: a connection can break after the last byte.
type Sender interface {
	Send(ctx context.Context, m *Message) error
}

// DeliveryError says how a delivery failed.
type DeliveryError struct {
	// Phase is what was being done, such as "rcpt to". It has no personal data, so it may be logged.
	Phase string
	// Code is the status that the server answered with; 0 = it didn't answer.
	Code int
	// Permanent says that trying again would not help.
	Permanent bool
	// Err is the whole story. A server's answer may quote the address: it is for the message's record, not for the log.
	Err error
}

func (e *DeliveryError) Error() string {
	text := "delivering: " + e.Phase
	if e.Code != 0 {
		text += fmt.Sprintf(": status %d", e.Code)
	}
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

// Unwrap returns the cause.
func (e *DeliveryError) Unwrap() error { return e.Err }

// permanent tells whether trying again is no use.
func permanent(err error) bool {
	d, ok := errors.AsType[*DeliveryError](err)
	return ok && d.Permanent
}

// loggable is what a log may say about a failure.
func loggable(err error) []any {
	if d, ok := errors.AsType[*DeliveryError](err); ok {
		return []any{"phase", d.Phase, "code", d.Code}
	}
	return []any{"phase", "unknown"}
}
