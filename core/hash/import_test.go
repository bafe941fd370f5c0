package hash

import (
	"errors"
	"strings"
	"testing"
)

// imported are hashes that Python's hashlib and hmac, glibc's crypt(3) and OpenSSL made of one password, and the argon2i
// vector of the reference implementation and the one that Firebase publishes.
var imported = []struct{ name, password, hash string }{
	{"argon2i", "password", "$argon2i$v=19$m=256,t=2,p=1$c29tZXNhbHQ$iekCn0Y3spW+sCcFanM2xBT63UP2sghkUoHLIUpWRS8"},
	{"scrypt", "correct horse", "$scrypt$ln=1024,r=8,p=1$MDEyMzQ1Njc4OWFiY2RlZg==$6g3umF+uVrJsObaTZhIbbTlgrvOEFcCItdwSjtPF67M="},
	{"scrypt in PHC form", "correct horse", "$scrypt$ln=10,r=8,p=1$MDEyMzQ1Njc4OWFiY2RlZg$6g3umF+uVrJsObaTZhIbbTlgrvOEFcCItdwSjtPF67M"},
	{"firebase", "user1password", "$firescrypt$ln=14,r=8,p=1$42xEC+ixf3L2lw==$lSrfV15cpx95/sZS2W9c9Kp6i/LVgQNDNC/qzrCnh1SAyZvqmZqAjTdn3aoItz+VHjoZilo78198JAdRuid5lQ==" +
		"$Bw==$jxspr8Ki0RYycVU8zykbdLGjFQ3McFUH0uiiTvC8pVMXAn210wjLNmdZJzxUECKbm0QsEmYUSDzZvpjeJ9WmXA=="},
	{"SHA-256-crypt", "correct horse", "$5$saltstring$vc6YOOogU4kWVvwga8e9zTFgKcy4tb5LaPxIiPJzqEC"},
	{"SHA-512-crypt", "correct horse", "$6$rounds=10000$saltstringsaltst$uWkfitxWIj/pKw1nBSBgiQR8Pwbr7IMycYT33N8JITrE33DUmC8bV6rVVtFeP/iZRI3xx58jHgvVgQRG8FBmF/"},
	{"SHA-512-crypt of a long password", strings.Repeat("x", 200), "$6$rounds=1000$a$Apg42rHkNqagebsTyEz.KuLIS6Wg7D9Kh3BGpZ07vtM4GxdsMlM9D7ItfDbFBfCsXmIVaRd2K0wcYY7MIQfhv."},
	{"MD5-crypt", "correct horse", "$1$saltsalt$NuzA7WTAelpl95xgBGWN60"},
	{"Apache", "correct horse", "$apr1$saltsalt$EGVZDNN6gOqijy.tv9axG/"},
	{"SSHA", "correct horse", "{SSHA}YjOxnlnw8lITpqjG3t+XV9jV7otwZXBwZXI="},
	{"SSHA256", "correct horse", "{SSHA256}iiBneCY1H83bKojQwRhnuXkXl3mOZIuJrAljDBgCy5BwZXBwZXI="},
	{"SSHA512", "correct horse", "{SSHA512}jKNzZGOpZV+d15b9woPUu/HlAvWT2N41SupXoEK6cIpe8kGEbagFMP62zqbEllyguDhie7qcSvb0YtWRmcfrEXBlcHBlcg=="},
	{"MD5", "correct horse", "$md5$PLTnMmMfR+brlh80VUt83g=="},
	{"SHA-256 with a salt", "correct horse", "$sha256$pf=e1NBTFR9OntQQVNTV09SRH0=$cGVwcGVy$7x6ZV7bZ8vnPoH+7oBmq0WINHuyj/RKG/eorRioWCzA="},
	{"HMAC", "correct horse", "$hmac-sha256$lVyjvVvpaB8N5ONm8dM6F/d93h72TyOUtfk5qtOdviY=$a2V5"},
	{"HMAC in hexadecimal", "correct horse", "$hmac-md5$OWJjNjEwM2U1Y2M4OGM4MWVhOWRhNGRhMjUyZDhiM2U=$a2V5"},
}

// TestImportedHashesMatchAndAreReplaced: every format that an import may carry opens once, and is due for a better one.
func TestImportedHashesMatchAndAreReplaced(t *testing.T) {
	h, err := New(Config{Algorithm: Bcrypt, BcryptCost: 4}, NewLimiter(Limits{}))
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range imported {
		if err := h.Known(tt.hash); err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		for password, want := range map[string]bool{tt.password: true, tt.password + "x": false, "": false} {
			if got, err := h.Compare(t.Context(), []byte(password), tt.hash); got != want || err != nil {
				t.Errorf("%s: %.20q: got %v, %v, want %v", tt.name, password, got, err, want)
			}
		}
		if !h.NeedsRehash(tt.hash) {
			t.Errorf("%s would stay for ever", tt.name)
		}
	}
}

// TestArgon2iIsNotWhatNewHashesAre: it has the parameters of a new hash, and another algorithm.
func TestArgon2iIsNotWhatNewHashesAre(t *testing.T) {
	h, err := New(Config{Argon2: Argon2Config{Memory: 256, Iterations: 2, Parallelism: 1, SaltLength: 8}}, NewLimiter(Limits{}))
	if err != nil {
		t.Fatal(err)
	}
	if !h.NeedsRehash(imported[0].hash) {
		t.Error("an argon2i hash passes for an argon2id one")
	}
}

