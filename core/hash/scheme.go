package hash

import (
	"cmp"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
)

// scheme is a parsed hash whose parameters are within bounds.
type scheme interface {
	cost() cost
	matches(password []byte) bool
}

// cost is what the limiter counts while a hash is computed.
type cost struct {
	memory  uint64 // KiB
	threads int
}

// parse reads a hash of any known format. Imports bring foreign bytes here, so it bounds every number before it is used.
func parse(hash string) (scheme, error) {
	if len(hash) > maxHash || strings.ContainsAny(hash, "\r\n") { // base64 reads past line breaks
		return nil, ErrFormat
	}
	if strings.HasPrefix(hash, "{") {
		return parseLDAP(hash)
	}
	name, _, _ := strings.Cut(strings.TrimPrefix(hash, "$"), "$")
	read, known := formats[name]
	switch {
	case !strings.HasPrefix(hash, "$"):
		return nil, ErrFormat
	case strings.HasPrefix(name, "pbkdf2-"):
		return parsePBKDF2(hash)
	case strings.HasPrefix(name, hmacPrefix):
		return parseHMAC(hash)
	case !known:
		return nil, ErrFormat
	}
	return read(hash)
}

// formats reads hashes by the name at their beginning.
var formats = map[string]func(hash string) (scheme, error){
	"2a": parseBcrypt, "2b": parseBcrypt, "2y": parseBcrypt,
	"argon2id": parseArgon2, "argon2i": parseArgon2,
	"scrypt": parseScrypt, "firescrypt": parseFirescrypt,
	"5": parseSHACrypt, "6": parseSHACrypt,
	"1": parseMD5Crypt, "apr1": parseMD5Crypt,
	"md5": parseDigest, "sha1": parseDigest, "sha256": parseDigest, "sha512": parseDigest,
}

// Bounds on the salt, the key and the whole text. Real ones are well inside.
const (
	minSalt = 8
	maxSalt = 128
	maxKey  = 128
	minKey  = 16 // a shorter key could be met by chance, or by somebody who cut it
	maxHash = 512
)

// phc64 is the base64 of the PHC string format: no padding, and one spelling per value.
var phc64 = base64.RawStdEncoding.Strict()

// anyBase64 reads base64 with padding or without, as the exports of other systems have it.
func anyBase64(text string) ([]byte, error) {
	raw, err := phc64.DecodeString(strings.TrimRight(text, "="))
	if err != nil {
		return nil, ErrFormat
	}
	return raw, nil
}

// fields splits "$a$b$c" and wants exactly n parts.
func fields(hash string, n int) ([]string, error) {
	parts := strings.Split(strings.TrimPrefix(hash, "$"), "$")
	if len(parts) != n {
		return nil, ErrFormat
	}
	return parts, nil
}

// parameters reads "m=1,t=2" when the names are those wanted, in that order, as every known writer has them.
func parameters(text string, names ...string) ([]uint64, error) {
	parts := strings.Split(text, ",")
	if len(parts) != len(names) {
		return nil, ErrFormat
	}
	values := make([]uint64, len(names))
	for i, part := range parts {
		digits, ok := strings.CutPrefix(part, names[i]+"=")
		if !ok {
			return nil, ErrFormat
		}
		value, err := number(digits)
		if err != nil {
			return nil, err
		}
		values[i] = value
	}
	return values, nil
}

// number reads a decimal without sign or leading zero. One that fits no machine word is of the right form and too large.
func number(digits string) (uint64, error) {
	if digits == "" || strings.Trim(digits, "0123456789") != "" || len(digits) > 1 && digits[0] == '0' {
		return 0, ErrFormat
	}
	value, err := strconv.ParseUint(digits, 10, 32)
	if err != nil {
		return 0, fmt.Errorf("%w: %s is too large", ErrParameters, digits)
	}
	return value, nil
}

// saltAndKey decodes the last two parts of a PHC string.
func saltAndKey(salt64, key64 string) (salt, key []byte, err error) {
	salt, err = phc64.DecodeString(salt64)
	if err != nil {
		return nil, nil, ErrFormat
	}
	key, err = phc64.DecodeString(key64)
	if err != nil {
		return nil, nil, ErrFormat
	}
	return salt, key, boundSaltAndKey(uint64(len(salt)), uint64(len(key)))
}

func boundSaltAndKey(salt, key uint64) error {
	return cmp.Or(bound("salt length", salt, minSalt, maxSalt), bound("key length", key, minKey, maxKey))
}

func bound(what string, value, least, most uint64) error {
	if value < least || value > most {
		return fmt.Errorf("%w: %s is %d, not %d to %d", ErrParameters, what, value, least, most)
	}
	return nil
}
