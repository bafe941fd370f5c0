package hash

import (
	"bytes"
	"cmp"
	"crypto/hmac"
	"crypto/md5"  //nolint:gosec // only to compare imported hashes, which are replaced at the first sign-in
	"crypto/sha1" //nolint:gosec // likewise
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"encoding/hex"
	"fmt"
	stdhash "hash"
	"strings"
)

// digests are the plain digests that an import may name.
var digests = map[string]func() stdhash.Hash{
	"md5":    md5.New,
	"sha1":   sha1.New,
	"sha224": sha256.New224,
	"sha256": sha256.New,
	"sha384": sha512.New384,
	"sha512": sha512.New,
}

// ldapDigests are the schemes of LDAP directories with a salt.
var ldapDigests = map[string]string{"{SSHA}": "sha1", "{SSHA256}": "sha256", "{SSHA512}": "sha512"}

// digestHash is one round of a digest over the password and a salt. It protects nobody whose password is weak; it is here
// so that people can sign in once more, after which their hash is a good one.
type digestHash struct {
	digest   func() stdhash.Hash
	template string // where the salt and the password stand in what is digested
	salt     []byte
	sum      []byte
}

const (
	saltMark     = "{SALT}"
	passwordMark = "{PASSWORD}"
	maxTemplate  = 128
)

// parseLDAP reads {SSHA}<base64 of digest and salt>.
func parseLDAP(hash string) (scheme, error) {
	name, encoded, ok := strings.Cut(hash, "}")
	digest, known := digests[ldapDigests[name+"}"]]
	if !ok || !known {
		return nil, ErrFormat
	}
	raw, err := anyBase64(encoded)
	if err != nil {
		return nil, err
	}
	size := digest().Size()
	if len(raw) < size {
		return nil, fmt.Errorf("%w: the digest is cut", ErrFormat)
	}
	return digestHash{digest, passwordMark + saltMark, raw[size:], raw[:size]}, bound("salt length", uint64(len(raw)-size), 1, maxSalt)
}

// parseDigest reads $<digest>$<sum>, or $<digest>$pf=<template>$<salt>$<sum>, all of it in base64.
func parseDigest(hash string) (scheme, error) {
	parts := strings.Split(hash[1:], "$")
	h := digestHash{digest: digests[parts[0]], template: passwordMark}
	var err error
	switch len(parts) {
	case 2:
	case 4:
		if err = h.readSalt(parts[1], parts[2]); err != nil {
			return nil, err
		}
	default:
		return nil, ErrFormat
	}
	if h.sum, err = anyBase64(parts[len(parts)-1]); err != nil {
		return nil, err
	}
	if len(h.sum) != h.digest().Size() {
		return nil, fmt.Errorf("%w: the sum is %d bytes long, not %d", ErrFormat, len(h.sum), h.digest().Size())
	}
	return h, nil
}

func (h *digestHash) readSalt(template64, salt64 string) error {
	encoded, ok := strings.CutPrefix(template64, "pf=")
	if !ok {
		return ErrFormat
	}
	template, err := anyBase64(encoded)
	if err != nil {
		return err
	}
	if h.template = string(template); strings.Count(h.template, passwordMark) != 1 || strings.Count(h.template, saltMark) > 1 {
		return fmt.Errorf("%w: the template must have %s and %s once", ErrFormat, passwordMark, saltMark)
	}
	h.salt, err = anyBase64(salt64)
	return cmp.Or(err,
		bound("template length", uint64(len(h.template)), 1, maxTemplate),
		bound("salt length", uint64(len(h.salt)), 0, maxSalt))
}

func (digestHash) cost() cost { return cost{threads: 1} }

func (h digestHash) matches(password []byte) bool {
	// The salt comes first: a password may have the text of a mark in it.
	before, after, _ := strings.Cut(h.template, passwordMark)
	fill := func(text string) []byte { return bytes.ReplaceAll([]byte(text), []byte(saltMark), h.salt) }
	d := h.digest()
	d.Write(fill(before))
	d.Write(password)
	d.Write(fill(after))
	return subtle.ConstantTimeCompare(d.Sum(nil), h.sum) == 1
}

// hmacHash is a digest of the password with a key.
type hmacHash struct {
	digest   func() stdhash.Hash
	key, sum []byte
}

const hmacPrefix = "hmac-"

// parseHMAC reads $hmac-<digest>$<sum>$<key>, both in base64. The sum may be in hexadecimal inside.
func parseHMAC(hash string) (scheme, error) {
	parts, err := fields(hash, 3)
	if err != nil {
		return nil, err
	}
	digest, ok := digests[strings.TrimPrefix(parts[0], hmacPrefix)]
	if !ok {
		return nil, fmt.Errorf("%w: %s", ErrFormat, parts[0])
	}
	sum, err := anyBase64(parts[1])
	if err != nil {
		return nil, err
	}
	key, err := anyBase64(parts[2])
	if err != nil {
		return nil, err
	}
	if size := digest().Size(); len(sum) == hex.EncodedLen(size) {
		if sum, err = hex.DecodeString(string(sum)); err != nil {
			return nil, ErrFormat
		}
	} else if len(sum) != size {
		return nil, fmt.Errorf("%w: the sum is %d bytes long, not %d", ErrFormat, len(sum), size)
	}
	return hmacHash{digest, key, sum}, bound("key length", uint64(len(key)), 1, maxKey)
}

func (hmacHash) cost() cost { return cost{threads: 1} }

func (h hmacHash) matches(password []byte) bool {
	mac := hmac.New(h.digest, h.key)
	mac.Write(password)
	return hmac.Equal(mac.Sum(nil), h.sum)
}
