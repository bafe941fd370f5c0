package session

import (
	"hash/maphash"
	"math/rand/v2"
	"sync"
	"sync/atomic"
)

const (
	shardCount = 256
	// Buckets of ids: enough that two sessions seldom share one, and no more than a small cache is worth.
	maxBuckets, minBuckets = 4096, 64
)

// cache remembers valid facts by token hash. Readers take one shard's read lock;
// every change goes through mu, which keeps shards and indexes in step.
type cache struct {
	shards   [shardCount]shard
	seed     maphash.Seed
	capacity int
	buckets  uint64 // of each index

	// epoch numbers the lives of the whole cache: an entry of another epoch is dead.
	epoch atomic.Uint64

	mu         sync.Mutex // guards the fields below and every write to shards
	size       int
	from       int64 // the feed is complete from this revision on; older reads are not kept
	sessions   *index
	identities *index
	// forgets counts local revocations, see fill.
	forgets uint64
}

// shard is a part of the entries.
type shard struct {
	mu      sync.RWMutex         // guards entries
	entries map[TokenHash]*entry // nil until there is one
	hits    atomic.Uint64        // here, beside the lock: one counter for all would be fought over
	_       [64]byte             // keep two shards out of one cache line
}

// entry is one remembered session. It never changes, it dies.
type entry struct {
	hash  TokenHash
	facts *Facts
	epoch uint64
	dead  atomic.Bool
	gone  chan struct{} // closed when the entry dies
}

// index finds entries by the id of a session or an identity, and remembers what
// happened to ids lately. Ids share buckets: a collision only costs a read.
type index struct {
	entries   map[string]map[*entry]struct{}
	changed   []int64  // by bucket: highest revision that the feed reported
	forgotten []uint64 // by bucket: number of the last Forget
}

// ticket is taken before a read and handed in with its result.
type ticket struct{ epoch, forgets uint64 }

func newCache(capacity int) *cache {
	c := &cache{seed: maphash.MakeSeed(), capacity: capacity, from: never}
	c.buckets = uint64(min(max(capacity/16, minBuckets), maxBuckets))
	c.sessions, c.identities = c.newIndex(), c.newIndex()
	return c
}

func (c *cache) newIndex() *index {
	return &index{entries: map[string]map[*entry]struct{}{}, changed: make([]int64, c.buckets), forgotten: make([]uint64, c.buckets)}
}

// shard picks by the hash itself: it is uniform, and whoever picks tokens to
// fill one shard only makes that shard's map larger.
func (c *cache) shard(h *TokenHash) *shard { return &c.shards[h[0]] }

func (s *shard) lookup(h *TokenHash) *entry {
	s.mu.RLock()
	e := s.entries[*h]
	s.mu.RUnlock()
	return e
}

func (c *cache) bucket(id string) int { return int(maphash.String(c.seed, id) % c.buckets) }

// ticket marks the moment before a read.
func (c *cache) ticket() ticket {
	c.mu.Lock()
	defer c.mu.Unlock()
	return ticket{c.epoch.Load(), c.forgets}
}

// fill keeps the facts of a read, unless something may have happened to them
// that the read did not see and the feed will not tell again. It returns false
// when the facts are known to be overtaken and should be read once more.
func (c *cache) fill(t ticket, h TokenHash, f *Facts) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	s, i := c.bucket(f.Session.ID), c.bucket(f.Identity.ID)
	if c.sessions.forgotten[s] > t.forgets || c.identities.forgotten[i] > t.forgets {
		return false
	}
	if t.epoch != c.epoch.Load() || f.Revision < c.from {
		return true // good for this one request, but not to be kept
	}
	if c.sessions.changed[s] > f.Revision || c.identities.changed[i] > f.Revision {
		return false
	}
	if old := c.shard(&h).lookup(&h); old != nil {
		if old.facts.same(f) {
			return true // keeping it spares the streams that hang on it
		}
		c.remove(old)
	}
	c.insert(&entry{hash: h, facts: f, epoch: t.epoch, gone: make(chan struct{})})
	return true
}

