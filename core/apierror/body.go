package apierror

import "maps"

// Payload is the inner object of an error answer, and the whole of what the error UI shows for a stored error.
type Payload struct {
	ID      string         `json:"id,omitempty"`
	Code    int            `json:"code"`
	Status  string         `json:"status"`
	Request string         `json:"request,omitempty"`
	Reason  string         `json:"reason,omitempty"`
	Details map[string]any `json:"details,omitempty"`
	Message string         `json:"message"`
}

// Payload returns what a client may see of e. requestID is the X-Request-ID of the request, or "".
func (e *Error) Payload(requestID string) Payload {
	message := e.Message
	if message == "" {
		message = e.Kind.Message()
	}
	return Payload{
		ID:      e.ID,
		Code:    e.Kind.Status(),
		Status:  e.Kind.StatusText(),
		Request: requestID,
		Reason:  e.Reason,
		Details: e.Details,
		Message: message,
	}
}

// Body is the whole JSON answer: the payload under "error" and the extra keys beside it.
func (e *Error) Body(requestID string) map[string]any {
	body := maps.Clone(e.Extra)
	if body == nil {
		body = map[string]any{}
	}
	body["error"] = e.Payload(requestID)
	return body
}
