package courier

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	stdmail "net/mail"
	"net/textproto"
	"regexp"
	"strings"
	"time"

	"github.com/wneessen/go-mail"
)

// SMTPConfig is a mail server and what mails say of their sender.
type SMTPConfig struct {
	// ConnectionURI is smtp://user:password@host:port/ with STARTTLS, which
	// ?disable_starttls=true switches off, or smtps:// with TLS from the start.
	// ?skip_ssl_verify=true accepts any certificate, ?server_name=… expects another name in it.
	ConnectionURI string
	FromAddress   string
	FromName      string
	// LocalName is what this host calls itself; by default its own name.
	LocalName      string
	ClientCertPath string
	ClientKeyPath  string
	Headers        map[string]string
	// RootCAs verify the server; nil = those of the system.
	RootCAs *x509.CertPool
	// Step bounds each wait for the server, Timeout a delivery as a whole. 0 means 20 s and 1 min.
	Step, Timeout time.Duration
}

// SMTP sends mails. It makes a connection for each: a mail server that closes
// idle ones can't make a delivery fail.
type SMTP struct {
	config SMTPConfig
	server server
	tls    *tls.Config
}

const dialTimeout = 10 * time.Second

// ownHeaders are written here and nowhere else.
var ownHeaders = regexp.MustCompile(`(?i)^(from|to|cc|bcc|subject|date|message-id|mime-version|content-.*)$`)

