package courier

import (
	"encoding/json"
	"errors"
	"html"
	"log/slog"
	"strings"
	"testing"
	"time"
)

func composer(t testing.TB, c TemplateConfig) *Composer {
	t.Helper()
	ts, err := LoadTemplates(t.Context(), c)
	if err != nil {
		t.Fatalf("loading templates: %v", err)
	}
	return &Composer{Templates: ts, Site: "id.example.org"}
}

func composed(t testing.TB, c *Composer, kind TemplateType, d Data) *Message {
	t.Helper()
	m, err := c.Compose(kind, "ann@example.org", d)
	if err != nil {
		t.Fatalf("composing %s: %v", kind, err)
	}
	return m
}

// filled is what each type is about.
func filled(locale string) Data {
	return Data{
		RecoveryURL: "https://id.example.org/self-service/recovery?flow=1&token=abc", RecoveryCode: "123456", ExpiresInMinutes: 15,
		Identity: map[string]any{"traits": map[string]any{"locale": locale}},
	}
}

func TestEveryBuiltInMessageIsComplete(t *testing.T) {
	c := composer(t, TemplateConfig{})
	for _, kind := range templateTypes {
		for _, locale := range []string{"en", "de", "tlh"} {
			m := composed(t, c, kind, filled(locale))
			if m.Subject == "" || !strings.Contains(m.HTML, "<html") || strings.Contains(m.Subject+m.Body+m.HTML, "<no value>") {
				t.Errorf("%s in %s is incomplete: %+v", kind, locale, m)
			}
			if last := m.Body[strings.LastIndexByte(m.Body, '\n')+1:]; !strings.Contains(last, "id.example.org") || !strings.Contains(last, m.Recipient) {
				t.Errorf("%s in %s ends with %q, want who writes to whom", kind, locale, last)
			}
			if german := strings.HasPrefix(m.Body, "Guten Tag"); german != (locale == "de") {
				t.Errorf("%s for %s: got %q", kind, locale, m.Body)
			}
			d := filled(locale)
			d.Channel = ChannelSMS
			sms, err := c.Compose(kind, "+49 30 1234567", d)
			if err != nil || sms.Body == "" || len(sms.Body) > 320 || sms.Type != Phone || sms.Channel != ChannelSMS {
				t.Errorf("%s by SMS: got %+v, %v", kind, sms, err)
			}
		}
	}
}

// TestLifespanIsToldAsPeopleSayIt: nobody counts to 1440 minutes.
func TestLifespanIsToldAsPeopleSayIt(t *testing.T) {
	c := composer(t, TemplateConfig{})
	for minutes, want := range map[int][2]string{
		1: {"for 1 minute and", "für 1 Minute und"}, 15: {"for 15 minutes and", "für 15 Minuten und"}, 90: {"for 90 minutes and", "für 90 Minuten und"},
		120: {"for 2 hours and", "für 2 Stunden und"}, 1439: {"for 23 hours and", "für 23 Stunden und"}, 0: {"It works once.", "Nur einmal verwendbar."},
	} {
		for i, locale := range []string{"en", "de"} {
			d := filled(locale)
			d.ExpiresInMinutes = minutes
			if m := composed(t, c, RecoveryCodeValid, d); !strings.Contains(m.Body, want[i]) || !strings.Contains(m.HTML, want[i]) {
				t.Errorf("%d minutes: got %q, want it to say %q", minutes, m.Body, want[i])
			}
		}
	}
}

func TestCodeAndLinkAreThere(t *testing.T) {
	c := composer(t, TemplateConfig{})
	m := composed(t, c, VerificationCodeValid, Data{VerificationCode: "654321", VerificationURL: "https://x.test/v?a=1&b=2"})
	for _, want := range []string{"654321", "https://x.test/v?a=1&b=2"} {
		if !strings.Contains(m.Body, want) || !strings.Contains(html.UnescapeString(m.HTML), want) {
			t.Errorf("%q is missing in %q or %q", want, m.Body, m.HTML)
		}
	}
	if strings.Contains(m.Subject, "654321") {
		t.Error("the code stands in the subject, which phones show while they are locked")
	}
}

