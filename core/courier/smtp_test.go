package courier

import (
	"context"
	"crypto/x509"
	"errors"
	"net"
	"net/mail"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"github.com/gatehouse-id/gatehouse/internal/mailtest"
)

// sender makes an SMTP sender to an address.
func sender(t testing.TB, uri string, roots *x509.CertPool) *SMTP {
	t.Helper()
	s, err := NewSMTP(SMTPConfig{
		ConnectionURI: uri, FromAddress: "no-reply@example.org", FromName: "Exämple, Inc.", LocalName: "gate.example.org",
		Headers: map[string]string{"x-own": "yes"}, RootCAs: roots, Step: time.Second, Timeout: 5 * time.Second,
	})
	if err != nil {
		t.Fatalf("making a sender: %v", err)
	}
	return s
}

func mailTo(to string) *Message {
	return &Message{
		ID: "01939f3e-0000-7000-8000-000000000001", Type: Email, Channel: ChannelEmail, Recipient: to,
		Subject: "Ihr Code für Ännchen", Body: "Code 123456\n.\nünd mehr", HTML: "<p>123456</p>", CreatedAt: time.Now(),
	}
}

func TestMailGoesOutOverEveryTransport(t *testing.T) {
	for name, c := range map[string]struct {
		options mailtest.Options
		scheme  string
		query   string
		secured bool
	}{
		"clear text":              {mailtest.Options{}, "smtp://", "?disable_starttls=true", false},
		"clear text, signed in":   {mailtest.Options{User: "u@x", Password: "p:/?"}, "smtp://u%40x:p%3A%2F%3F@", "?disable_starttls=true", false},
		"STARTTLS":                {mailtest.Options{STARTTLS: true}, "smtp://", "", true},
		"STARTTLS, signed in":     {mailtest.Options{STARTTLS: true, User: "u", Password: "p"}, "smtp://u:p@", "", true},
		"implicit TLS":            {mailtest.Options{ImplicitTLS: true}, "smtps://", "", true},
		"implicit TLS, signed in": {mailtest.Options{ImplicitTLS: true, User: "u", Password: "p"}, "smtps://u:p@", "?server_name=mail.test", true},
		"implicit TLS of old":     {mailtest.Options{ImplicitTLS: true}, "smtp://", "?legacy_ssl=true", true},
		"any certificate":         {mailtest.Options{STARTTLS: true}, "smtp://", "?skip_ssl_verify=true&server_name=other.test", true},
	} {
		t.Run(name, func(t *testing.T) {
			server := mailtest.New(t, c.options)
			if err := sender(t, c.scheme+server.Addr+"/"+c.query, server.Roots).Send(t.Context(), mailTo("ann@example.org")); err != nil {
				t.Fatalf("sending: %v", err)
			}
			all := server.Mails()
			if len(all) != 1 || all[0].TLS != c.secured || len(all[0].To) != 1 || all[0].To[0] != "ann@example.org" {
				t.Fatalf("got %+v, want one mail to Ann, TLS %v", all, c.secured)
			}
		})
	}
}

func TestMailSaysWhatItShould(t *testing.T) {
	server := mailtest.New(t, mailtest.Options{})
	s := sender(t, "smtp://"+server.Addr+"/?disable_starttls=true", nil)
	for range 2 { // as after a crash
		if err := s.Send(t.Context(), mailTo("ann@example.org")); err != nil {
			t.Fatalf("sending: %v", err)
		}
	}
	all := server.Mails()
	got := all[0]
	for name, want := range map[string]string{
		"From": `Exämple, Inc.`, "To": "<ann@example.org>", "Subject": "Ihr Code für Ännchen", "X-Own": "yes",
		"Auto-Submitted": "auto-generated", "Message-Id": "<01939f3e-0000-7000-8000-000000000001@example.org>",
	} {
		if have := got.Header(name); !strings.Contains(have, want) {
			t.Errorf("%s: got %q, want %q", name, have, want)
		}
	}
	parts := got.Parts()
	if text := strings.ReplaceAll(parts["text/plain"], "\r\n", "\n"); text != "Code 123456\n.\nünd mehr" || parts["text/html"] != "<p>123456</p>" {
		t.Errorf("got parts %q", parts)
	}
	if all[1].Header("Message-Id") != got.Header("Message-Id") || all[1].Header("Date") != got.Header("Date") {
		t.Error("the second copy can't be recognised as one")
	}
	if got.From != "no-reply@example.org" || strings.Contains(strings.ToLower(got.Raw), "go-mail") {
		t.Errorf("the mail tells too much, or comes from %q", got.From)
	}
}

