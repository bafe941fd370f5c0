package hash

import (
	"cmp"
	"crypto/aes"
	"crypto/cipher"
	"crypto/subtle"
	"fmt"
	"math/bits"

	"golang.org/x/crypto/scrypt"
)

// Bounds for scrypt. The work bound is about four seconds on one core.
const (
	scryptMaxMemory = 1 << 20 // KiB: 1 GiB
	scryptMaxWork   = 8 << 20 // N times r times p
	scryptMaxBlock  = 64
	scryptMaxLog    = 31
)

// scryptParams are N, r and p of the algorithm.
type scryptParams struct{ n, r, p int }

// scryptCost checks parameters. N is a power of two.
func scryptCost(n, r, p uint64) (scryptParams, error) {
	if bits.OnesCount64(n) != 1 {
		return scryptParams{}, fmt.Errorf("%w: scrypt N is %d, no power of two", ErrParameters, n)
	}
	err := cmp.Or(
		bound("scrypt N", n, 2, scryptMaxWork),
		bound("scrypt r", r, 1, scryptMaxBlock),
		bound("scrypt p", p, 1, scryptMaxBlock),
		bound("scrypt memory in KiB", n*r/8, 0, scryptMaxMemory),
		bound("scrypt N times r times p", n*r*p, 1, scryptMaxWork),
	)
	return scryptParams{int(n), int(r), int(p)}, err
}

func (s scryptParams) cost() cost { return cost{memory: uint64(s.n) * uint64(s.r) / 8, threads: 1} }

func (s scryptParams) key(password, salt []byte, size int) []byte {
	key, err := scrypt.Key(password, salt, s.n, s.r, s.p, size)
	if err != nil {
		return nil // the parameters were checked
	}
	return key
}

type scryptHash struct {
	scryptParams
	salt, sum []byte
}

// parseScrypt reads $scrypt$ln=<cost>,r=<block size>,p=<parallelism>$<salt>$<key>. Some writers put N itself where others
// have its logarithm. Nobody's N is as small as the largest logarithm, so the two can be told apart.
func parseScrypt(hash string) (scheme, error) {
	parts, err := fields(hash, 4)
	if err != nil {
		return nil, err
	}
	values, err := parameters(parts[1], "ln", "r", "p")
	if err != nil {
		return nil, err
	}
	n := values[0]
	if n <= scryptMaxLog {
		n = 1 << n
	}
	params, err := scryptCost(n, values[1], values[2])
	if err != nil {
		return nil, err
	}
	salt, err := anyBase64(parts[2])
	if err != nil {
		return nil, err
	}
	sum, err := anyBase64(parts[3])
	if err != nil {
		return nil, err
	}
	return scryptHash{params, salt, sum}, boundSaltAndKey(uint64(len(salt)), uint64(len(sum)))
}

func (h scryptHash) matches(password []byte) bool {
	return subtle.ConstantTimeCompare(h.key(password, h.salt, len(h.sum)), h.sum) == 1
}

// fireHash is what Firebase exports: the signer key of the project, encrypted with a key made of the password.
type fireHash struct {
	scryptParams
	salt, sum, signer []byte
}

const fireKeySize = 32

// parseFirescrypt reads $firescrypt$ln=<log2 N>,r=<rounds>,p=<parallelism>$<salt>$<hash>$<salt separator>$<signer key>.
func parseFirescrypt(hash string) (scheme, error) {
	parts, err := fields(hash, 6)
	if err != nil {
		return nil, err
	}
	values, err := parameters(parts[1], "ln", "r", "p")
	if err != nil {
		return nil, err
	}
	if err := bound("scrypt ln", values[0], 1, scryptMaxLog); err != nil {
		return nil, err
	}
	params, err := scryptCost(1<<values[0], values[1], values[2])
	if err != nil {
		return nil, err
	}
	var raw [4][]byte
	for n := range raw {
		if raw[n], err = anyBase64(parts[n+2]); err != nil {
			return nil, err
		}
	}
	salt, sum, separator, signer := raw[0], raw[1], raw[2], raw[3]
	if len(sum) != len(signer) {
		return nil, fmt.Errorf("%w: the hash is %d bytes long, the signer key %d", ErrFormat, len(sum), len(signer))
	}
	return fireHash{params, append(salt, separator...), sum, signer}, boundSaltAndKey(uint64(len(salt)), uint64(len(sum)))
}

func (h fireHash) matches(password []byte) bool {
	block, err := aes.NewCipher(h.key(password, h.salt, fireKeySize))
	if err != nil {
		return false
	}
	sum := make([]byte, len(h.signer))
	cipher.NewCTR(block, make([]byte, aes.BlockSize)).XORKeyStream(sum, h.signer)
	return subtle.ConstantTimeCompare(sum, h.sum) == 1
}
