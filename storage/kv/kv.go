// Package kv defines the small transactional key-value store every backend implements, and an in-memory one.
//
// The model is etcd's: one history of revisions for the whole store, each
// commit gets the next revision, each key remembers the revision that created
// it and the one that changed it last. A backend that cannot give that
// (strictly serializable commits, ordered watches) cannot implement Store.
package kv

import (
	"context"
	"errors"
	"time"
)

// Errors every backend returns, possibly wrapped. Any other error means the
// outcome is unknown: the store could not be reached or did not answer in time,
// and a commit may or may not have happened.
var (
	// ErrConflict says that a condition of a commit did not hold; nothing was changed.
	ErrConflict = errors.New("kv: a condition of the commit did not hold")
	// ErrNoSpace says that the store refuses new data until space is freed.
	// Reads and commits without a Put still work.
	ErrNoSpace = errors.New("kv: the store is out of space")
	// ErrTooLarge says that a commit exceeds MaxOps or MaxBytes.
	ErrTooLarge = errors.New("kv: the commit is too large")
	// ErrCompacted ends a watch, or refuses a List, whose revision is no longer kept.
	ErrCompacted = errors.New("kv: the revision has been compacted")
	// ErrClosed is returned after Close.
	ErrClosed = errors.New("kv: the store is closed")
	// ErrInvalid says that the request itself is malformed, a mistake of the
	// caller: a bad key, two ops on one key, a revision that does not exist yet.
	ErrInvalid = errors.New("kv: the request is malformed")
)

// Limits of one commit, those of etcd's defaults with headroom.
const (
	MaxOps   = 100
	MaxBytes = 1 << 20
)

// Entry is one key as it stood at a revision.
type Entry struct {
	Key            string
	Value          []byte // must not be changed by the reader
	CreateRevision int64  // revision of the commit that created the key; 0 = the key does not exist
	ModRevision    int64  // revision of the commit that changed it last
}

// Exists tells whether the key was there.
func (e Entry) Exists() bool { return e.CreateRevision != 0 }

// Snapshot is the answer to a read: entries as they stood at Revision.
type Snapshot struct {
	Revision int64   // the revision that was read, > 0: the store's when it answered, or ListOptions.Revision
	Entries  []Entry // Get: one per asked key, in order, missing ones with CreateRevision 0. List: in key order
	More     bool    // List: there are keys after the last entry
}

// Cond is one condition of a commit: exactly one of the comparisons that
// these constructors make.
type Cond struct {
	Key    string
	Target CondTarget
	Equals int64
}

// CondTarget names what a Cond compares.
type CondTarget uint8

const (
	CompareCreate CondTarget = iota // CreateRevision == Equals; Equals 0 = the key must not exist
	CompareMod                      // ModRevision == Equals
)

// Missing holds when key does not exist.
func Missing(key string) Cond { return Cond{Key: key, Target: CompareCreate} }

// Created holds when key exists and was created at revision.
func Created(key string, revision int64) Cond {
	return Cond{Key: key, Target: CompareCreate, Equals: revision}
}

// Unchanged holds when key was last changed at revision (0 = does not exist).
func Unchanged(key string, revision int64) Cond {
	return Cond{Key: key, Target: CompareMod, Equals: revision}
}

// Op is one change of a commit.
type Op struct {
	Key    string
	Value  []byte        // Put only
	TTL    time.Duration // Put only; 0 = keep for ever. See Store.Commit
	Delete bool
}

// Put sets key to value.
func Put(key string, value []byte) Op { return Op{Key: key, Value: value} }

// PutTTL sets key to value and lets the store forget it some time after ttl.
func PutTTL(key string, value []byte, ttl time.Duration) Op {
	return Op{Key: key, Value: value, TTL: ttl}
}

// Delete removes key; removing a missing key is no error.
func Delete(key string) Op { return Op{Key: key, Delete: true} }

// ListOptions selects a page of a listing.
type ListOptions struct {
	After    string // return keys strictly greater than this one; must have the prefix, or be empty
	Limit    int    // at most this many entries, 1..1000; 0 means 1000
	Reverse  bool   // from the last key to the first; After then means strictly smaller
	KeysOnly bool   // leave Value empty
	Revision int64  // read at this revision, to walk pages consistently; 0 = now
}

// Event is one change of a key. Deleted events carry no Value; CreateRevision 0.
type Event struct {
	Entry
	Deleted bool
}

// Batch is what a watch delivers: the events of whole commits in order, and the
// revision up to which the watch is complete: no event with a revision <= Revision
// will follow. A batch without events is the answer to RequestProgress (or an
// unsolicited progress notification).
type Batch struct {
	Revision int64
	Events   []Event
}

// Watch is a running watch.
type Watch interface {
	// Batches is closed when the watch ends; Err then tells why.
	Batches() <-chan Batch
	// RequestProgress asks for a Batch that tells how far the watch has come:
	// the store's revision when it was asked. The answer may never come (a dead
	// connection, a watch still catching up) and a replica that lags may answer
	// with an older revision: the caller must keep the time, compare the
	// revision with the one it needs, and ask again.
	RequestProgress(ctx context.Context) error
	// Err is nil while the watch runs and after Close, else the reason of its end.
	Err() error
	// Close ends the watch and releases it; Batches is closed soon after.
	Close()
}

// Store is a small transactional key-value store.
//
// Keys are non-empty UTF-8 strings without NUL, ordered bytewise. All methods
// may be used concurrently and honour the context's deadline; an
// implementation sets one of its own when there is none.
type Store interface {
	// Get reads keys at one revision, linearizably: it sees every commit that
	// was acknowledged before Get was called, by any node. 1 to MaxOps keys.
	Get(ctx context.Context, keys ...string) (Snapshot, error)

	// List reads the keys with the prefix, linearizably.
	List(ctx context.Context, prefix string, o ListOptions) (Snapshot, error)

	// Commit applies all ops atomically if all conds hold, else returns
	// ErrConflict and changes nothing. It returns the revision of the commit;
	// one that changes nothing (no ops, or deletes of missing keys) makes no
	// revision of its own and returns the present one.
	// A key may be named by one op only. A TTL is a promise to forget the key
	// some time later, never earlier: whoever needs an exact expiry writes it
	// into the value and checks it. A later Put without TTL keeps the key.
	// A commit without any Put works on a store that is out of space.
	Commit(ctx context.Context, conds []Cond, ops []Op) (int64, error)

	// Watch delivers the changes of keys with the prefix made after revision
	// from (0 = from now on). The watch lives until Close or until ctx ends.
	// An error (ErrCompacted among them) ends it; the caller must then drop
	// what it derived, read again, and watch from the revision it read. A watch
	// from a revision that the store has not reached is silent until it does.
	Watch(ctx context.Context, prefix string, from int64) (Watch, error)

	// Close releases the store; running calls and watches end with ErrClosed.
	Close() error
}