// TestTLSIsNotTalkedAway: a server without STARTTLS, or somebody who hides it, gets nothing.
func TestTLSIsNotTalkedAway(t *testing.T) {
	plain := mailtest.New(t, mailtest.Options{})
	secured := mailtest.New(t, mailtest.Options{STARTTLS: true, User: "u", Password: "p"})
	for name, s := range map[string]*SMTP{
		"no STARTTLS":         sender(t, "smtp://u:tulip-9431@"+plain.Addr+"/", plain.Roots),
		"unknown certificate": sender(t, "smtp://u:tulip-9431@"+secured.Addr+"/", x509.NewCertPool()),
		"another's name":      sender(t, "smtp://u:tulip-9431@"+secured.Addr+"/?server_name=bank.test", secured.Roots),
		"no TLS at all":       sender(t, "smtps://u:tulip-9431@"+plain.Addr+"/", plain.Roots),
		"wrong password":      sender(t, "smtp://u:tulip-9431@"+secured.Addr+"/", secured.Roots),
	} {
		err := s.Send(t.Context(), mailTo("ann@example.org"))
		if err == nil || permanent(err) || strings.Contains(err.Error(), "tulip") {
			t.Errorf("%s: got %v, want an error that passes and tells no password", name, err)
		}
	}
	if n := len(plain.Mails()) + len(secured.Mails()); n > 0 {
		t.Errorf("%d mails arrived", n)
	}
}

func TestRefusals(t *testing.T) {
	answer := func(code int) error {
		return &smtp.SMTPError{Code: code, EnhancedCode: smtp.EnhancedCode{code / 100, 1, 1}, Message: "no ann@example.org here"}
	}
	for name, c := range map[string]struct {
		options mailtest.Options
		code    int
		final   bool
	}{
		"nobody there":  {mailtest.Options{Rcpt: func(string) error { return answer(550) }}, 550, true},
		"mailbox full":  {mailtest.Options{Rcpt: func(string) error { return answer(452) }}, 452, false},
		"spam":          {mailtest.Options{Data: func(string, []byte) error { return answer(554) }}, 554, true},
		"try later":     {mailtest.Options{Data: func(string, []byte) error { return answer(451) }}, 451, false},
		"sign in first": {mailtest.Options{User: "u", Password: "p"}, 502, false},
	} {
		server := mailtest.New(t, c.options)
		err := sender(t, "smtp://"+server.Addr+"/?disable_starttls=true", nil).Send(t.Context(), mailTo("ann@example.org"))
		d, ok := errors.AsType[*DeliveryError](err)
		if !ok || d.Code != c.code || d.Permanent != c.final {
			t.Errorf("%s: got %v, want code %d, permanent %v", name, err, c.code, c.final)
			continue
		}
		if strings.Contains(d.Phase, "@") || d.Phase == "" {
			t.Errorf("%s: the phase %q is not for a log", name, d.Phase)
		}
	}
}

// script is a server that says and does what it is told.
func script(t *testing.T, talk func(c net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			t.Cleanup(func() { c.Close() })
			go talk(c)
		}
	}()
	return l.Addr().String()
}

// hear answers each line with the next reply, then closes or stays silent.
func hear(c net.Conn, stay bool, replies ...string) {
	buf := make([]byte, 4096)
	for _, r := range replies {
		if _, err := c.Write([]byte(r + "\r\n")); err != nil {
			return
		}
		if _, err := c.Read(buf); err != nil {
			return
		}
	}
	if !stay {
		c.Close()
	}
}

