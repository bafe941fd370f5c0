package main

import (
	"strings"
	"testing"
)

func TestDecide(t *testing.T) {
	for email, want := range map[string]bool{
		"ada@example.org":              true,
		"Ada@EXAMPLE.org":              true,
		"ada+tag@example.com":          true,
		"ada@mail.sub.example":         true, // *.sub.example
		"ada@a.b.sub.example":          true,
		"ada@bücher.example":           true,
		"ada@BÜCHER.example":           true,
		"ada@xn--bcher-kva.example":    false, // the other spelling has to be on the list too
		"ada@sub.example":              false,
		"ada@.sub.example":             false,
		"ada@evilsub.example":          false,
		"ada@evil/x.sub.example":       false,
		"ada@sub.example.org":          false,
		"ada@notexample.org":           false,
		"ada@example.org.":             false,
		"ada@example.org ":             false,
		"ada@example.org\x00.evil.com": false,
		"ada@example.org\xff":          false,
		// Two readings, so none.
		"ada@evil.test@example.org":   false,
		"ada@example.org@evil.test":   false,
		`"ada@evil.test"@example.org`: false,
		`"ada"@example.org`:           false,
		"ada(@evil.test)@example.org": false,
		"ada,bob@example.org":         false,
		"<ada@example.org":            false,
		"ada @example.org":            false,
		"ada\n@example.org":           false,
		"@example.org":                false,
		"example.org":                 false,
		"ada@":                        false,
		"":                            false,
		`["ada@example.org"]`:         false,
	} {
		got := decide(email, []string{"example.org", "example.com", "*.sub.example", "bücher.example"})
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
	got, err := parseDomains(` ["Example.org", "*.Example.com","xn--bcher-kva.example", "BÜCHER.example"] `)
	if err != nil || strings.Join(got, " ") != "example.org *.example.com xn--bcher-kva.example bücher.example" {
		t.Errorf("got %q, %v", got, err)
	}
	for _, list := range []string{
		``, `[]`, `"example.org"`, `{}`, `[1]`, `[""]`, `["a.org",]`, `["a.org" "b.org"]`, `["a\u002eorg"]`, `["a.org`, `[["a.org"]]`,
		`["."]`, `["a..org"]`, `[".a.org"]`, `["a.org."]`, `["*"]`, `["*."]`, `["**.a.org"]`, `["a.*"]`, `["a b.org"]`, `["a@b.org"]`,
		`["` + strings.Repeat("a", 901) + `"]`, "[\"a\xff.org\"]",
	} {
		if got, err := parseDomains(list); err == nil {
			t.Errorf("parseDomains(%s) = %q, want an error", list, got)
		}
	}
}
