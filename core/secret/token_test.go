package secret_test

import (
	"fmt"
	"regexp"
	"testing"

	"github.com/gatehouse-id/gatehouse/core/secret"
)

func TestTokenHasPrefixAndThirtyTwoCharacters(t *testing.T) {
	form := regexp.MustCompile(`^ory_st_[A-Za-z0-9]{32}$`)
	seen := map[string]bool{}
	for range 10_000 {
		token := secret.NewToken(secret.SessionPrefix)
		if !form.MatchString(token) || seen[token] {
			t.Fatalf("%q is malformed or was made twice", token)
		}
		seen[token] = true
	}
}

// Every character should come 1/62 of the time. The bound is over six standard deviations: a fair generator fails once in
// far more runs than there will be, one that takes remainders of bytes always.
func TestTokenCharactersAreUniform(t *testing.T) {
	const tokens = 20_000
	count := map[rune]int{}
	for range tokens {
		for _, c := range secret.NewToken("") {
			count[c]++
		}
	}
	if len(count) != 62 {
		t.Errorf("got %d different characters, want 62", len(count))
	}
	const mean = tokens * 32 / 62.0
	for c, n := range count {
		if diff := float64(n) - mean; diff*diff > 40*mean {
			t.Errorf("%q came %d times, want about %.0f", c, n, mean)
		}
	}
}

func TestTokenHashIsSHA256(t *testing.T) {
	got := fmt.Sprintf("%x", secret.TokenHash("abc"))
	if want := "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func BenchmarkTokenHash(b *testing.B) {
	token := secret.NewToken(secret.SessionPrefix)
	b.ReportAllocs()
	for b.Loop() {
		secret.TokenHash(token)
	}
}

func BenchmarkNewToken(b *testing.B) {
	for b.Loop() {
		secret.NewToken(secret.SessionPrefix)
	}
}

func TestOnlyWholeTokensAreTokens(t *testing.T) {
	token := secret.NewToken(secret.AccessPrefix)
	if !secret.IsToken(token, secret.AccessPrefix) {
		t.Errorf("%q is none", token)
	}
	for _, text := range []string{"", token[:39], token + "A", token[:39] + "-", token[:10] + " " + token[11:], "ory_st_" + token[8:]} {
		if secret.IsToken(text, secret.AccessPrefix) {
			t.Errorf("%q is one", text)
		}
	}
}
