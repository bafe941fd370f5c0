package config

import (
	"math"

	"github.com/gatehouse-id/gatehouse/core/hash"
)

// Hashers says how new password hashes are made. Hashes of other kinds and costs stay readable.
type Hashers struct {
	// Algorithm is argon2 (which means argon2id, as in Kratos), argon2id or bcrypt. Default argon2.
	Algorithm string `json:"algorithm"`
	Bcrypt    Bcrypt `json:"bcrypt"`
	Argon2    Argon2 `json:"argon2"`
}

// Bcrypt holds the parameters of bcrypt. 0 means the default.
type Bcrypt struct {
	// Cost is 4 to 16; below 12 draws a warning outside dev. Default 12.
	Cost int `json:"cost"`
}

// Argon2 holds the parameters of argon2id. 0 means the default.
type Argon2 struct {
	// Memory is what one hash takes while it is made, 1GiB at most. Default 64MiB.
	Memory ByteSize `json:"memory"`
	// Iterations are the passes over that memory. Default 2.
	Iterations int `json:"iterations"`
	// Parallelism is the number of threads. Default 2.
	Parallelism int `json:"parallelism"`
	// SaltLength and KeyLength are in bytes. Default 16 and 32.
	SaltLength int `json:"salt_length"`
	KeyLength  int `json:"key_length"`

	// The three below calibrate Kratos' hasher; they have no effect here.
	ExpectedDuration  Duration `json:"expected_duration,omitempty"`
	ExpectedDeviation Duration `json:"expected_deviation,omitempty"`
	DedicatedMemory   ByteSize `json:"dedicated_memory,omitempty"`
}

// HashConfig is the same in the units of package hash. What doesn't fit becomes too large, so that it is refused there.
func (h *Hashers) HashConfig() hash.Config {
	a := h.Argon2
	return hash.Config{
		Algorithm:  hash.Algorithm(h.Algorithm),
		BcryptCost: h.Bcrypt.Cost,
		Argon2: hash.Argon2Config{
			Memory:      uint32(min(a.Memory/1024, math.MaxUint32)),
			Iterations:  uint32(min(a.Iterations, math.MaxUint32)),
			Parallelism: uint8(min(a.Parallelism, math.MaxUint8)),
			SaltLength:  uint32(min(a.SaltLength, math.MaxUint32)),
			KeyLength:   uint32(min(a.KeyLength, math.MaxUint32)),
		},
	}
}
