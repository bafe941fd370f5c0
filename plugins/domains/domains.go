package main

import (
	"errors"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Outputs. The message id is in the range that the contract leaves to plugins.
const (
	accepted = `{"action":"continue","identity_merge":{"metadata_public":{"plan":"trial"}}}`
	refused  = `{"action":"reject","messages":[{"instance_ptr":"#/traits/email","messages":[` +
		`{"id":4000001,"text":"TEXT","type":"error"}]}]}`
)

var errList = errors.New(`the config key "allow" has to be a list of domains with at least one entry, such as ["example.org", "*.example.org"]`)

// decide is the whole policy: the domain of the address is on the list.
func decide(email string, domains []string) string {
	domain, ok := domainOf(email)
	for _, d := range domains {
		if ok && matches(d, domain) {
			return accepted
		}
	}
	return strings.Replace(refused, "TEXT", "Please use an e-mail address of "+either(domains)+".", 1)
}

// domainOf gives the domain of an address in lower case. Addresses that two mail systems could read differently have
// none: a second @, a quoted local part, a comment, a list. A wrong guess here is a way around the plugin.
func domainOf(email string) (string, bool) {
	local, domain, ok := strings.Cut(email, "@")
	if !ok || local == "" || domain == "" || !utf8.ValidString(email) || strings.ContainsFunc(local, ambiguous) {
		return "", false
	}
	return strings.ToLower(domain), true
}

func ambiguous(r rune) bool {
	return strings.ContainsRune(`"\(),:;<>[]@`, r) || unicode.IsSpace(r) || unicode.IsControl(r)
}

// matches compares a domain with an entry of the list; "*.example.org" is every domain below example.org, and not
// example.org itself.
func matches(entry, domain string) bool {
	parent, below := strings.CutPrefix(entry, "*")
	if !below {
		return domain == entry
	}
	sub, ok := strings.CutSuffix(domain, parent)
	return ok && sub != "" && isDomain(sub)
}

// either writes a list as a sentence does.
func either(domains []string) string {
	last := len(domains) - 1
	if last == 0 {
		return domains[0]
	}
	return strings.Join(domains[:last], ", ") + " or " + domains[last]
}

// parseDomains reads a JSON array of domain names. Nothing in a domain name needs an escape, so a list with one is a
// mistake, and the names can stand in the output as they are.
func parseDomains(list string) ([]string, error) {
	list = strings.TrimSpace(list)
	inner, opened := strings.CutPrefix(list, "[")
	inner, closed := strings.CutSuffix(inner, "]")
	if !opened || !closed {
		return nil, errList
	}
	var domains []string
	for item := range strings.SplitSeq(inner, ",") {
		item = strings.TrimSpace(item)
		if len(item) < 3 || item[0] != '"' || item[len(item)-1] != '"' {
			return nil, errList
		}
		domain := strings.ToLower(item[1 : len(item)-1])
		if !isDomain(strings.TrimPrefix(domain, "*.")) {
			return nil, errList
		}
		domains = append(domains, domain)
	}
	// The list is part of the message, which has 1024 bytes.
	if len(strings.Join(domains, ", ")) > 900 {
		return nil, errors.New(`the config key "allow" has too many domains for the message that names them`)
	}
	return domains, nil
}

// isDomain takes letters of all scripts, digits and hyphens between single dots.
func isDomain(name string) bool {
	for label := range strings.SplitSeq(name, ".") {
		if label == "" || strings.ContainsFunc(label, func(r rune) bool {
			return r != '-' && !unicode.IsLetter(r) && !unicode.IsMark(r) && !unicode.IsDigit(r)
		}) {
			return false
		}
	}
	return utf8.ValidString(name)
}
