package main

import (
	"errors"
	"slices"
	"strings"
)

// Outputs. The message id is in the range that the contract leaves to plugins.
const (
	accepted = `{"action":"continue","identity_merge":{"metadata_public":{"plan":"trial"}}}`
	refused  = `{"action":"reject","messages":[{"instance_ptr":"#/traits/email","messages":[` +
		`{"id":4000001,"text":"TEXT","type":"error"}]}]}`
)

var errList = errors.New(`the config key "allow" has to be a list of domains, such as ["example.org"]`)

// decide is the whole policy: the domain behind the last @ is on the list, in any case of letters.
func decide(email string, domains []string) string {
	at := strings.LastIndexByte(email, '@')
	if at > 0 && slices.Contains(domains, strings.ToLower(email[at+1:])) {
		return accepted
	}
	return strings.Replace(refused, "TEXT", "Please use an e-mail address of "+either(domains)+".", 1)
}

// either writes a list as a sentence does.
func either(domains []string) string {
	last := len(domains) - 1
	if last == 0 {
		return domains[0]
	}
	return strings.Join(domains[:last], ", ") + " or " + domains[last]
}

// parseDomains reads a JSON array of plain domain names. Nothing in a domain name needs an escape, so a list with one
// is a mistake, and the names can stand in the output as they are.
func parseDomains(list string) ([]string, error) {
	list = strings.TrimSpace(list)
	inner, opened := strings.CutPrefix(list, "[")
	inner, closed := strings.CutSuffix(inner, "]")
	if !opened || !closed || len(list) > 4096 {
		return nil, errList
	}
	var domains []string
	for item := range strings.SplitSeq(inner, ",") {
		item = strings.TrimSpace(item)
		if len(item) < 3 || item[0] != '"' || item[len(item)-1] != '"' {
			return nil, errList
		}
		domain := strings.ToLower(item[1 : len(item)-1])
		if strings.ContainsFunc(domain, notInDomain) {
			return nil, errList
		}
		domains = append(domains, domain)
	}
	return domains, nil
}

func notInDomain(r rune) bool {
	letter := r >= 'a' && r <= 'z' || r >= '0' && r <= '9'
	return !letter && r != '.' && r != '-'
}
