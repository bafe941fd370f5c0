package hash

import (
	"errors"
	"strings"
	"testing"
)

const (
	salt16 = "AAAAAAAAAAAAAAAAAAAAAA"
	key32  = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
)

// TestParseBoundsWhatAHashAsksFor: whoever writes a hash would otherwise choose how much memory and time a login takes.
func TestParseBoundsWhatAHashAsksFor(t *testing.T) {
	argon := func(parameters string) string { return "$argon2id$v=19$" + parameters + "$" + salt16 + "$" + key32 }
	for name, text := range map[string]string{
		"8 GiB":                  argon("m=8388608,t=1,p=1"),
		"a million passes":       argon("m=64,t=1000000,p=1"),
		"many passes over much":  argon("m=1048576,t=200,p=1"),
		"255 threads":            argon("m=65536,t=1,p=255"),
		"no threads":             argon("m=65536,t=1,p=0"),
		"no passes":              argon("m=65536,t=0,p=1"),
		"less memory than lanes": argon("m=8,t=1,p=2"),
		"beyond 32 bits":         argon("m=4294967360,t=1,p=1"),
		"beyond any number":      argon("m=" + strings.Repeat("9", 90) + ",t=1,p=1"),
		"short salt":             "$argon2id$v=19$m=64,t=1,p=1$AAAA$" + key32,
		"short key":              "$argon2id$v=19$m=64,t=1,p=1$" + salt16 + "$AAAA",
		"empty key":              "$argon2id$v=19$m=64,t=1,p=1$" + salt16 + "$",
		"bcrypt of a day":        "$2a$31$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
		"bcrypt of nothing":      "$2a$00$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
		"pbkdf2 for ever":        "$pbkdf2-sha256$i=4000000000,l=32$" + salt16 + "$" + key32,
		"pbkdf2 of one":          "$pbkdf2-sha256$i=1,l=32$" + salt16 + "$" + key32,
		"pbkdf2 wide":            "$pbkdf2-sha1$i=1500000,l=128$" + salt16 + "$" + strings.Repeat("A", 171),
	} {
		if _, err := parse(text); !errors.Is(err, ErrParameters) {
			t.Errorf("%s: got %v, want ErrParameters", name, err)
		}
	}
}

func TestParseRefusesWhatIsNoHash(t *testing.T) {
	good := "$argon2id$v=19$m=64,t=1,p=1$" + salt16 + "$" + key32
	if _, err := parse(good); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"nothing":          "",
		"plain text":       "secret",
		"only dollars":     "$$$$$",
		"no first dollar":  good[1:],
		"argon2d":          strings.Replace(good, "argon2id", "argon2d", 1),
		"another version":  strings.Replace(good, "v=19", "v=16", 1),
		"no version":       strings.Replace(good, "v=19$", "", 1),
		"another order":    strings.Replace(good, "m=64,t=1", "t=1,m=64", 1),
		"a sign":           strings.Replace(good, "t=1", "t=+1", 1),
		"a leading zero":   strings.Replace(good, "t=1", "t=01", 1),
		"hexadecimal":      strings.Replace(good, "m=64", "m=0x40", 1),
		"one too many":     good + "$",
		"padded base64":    good + "=",
		"line break":       good[:len(good)-4] + "\n" + good[len(good)-4:],
		"loose last bits":  good[:len(good)-1] + "B",
		"too long":         good + strings.Repeat("A", maxHash),
		"bcrypt cut":       "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOe",
		"bcrypt alphabet":  "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyO=W",
		"bcrypt revision":  "$2x$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
		"pbkdf2 digest":    "$pbkdf2-md5$i=1000,l=32$" + salt16 + "$" + key32,
		"pbkdf2 wrong l":   "$pbkdf2-sha256$i=1000,l=31$" + salt16 + "$" + key32,
		"pbkdf2 no digest": "$pbkdf2-$i=1000,l=32$" + salt16 + "$" + key32,
	} {
		if _, err := parse(text); !errors.Is(err, ErrFormat) {
			t.Errorf("%s: got %v, want ErrFormat", name, err)
		}
	}
}

// TestDummyTakesTheWorkOfAHash: the answer to an unknown account must come from the same parameters.
func TestDummyTakesTheWorkOfAHash(t *testing.T) {
	for name, config := range map[string]Config{
		"argon2id": {Argon2: Argon2Config{Memory: 128, Iterations: 3, Parallelism: 2, SaltLength: 24, KeyLength: 48}},
		"bcrypt":   {Algorithm: Bcrypt, BcryptCost: 5},
	} {
		h, err := New(config, NewLimiter(Limits{}))
		if err != nil {
			t.Fatal(err)
		}
		if h.NeedsRehash(h.dummy) {
			t.Errorf("%s: the dummy %s has other parameters than a hash", name, h.dummy)
		}
		for _, password := range []string{"", "secret", strings.Repeat("x", 100)} {
			if ok, err := h.Compare(t.Context(), []byte(password), h.dummy); ok || err != nil {
				t.Errorf("%s: %q against the dummy: got %v, %v, want no match", name, password, ok, err)
			}
			if err := h.CompareUnknown(t.Context(), []byte(password)); err != nil {
				t.Errorf("%s: %q for nobody: %v", name, password, err)
			}
		}
	}
}

// FuzzParse feeds what an import may carry. Whatever is accepted must be within the bounds of one login.
func FuzzParse(f *testing.F) {
	f.Add("$argon2id$v=19$m=64,t=1,p=1$" + salt16 + "$" + key32)
	f.Add("$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW")
	f.Add("$pbkdf2-sha512$i=1000,l=32$" + salt16 + "$" + key32)
	f.Add("$argon2id$v=19$m=,t=,p=$$")
	for _, i := range imported {
		f.Add(i.hash)
	}
	limiter := NewLimiter(Limits{Memory: argonMaxMemory})
	f.Fuzz(func(t *testing.T, text string) {
		s, err := parse(text)
		if err != nil {
			if !errors.Is(err, ErrFormat) && !errors.Is(err, ErrParameters) {
				t.Errorf("%q: got %v, want ErrFormat or ErrParameters", text, err)
			}
			return
		}
		if err := limiter.fits(s.cost()); err != nil {
			t.Errorf("%q: %v", text, err)
		}
		if a, ok := s.(argon2Hash); ok && a.String() != text {
			t.Errorf("%q is another spelling of %q", text, a)
		}
	})
}
