package httpapi_test

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/gatehouse-id/gatehouse/core/config"
	"github.com/gatehouse-id/gatehouse/core/courier"
	"github.com/gatehouse-id/gatehouse/core/flow"
	"github.com/gatehouse-id/gatehouse/internal/gateway"
	"github.com/gatehouse-id/gatehouse/internal/mailtest"
	"github.com/gatehouse-id/gatehouse/internal/testenv"
)

// mailTo queues a message as a flow does.
func mailTo(t *testing.T, e *testenv.Env, to string) *courier.Message {
	t.Helper()
	m, err := e.Gateway.Composer.Compose(courier.RecoveryCodeValid, to, courier.Data{RecoveryCode: "471147"})
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Gateway.Store.Commit(t.Context(), &flow.Changes{Messages: []*courier.Message{m}}); err != nil {
		t.Fatal(err)
	}
	return m
}

// TestMessagesWaitAndCanBeReadInDevelopment: with no mail server nothing is lost,
// and the log says where to look, without the code and the address.
func TestMessagesWaitAndCanBeReadInDevelopment(t *testing.T) {
	for _, mount := range []string{"/admin", "/api/kratos/admin"} {
		e := testenv.New(t)
		m := mailTo(t, e, "ann@example.org")
		got := e.App().Get(e.Admin + mount + "/courier/messages/" + m.ID)
		wantStatus(t, got, http.StatusOK)
		for key, want := range map[string]string{
			"id": m.ID, "status": "queued", "type": "email", "recipient": "ann@example.org", "template_type": "recovery_code_valid", "channel": "email",
		} {
			if got.Text(key) != want {
				t.Errorf("%s: got %q, want %q", key, got.Text(key), want)
			}
		}
		if !strings.Contains(got.Text("body"), "471147") {
			t.Errorf("the body has no code: %s", got.Body)
		}
		for end := time.Now().Add(10 * time.Second); !strings.Contains(e.Log.String(), "/admin/courier/messages") && time.Now().Before(end); {
			time.Sleep(5 * time.Millisecond)
		}
		if log := e.Log.String(); !strings.Contains(log, "/admin/courier/messages") || strings.Contains(log, "471147") || strings.Contains(log, "ann@") {
			t.Errorf("got the log %s", log)
		}
	}
}

func TestMessagesKeepTheirSecretsInProduction(t *testing.T) {
	e := testenv.New(t, func(c *config.Config, _ *gateway.Options) {
		c.Dev, c.Serve.Public.BaseURL = false, "https://id.example.org"
	})
	m := mailTo(t, e, "ann@example.org")
	for _, path := range []string{"/admin/courier/messages", "/admin/courier/messages/" + m.ID} {
		got := e.App().Get(e.Admin + path)
		wantStatus(t, got, http.StatusOK)
		wantAbsent(t, got, "471147")
		if !strings.Contains(string(got.Body), "redacted-unless-dev-mode") {
			t.Errorf("%s: got %s", path, got.Body)
		}
	}
	if log := e.Log.String(); strings.Contains(log, "471147") || strings.Contains(log, "ann@example.org") {
		t.Errorf("got the log %s", log)
	}
}

func TestMessagesAreSentByTheGateway(t *testing.T) {
	server := mailtest.New(t, mailtest.Options{})
	e := testenv.New(t, func(c *config.Config, _ *gateway.Options) {
		c.Courier.SMTP.ConnectionURI = "smtp://" + server.Addr + "/?disable_starttls=true"
	})
	m := mailTo(t, e, "ann@example.org")
	if got := server.Wait(t, 1)[0]; !strings.Contains(got.Parts()["text/plain"], "471147") || got.To[0] != "ann@example.org" {
		t.Errorf("got the mail %s", got.Raw)
	}
	path := e.Admin + "/admin/courier/messages/" + m.ID
	for end := time.Now().Add(10 * time.Second); e.App().Get(path).Text("status") != "sent" && time.Now().Before(end); {
		time.Sleep(5 * time.Millisecond)
	}
	if got := string(e.App().Get(path).Body); !strings.Contains(got, `"status":"success"`) || !strings.Contains(got, `"send_count":1`) {
		t.Errorf("got %s", got)
	}
}

