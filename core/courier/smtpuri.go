package courier

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
)

// server is a mail server as courier.smtp.connection_uri names it.
type server struct {
	host           string // as dialled
	name           string // as its certificate has it
	port           int
	user, password string
	implicitTLS    bool
	clearText      bool // no STARTTLS
	skipVerify     bool
}

// parseServer reads smtp://user:password@host:port/?options. Errors never quote
// the URI: it holds a password.
func parseServer(uri string) (server, error) {
	u, err := url.Parse(uri)
	if err != nil {
		return server{}, errors.New("it is not a URI: percent-encode special characters of user and password")
	}
	s := server{host: u.Hostname(), name: u.Hostname(), implicitTLS: u.Scheme == "smtps"}
	switch {
	case u.Scheme != "smtp" && u.Scheme != "smtps":
		return server{}, errors.New("it must start with smtp:// or smtps://")
	case s.host == "" || !singleLine(s.host) || strings.ContainsAny(s.host, " <>"):
		return server{}, errors.New("it names no host: write smtp://user:password@mail.example.org:587/")
	case (u.Path != "" && u.Path != "/") || u.Fragment != "" || u.Opaque != "":
		return server{}, errors.New("it has a path or a fragment: percent-encode special characters of user and password")
	}
	if u.User != nil {
		s.user = u.User.Username()
		s.password, _ = u.User.Password()
		if !singleLine(s.user) || !singleLine(s.password) {
			return server{}, errors.New("user or password have control characters")
		}
	}
	if err := s.options(u.RawQuery); err != nil {
		return server{}, err
	}
	return s, s.choosePort(u.Port())
}

func (s *server) options(query string) error {
	values, err := url.ParseQuery(query)
	if err != nil {
		return errors.New("its options can't be read: write ?name=value")
	}
	for name, all := range values {
		value := all[len(all)-1]
		if name == "server_name" {
			s.name = value
			continue
		}
		on, err := strconv.ParseBool(value)
		if err != nil {
			return fmt.Errorf("the option %.32q must be true or false", name)
		}
		switch name {
		case "disable_starttls":
			s.clearText = on
		case "skip_ssl_verify":
			s.skipVerify = on
		case "legacy_ssl":
			s.implicitTLS = s.implicitTLS || on
		default:
			return fmt.Errorf("nobody knows the option %.32q: there are disable_starttls, skip_ssl_verify, legacy_ssl and server_name", name)
		}
	}
	return nil
}

// choosePort takes the usual ones where none is named: submission, submission
// over TLS, and relay for what is in clear text.
func (s *server) choosePort(text string) error {
	switch {
	case text != "":
		port, err := strconv.ParseUint(text, 10, 16)
		if err != nil || port == 0 {
			return errors.New("the port must be a number between 1 and 65535")
		}
		s.port = int(port)
	case s.implicitTLS:
		s.port = 465
	case s.clearText:
		s.port = 25
	default:
		s.port = 587
	}
	return nil
}

func (s *server) address() string { return net.JoinHostPort(s.host, strconv.Itoa(s.port)) }
