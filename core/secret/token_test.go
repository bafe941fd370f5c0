package secret_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"regexp"
	"strings"
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

func TestMaskedShowsNothing(t *testing.T) {
	const value = "hunter2hunter2"
	m := secret.Masked(value)
	inside := struct {
		Password secret.Masked `json:"password"`
		List     []secret.Masked
		Map      map[string]secret.Masked
	}{m, []secret.Masked{m}, map[string]secret.Masked{"x": m}}

	var shown []string
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d"} {
		shown = append(shown, fmt.Sprintf(verb, m), fmt.Sprintf(verb, inside))
	}
	encoded, err := json.Marshal(inside)
	if err != nil {
		t.Fatal(err)
	}
	var log strings.Builder
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "m", m, "inside", inside)
	shown = append(shown, string(encoded), log.String(), m.String(), fmt.Sprint(m, &m))

	for _, s := range shown {
		if strings.Contains(s, "hunter") || strings.Contains(strings.ToLower(s), fmt.Sprintf("%x", "hunter")) {
			t.Errorf("%s shows the secret", s)
		}
	}
	if m.Reveal() != value {
		t.Error("Reveal does not give the value")
	}
}

func TestMaskedIsDecodedLikeAString(t *testing.T) {
	var m secret.Masked
	if err := json.Unmarshal([]byte(`"value"`), &m); err != nil || m.Reveal() != "value" {
		t.Errorf("got %q, %v", m.Reveal(), err)
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