// TestForeignTextStaysText: what people type is neither a template, nor HTML, nor a link that runs.
func TestForeignTextStaysText(t *testing.T) {
	c := composer(t, TemplateConfig{URLs: urls(t, map[string]string{
		"login_code.valid.email.body.html":      `<p title="{{.Identity.traits.name}}">{{.Identity.traits.name}}</p><a href="{{.RequestURL}}">x</a>`,
		"login_code.valid.email.body.plaintext": `{{.Identity.traits.name}}`,
	})})
	name := `{{.LoginCode}}"><script>alert(1)</script>`
	m := composed(t, c, LoginCodeValid, Data{
		LoginCode: "123456", RequestURL: "javascript:alert(1)", Identity: map[string]any{"traits": map[string]any{"name": name}},
	})
	if m.Body != name {
		t.Errorf("got the text %q, want it as typed", m.Body)
	}
	if strings.Contains(m.HTML, "<script") || strings.Contains(m.HTML, "javascript:") || strings.Contains(m.HTML, "123456") {
		t.Errorf("got the HTML %q", m.HTML)
	}
}

func TestRecipientIsExactlyOneAddress(t *testing.T) {
	c := composer(t, TemplateConfig{})
	for _, to := range []string{
		"", "ann", "a@x.org,b@x.org", "a@x.org, b@x.org", "<a@x.org>", "Ann <a@x.org>", "a@x.org\r\nBcc: b@x.org", "a@x.org\n", "a@x.org\x00",
		"a@x.org ", `"a b"@x.org`, "a@x%0aBcc:b@x.org", "a@x.org(b)", "a;b@x.org", "a@x.org>\r\nRCPT TO:<b@x.org", "\xff@x.org", "a@b@x.org",
		strings.Repeat("a", 320) + "@x.org", strings.Repeat("(", 100_000) + "a@x.org", strings.Repeat("@", 10_000), "a\u0085@x.org",
	} {
		began := time.Now()
		if m, err := c.Compose(Stub, to, Data{}); !errors.Is(err, ErrRecipient) {
			t.Errorf("%.40q: got %+v, %v, want it refused", to, m, err)
		}
		if took := time.Since(began); took > time.Second {
			t.Errorf("%.40q took %v", to, took)
		}
	}
	for _, to := range []string{"+49 30\r\n1", "1;2", "+", "a", "1,2"} {
		if _, err := c.Compose(LoginCodeValid, to, Data{Channel: ChannelSMS}); !errors.Is(err, ErrRecipient) {
			t.Errorf("%q as a number: got %v, want it refused", to, err)
		}
	}
	for _, to := range []string{"ann@example.org", "a.b+c@x.co", "ünal@exämple.org"} {
		if _, err := c.Compose(Stub, to, Data{}); err != nil {
			t.Errorf("%q: got %v", to, err)
		}
	}
}

// TestFailingTemplateLocksNobodyOut: a template of the operator that fails with
// somebody's data is replaced by the built-in one, and the log says where and not what.
func TestFailingTemplateLocksNobodyOut(t *testing.T) {
	for name, template := range map[string]string{
		"two lines":  "Hi {{.Identity.traits.name}}",
		"no trait":   "{{.Identity.traits.name.first.letter}}",
		"too long":   `{{range until 100000}}{{.}}{{end}}`,
		"own error":  `{{fail .Identity.traits.name}}`,
		"bad number": `{{index .Identity.traits.name "x"}}`,
	} {
		c := composer(t, TemplateConfig{URLs: urls(t, map[string]string{"recovery_code.valid.email.subject": template})})
		var log strings.Builder
		c.Logger = slog.New(slog.NewTextHandler(&log, nil))
		m := composed(t, c, RecoveryCodeValid, Data{
			RecoveryCode: "123456", Identity: map[string]any{"traits": map[string]any{"name": "tulip\r\nBcc: b@x.org"}},
		})
		if !strings.HasPrefix(m.Subject, "Your code") {
			t.Errorf("%s: got the subject %q, want the built-in one", name, m.Subject)
		}
		if !strings.Contains(log.String(), "recovery_code.valid.email.subject") || strings.Contains(log.String(), "tulip") {
			t.Errorf("%s: got the log %s", name, &log)
		}
	}
}

func TestMessageCarriesWhatAProviderNeeds(t *testing.T) {
	c := composer(t, TemplateConfig{})
	if m := composed(t, c, RecoveryCodeValid, filled("en")); m.TemplateData != nil {
		t.Errorf("nobody asked for %s", m.TemplateData)
	}
	c.KeepData = true
	var got map[string]any
	if err := json.Unmarshal(composed(t, c, RecoveryCodeValid, filled("en")).TemplateData, &got); err != nil ||
		got["recovery_code"] != "123456" || got["to"] != "ann@example.org" || got["identity"] == nil {
		t.Errorf("got %v, %v", got, err)
	}
	huge := filled("en")
	huge.TransientPayload = map[string]any{"x": strings.Repeat("x", 1<<20)}
	if m := composed(t, c, RecoveryCodeValid, huge); len(m.TemplateData) > maxData {
		t.Errorf("got %d bytes of data", len(m.TemplateData))
	}
}