// same tells whether two reads found the same records.
func (f *Facts) same(other *Facts) bool {
	return f.Session.ID == other.Session.ID && f.Session.Revision == other.Session.Revision &&
		f.Identity.Revision == other.Identity.Revision
}

// insert needs mu.
func (c *cache) insert(e *entry) {
	if c.size >= c.capacity {
		c.evict()
	}
	s := c.shard(&e.hash)
	s.mu.Lock()
	if s.entries == nil {
		s.entries = map[TokenHash]*entry{}
	}
	s.entries[e.hash] = e
	s.mu.Unlock()
	c.sessions.add(e.facts.Session.ID, e)
	c.identities.add(e.facts.Identity.ID, e)
	c.size++
}

// evict makes room by removing any entry: nearly as good as the least used one,
// and a hit need not write down that it was one. It needs mu.
func (c *cache) evict() {
	for n, at := 0, rand.IntN(shardCount); n < shardCount; n++ {
		for _, e := range c.shards[(at+n)%shardCount].entries {
			c.remove(e)
			return
		}
	}
}

// remove kills an entry first and takes it out then. It needs mu.
func (c *cache) remove(e *entry) {
	e.dead.Store(true)
	s := c.shard(&e.hash)
	s.mu.Lock()
	delete(s.entries, e.hash)
	s.mu.Unlock()
	c.sessions.drop(e.facts.Session.ID, e)
	c.identities.drop(e.facts.Identity.ID, e)
	c.size--
	close(e.gone)
}

// discard removes the entry of a token that a read found to be invalid.
func (c *cache) discard(h TokenHash) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e := c.shard(&h).lookup(&h); e != nil {
		c.remove(e)
	}
}

// invalidate applies what the feed reported. The batch's revision may be higher
// than that of the change: that refuses more fills, never fewer.
func (c *cache) invalidate(v Invalidation) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, id := range v.Sessions {
		c.change(c.sessions, id, v.Revision)
	}
	for _, id := range v.Identities {
		c.change(c.identities, id, v.Revision)
	}
}

func (c *cache) change(x *index, id string, revision int64) {
	b := c.bucket(id)
	x.changed[b] = max(x.changed[b], revision)
	for e := range x.entries[id] {
		if e.facts.Revision < revision { // else it was read after the change, as after a sign-in
			c.remove(e)
		}
	}
}

// forget applies a local revocation. Its revision is unknown, so reads that are
// under way are told apart by their ticket.
func (c *cache) forget(x *index, id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.forgets++
	x.forgotten[c.bucket(id)] = c.forgets
	for e := range x.entries[id] {
		c.remove(e)
	}
}

// open lets fills in that were read at or after a revision: from there on the
// feed reports every change.
func (c *cache) open(from int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.from = from
}

// drop forgets everything and refuses fills until open. The new epoch makes all
// entries dead at once, before they are taken out one by one.
func (c *cache) drop() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.epoch.Add(1)
	c.from = never
	for n := range c.shards {
		for _, e := range c.shards[n].entries {
			c.remove(e)
		}
	}
	// Revisions of a store that went back mean nothing to the next feed.
	clear(c.sessions.changed)
	clear(c.identities.changed)
}

func (c *cache) len() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.size
}

func (c *cache) hits() uint64 {
	var n uint64
	for i := range c.shards {
		n += c.shards[i].hits.Load()
	}
	return n
}

func (x *index) add(id string, e *entry) {
	if x.entries[id] == nil {
		x.entries[id] = map[*entry]struct{}{}
	}
	x.entries[id][e] = struct{}{}
}

func (x *index) drop(id string, e *entry) {
	delete(x.entries[id], e)
	if len(x.entries[id]) == 0 {
		delete(x.entries, id)
	}
}