// TestServersThatMisbehave: each ends within the time-outs, and is tried again.
func TestServersThatMisbehave(t *testing.T) {
	for name, talk := range map[string]func(c net.Conn){
		"no greeting":           func(net.Conn) {},
		"closes at once":        func(c net.Conn) { c.Close() },
		"busy":                  func(c net.Conn) { hear(c, false, "421 too busy") },
		"hangs after EHLO":      func(c net.Conn) { hear(c, true, "220 hi") },
		"hangs after DATA":      func(c net.Conn) { hear(c, true, "220 hi", "250 hi", "250 ok", "250 ok", "354 go") },
		"closes in mid-message": func(c net.Conn) { hear(c, false, "220 hi", "250 hi", "250 ok", "250 ok", "354 go") },
		"babbles":               func(c net.Conn) { _, _ = c.Write([]byte(strings.Repeat("x", 1<<20))) },
		"drips":                 drip,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := sender(t, "smtp://"+script(t, talk)+"/?disable_starttls=true", nil)
			s.config.Step, s.config.Timeout = 200*time.Millisecond, time.Second
			began := time.Now()
			err := s.Send(t.Context(), mailTo("ann@example.org"))
			if err == nil || permanent(err) {
				t.Errorf("got %v, want an error that passes", err)
			}
			if took := time.Since(began); took > 10*time.Second {
				t.Errorf("it took %v", took)
			}
		})
	}
}

