package hash

import (
	"cmp"
	"crypto/rand"
	"fmt"
)

// Algorithm names a way to hash.
type Algorithm string

// The algorithms that new hashes can be made with. Argon2 is another name of Argon2id.
const (
	Bcrypt   Algorithm = "bcrypt"
	Argon2id Algorithm = "argon2id"
	Argon2   Algorithm = "argon2"
)

// Config says how new hashes are made. The zero value is what the product does when it is told nothing: argon2id with
// 64 MiB and two passes.
type Config struct {
	Algorithm  Algorithm    `json:"algorithm,omitempty"`   // "argon2id" (default), "argon2" or "bcrypt"
	Argon2     Argon2Config `json:"argon2,omitzero"`       // used by argon2id
	BcryptCost int          `json:"bcrypt_cost,omitempty"` // 4 to 16; default 12. One more doubles the time
}

// Argon2Config holds the parameters of argon2id. Each has a default, and none depends on the machine: nodes of different
// sizes would otherwise replace each other's hashes with every login that changes the node.
type Argon2Config struct {
	Memory      uint32 `json:"memory,omitempty"`      // KiB; default 65536 (64 MiB)
	Iterations  uint32 `json:"iterations,omitempty"`  // default 2
	Parallelism uint8  `json:"parallelism,omitempty"` // threads; default 2
	SaltLength  uint32 `json:"salt_length,omitempty"` // bytes; default 16
	KeyLength   uint32 `json:"key_length,omitempty"`  // bytes; default 32
}

// Validate reports what New would refuse on every machine. Only the parameters of the algorithm in use count. They keep to
// the bounds of imported hashes: what can't be read back must not be made.
func (c Config) Validate() error {
	c = c.withDefaults()
	switch c.Algorithm {
	case Bcrypt:
		return boundBcrypt(uint64(max(c.BcryptCost, 0)))
	case Argon2id:
		a := c.Argon2
		return cmp.Or(
			boundArgon2(uint64(a.Memory), uint64(a.Iterations), uint64(a.Parallelism)),
			boundSaltAndKey(uint64(a.SaltLength), uint64(a.KeyLength)),
		)
	default:
		return fmt.Errorf("the algorithm %q is none of argon2id, argon2, bcrypt", c.Algorithm)
	}
}

func (c Config) withDefaults() Config {
	if c.Algorithm == "" || c.Algorithm == Argon2 {
		c.Algorithm = Argon2id
	}
	c.BcryptCost = or(c.BcryptCost, 12)
	c.Argon2 = c.Argon2.withDefaults()
	return c
}

func (a Argon2Config) withDefaults() Argon2Config {
	a.Memory = or(a.Memory, 64*1024)
	a.Iterations = or(a.Iterations, 2)
	a.Parallelism = or(a.Parallelism, 2)
	a.SaltLength = or(a.SaltLength, 16)
	a.KeyLength = or(a.KeyLength, 32)
	return a
}

func or[T comparable](value, fallback T) T {
	var zero T
	if value == zero {
		return fallback
	}
	return value
}

// hash makes a hash. Nothing limits it but the caller.
func (c Config) hash(password []byte) (string, error) {
	if c.Algorithm == Bcrypt {
		return hashBcrypt(password, c.BcryptCost)
	}
	return c.argon2(random(int(c.Argon2.SaltLength))).sum(password), nil
}

func (c Config) cost() cost {
	if c.Algorithm == Bcrypt {
		return bcryptHash{}.cost()
	}
	return c.argon2(nil).cost()
}

// dummy is a hash with the configured parameters and a random sum, so that it matches nothing and costs nothing to make.
func (c Config) dummy() string {
	if c.Algorithm == Bcrypt {
		return dummyBcrypt(c.BcryptCost)
	}
	hash := c.argon2(random(int(c.Argon2.SaltLength)))
	hash.key = random(int(c.Argon2.KeyLength))
	return hash.String()
}

// made reports whether a hash made now would have the parameters of s.
func (c Config) made(s scheme) bool {
	switch s := s.(type) {
	case bcryptHash:
		return c.Algorithm == Bcrypt && s.rounds == c.BcryptCost
	case argon2Hash:
		return c.Algorithm == Argon2id && c.Argon2.made(s)
	default:
		return false
	}
}

func (a Argon2Config) made(h argon2Hash) bool {
	return h.name == string(Argon2id) && h.memory == a.Memory && h.time == a.Iterations && h.threads == a.Parallelism &&
		len(h.salt) == int(a.SaltLength) && len(h.key) == int(a.KeyLength)
}

func (c Config) argon2(salt []byte) argon2Hash {
	a := c.Argon2
	return argon2Hash{name: string(Argon2id), memory: a.Memory, time: a.Iterations, threads: a.Parallelism, salt: salt, size: a.KeyLength}
}

func random(n int) []byte {
	b := make([]byte, n)
	rand.Read(b)
	return b
}
