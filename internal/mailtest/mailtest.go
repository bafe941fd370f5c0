// Package mailtest is a real SMTP server for tests: it keeps what it gets, with or without TLS and passwords.
package mailtest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io"
	"math/big"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net"
	"net/mail"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

// Options say what the server demands. The zero value takes everything in clear text.
type Options struct {
	STARTTLS, ImplicitTLS bool
	// User and Password must be given before the first mail, unless empty.
	User, Password string
	// Rcpt and Data may refuse; a *smtp.SMTPError is answered as it stands.
	Rcpt func(to string) error
	Data func(to string, raw []byte) error
	// Kept is called when a mail has arrived, before its client is told so.
	Kept func(m Mail)
}

// Mail is one delivered mail.
type Mail struct {
	Client string // what the client calls itself
	From   string
	To     []string
	Raw    string
	TLS    bool
}

// Server is a running server.
type Server struct {
	Addr string
	// Roots trust its certificate, which is for 127.0.0.1 and mail.test.
	Roots *x509.CertPool
	// Certificate is the same as PEM, for other processes.
	Certificate []byte

	options Options
	mu      sync.Mutex
	mails   []Mail // guarded by mu
}

// New starts a server on loopback that ends with the test.
func New(tb testing.TB, o Options) *Server {
	tb.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	s := &Server{Addr: l.Addr().String(), options: o}
	server := smtp.NewServer(s)
	server.Domain, server.AllowInsecureAuth, server.EnableSMTPUTF8 = "mail.test", true, true
	server.ErrorLog = quiet{}
	config := s.certificate(tb)
	switch {
	case o.ImplicitTLS:
		l = tls.NewListener(l, config)
	case o.STARTTLS:
		server.TLSConfig = config
	}
	done := make(chan struct{})
	go func() { defer close(done); _ = server.Serve(l) }()
	tb.Cleanup(func() { _ = server.Close(); <-done })
	return s
}

// quiet is for connections that tests break.
type quiet struct{}

func (quiet) Printf(string, ...any) {}
func (quiet) Println(...any)        {}

// Mails are those delivered so far.
func (s *Server) Mails() []Mail {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Mail(nil), s.mails...)
}

// Wait returns the mails when there are n, and fails the test when that takes too long.
func (s *Server) Wait(tb testing.TB, n int) []Mail {
	tb.Helper()
	for start := time.Now(); time.Since(start) < 30*time.Second; time.Sleep(5 * time.Millisecond) {
		if all := s.Mails(); len(all) >= n {
			return all
		}
	}
	tb.Fatalf("got %d mails, want %d", len(s.Mails()), n)
	return nil
}

// Header reads the header of a mail, decoded.
func (m Mail) Header(name string) string {
	msg, err := mail.ReadMessage(strings.NewReader(m.Raw))
	if err != nil {
		return ""
	}
	value, err := new(mime.WordDecoder).DecodeHeader(msg.Header.Get(name))
	if err != nil {
		return ""
	}
	return value
}

// Parts are the texts of a mail by content type, "text/plain" and "text/html".
func (m Mail) Parts() map[string]string {
	out := map[string]string{}
	msg, err := mail.ReadMessage(strings.NewReader(m.Raw))
	if err != nil {
		return out
	}
	kind, params, err := mime.ParseMediaType(msg.Header.Get("Content-Type"))
	if err != nil || !strings.HasPrefix(kind, "multipart/") {
		return out
	}
	for r := multipart.NewReader(msg.Body, params["boundary"]); ; {
		p, err := r.NextRawPart()
		if err != nil {
			return out
		}
		text, _ := io.ReadAll(quotedprintable.NewReader(p))
		kind, _, _ := mime.ParseMediaType(p.Header.Get("Content-Type"))
		out[kind] = string(text)
	}
}

// NewSession implements smtp.Backend.
func (s *Server) NewSession(c *smtp.Conn) (smtp.Session, error) {
	return &session{server: s, conn: c, known: s.options.User == ""}, nil
}

type session struct {
	server *Server
	conn   *smtp.Conn
	known  bool
	mail   Mail
}

func (s *session) AuthMechanisms() []string { return []string{sasl.Plain} }

func (s *session) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		if user != s.server.options.User || password != s.server.options.Password {
			return errors.New("wrong password")
		}
		s.known = true
		return nil
	}), nil
}

func (s *session) Mail(from string, _ *smtp.MailOptions) error {
	if !s.known {
		return smtp.ErrAuthRequired
	}
	s.mail = Mail{From: from}
	return nil
}

func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	if s.server.options.Rcpt != nil {
		if err := s.server.options.Rcpt(to); err != nil {
			return err
		}
	}
	s.mail.To = append(s.mail.To, to)
	return nil
}

func (s *session) Data(r io.Reader) error {
	raw, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	if s.server.options.Data != nil {
		if err := s.server.options.Data(s.mail.To[0], raw); err != nil {
			return err
		}
	}
	_, s.mail.TLS = s.conn.TLSConnectionState()
	s.mail.Client, s.mail.Raw = s.conn.Hostname(), string(raw)
	s.server.keep(s.mail)
	if s.server.options.Kept != nil {
		s.server.options.Kept(s.mail)
	}
	return nil
}

func (s *Server) keep(m Mail) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mails = append(s.mails, m)
}

func (s *session) Reset()        { s.mail = Mail{} }
func (s *session) Logout() error { return nil }

// certificate makes one that signs itself.
func (s *Server) certificate(tb testing.TB) *tls.Config {
	tb.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "mail.test"}, DNSNames: []string{"mail.test"},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		tb.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		tb.Fatal(err)
	}
	s.Roots = x509.NewCertPool()
	s.Roots.AddCert(leaf)
	s.Certificate = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}, MinVersion: tls.VersionTLS12}
}