// TestMailsComeFromTheSite: nobody trusts, and no server takes, what comes from another's domain.
func TestMailsComeFromTheSite(t *testing.T) {
	for site, want := range map[string]string{
		"https://id.example.org": "no-reply@id.example.org", "http://127.0.0.1:8080": "no-reply@localhost", "http://[::1]:8080": "no-reply@localhost",
	} {
		server := mailtest.New(t, mailtest.Options{})
		e := testenv.New(t, func(c *config.Config, _ *gateway.Options) {
			c.Serve.Public.BaseURL = site
			c.Courier.SMTP.ConnectionURI = "smtp://" + server.Addr + "/?disable_starttls=true"
		})
		mailTo(t, e, "ann@example.org")
		if got := server.Wait(t, 1)[0]; got.From != want || got.Header("From") != "<"+want+">" {
			t.Errorf("%s: got mail from %q, %q, want %s", site, got.From, got.Header("From"), want)
		}
	}
}

func TestMessagesAreListedInPages(t *testing.T) {
	e := testenv.New(t)
	for _, to := range []string{"a@example.org", "b@example.org", "a@example.org", "b+1@example.org", "a@example.org"} {
		mailTo(t, e, to)
	}
	admin := e.App()
	seen, at := 0, "/admin/courier/messages?page_size=2&status=queued"
	for pages := 0; at != "" && pages < 9; pages++ {
		a := admin.Get(e.Admin + at)
		wantStatus(t, a, http.StatusOK)
		seen += strings.Count(string(a.Body), `"template_type"`)
		at = ""
		for _, link := range a.Header["Link"] {
			if next, ok := strings.CutSuffix(link, `>; rel="next"`); ok {
				u, err := url.Parse(strings.TrimPrefix(next, "<"))
				if err != nil {
					t.Fatal(err)
				}
				at = u.RequestURI()
			}
		}
	}
	if seen != 5 {
		t.Errorf("got %d messages over the pages, want 5", seen)
	}
	for query, want := range map[string]int{
		"recipient=a@example.org": 3, "recipient=b%2B1@example.org": 1, "status=sent": 0, "status=queued&recipient=b@example.org": 1, "page_size=x": 5,
	} {
		a := admin.Get(e.Admin + "/admin/courier/messages?" + query)
		if got := strings.Count(string(a.Body), `"template_type"`); a.Status != http.StatusOK || got != want {
			t.Errorf("%s: got %d with %d, want %d", query, a.Status, got, want)
		}
	}
}

func TestMessagesThatAreAskedForWrongly(t *testing.T) {
	e := testenv.New(t)
	for path, want := range map[string]int{
		"?status=eaten": 400, "?page_token=../x": 400, "/" + uuid.NewString(): 404, "/x": 404, "/%00": 404,
	} {
		if got := e.App().Get(e.Admin + "/admin/courier/messages" + path); got.Status != want {
			t.Errorf("%s: got %d, want %d", path, got.Status, want)
		}
	}
	if got := e.App().Get("/admin/courier/messages"); got.Status != 404 {
		t.Errorf("on the public API: got %d", got.Status)
	}
}

// TestBrokenCourierIsFoundAtTheStart: the error names the key.
func TestBrokenCourierIsFoundAtTheStart(t *testing.T) {
	for want, spoil := range map[string]func(c *config.Courier){
		"courier.smtp.connection_uri": func(c *config.Courier) { c.SMTP.ConnectionURI = "smtp://u:tulip/@m" },
		"courier.smtp.from_address":   func(c *config.Courier) { c.SMTP.ConnectionURI, c.SMTP.FromAddress = "smtp://m", "x" },
		"courier.templates.recovery.valid.email.subject": func(c *config.Courier) {
			c.Templates = []byte(`{"recovery":{"valid":{"email":{"subject":"base64://e3s="}}}}`)
		},
		"courier.delivery_strategy":          func(c *config.Courier) { c.DeliveryStrategy = "pigeon" },
		"courier.http.request_config":        func(c *config.Courier) { c.DeliveryStrategy = "http" },
		"courier.channels[0].request_config": func(c *config.Courier) { c.Channels = []config.Channel{{ID: "sms"}} },
		"courier.channels[0].type":           func(c *config.Courier) { c.Channels = []config.Channel{{ID: "sms", Type: "smtp"}} },
		"courier.channels[0].smtp_config.connection_uri": func(c *config.Courier) {
			c.Channels = []config.Channel{{ID: "email", Type: "smtp", SMTPConfig: []byte(`{}`)}}
		},
	} {
		c := config.Default()
		spoil(&c.Courier)
		err := gateway.Check(context.Background(), gateway.Options{Config: &c})
		if err == nil || !strings.HasPrefix(err.Error(), want) || strings.Contains(err.Error(), "tulip") {
			t.Errorf("got %v, want %s…", err, want)
		}
	}
}