// drip sends a greeting that never ends, one byte at a time.
func drip(c net.Conn) {
	for {
		if _, err := c.Write([]byte("2")); err != nil {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// TestSlowGreetingIsWaitedFor: tarpits make the hasty go away.
func TestSlowGreetingIsWaitedFor(t *testing.T) {
	addr := script(t, func(c net.Conn) {
		time.Sleep(300 * time.Millisecond)
		hear(c, true, "220 hi", "250 hi", "250 ok", "250 ok", "354 go", "250 taken", "221 bye")
	})
	if err := sender(t, "smtp://"+addr+"/?disable_starttls=true", nil).Send(t.Context(), mailTo("ann@example.org")); err != nil {
		t.Errorf("got %v, want the mail sent", err)
	}
}

func TestSendingStopsWithItsContext(t *testing.T) {
	s := sender(t, "smtp://"+script(t, func(net.Conn) {})+"/?disable_starttls=true", nil)
	s.config.Step, s.config.Timeout = time.Minute, time.Minute
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	began := time.Now()
	if err := s.Send(ctx, mailTo("ann@example.org")); err == nil || time.Since(began) > 10*time.Second {
		t.Errorf("got %v after %v, want an error at once", err, time.Since(began))
	}
}

func TestSenderConfigurationIsChecked(t *testing.T) {
	good := SMTPConfig{ConnectionURI: "smtp://mail.example.org", FromAddress: "a@example.org"}
	for want, spoil := range map[string]func(c *SMTPConfig){
		"connection_uri": func(c *SMTPConfig) { c.ConnectionURI = "http://mail.example.org" },
		"from_address":   func(c *SMTPConfig) { c.FromAddress = "a@example.org\r\nBcc: b@example.org" },
		"from_name":      func(c *SMTPConfig) { c.FromName = "A\r\nBcc: b@example.org" },
		"local_name":     func(c *SMTPConfig) { c.LocalName = "a\r\nMAIL FROM:<x>" },
		"headers":        func(c *SMTPConfig) { c.Headers = map[string]string{"X-A": "1\nBcc: b@example.org"} },
		"headers: \"b":   func(c *SMTPConfig) { c.Headers = map[string]string{"bcc": "b@example.org"} },
		"headers: \"X":   func(c *SMTPConfig) { c.Headers = map[string]string{"X: 1\r\nBcc": "b@example.org"} },
		"client_cert":    func(c *SMTPConfig) { c.ClientCertPath = "/nowhere" },
	} {
		c := good
		spoil(&c)
		if _, err := NewSMTP(c); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("got %v, want an error about %s", err, want)
		}
	}
}

func TestConnectionURIs(t *testing.T) {
	for uri, want := range map[string]server{
		"smtp://mail.example.org":                       {host: "mail.example.org", name: "mail.example.org", port: 587},
		"smtps://mail.example.org/":                     {host: "mail.example.org", name: "mail.example.org", port: 465, implicitTLS: true},
		"smtp://m:25/?disable_starttls=1":               {host: "m", name: "m", port: 25, clearText: true},
		"smtp://m/?disable_starttls=true":               {host: "m", name: "m", port: 25, clearText: true},
		"smtp://a%40b:c%2Fd@[::1]:2525/":                {host: "::1", name: "::1", port: 2525, user: "a@b", password: "c/d"},
		"smtps://m/?skip_ssl_verify=true&server_name=n": {host: "m", name: "n", port: 465, implicitTLS: true, skipVerify: true},
	} {
		if got, err := parseServer(uri); err != nil || got != want {
			t.Errorf("%s: got %+v, %v, want %+v", uri, got, err, want)
		}
	}
	for _, uri := range []string{
		"", "mail.example.org", "smtp://", "smtp://:25", "smtp://tulip:tulip/@m", "smtp://m/tulip", "smtp://m#tulip", "smtp://m:0",
		"smtp://m:tulip", "smtp://m:99999", "smtp://m?tulip=true", "smtp://m?disable_starttls=tulip", "smtp://a%0d%0aRSET:tulip@m",
	} {
		if got, err := parseServer(uri); err == nil || (strings.Contains(err.Error(), "tulip") && !strings.Contains(uri, "?tulip")) {
			t.Errorf("%s: got %+v, %v, want an error that quotes nothing", uri, got, err)
		}
	}
}

// FuzzConnectionURI: what is taken can be dialled and put into commands.
func FuzzConnectionURI(f *testing.F) {
	for _, seed := range []string{
		"smtp://u:p@m:25/?disable_starttls=true", "smtps://[::1]:465", "smtp://a%0d%0a@m", "smtp://m?server_name=x&skip_ssl_verify=1",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, uri string) {
		s, err := parseServer(uri)
		if err != nil {
			return
		}
		if s.port < 1 || s.port > 65535 || s.host == "" || !singleLine(s.user) || !singleLine(s.password) || !singleLine(s.host) {
			t.Errorf("%q was taken as %+v", uri, s)
		}
		if _, _, err := net.SplitHostPort(s.address()); err != nil {
			t.Errorf("%q: %q can't be dialled: %v", uri, s.address(), err)
		}
	})
}

// written are the headers of our mails.
var written = regexp.MustCompile(`^(From|To|Subject|Date|Message-Id|Mime-Version|Content-[A-Za-z-]+|Auto-Submitted|X-Own)$`)

// FuzzMail: whatever a record holds, the mail has the headers we write, each once, and goes to one person.
func FuzzMail(f *testing.F) {
	f.Add("ann@example.org", "Hello", "text", "<p>html</p>")
	f.Add("a@x.org\r\nBcc: b@x.org", "A\r\nBcc: b@x.org", "\r\n.\r\nMAIL FROM:<x>", "\r\n\r\n--b\r\n")
	f.Add("a@x.org", strings.Repeat("ä ", 200)+"=?utf-8?q?=0d=0aBcc:_b=40x.org?=", "From x", "")
	f.Add("a@x.org\u2028Bcc:b@x.org", "\u0085Bcc: b@x.org", ".", ".")
	s := sender(f, "smtp://127.0.0.1/", nil)
	f.Fuzz(func(t *testing.T, to, subject, text, html string) {
		m := mailTo(to)
		m.Subject, m.Body, m.HTML = subject, text, html
		msg, err := s.mail(m)
		if err != nil {
			return
		}
		var raw strings.Builder
		if _, err := msg.WriteTo(&raw); err != nil {
			t.Fatalf("writing: %v", err)
		}
		got, err := mail.ReadMessage(strings.NewReader(raw.String()))
		if err != nil {
			t.Fatalf("reading %q: %v", raw.String(), err)
		}
		for name, values := range got.Header {
			if !written.MatchString(name) || len(values) != 1 {
				t.Errorf("the mail has %q: %q", name, values)
			}
		}
		if rcpt, err := msg.GetRecipients(); err != nil || len(rcpt) != 1 || rcpt[0] != "<"+to+">" {
			t.Errorf("the mail goes to %q, %v, want %q", rcpt, err, to)
		}
	})
}