func TestImportsAskForBoundedWork(t *testing.T) {
	const sum43, sum86 = "vc6YOOogU4kWVvwga8e9zTFgKcy4tb5LaPxIiPJzqEC", "uWkfitxWIj/pKw1nBSBgiQR8Pwbr7IMycYT33N8JITrE33DUmC8bV6rVVtFeP/iZRI3xx58jHgvVgQRG8FBmF/"
	for name, text := range map[string]string{
		"8 GiB of scrypt":         "$scrypt$ln=8388608,r=8,p=1$" + salt16 + "$" + key32,
		"wide blocks":             "$scrypt$ln=1024,r=1048576,p=1$" + salt16 + "$" + key32,
		"many lanes":              "$scrypt$ln=1024,r=8,p=1048576$" + salt16 + "$" + key32,
		"lanes beyond the work":   "$scrypt$ln=1048576,r=8,p=64$" + salt16 + "$" + key32,
		"no power of two":         "$scrypt$ln=1000,r=8,p=1$" + salt16 + "$" + key32,
		"scrypt without blocks":   "$scrypt$ln=1024,r=0,p=1$" + salt16 + "$" + key32,
		"scrypt with a short key": "$scrypt$ln=1024,r=8,p=1$" + salt16 + "$AAAA",
		"firebase of 2^31":        "$firescrypt$ln=31,r=8,p=1$" + salt16 + "$" + key32 + "$Bw$" + key32,
		"firebase of 2^99":        "$firescrypt$ln=99,r=8,p=1$" + salt16 + "$" + key32 + "$Bw$" + key32,
		"SHA-crypt for ever":      "$6$rounds=999999999$salt$" + sum86,
		"SHA-crypt of one":        "$5$rounds=1$salt$" + sum43,
		"SHA-crypt salt":          "$5$" + strings.Repeat("a", 17) + "$" + sum43,
		"MD5-crypt salt":          "$1$123456789$NuzA7WTAelpl95xgBGWN60",
		"SSHA without salt":       "{SSHA}YjOxnlnw8lITpqjG3t+XV9jV7os=",
		"HMAC without key":        "$hmac-sha256$lVyjvVvpaB8N5ONm8dM6F/d93h72TyOUtfk5qtOdviY=$",
	} {
		if _, err := parse(text); !errors.Is(err, ErrParameters) {
			t.Errorf("%s: got %v, want ErrParameters", name, err)
		}
	}
}

func TestImportsThatAreNoHash(t *testing.T) {
	for name, text := range map[string]string{
		"unknown scheme":           "{SMD5}YjOxnlnw8lITpqjG3t+XV9jV7otwZXBwZXI=",
		"no scheme":                "{SSHA",
		"empty scheme":             "{}",
		"cut SSHA":                 "{SSHA}YjOx",
		"SSHA of no base64":        "{SSHA}!!!!",
		"cut MD5":                  "$md5$PLTn",
		"MD5 in hexadecimal":       "$md5$3cb4e732631f47e6eb961f34554b7cde",
		"template without a mark":  "$md5$pf=YWJj$cGVwcGVy$PLTnMmMfR+brlh80VUt83g==",
		"no template":              "$md5$cGVwcGVy$cGVwcGVy$PLTnMmMfR+brlh80VUt83g==",
		"unknown digest":           "$sha3$PLTnMmMfR+brlh80VUt83g==",
		"HMAC of an unknown":       "$hmac-sha9$lVyjvVvpaB8N5ONm8dM6F/d93h72TyOUtfk5qtOdviY=$a2V5",
		"cut HMAC":                 "$hmac-sha256$lVyj$a2V5",
		"HMAC of bad hexadecimal":  "$hmac-md5$enp6enp6enp6enp6enp6enp6enp6enp6enp6enp6enp6eno=$a2V5",
		"SHA-crypt cut":            "$5$saltstring$vc6YOOogU4k",
		"SHA-crypt without a salt": "$5$vc6YOOogU4kWVvwga8e9zTFgKcy4tb5LaPxIiPJzqEC",
		"SHA-crypt of much":        "$5$rounds=5000$a$b$vc6YOOogU4kWVvwga8e9zTFgKcy4tb5LaPxIiPJzqEC",
		"MD5-crypt alphabet":       "$1$saltsalt$NuzA7WTAelpl95xgBGWN6!",
		"firebase of two lengths":  "$firescrypt$ln=14,r=8,p=1$42xEC+ixf3L2lw==$" + key32 + "$Bw==$jxspr8Ki0RYycVU8zykbdA==",
		"firebase cut":             "$firescrypt$ln=14,r=8,p=1$42xEC+ixf3L2lw==",
		"scrypt of no base64":      "$scrypt$ln=1024,r=8,p=1$?$" + key32,
	} {
		if _, err := parse(text); !errors.Is(err, ErrFormat) {
			t.Errorf("%s: got %v, want ErrFormat", name, err)
		}
	}
}

// TestSaltsAndPasswordsAreNoTemplates: what looks like a mark inside of them is taken as it is.
func TestSaltsAndPasswordsAreNoTemplates(t *testing.T) {
	h := digestHash{digest: digests["md5"], template: saltMark + passwordMark, salt: []byte(passwordMark)}
	h.sum = sumOf(h.digest, []byte(passwordMark), []byte(saltMark))
	if !h.matches([]byte(saltMark)) {
		t.Error("a mark inside the salt or the password was replaced")
	}
}
