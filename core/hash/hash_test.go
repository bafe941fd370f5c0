package hash_test

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"testing"

	"golang.org/x/crypto/argon2"
	"golang.org/x/crypto/bcrypt"

	"github.com/gatehouse-id/gatehouse/core/hash"
)

// The cheapest parameters there are: these tests are about what is done, not how long it takes.
var (
	cheapArgon2 = hash.Config{Argon2: hash.Argon2Config{Memory: 64, Iterations: 1, Parallelism: 1}}
	cheapBcrypt = hash.Config{Algorithm: hash.Bcrypt, BcryptCost: 4}
)

func newHasher(t testing.TB, config hash.Config) *hash.Hasher {
	t.Helper()
	h, err := hash.New(config, hash.NewLimiter(hash.Limits{}))
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func mustHash(t testing.TB, h *hash.Hasher, password string) string {
	t.Helper()
	text, err := h.Hash(t.Context(), []byte(password))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func matches(t testing.TB, h *hash.Hasher, password, text string) bool {
	t.Helper()
	ok, err := h.Compare(t.Context(), []byte(password), text)
	if err != nil {
		t.Fatalf("comparing with %s: %v", text, err)
	}
	return ok
}

func TestHashMatchesItsPasswordOnly(t *testing.T) {
	for name, config := range map[string]hash.Config{"argon2id": cheapArgon2, "bcrypt": cheapBcrypt} {
		t.Run(name, func(t *testing.T) {
			h := newHasher(t, config)
			text := mustHash(t, h, "correct horse")
			if !matches(t, h, "correct horse", text) {
				t.Error("the password doesn't match its own hash")
			}
			for _, wrong := range []string{"", "correct horsf", "correct horse ", "Correct horse", "correct horse\x00"} {
				if matches(t, h, wrong, text) {
					t.Errorf("%q matches the hash of another password", wrong)
				}
			}
			if again := mustHash(t, h, "correct horse"); again == text {
				t.Error("two hashes of one password are equal: the salt isn't random")
			}
			if h.NeedsRehash(text) {
				t.Errorf("a hash just made needs a rehash: %s", text)
			}
		})
	}
}

// TestOtherWritersReadOurHashes compares with the libraries themselves, not with our own reader.
func TestOtherWritersReadOurHashes(t *testing.T) {
	if err := bcrypt.CompareHashAndPassword([]byte(mustHash(t, newHasher(t, cheapBcrypt), "secret")), []byte("secret")); err != nil {
		t.Errorf("bcrypt: %v", err)
	}
	text := mustHash(t, newHasher(t, cheapArgon2), "secret")
	part := strings.Split(text, "$")
	salt, err := base64.RawStdEncoding.DecodeString(part[4])
	if err != nil {
		t.Fatal(err)
	}
	key := base64.RawStdEncoding.EncodeToString(argon2.IDKey([]byte("secret"), salt, 1, 64, 1, 32))
	if want := "$argon2id$v=19$m=64,t=1,p=1$" + part[4] + "$" + key; text != want {
		t.Errorf("got %s, want %s", text, want)
	}
}

// TestPublishedVectors reads hashes that others made: the argon2 reference implementation, Openwall's crypt_blowfish and
// OpenBSD, RFC 6070 and the SHA-2 vectors that follow it.
func TestPublishedVectors(t *testing.T) {
	const longSalt = "c2FsdFNBTFRzYWx0U0FMVHNhbHRTQUxUc2FsdFNBTFRzYWx0"
	h := newHasher(t, cheapArgon2)
	for _, tt := range []struct{ password, hash string }{
		{"password", "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4"},
		{"password", "$argon2id$v=19$m=256,t=2,p=2$c29tZXNhbHQ$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc"},
		{"password", "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"},
		{"U*U", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"},
		{"U*U", "$2y$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"},
		{"", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.7uG0VCzI2bS7j6ymqJi9CdcdxiRTWNy"},
		{"a", "$2b$06$m0CrhHm10qJ3lXRY.5zDGO3rS2KdeeWLuGmsfGlMfOxih58VYVfxe"},
		{"passwordPASSWORDpassword", "$pbkdf2-sha1$i=4096,l=25$" + longSalt + "$" + raw64("3d2eec4fe41c849b80c8d83662c0e44a8b291a964cf2f07038")},
		{"passwordPASSWORDpassword", "$pbkdf2-sha256$i=4096,l=40$" + longSalt + "$" +
			raw64("348c89dbcbd32b2f32d814b8116e84cf2b17347ebc1800181c4e2a1fb8dd53e1c635518c7dac47e9")},
		{"passwordPASSWORDpassword", "$pbkdf2-sha512$i=4096,l=64$" + longSalt + "$" +
			raw64("8c0511f4c6e597c6ac6315d8f0362e225f3c501495ba23b868c005174dc4ee71115b59f9e60cd9532fa33e0f75aefe30225c583a186cd82bd4daea9724a3d3b8")},
	} {
		if err := h.Known(tt.hash); err != nil {
			t.Errorf("%s: %v", tt.hash, err)
			continue
		}
		if !matches(t, h, tt.password, tt.hash) {
			t.Errorf("%q doesn't match %s", tt.password, tt.hash)
		}
		if matches(t, h, tt.password+"x", tt.hash) {
			t.Errorf("%q matches %s", tt.password+"x", tt.hash)
		}
	}
}

func raw64(hex string) string {
	var b []byte
	if _, err := fmt.Sscanf(hex, "%x", &b); err != nil {
		panic(err)
	}
	return base64.RawStdEncoding.EncodeToString(b)
}

func TestOverlongPasswords(t *testing.T) {
	byBcrypt, byArgon2 := newHasher(t, cheapBcrypt), newHasher(t, cheapArgon2)
	p72 := strings.Repeat("x", 72)
	text := mustHash(t, byBcrypt, p72)

	if _, err := byBcrypt.Hash(t.Context(), []byte(p72+"y")); !errors.Is(err, hash.ErrTooLong) {
		t.Errorf("hashing 73 bytes with bcrypt: got %v, want ErrTooLong: nothing may be cut off", err)
	}
	if got := byBcrypt.MaxLength(); got != 72 {
		t.Errorf("MaxLength with bcrypt: got %d, want 72", got)
	}
	if matches(t, byBcrypt, p72+"y", text) {
		t.Error("a password matches a bcrypt hash by its first 72 bytes alone")
	}
	if matches(t, byArgon2, p72+"y", mustHash(t, byArgon2, p72)) {
		t.Error("argon2id reads 72 bytes only")
	}

	long := make([]byte, hash.MaxPassword+1)
	if _, err := byArgon2.Hash(t.Context(), long); !errors.Is(err, hash.ErrTooLong) {
		t.Errorf("hashing %d bytes: got %v, want ErrTooLong", len(long), err)
	}
	if _, err := byArgon2.Compare(t.Context(), long, text); !errors.Is(err, hash.ErrTooLong) {
		t.Errorf("comparing %d bytes: got %v, want ErrTooLong", len(long), err)
	}
	if err := byArgon2.CompareUnknown(t.Context(), long); !errors.Is(err, hash.ErrTooLong) {
		t.Errorf("%d bytes for nobody: got %v, want ErrTooLong, as for somebody", len(long), err)
	}
}

func TestNeedsRehashWhenAnythingConfiguredChanged(t *testing.T) {
	base := cheapArgon2
	change := func(f func(*hash.Config)) hash.Config {
		c := base
		f(&c)
		return c
	}
	text := mustHash(t, newHasher(t, base), "secret")
	for name, tt := range map[string]struct {
		config hash.Config
		want   bool
	}{
		"nothing":      {base, false},
		"another name": {change(func(c *hash.Config) { c.Algorithm = hash.Argon2 }), false},
		"other's cost": {change(func(c *hash.Config) { c.BcryptCost = 7 }), false},
		"memory":       {change(func(c *hash.Config) { c.Argon2.Memory = 128 }), true},
		"iterations":   {change(func(c *hash.Config) { c.Argon2.Iterations = 2 }), true},
		"parallelism":  {change(func(c *hash.Config) { c.Argon2.Parallelism = 2 }), true},
		"salt length":  {change(func(c *hash.Config) { c.Argon2.SaltLength = 32 }), true},
		"key length":   {change(func(c *hash.Config) { c.Argon2.KeyLength = 16 }), true},
		"algorithm":    {change(func(c *hash.Config) { c.Algorithm = hash.Bcrypt }), true},
	} {
		if got := newHasher(t, tt.config).NeedsRehash(text); got != tt.want {
			t.Errorf("%s: got %v, want %v", name, got, tt.want)
		}
	}

	text = mustHash(t, newHasher(t, cheapBcrypt), "secret")
	if newHasher(t, cheapBcrypt).NeedsRehash(text) {
		t.Error("bcrypt of the same cost needs a rehash")
	}
	if !newHasher(t, hash.Config{Algorithm: hash.Bcrypt, BcryptCost: 5}).NeedsRehash(text) {
		t.Error("bcrypt of another cost needs no rehash")
	}
	if !newHasher(t, cheapArgon2).NeedsRehash("$pbkdf2-sha1$i=1000,l=16$AAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA") {
		t.Error("an imported algorithm needs no rehash")
	}
}

func TestZeroConfigIsArgon2id(t *testing.T) {
	text := mustHash(t, newHasher(t, hash.Config{}), "secret")
	if want := "$argon2id$v=19$m=65536,t=2,p=2$"; !strings.HasPrefix(text, want) {
		t.Errorf("got %s, want %s…", text, want)
	}
}

func TestNewRefusesConfigurationsOutOfBounds(t *testing.T) {
	for name, tt := range map[string]struct {
		config hash.Config
		want   string
	}{
		"algorithm":    {hash.Config{Algorithm: "md5"}, `"md5" is none of argon2id, argon2, bcrypt`},
		"low cost":     {hash.Config{Algorithm: hash.Bcrypt, BcryptCost: 3}, "bcrypt cost is 3, not 4 to 16"},
		"negative":     {hash.Config{Algorithm: hash.Bcrypt, BcryptCost: -1}, "bcrypt cost"},
		"high cost":    {hash.Config{Algorithm: hash.Bcrypt, BcryptCost: 17}, "bcrypt cost is 17"},
		"much memory":  {hash.Config{Argon2: hash.Argon2Config{Memory: 2 << 20}}, "argon2 memory in KiB"},
		"much work":    {hash.Config{Argon2: hash.Argon2Config{Memory: 1 << 20, Iterations: 5}}, "argon2 memory times time"},
		"little":       {hash.Config{Argon2: hash.Argon2Config{Memory: 8, Parallelism: 2}}, "argon2 memory in KiB is 8, not 16"},
		"many threads": {hash.Config{Argon2: hash.Argon2Config{Parallelism: 65}}, "argon2 parallelism"},
		"short salt":   {hash.Config{Argon2: hash.Argon2Config{SaltLength: 4}}, "salt length"},
		"long key":     {hash.Config{Argon2: hash.Argon2Config{KeyLength: 1024}}, "key length"},
	} {
		_, err := hash.New(tt.config, hash.NewLimiter(hash.Limits{}))
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want %q", name, err, tt.want)
		}
		if (tt.config.Validate() == nil) != (err == nil) {
			t.Errorf("%s: Validate and New disagree", name)
		}
	}
	if _, err := hash.New(hash.Config{}, hash.NewLimiter(hash.Limits{Memory: 1024})); !errors.Is(err, hash.ErrParameters) {
		t.Errorf("a hash larger than all memory for hashing: got %v, want ErrParameters", err)
	}
}

func BenchmarkHash(b *testing.B) {
	for _, bm := range []struct {
		name   string
		config hash.Config
	}{
		{"argon2id default", hash.Config{}},
		{"argon2id 19MiB t=2 p=1", hash.Config{Argon2: hash.Argon2Config{Memory: 19 << 10, Parallelism: 1}}},
		{"bcrypt 10", hash.Config{Algorithm: hash.Bcrypt, BcryptCost: 10}},
		{"bcrypt 12", hash.Config{Algorithm: hash.Bcrypt}},
	} {
		b.Run(bm.name, func(b *testing.B) {
			h := newHasher(b, bm.config)
			for b.Loop() {
				mustHash(b, h, "correct horse battery staple")
			}
		})
	}
}

func BenchmarkComparePBKDF2(b *testing.B) {
	h := newHasher(b, cheapArgon2)
	const text = "$pbkdf2-sha256$i=600000,l=32$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
	for b.Loop() {
		matches(b, h, "correct horse battery staple", text)
	}
}
