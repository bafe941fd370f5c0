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
	m := secret.Mask(value)
	type holder struct {
		Password secret.Masked `json:"password"`
		hidden   secret.Masked // out of reach for the methods that fmt calls
		List     []secret.Masked
		Map      map[string]secret.Masked
		Any      any
	}
	inside := holder{m, m, []secret.Masked{m}, map[string]secret.Masked{"x": m}, &m}

	var shown []string
	for verb := 'A'; verb <= 'z'; verb++ {
		for _, flags := range []string{"", "+", "#", "-9", "09", ".3", " "} {
			format := "%" + flags + string(verb)
			shown = append(shown, fmt.Sprintf(format, m), fmt.Sprintf(format, &m), fmt.Sprintf(format, inside), fmt.Sprintf(format, &inside))
		}
	}
	encoded, err := json.Marshal(inside)
	if err != nil {
		t.Fatal(err)
	}
	var log strings.Builder
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "m", m, "inside", inside, slog.Group("g", "m", &m))
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "m", m, "inside", inside, slog.Group("g", "m", &m))
	text, err := m.MarshalText()
	if err != nil {
		t.Fatal(err)
	}
	shown = append(shown, string(encoded), log.String(), string(text), m.String(), m.GoString(), fmt.Sprint(m, &m), fmt.Errorf("wrapping %v", m).Error())

	for _, s := range shown {
		if strings.Contains(s, "hunter") || strings.Contains(strings.ToLower(s), fmt.Sprintf("%x", "hunter")) {
			t.Errorf("%s shows the secret", s)
		}
	}
	if m.Reveal() != value || inside.hidden.Reveal() != value {
		t.Error("Reveal does not give the value")
	}
}

func TestMaskedIsDecodedLikeAString(t *testing.T) {
	var m secret.Masked
	if m.Reveal() != "" {
		t.Errorf("the zero value holds %q", m.Reveal())
	}
	if err := json.Unmarshal([]byte(`"value"`), &m); err != nil || m.Reveal() != "value" {
		t.Errorf("got %q, %v", m.Reveal(), err)
	}
	if err := json.Unmarshal([]byte(`7`), &m); err == nil {
		t.Error("a number was taken for a text")
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
