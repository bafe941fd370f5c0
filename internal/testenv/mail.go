package testenv

import (
	"regexp"
	"slices"

	"github.com/gatehouse-id/gatehouse/core/courier"
)

// Mails are the messages to an address, oldest first. They wait in the outbox: a gateway in development with no mail
// server keeps them.
func (e *Env) Mails(to string) []*courier.Message {
	e.T.Helper()
	all, err := e.Gateway.Store.Messages(e.T.Context(), courier.Filter{Recipient: to, Limit: 1000})
	if err != nil {
		e.T.Fatalf("listing the mails to %s: %v", to, err)
	}
	slices.Reverse(all)
	return all
}

// Mail is the newest message to an address; the test stops when there is none.
func (e *Env) Mail(to string) *courier.Message {
	e.T.Helper()
	all := e.Mails(to)
	if len(all) == 0 {
		e.T.Fatalf("no mail went to %s", to)
	}
	return all[len(all)-1]
}

var (
	mailedCode = regexp.MustCompile(`\b\d{6}\b`)
	mailedLink = regexp.MustCompile(`http\S+token=\S+`)
)

// MailedCode is the code in the newest message to an address; "" when it has none.
func (e *Env) MailedCode(to string) string { return mailedCode.FindString(e.Mail(to).Body) }

// MailedLink is the link in the newest message to an address; "" when it has none.
func (e *Env) MailedLink(to string) string { return mailedLink.FindString(e.Mail(to).Body) }
