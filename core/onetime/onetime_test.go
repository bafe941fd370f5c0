package onetime_test

import (
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-id/gatehouse/core/onetime"
	"github.com/gatehouse-id/gatehouse/core/secret"
)

func TestSecretsDiffer(t *testing.T) {
	tokens, codes := map[onetime.Token]bool{}, map[onetime.Code]bool{}
	for range 2000 {
		token, code := onetime.NewToken(), onetime.NewCode()
		if _, ok := onetime.ParseToken(string(token)); !ok || tokens[token] {
			t.Fatalf("the token %q is malformed or not new", token)
		}
		if c, ok := onetime.ParseCode(string(code)); !ok || c != code {
			t.Fatalf("the code %q is malformed", code)
		}
		tokens[token], codes[code] = true, true
	}
	if len(codes) < 1900 {
		t.Errorf("2000 codes are %d different ones", len(codes))
	}
}

func TestParseCodeTakesWhatPeopleType(t *testing.T) {
	for text, want := range map[string]string{
		"123456": "123456", " 123 456 ": "123456", "123-456": "123456", "000000": "000000",
		"12345": "", "1234567": "", "": "", "12345a": "", "１２３４５６": "", "+12345": "", strings.Repeat(" ", 100) + "123456": "",
	} {
		got, ok := onetime.ParseCode(text)
		if string(got) != want || ok != (want != "") {
			t.Errorf("%q: got %q %v, want %q", text, got, ok, want)
		}
	}
}

func pass() *onetime.Pass {
	return &onetime.Pass{
		FlowID: "f1", Purpose: onetime.Recovery, Method: "code", IdentityID: "i1", Via: "email", Address: "ada@example.org",
		Stamp: "s", ExpiresAt: time.Unix(1000, 0),
	}
}

// TestPassIsForOneThing: a hash that is copied to another flow, account, address or purpose opens nothing there.
func TestPassIsForOneThing(t *testing.T) {
	keys := secret.RandomKeys()
	p := pass()
	p.Seal(keys, "123456")
	if !p.Opens(keys, "123456") || p.Opens(keys, "123457") || p.Opens(keys, "") || p.Opens(secret.RandomKeys(), "123456") {
		t.Error("the pass doesn't open for its secret alone")
	}
	for name, change := range map[string]func(p *onetime.Pass){
		"flow":     func(p *onetime.Pass) { p.FlowID = "f2" },
		"purpose":  func(p *onetime.Pass) { p.Purpose = onetime.Verification },
		"method":   func(p *onetime.Pass) { p.Method = "link" },
		"identity": func(p *onetime.Pass) { p.IdentityID = "i2" },
		"address":  func(p *onetime.Pass) { p.Address = "eve@example.org" },
		"channel":  func(p *onetime.Pass) { p.Via = "sms" },
		"stamp":    func(p *onetime.Pass) { p.Stamp = "" },
	} {
		other := *p
		if change(&other); other.Opens(keys, "123456") {
			t.Errorf("it opens with another %s", name)
		}
	}
}

func TestPassExpiresAtItsEnd(t *testing.T) {
	p := pass()
	if p.Expired(p.ExpiresAt.Add(-1)) || !p.Expired(p.ExpiresAt) {
		t.Error("the pass doesn't end at its end")
	}
}

// FuzzParseToken: what is accepted has one spelling, and nothing near a token is one.
func FuzzParseToken(f *testing.F) {
	good := string(onetime.NewToken())
	for _, seed := range []string{good, good[:42], good + "=", good + "A", good[:41] + "\n" + good[42:], "", strings.Repeat("_", 43)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		token, ok := onetime.ParseToken(text)
		if !ok {
			return
		}
		if string(token) != text || len(text) != 43 || strings.Trim(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
			t.Fatalf("%q was read as %q", text, token)
		}
		if _, ok := onetime.ParseToken(text[:42] + "B"); ok && text[42] != 'B' {
			t.Fatalf("%q has two spellings", text)
		}
	})
}

// FuzzParseCode: what is accepted is six digits.
func FuzzParseCode(f *testing.F) {
	for _, seed := range []string{"123456", "12 34 56", "1234567", "12345\u00a06", "١٢٣٤٥٦"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if c, ok := onetime.ParseCode(text); ok && (len(c) != 6 || strings.Trim(string(c), "0123456789") != "") {
			t.Fatalf("%q was read as %q", text, c)
		}
	})
}
