package hash

import (
	"cmp"
	"crypto/pbkdf2"
	"crypto/sha1" //nolint:gosec // only to compare imported hashes; as an HMAC in PBKDF2 it isn't broken
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"fmt"
	stdhash "hash"
	"strings"
)

const (
	pbkdf2MinIterations = 1000
	pbkdf2MaxIterations = 2_000_000
	pbkdf2MaxWork       = 4_000_000 // iterations times blocks of output
)

// pbkdf2Digests are the digests an import may name. New hashes are not made with PBKDF2.
var pbkdf2Digests = map[string]func() stdhash.Hash{
	"sha1":   sha1.New,
	"sha224": sha256.New224,
	"sha256": sha256.New,
	"sha384": sha512.New384,
	"sha512": sha512.New,
}

type pbkdf2Hash struct {
	digest     func() stdhash.Hash
	iterations int
	salt, key  []byte
}

// parsePBKDF2 reads $pbkdf2-<digest>$i=<iterations>,l=<key length>$<salt>$<key>.
func parsePBKDF2(hash string) (scheme, error) {
	parts, err := fields(hash, 4)
	if err != nil {
		return nil, err
	}
	digest, ok := pbkdf2Digests[strings.TrimPrefix(parts[0], "pbkdf2-")]
	if !ok {
		return nil, fmt.Errorf("%w: %s", ErrFormat, parts[0])
	}
	values, err := parameters(parts[1], "i", "l")
	if err != nil {
		return nil, err
	}
	salt, key, err := saltAndKey(parts[2], parts[3])
	if err != nil {
		return nil, err
	}
	if values[1] != uint64(len(key)) {
		return nil, fmt.Errorf("%w: the key is %d bytes long, not %d", ErrFormat, len(key), values[1])
	}
	blocks := (len(key) + digest().Size() - 1) / digest().Size()
	err = cmp.Or(
		bound("pbkdf2 iterations", values[0], pbkdf2MinIterations, pbkdf2MaxIterations),
		bound("pbkdf2 iterations times blocks", values[0]*uint64(blocks), 1, pbkdf2MaxWork),
	)
	if err != nil {
		return nil, err
	}
	return pbkdf2Hash{digest: digest, iterations: int(values[0]), salt: salt, key: key}, nil
}

func (pbkdf2Hash) cost() cost { return cost{threads: 1} }

func (h pbkdf2Hash) matches(password []byte) bool {
	key, err := pbkdf2.Key(h.digest, string(password), h.salt, h.iterations, len(h.key))
	return err == nil && subtle.ConstantTimeCompare(key, h.key) == 1
}
