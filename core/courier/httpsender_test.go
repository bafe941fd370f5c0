package courier

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-id/gatehouse/internal/egress"
	"github.com/gatehouse-id/gatehouse/internal/jsonnet"
)

func provider(t *testing.T, h http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.URL
}

// httpSender makes a sender of a request_config; %s in it is the provider's URL.
func httpSender(t *testing.T, config, url string) *HTTP {
	t.Helper()
	client := egress.Client(egress.Options{AllowPrivate: true, Timeout: time.Second})
	t.Cleanup(client.CloseIdleConnections)
	sandbox := &jsonnet.Sandbox{}
	t.Cleanup(sandbox.Close)
	h, err := NewHTTP(t.Context(), json.RawMessage(strings.ReplaceAll(config, "%s", url)),
		HTTPOptions{Client: client, Source: egress.Source{Client: client}, Sandbox: sandbox})
	if err != nil {
		t.Fatalf("making a sender: %v", err)
	}
	return h
}

func sms() *Message {
	return &Message{
		ID: "01939f3e-0000-7000-8000-000000000002", Type: Phone, Channel: ChannelSMS, Recipient: "+49301234567", Body: "123456 is your code",
		TemplateType: LoginCodeValid, TemplateData: json.RawMessage(`{"login_code":"123456"}`),
	}
}

func TestProviderIsCalled(t *testing.T) {
	program := `base64://ZnVuY3Rpb24oY3R4KSB7IHRvOiBjdHgucmVjaXBpZW50LCBjb2RlOiBjdHgudGVtcGxhdGVfZGF0YS5sb2dpbl9jb2RlIH0=`
	for name, c := range map[string]struct{ config, header, value, body string }{
		"as it stands": {`{"url": "%s"}`, "Idempotency-Key", sms().ID, `"recipient":"+49301234567"`},
		"Jsonnet":      {`{"url": "%s", "method": "PUT", "body": "` + program + `"}`, "Content-Type", "application/json", `"code":"123456"`},
		"basic auth":   {`{"url": "%s", "auth": {"type": "basic_auth", "config": {"user": "u", "password": "p"}}}`, "Authorization", "Basic dTpw", `"123456`},
		"API key":      {`{"url": "%s", "auth": {"type": "api_key", "config": {"in": "header", "name": "X-Key", "value": "v"}}}`, "X-Key", "v", `"phone"`},
		"API cookie":   {`{"url": "%s", "auth": {"type": "api_key", "config": {"in": "cookie", "name": "key", "value": "v"}}}`, "Cookie", "key=v", `"phone"`},
		"own header":   {`{"url": "%s", "headers": {"Content-Type": "text/x-own"}}`, "Content-Type", "text/x-own", `login_code_valid`},
	} {
		t.Run(name, func(t *testing.T) {
			var header, body string
			url := provider(t, func(w http.ResponseWriter, r *http.Request) {
				raw, _ := io.ReadAll(r.Body)
				header, body = r.Header.Get(c.header), string(raw)
				w.WriteHeader(http.StatusAccepted)
			})
			if err := httpSender(t, c.config, url).Send(t.Context(), sms()); err != nil {
				t.Fatalf("sending: %v", err)
			}
			if header != c.value || !strings.Contains(strings.ReplaceAll(body, ": ", ":"), c.body) {
				t.Errorf("got %s %q and the body %s", c.header, header, body)
			}
		})
	}
}

func TestAnswersOfProviders(t *testing.T) {
	for status, final := range map[int]bool{400: true, 413: true, 422: true, 401: false, 404: false, 429: false, 500: false, 503: false, 302: false} {
		url := provider(t, func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			fmt.Fprint(w, strings.Repeat("secret ", 100_000))
		})
		err := httpSender(t, `{"url": "%s"}`, url).Send(t.Context(), sms())
		d, ok := errors.AsType[*DeliveryError](err)
		if !ok || d.Permanent != final || strings.Contains(err.Error(), "secret") {
			t.Errorf("%d: got %v, want permanent %v", status, err, final)
		}
	}
	release := make(chan struct{})
	hangs := provider(t, func(http.ResponseWriter, *http.Request) { <-release })
	t.Cleanup(func() { close(release) })
	began := time.Now()
	err := httpSender(t, `{"url": "%s/tulip?key=tulip"}`, hangs).Send(t.Context(), sms())
	if err == nil || permanent(err) || strings.Contains(err.Error(), "tulip") || time.Since(began) > 10*time.Second {
		t.Errorf("a provider that hangs: got %v after %v", err, time.Since(began))
	}
}

func TestRequestConfigsAreChecked(t *testing.T) {
	for raw, want := range map[string]string{
		``:                     "it must be an object",
		`{"url": 1}`:           "it must be an object",
		`{"uri": "https://x"}`: "it must be an object",
		`{"url": "ftp://x"}`:   "url",
		`{"url": "https://"}`:  "url",
		`{"url": "https://x", "method": "TRACE"}`:                                       "method",
		`{"url": "https://x", "headers": {"A": "1\nB: 2"}}`:                             "headers",
		`{"url": "https://x", "auth": {"type": "magic"}}`:                               "auth.type",
		`{"url": "https://x", "auth": {"type": "api_key"}}`:                             "auth.config.in",
		`{"url": "https://x", "auth": {"type": "api_key", "config": {"in": "header"}}}`: "auth.config.name",
		`{"url": "https://x", "body": "base64://e3s="}`:                                 "body",
		`{"url": "https://x", "body": "nowhere"}`:                                       "body",
	} {
		if _, err := NewHTTP(t.Context(), json.RawMessage(raw), HTTPOptions{}); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: got %v, want %s…", raw, err, want)
		}
	}
}
