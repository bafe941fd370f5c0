package courier

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"

	"github.com/gatehouse-id/gatehouse/internal/egress"
	"github.com/gatehouse-id/gatehouse/internal/jsonnet"
)

// HTTPConfig is a request_config of courier.http or courier.channels.
type HTTPConfig struct {
	URL     string            `json:"url"`
	Method  string            `json:"method"` // POST by default
	Headers map[string]string `json:"headers"`
	// Body is the URL of a Jsonnet program, function(ctx) {…}, that makes the body
	// of HTTPMessage. Without one HTTPMessage itself is the body.
	Body string    `json:"body"`
	Auth *HTTPAuth `json:"auth"`
}

// HTTPAuth says how a call signs in: {"type": "basic_auth", "config": {"user", "password"}}
// or {"type": "api_key", "config": {"name", "value", "in": "header" or "cookie"}}.
type HTTPAuth struct {
	Type   string `json:"type"`
	Config struct {
		User     string `json:"user"`
		Password string `json:"password"`
		Name     string `json:"name"`
		Value    string `json:"value"`
		In       string `json:"in"`
	} `json:"config"`
}

// HTTPMessage is what an HTTP channel is told, and ctx in its Jsonnet program.
type HTTPMessage struct {
	ID           string          `json:"message_id"` // the same for every attempt, also in the header Idempotency-Key
	Type         Type            `json:"message_type"`
	Recipient    string          `json:"recipient"`
	Subject      string          `json:"subject"`
	Body         string          `json:"body"`
	HTML         string          `json:"html_body,omitempty"`
	TemplateType TemplateType    `json:"template_type"`
	TemplateData json.RawMessage `json:"template_data"`
}

// HTTP delivers messages by calling a provider.
type HTTP struct {
	config  HTTPConfig
	client  *http.Client
	program *jsonnet.Program
	sandbox *jsonnet.Sandbox
}

// HTTPOptions are what an HTTP channel works with; all are required.
type HTTPOptions struct {
	Client  *http.Client
	Source  egress.Source // reads the Jsonnet program
	Sandbox *jsonnet.Sandbox
}

// NewHTTP checks a request_config; the error names the key below it.
func NewHTTP(ctx context.Context, raw json.RawMessage, o HTTPOptions) (*HTTP, error) {
	c, err := readHTTPConfig(raw)
	if err != nil {
		return nil, err
	}
	h := &HTTP{config: c, client: o.Client, sandbox: o.Sandbox}
	if c.Body == "" {
		return h, nil
	}
	source, err := o.Source.Read(ctx, c.Body)
	if err != nil {
		return nil, fmt.Errorf("body: %w", err)
	}
	if h.program, err = jsonnet.New("body", string(source)); err != nil {
		return nil, fmt.Errorf("body: %w", err)
	}
	return h, nil
}

var httpMethods = []string{http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodGet}

func readHTTPConfig(raw json.RawMessage) (HTTPConfig, error) {
	c := HTTPConfig{Method: http.MethodPost}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(&c); err != nil {
		// The error may quote a value, and there are secrets among them.
		return c, errors.New("it must be an object of url, method, headers, body and auth")
	}
	u, err := url.Parse(c.URL)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
		return c, errors.New("url: it must be a URL such as https://sms.example.org/send")
	}
	if !slices.Contains(httpMethods, c.Method) {
		return c, fmt.Errorf("method: %.16q is not one of %v", c.Method, httpMethods)
	}
	for name, value := range c.Headers {
		if !headerName.MatchString(name) || !singleLine(value) {
			return c, fmt.Errorf("headers: %.64q can't be set", name)
		}
	}
	return c, c.Auth.check()
}

func (a *HTTPAuth) check() error {
	switch {
	case a == nil:
		return nil
	case a.Type == "basic_auth":
		return nil
	case a.Type != "api_key":
		return fmt.Errorf("auth.type: %.32q is not known: write basic_auth or api_key", a.Type)
	case a.Config.In != "header" && a.Config.In != "cookie":
		return fmt.Errorf("auth.config.in: %.32q is not known: write header or cookie", a.Config.In)
	case !headerName.MatchString(a.Config.Name) || !singleLine(a.Config.Value):
		return errors.New("auth.config.name: it must be the name of a header or cookie, and value one line")
	}
	return nil
}

// maxAnswer is how much of an answer is read, so that the connection can be used again.
const maxAnswer = 64 << 10

// Send implements Sender.
func (h *HTTP) Send(ctx context.Context, m *Message) error {
	body, err := h.body(ctx, m)
	if err != nil {
		return &DeliveryError{Phase: "body", Err: err}
	}
	req, err := http.NewRequestWithContext(ctx, h.config.Method, h.config.URL, bytes.NewReader(body))
	if err != nil {
		return &DeliveryError{Phase: "request", Err: errors.New("the request can't be made")}
	}
	h.dress(req, m)
	res, err := h.client.Do(req)
	if err != nil {
		return &DeliveryError{Phase: "call", Err: egress.Cause(err)}
	}
	defer res.Body.Close()
	_, _ = io.CopyN(io.Discard, res.Body, maxAnswer) // the status has said it all
	if res.StatusCode >= 200 && res.StatusCode < 300 {
		return nil
	}
	return &DeliveryError{Phase: "answer", Code: res.StatusCode, Permanent: finalAnswer(res.StatusCode)}
}

// finalAnswer tells which answers are about this message. Others are about the
// call, which somebody will correct, or about the provider's day.
func finalAnswer(status int) bool {
	return status == http.StatusBadRequest || status == http.StatusRequestEntityTooLarge || status == http.StatusUnprocessableEntity
}

func (h *HTTP) dress(req *http.Request, m *Message) {
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Idempotency-Key", m.ID)
	for name, value := range h.config.Headers {
		req.Header.Set(name, value)
	}
	a := h.config.Auth
	switch {
	case a == nil:
	case a.Type == "basic_auth":
		req.SetBasicAuth(a.Config.User, a.Config.Password)
	case a.Config.In == "cookie":
		req.AddCookie(&http.Cookie{Name: a.Config.Name, Value: a.Config.Value})
	default:
		req.Header.Set(a.Config.Name, a.Config.Value)
	}
}

func (h *HTTP) body(ctx context.Context, m *Message) ([]byte, error) {
	raw, err := json.Marshal(HTTPMessage{
		ID: m.ID, Type: m.Type, Recipient: m.Recipient, Subject: m.Subject, Body: m.Body, HTML: m.HTML,
		TemplateType: m.TemplateType, TemplateData: m.TemplateData,
	})
	if err != nil || h.program == nil {
		return raw, err
	}
	return h.sandbox.Evaluate(ctx, h.program, jsonnet.Input{Arguments: map[string]json.RawMessage{"ctx": raw}})
}
