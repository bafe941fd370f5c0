package config

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strings"
)

// WebHook is the configuration of the hook "web_hook": an HTTP call to a service of the site.
type WebHook struct {
	// URL is called; http or https.
	URL string `json:"url"`
	// Method is the HTTP method, such as POST.
	Method string `json:"method"`
	// Body is a Jsonnet program function(ctx) that makes the body: file://, http(s):// or base64://. Empty sends none.
	Body string `json:"body,omitempty"`
	// Headers are sent along.
	Headers map[string]string `json:"headers,omitempty"`
	Auth    *WebHookAuth      `json:"auth,omitempty"`
	// Response says what becomes of the answer.
	Response WebHookResponse `json:"response,omitzero"`
	// CanInterrupt lets an answer of 4xx with messages reject the submission.
	CanInterrupt bool `json:"can_interrupt,omitempty"`

	// ID and EmitAnalyticsEvent are known and have no effect, which is warned about.
	ID                 string `json:"id,omitempty"`
	EmitAnalyticsEvent *bool  `json:"emit_analytics_event,omitempty"`
}

// WebHookResponse says what becomes of the answer of a web hook.
type WebHookResponse struct {
	// Ignore calls in the background, after the commit, and waits for nothing.
	Ignore bool `json:"ignore,omitempty"`
	// Parse takes changes of the identity out of the answer.
	Parse bool `json:"parse,omitempty"`
}

// WebHookAuth proves to the service who calls.
type WebHookAuth struct {
	// Type is basic_auth or api_key.
	Type   string            `json:"type"`
	Config WebHookAuthConfig `json:"config"`
}

// WebHookAuthConfig holds the keys of both types.
type WebHookAuthConfig struct {
	User     string `json:"user,omitempty"`
	Password string `json:"password,omitempty"`

	// In is header or cookie.
	In    string `json:"in,omitempty"`
	Name  string `json:"name,omitempty"`
	Value string `json:"value,omitempty"`
}

// Decides tells whether the answer can change or stop what happens, so that the call comes before the commit.
func (w *WebHook) Decides() bool { return w.CanInterrupt || w.Response.Parse }

// WebHook reads the configuration of a hook "web_hook" and checks it. Errors hold no values: those may be secrets.
func (h Hook) WebHook() (*WebHook, error) {
	if len(h.Config) == 0 {
		return nil, errors.New("is missing: set at least url and method")
	}
	var w WebHook
	d := json.NewDecoder(bytes.NewReader(h.Config))
	d.DisallowUnknownFields()
	if err := d.Decode(&w); err != nil {
		if te, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
			return nil, fmt.Errorf("%s must not be a %s", te.Field, te.Value)
		}
		return nil, errors.New(strings.TrimPrefix(err.Error(), "json: "))
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, errors.New("there is something behind it")
	}
	return &w, w.check()
}

func (w *WebHook) check() error {
	u, err := url.Parse(w.URL)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
		return errors.New("url must be a URL such as https://hooks.example.org/registration")
	case !slices.Contains([]string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"}, w.Method):
		return errors.New("method must be an HTTP method in capitals, such as POST")
	case w.Response.Ignore && w.Decides():
		return errors.New("response.ignore can not go together with response.parse or can_interrupt")
	case w.Body != "" && !knownScheme(w.Body):
		return errors.New("body must start with file://, base64://, http:// or https://")
	}
	for name, value := range w.Headers {
		if err := checkHeader(name, value); err != nil {
			return fmt.Errorf("headers: %w", err)
		}
	}
	if w.Auth == nil {
		return nil
	}
	if err := w.Auth.check(); err != nil {
		return fmt.Errorf("auth: %w", err)
	}
	return nil
}

func knownScheme(source string) bool {
	scheme, _, ok := strings.Cut(source, "://")
	return ok && slices.Contains([]string{"file", "base64", "http", "https"}, scheme)
}

// ownHeaders are set by the client itself.
var ownHeaders = []string{"host", "content-length", "transfer-encoding", "connection", "te", "trailer", "upgrade"}

func checkHeader(name, value string) error {
	switch {
	case !headerName(name):
		return fmt.Errorf("%q can not be the name of a header", name)
	case slices.Contains(ownHeaders, strings.ToLower(name)):
		return fmt.Errorf("%s is set by the client", name)
	case !headerValue(value):
		return fmt.Errorf("the value of %s has characters that a header can not have", name)
	}
	return nil
}

// headerName holds the tokens of RFC 9110 section 5.6.2.
func headerName(name string) bool {
	odd := func(r rune) bool {
		return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune("!#$%&'*+-.^_`|~", r))
	}
	return name != "" && !strings.ContainsFunc(name, odd)
}

// headerValue refuses line breaks and other control characters.
func headerValue(value string) bool {
	return !strings.ContainsFunc(value, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f })
}

func (a *WebHookAuth) check() error {
	c := a.Config
	switch {
	case a.Type == "basic_auth":
		if c.User == "" || strings.Contains(c.User, ":") {
			return errors.New("config.user must be set and have no colon")
		}
		return nil
	case a.Type != "api_key":
		return errors.New("type must be basic_auth or api_key")
	case c.In == "header":
		return checkHeader(c.Name, c.Value)
	case c.In != "cookie":
		return errors.New("config.in must be header or cookie")
	case !cookieName(c.Name):
		return fmt.Errorf("config.name %q can not be a cookie's name", c.Name)
	case strings.ContainsAny(c.Value, "\"\\;, ") || !headerValue(c.Value):
		return errors.New("config.value has characters that a cookie can not have")
	}
	return nil
}
