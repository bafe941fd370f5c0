package secret

import (
	"crypto/rand"
	"encoding/binary"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
)

// FlowID is what the id of a flow says. The id proves itself, so starting a flow writes nothing to the store: nobody can
// fill it with flows that are never finished.
//
// The id is a UUID of version 4 whose 122 free bits are, from the front:
//
//	kind 3 | api 1 | refresh 1 | aal2 1 | time 33 | owner 20 | counter 15 | mac 48
//
// A MAC of 48 bits can only be guessed by asking the server, 2^47 times on average, and what is won is an id that anyone
// may ask for. The fields are readable by whoever has the id; nothing in them is secret.
type FlowID struct {
	Kind     uint8     // 0 to 7; the meaning is the caller's
	API      bool      // for a native client, not a browser
	Refresh  bool      // asks a signed-in person to sign in again
	AAL2     bool      // asks for a second factor
	Owner    uint32    // FlowOwnerBits that tie the flow to a browser or an identity; 0 in an API flow becomes chance
	IssuedAt time.Time // in UTC, cut to a quarter second, so it is never after the time that was given
}

const (
	flowPurpose = "flow id"
	flowMACSize = 6
	flowTick    = 250 * time.Millisecond
	timeBits    = 33 // 68 years of quarter seconds
	counterBits = 15

	// FlowOwnerBits is how many bits of FlowID.Owner an id has room for.
	FlowOwnerBits = 20
)

var flowEpoch = time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)

// flowCounter tells the ids of one process apart: it wraps after 32768 ids, which take longer than the quarter second in
// which they would have to differ. It belongs to the process and not to Keys, or a reload would start the count anew within
// the same tick. It starts anywhere, so that two young processes don't count in step; their ids differ by owner, or by
// chance.
var (
	flowStart   = randomBits()
	flowCounter atomic.Uint64
)

// NewFlowID returns the id that says f. Times that don't fit (before 2024, or 68 years later) become the nearest that
// does, so such a flow has expired when it is parsed. Kind must be below 8 and Owner have no more than FlowOwnerBits; what
// is above is cut off. The id of an API flow without an owner gets a random one.
func (k *Keys) NewFlowID(f FlowID) string {
	owner := uint64(f.Owner) & (1<<FlowOwnerBits - 1)
	if f.API && owner == 0 {
		owner = randomBits()
	}
	nonce := owner<<counterBits | (flowStart+flowCounter.Add(1))&(1<<counterBits-1)
	head := uint64(f.Kind&7)<<3 | bit(f.API)<<2 | bit(f.Refresh)<<1 | bit(f.AAL2)
	head = head<<timeBits | flowTime(f.IssuedAt)

	// 39 bits of head and 35 of nonce, laid around the version (4 bits after 48) and the variant (2 bits after 64).
	var id uuid.UUID
	binary.BigEndian.PutUint64(id[:], head<<25|nonce>>26<<16|4<<12|nonce>>14&0xfff)
	binary.BigEndian.PutUint16(id[8:], 2<<14|uint16(nonce&0x3fff))
	copy(id[10:], k.MAC(flowPurpose, id[:10])[:flowMACSize])
	return id.String()
}

// ParseFlowID reads an id made by NewFlowID under any of the secrets. Only the spelling that NewFlowID writes is taken:
// ids are keys of records and caches, and one flow must not have two.
func (k *Keys) ParseFlowID(s string) (FlowID, bool) {
	id, err := uuid.Parse(s)
	if err != nil || id.String() != s || id.Version() != 4 || id.Variant() != uuid.RFC4122 {
		return FlowID{}, false
	}
	if !k.verifyPrefix(flowPurpose, id[:10], id[10:], flowMACSize) {
		return FlowID{}, false
	}
	first, second := binary.BigEndian.Uint64(id[:]), uint64(binary.BigEndian.Uint16(id[8:]))
	head := first >> 25
	nonce := (first>>16&0x1ff)<<26 | (first&0xfff)<<14 | second&0x3fff
	return FlowID{
		Kind:     uint8(head >> (timeBits + 3)),
		API:      head>>(timeBits+2)&1 == 1,
		Refresh:  head>>(timeBits+1)&1 == 1,
		AAL2:     head>>timeBits&1 == 1,
		Owner:    uint32(nonce >> counterBits),
		IssuedAt: flowEpoch.Add(time.Duration(head&(1<<timeBits-1)) * flowTick),
	}, true
}

func flowTime(t time.Time) uint64 {
	ticks := t.Sub(flowEpoch) / flowTick
	return uint64(min(max(ticks, 0), 1<<timeBits-1))
}

func bit(b bool) uint64 {
	if b {
		return 1
	}
	return 0
}

// randomBits are as many as an owner has.
func randomBits() uint64 {
	var b [4]byte
	rand.Read(b[:])
	return uint64(binary.BigEndian.Uint32(b[:])) >> (32 - FlowOwnerBits)
}
