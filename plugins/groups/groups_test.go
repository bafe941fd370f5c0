package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
)

func TestGroupsBecomeRoles(t *testing.T) {
	p, err := parsePolicy(`{"claim":"memberOf","roles":{"staff":"member","ops":"admin","sec":"admin"}}`)
	if err != nil {
		t.Fatal(err)
	}
	for claim, want := range map[string][]string{
		`["staff"]`:              {"member"},
		`["ops","guests","sec"]`: {"admin"},
		`["staff","ops"]`:        {"admin", "member"},
		`"staff"`:                {"member"}, // one group, as some providers send it
		`["Staff"]`:              nil,        // the names of groups are names, not words
		`[]`:                     nil,
		`"staff,ops"`:            nil,
		`["staff",7]`:            nil, // a list that can't be read names nobody
		`{"staff":true}`:         nil,
		`null`:                   nil,
	} {
		if got := p.rolesOf(json.RawMessage(claim)); !slices.Equal(got, want) {
			t.Errorf("%s: got %q, want %q", claim, got, want)
		}
		event := fmt.Sprintf(`{"provider":"acme","claims":{"sub":"1","raw_claims":{"memberOf":%s}}}`, claim)
		answer, err := p.decide([]byte(event))
		if err != nil || strings.HasPrefix(answer, `{"action":"continue"`) != (want != nil) {
			t.Errorf("%s: got %s, %v", claim, answer, err)
		}
	}
}

func TestClaimsOfOtherTypesAreAFailure(t *testing.T) {
	p, err := parsePolicy(`{"roles":{"staff":"member"}}`)
	if err != nil {
		t.Fatal(err)
	}
	for _, event := range []string{``, `[]`, `{"claims":[]}`, `{"claims":{"email":7,"raw_claims":{"groups":["staff"]}}}`} {
		if got, err := p.decide([]byte(event)); err == nil {
			t.Errorf("%s: got %s, want an error", event, got)
		}
	}
}

func TestPoliciesThatLetNobodyInAreAnError(t *testing.T) {
	for _, text := range []string{``, `[]`, `{}`, `{"roles":{}}`, `{"roles":{"":"member"}}`, `{"roles":{"staff":""}}`, `{"roles":["staff"]}`,
		`{"claim":"","roles":{"staff":"member"}}`, `{"rolls":{"staff":"member"}}`} {
		if p, err := parsePolicy(text); err == nil {
			t.Errorf("%s: got %+v, want an error", text, p)
		}
	}
}
