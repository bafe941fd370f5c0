package hash

import (
	"crypto/md5" //nolint:gosec // only to compare imported hashes, which are replaced at the first sign-in
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"fmt"
	stdhash "hash"
	"strings"
)

// Bounds for SHA-crypt. The most is about a second for a usual password.
const (
	shaCryptRounds    = 5000 // when the hash doesn't say
	shaCryptMinRounds = 1000
	shaCryptMaxRounds = 1_000_000
	shaCryptMaxSalt   = 16
	md5CryptRounds    = 1000
	md5CryptMaxSalt   = 8
)

// cryptHash is a hash of Unix's crypt(3): many rounds of a digest over password, salt and the round before.
type cryptHash struct {
	rounds int
	salt   string
	sum    string // in the alphabet of crypt
	compute
}

// compute makes the sum of a password, in the alphabet of crypt.
type compute func(password, salt []byte, rounds int) string

// parseSHACrypt reads $5$[rounds=<n>$]<salt>$<sum>, also with $6$.
func parseSHACrypt(hash string) (scheme, error) {
	parts := strings.Split(hash[1:], "$")
	h := cryptHash{rounds: shaCryptRounds, compute: sha256Crypt}
	length := 43
	if parts[0] == "6" {
		h.compute, length = sha512Crypt, 86
	}
	if len(parts) == 4 {
		values, err := parameters(parts[1], "rounds")
		if err != nil {
			return nil, err
		}
		if err := bound("rounds", values[0], shaCryptMinRounds, shaCryptMaxRounds); err != nil {
			return nil, err
		}
		h.rounds = int(values[0])
		parts = append(parts[:1], parts[2:]...)
	}
	return h.finish(parts, shaCryptMaxSalt, length)
}

// parseMD5Crypt reads $1$<salt>$<sum>, also with $apr1$, which is Apache's.
func parseMD5Crypt(hash string) (scheme, error) {
	parts := strings.Split(hash[1:], "$")
	magic := []byte("$" + parts[0] + "$")
	h := cryptHash{rounds: md5CryptRounds, compute: func(password, salt []byte, rounds int) string {
		return md5Crypt(magic, password, salt, rounds)
	}}
	return h.finish(parts, md5CryptMaxSalt, 22)
}

// finish reads the salt and the sum, which come last.
func (h cryptHash) finish(parts []string, maxSalt uint64, length int) (scheme, error) {
	if len(parts) != 3 {
		return nil, ErrFormat
	}
	h.salt, h.sum = parts[1], parts[2]
	if len(h.sum) != length || strings.Trim(h.sum, cryptAlphabet) != "" {
		return nil, fmt.Errorf("%w: the sum is none of crypt", ErrFormat)
	}
	return h, bound("salt length", uint64(len(h.salt)), 0, maxSalt)
}

func (cryptHash) cost() cost { return cost{threads: 1} }

func (h cryptHash) matches(password []byte) bool {
	sum := h.compute(password, []byte(h.salt), h.rounds)
	return subtle.ConstantTimeCompare([]byte(sum), []byte(h.sum)) == 1
}

func sha256Crypt(password, salt []byte, rounds int) string {
	sum := shaCrypt(sha256.New, password, salt, rounds)
	var text []byte
	for a, b, c := 0, 10, 20; a < 30 && b < 30 && c < 30; a, b, c = c+1, a+1, b+1 {
		text = crypt64(text, 4, sum[a], sum[b], sum[c])
	}
	return string(crypt64(text, 3, 0, sum[31], sum[30]))
}

func sha512Crypt(password, salt []byte, rounds int) string {
	sum := shaCrypt(sha512.New, password, salt, rounds)
	var text []byte
	for a, b, c := 0, 21, 42; a < 63 && b < 63 && c < 63; a, b, c = b+1, c+1, a+1 {
		text = crypt64(text, 4, sum[a], sum[b], sum[c])
	}
	return string(crypt64(text, 2, 0, 0, sum[63]))
}

// shaCrypt is the algorithm of "Unix crypt using SHA-256 and SHA-512" (U. Drepper, 2008).
func shaCrypt(digest func() stdhash.Hash, password, salt []byte, rounds int) []byte {
	b := sumOf(digest, password, salt, password)
	d := digest()
	d.Write(password)
	d.Write(salt)
	d.Write(repeated(b, len(password)))
	for n := len(password); n > 0; n >>= 1 {
		if n&1 == 1 {
			d.Write(b)
		} else {
			d.Write(password)
		}
	}
	a := d.Sum(nil)
	p := repeated(times(digest, password, len(password)), len(password))
	s := repeated(times(digest, salt, 16+int(a[0])), len(salt))
	return stretch(digest, a, p, s, rounds)
}

// stretch is the loop that SHA-crypt and MD5-crypt share.
func stretch(digest func() stdhash.Hash, sum, password, salt []byte, rounds int) []byte {
	d := digest()
	for i := range rounds {
		d.Reset()
		first, last := sum, password
		if i&1 == 1 {
			first, last = password, sum
		}
		d.Write(first)
		if i%3 != 0 {
			d.Write(salt)
		}
		if i%7 != 0 {
			d.Write(password)
		}
		d.Write(last)
		sum = d.Sum(sum[:0])
	}
	return sum
}

// md5Crypt is the algorithm of FreeBSD's crypt.
func md5Crypt(magic, password, salt []byte, rounds int) string {
	d := md5.New() //nolint:gosec // as imported
	d.Write(password)
	d.Write(magic)
	d.Write(salt)
	d.Write(repeated(sumOf(md5.New, password, salt, password), len(password)))
	for n := len(password); n > 0; n >>= 1 {
		if n&1 == 1 {
			d.Write([]byte{0})
		} else {
			d.Write(password[:1])
		}
	}
	sum := stretch(md5.New, d.Sum(nil), password, salt, rounds)
	var text []byte
	for i := range 4 {
		text = crypt64(text, 4, sum[i], sum[i+6], sum[i+12])
	}
	text = crypt64(text, 4, sum[4], sum[10], sum[5])
	return string(crypt64(text, 2, 0, 0, sum[11]))
}

func sumOf(digest func() stdhash.Hash, parts ...[]byte) []byte {
	d := digest()
	for _, p := range parts {
		d.Write(p)
	}
	return d.Sum(nil)
}

// times digests text n times in a row.
func times(digest func() stdhash.Hash, text []byte, n int) []byte {
	d := digest()
	for range n {
		d.Write(text)
	}
	return d.Sum(nil)
}

// repeated is sum, again and again, up to a length.
func repeated(sum []byte, length int) []byte {
	out := make([]byte, length)
	for n := 0; n < length; n += copy(out[n:], sum) {
	}
	return out
}

const cryptAlphabet = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// crypt64 appends up to 24 bits, the lowest six first.
func crypt64(text []byte, characters int, high, middle, low byte) []byte {
	v := uint(high)<<16 | uint(middle)<<8 | uint(low)
	for range characters {
		text = append(text, cryptAlphabet[v&63])
		v >>= 6
	}
	return text
}
