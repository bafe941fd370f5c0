package main

import (
	"strings"
	"testing"
)

func TestDecideComparesTheLastDomainExactly(t *testing.T) {
	for email, want := range map[string]bool{
		"ada@example.org":              true,
		"Ada@EXAMPLE.org":              true,
		"ada@example.com":              true,
		"ada@evil.test@example.org":    true, // the last @ separates the domain
		`"ada@evil.test"@example.org`:  true,
		"ada@example.org@evil.test":    false,
		"ada@sub.example.org":          false,
		"ada@notexample.org":           false,
		"ada@example.org.":             false,
		"ada@example.org ":             false,
		"ada@example.org\x00.evil.com": false,
		"@example.org":                 false,
		"example.org":                  false,
		"ada@":                         false,
		"":                             false,
		`["ada@example.org"]`:          false,
	} {
		got := decide(email, []string{"example.org", "example.com"})
		if strings.HasPrefix(got, `{"action":"continue"`) != want {
			t.Errorf("decide(%q) = %s, want allowed: %v", email, got, want)
		}
	}
}

func TestRefusalNamesTheDomains(t *testing.T) {
	for list, want := range map[string]string{
		"a.org":             "of a.org.",
		"a.org b.org":       "of a.org or b.org.",
		"a.org b.org c.org": "of a.org, b.org or c.org.",
	} {
		got := decide("", strings.Fields(list))
		if !strings.Contains(got, want) {
			t.Errorf("decide with %q = %s, want %q in it", list, got, want)
		}
	}
}

func TestParseDomains(t *testing.T) {
	got, err := parseDomains(` ["Example.org", "xn--bcher-kva.example"] `)
	if err != nil || strings.Join(got, " ") != "example.org xn--bcher-kva.example" {
		t.Errorf("got %q, %v", got, err)
	}
	for _, list := range []string{
		``, `[]`, `"example.org"`, `{}`, `[1]`, `[""]`, `["a.org",]`, `["a.org" "b.org"]`, `["a\u002eorg"]`, `["a.org`, `[["a.org"]]`,
	} {
		if got, err := parseDomains(list); err == nil {
			t.Errorf("parseDomains(%s) = %q, want an error", list, got)
		}
	}
}
