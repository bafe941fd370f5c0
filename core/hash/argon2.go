package hash

import (
	"cmp"
	"crypto/subtle"
	"fmt"

	"golang.org/x/crypto/argon2"
)

// Bounds for argon2id. The work bound is memory times passes, about four seconds on one core.
const (
	argonMaxMemory  = 1 << 20 // KiB: 1 GiB
	argonMaxTime    = 256
	argonMaxWork    = 4 << 20
	argonMaxThreads = 64
)

const argon2i = "argon2i"

type argon2Hash struct {
	name         string // argon2id or, imported, argon2i
	memory, time uint32 // KiB, passes
	threads      uint8
	salt, key    []byte
	size         uint32 // of the key
}

// parseArgon2 reads $argon2id$v=19$m=<KiB>,t=<passes>,p=<threads>$<salt>$<key>, also with argon2i.
func parseArgon2(hash string) (scheme, error) {
	parts, err := fields(hash, 5)
	if err != nil {
		return nil, err
	}
	if parts[1] != fmt.Sprintf("v=%d", argon2.Version) {
		return nil, fmt.Errorf("%w: argon2 version %q", ErrFormat, parts[1])
	}
	values, err := parameters(parts[2], "m", "t", "p")
	if err != nil {
		return nil, err
	}
	salt, key, err := saltAndKey(parts[3], parts[4])
	if err != nil {
		return nil, err
	}
	if err := boundArgon2(values[0], values[1], values[2]); err != nil {
		return nil, err
	}
	return argon2Hash{
		name:   parts[0],
		memory: uint32(values[0]), time: uint32(values[1]), threads: uint8(values[2]),
		salt: salt, key: key, size: uint32(len(key)),
	}, nil
}

func boundArgon2(memory, time, threads uint64) error {
	return cmp.Or(
		bound("argon2 memory in KiB", memory, 8*max(threads, 1), argonMaxMemory), // 8 KiB per thread is the algorithm's least
		bound("argon2 time", time, 1, argonMaxTime),
		bound("argon2 memory times time", memory*time, 1, argonMaxWork),
		bound("argon2 parallelism", threads, 1, argonMaxThreads),
	)
}

func (h argon2Hash) cost() cost {
	return cost{memory: uint64(h.memory), threads: int(h.threads)}
}

func (h argon2Hash) matches(password []byte) bool {
	return subtle.ConstantTimeCompare(h.derive(password), h.key) == 1
}

// sum returns the hash of password as text.
func (h argon2Hash) sum(password []byte) string {
	h.key = h.derive(password)
	return h.String()
}

func (h argon2Hash) derive(password []byte) []byte {
	if h.name == argon2i {
		return argon2.Key(password, h.salt, h.time, h.memory, h.threads, h.size)
	}
	return argon2.IDKey(password, h.salt, h.time, h.memory, h.threads, h.size)
}

// String is the PHC form.
func (h argon2Hash) String() string {
	return fmt.Sprintf("$%s$v=%d$m=%d,t=%d,p=%d$%s$%s", h.name, argon2.Version, h.memory, h.time, h.threads,
		phc64.EncodeToString(h.salt), phc64.EncodeToString(h.key))
}
