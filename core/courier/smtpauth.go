package courier

import (
	"errors"
	"slices"

	"github.com/wneessen/go-mail/smtp"
)

// login authenticates with the strongest mechanism that the server offers.
//
// PLAIN and LOGIN tell the password. Without TLS they are used only when the
// operator has written disable_starttls into the URI: a server that says nothing
// about TLS, or somebody between us and it, can't talk us into it.
type login struct {
	server server
	chosen smtp.Auth
}

var errNoMechanism = errors.New("the server offers no way to sign in that is known here")

// mechanisms are listed from the strongest to the weakest.
var mechanisms = []struct {
	name string
	make func(s server) smtp.Auth
}{
	{"SCRAM-SHA-256", func(s server) smtp.Auth { return smtp.ScramSHA256Auth(s.user, s.password) }},
	{"SCRAM-SHA-1", func(s server) smtp.Auth { return smtp.ScramSHA1Auth(s.user, s.password) }},
	{"PLAIN", func(s server) smtp.Auth { return smtp.PlainAuth("", s.user, s.password, s.host, s.mayTell()) }},
	{"LOGIN", func(s server) smtp.Auth { return smtp.LoginAuth(s.user, s.password, s.host, s.mayTell()) }},
	{"CRAM-MD5", func(s server) smtp.Auth { return smtp.CRAMMD5Auth(s.user, s.password) }},
}

// mayTell: on the way over implicit TLS the library doesn't see that there is TLS.
func (s server) mayTell() bool { return s.implicitTLS || s.clearText }

// Start implements smtp.Auth.
func (l *login) Start(info *smtp.ServerInfo) (string, []byte, error) {
	for _, m := range mechanisms {
		if slices.Contains(info.Auth, m.name) {
			l.chosen = m.make(l.server)
			return l.chosen.Start(info)
		}
	}
	return "", nil, errNoMechanism
}

// Next implements smtp.Auth.
func (l *login) Next(fromServer []byte, more bool) ([]byte, error) {
	if l.chosen == nil {
		return nil, errNoMechanism
	}
	return l.chosen.Next(fromServer, more)
}