var headerName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9-]{0,75}$`)

// NewSMTP checks a configuration; the error names the key below courier.smtp.
func NewSMTP(c SMTPConfig) (*SMTP, error) {
	s, err := parseServer(c.ConnectionURI)
	if err != nil {
		return nil, fmt.Errorf("connection_uri: %w", err)
	}
	switch {
	case !bareAddress(c.FromAddress):
		return nil, fmt.Errorf("from_address: %.64q is not an e-mail address", c.FromAddress)
	case !singleLine(c.FromName):
		return nil, errors.New("from_name: it must be one line")
	case !singleLine(c.LocalName) || strings.ContainsRune(c.LocalName, ' '):
		return nil, errors.New("local_name: it must be a host name")
	}
	for name, value := range c.Headers {
		if !headerName.MatchString(name) || ownHeaders.MatchString(name) || !singleLine(value) {
			return nil, fmt.Errorf("headers: %.64q can't be set: names have letters, digits and dashes, values are one line, and "+
				"headers that every mail has are not set here", name)
		}
	}
	c.Step, c.Timeout = cmp.Or(c.Step, 20*time.Second), cmp.Or(c.Timeout, time.Minute)
	out := &SMTP{config: c, server: s}
	out.tls = &tls.Config{
		ServerName: s.name, RootCAs: c.RootCAs, MinVersion: tls.VersionTLS12,
		InsecureSkipVerify: s.skipVerify, //nolint:gosec // the operator has written skip_ssl_verify=true
	}
	if c.ClientCertPath != "" || c.ClientKeyPath != "" {
		pair, err := tls.LoadX509KeyPair(c.ClientCertPath, c.ClientKeyPath)
		if err != nil {
			return nil, fmt.Errorf("client_cert_path and client_key_path: %w", err)
		}
		out.tls.Certificates = []tls.Certificate{pair}
	}
	return out, nil
}

// Send implements Sender.
func (s *SMTP) Send(ctx context.Context, m *Message) error {
	msg, err := s.mail(m)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, s.config.Timeout)
	defer cancel()
	client, err := s.client(ctx)
	if err != nil {
		return &DeliveryError{Phase: "configure", Err: err}
	}
	conn, err := client.DialToSMTPClientWithContext(ctx)
	if err != nil {
		return failed("connect", err)
	}
	err = client.SendWithSMTPClient(conn, msg)
	// Told goodbye or not: what counts is the answer to the last byte of the message.
	_ = client.CloseWithSMTPClient(conn)
	if err == nil || msg.IsDelivered() {
		return nil
	}
	return failed("send", err)
}

// client makes the client of one delivery, whose connection ends with ctx.
func (s *SMTP) client(ctx context.Context) (*mail.Client, error) {
	policy := mail.TLSMandatory
	if s.server.clearText || s.server.implicitTLS { // dial makes the latter
		policy = mail.NoTLS
	}
	o := []mail.Option{
		mail.WithPort(s.server.port), mail.WithTLSPolicy(policy), mail.WithTLSConfig(s.tls), mail.WithTimeout(s.config.Timeout),
		mail.WithDialContextFunc(func(dialling context.Context, network, _ string) (net.Conn, error) {
			conn, err := s.dial(dialling, network)
			if err == nil {
				context.AfterFunc(ctx, func() { _ = conn.Close() })
			}
			return conn, err
		}),
		mail.WithoutNoop(), mail.WithoutRset(),
	}
	if s.config.LocalName != "" {
		o = append(o, mail.WithHELO(s.config.LocalName))
	}
	if s.server.user != "" {
		o = append(o, mail.WithSMTPAuthCustom(&login{server: s.server}))
	}
	return mail.NewClient(s.server.host, o...)
}

func (s *SMTP) dial(ctx context.Context, network string) (net.Conn, error) {
	raw, err := (&net.Dialer{Timeout: dialTimeout}).DialContext(ctx, network, s.server.address())
	if err != nil {
		return nil, err
	}
	conn := net.Conn(&steppedConn{Conn: raw, step: s.config.Step, end: time.Now().Add(s.config.Timeout)})
	if !s.server.implicitTLS {
		return conn, nil
	}
	secured := tls.Client(conn, s.tls)
	if err := secured.HandshakeContext(ctx); err != nil {
		_ = raw.Close()
		return nil, err
	}
	return secured, nil
}

// steppedConn bounds each read and write, and all of them together. The library
// sets one deadline for the whole conversation, which a server that hangs early uses up.
type steppedConn struct {
	net.Conn
	step time.Duration
	end  time.Time
}

func (c *steppedConn) next() time.Time {
	if step := time.Now().Add(c.step); step.Before(c.end) {
		return step
	}
	return c.end
}

func (c *steppedConn) Read(p []byte) (int, error) {
	if err := c.Conn.SetReadDeadline(c.next()); err != nil {
		return 0, err
	}
	return c.Conn.Read(p)
}

func (c *steppedConn) Write(p []byte) (int, error) {
	if err := c.Conn.SetWriteDeadline(c.next()); err != nil {
		return 0, err
	}
	return c.Conn.Write(p)
}

// SetDeadline and its kin leave the deadlines to Read and Write.
func (*steppedConn) SetDeadline(time.Time) error      { return nil }
func (*steppedConn) SetReadDeadline(time.Time) error  { return nil }
func (*steppedConn) SetWriteDeadline(time.Time) error { return nil }

// mail is the message as MIME.
func (s *SMTP) mail(m *Message) (*mail.Msg, error) {
	// Checked when it was composed, and again here: a record may come from elsewhere.
	if checkRecipient(ChannelEmail, m.Recipient) != nil || !singleLine(m.Subject) {
		return nil, &DeliveryError{Phase: "compose", Permanent: true, Err: ErrRecipient}
	}
	msg := mail.NewMsg(mail.WithNoDefaultUserAgent())
	msg.FromMailAddress(&stdmail.Address{Name: s.config.FromName, Address: s.config.FromAddress})
	msg.ToMailAddress(&stdmail.Address{Address: m.Recipient})
	msg.Subject(m.Subject)
	// The same for every attempt: whoever gets a message twice can tell.
	_, domain, _ := strings.Cut(s.config.FromAddress, "@")
	msg.SetMessageIDWithValue(m.ID + "@" + domain)
	msg.SetDateWithValue(m.CreatedAt)
	msg.SetGenHeader("Auto-Submitted", "auto-generated") // RFC 3834: no holiday notes, please
	for name, value := range s.config.Headers {
		msg.SetGenHeader(mail.Header(textproto.CanonicalMIMEHeaderKey(name)), value)
	}
	msg.SetBodyString(mail.TypeTextPlain, m.Body)
	if m.HTML != "" {
		msg.AddAlternativeString(mail.TypeTextHTML, m.HTML)
	}
	return msg, nil
}

// failed sorts an error of the library.
func failed(phase string, err error) error {
	d := &DeliveryError{Phase: phase, Err: err}
	if reply, ok := errors.AsType[*textproto.Error](err); ok {
		d.Code = reply.Code
	}
	send, ok := errors.AsType[*mail.SendError](err)
	if !ok {
		return d
	}
	d.Code, d.Phase = cmp.Or(d.Code, send.ErrorCode()), send.Reason.String()
	// A refusal of this person or of this text is final. One of the sender or of the sign-in is a mistake of the
	// configuration, which somebody will correct.
	about := send.Reason == mail.ErrSMTPRcptTo || send.Reason == mail.ErrSMTPDataClose
	d.Permanent = about && d.Code >= 500 && d.Code < 600
	return d
}
