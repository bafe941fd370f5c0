package kv

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"
)

// defaultHistory is how many changes a Memory keeps for watches and old reads.
const defaultHistory = 10_000

// Memory is a Store that lives in this process and dies with it. It behaves
// like the other backends down to compaction, so tests may rely on it.
type Memory struct {
	// Now tells the time for TTLs; nil means time.Now. Forgetting is lazy: it
	// happens during the first call after the time has come.
	Now func() time.Time
	// History is how many changes are kept for Watch and for List at an older
	// revision, at least; 0 means 10000.
	History int

	mu        sync.Mutex // guards everything below
	closed    bool
	rev       int64
	items     map[string]Entry
	keys      []string // the keys of items, sorted
	deadlines deadlines
	log       []change // changes newer than compacted, oldest first
	compacted int64    // the newest revision whose changes are not in log
	watches   map[*memoryWatch]struct{}
}

// change is one change of one key, with what it replaced.
type change struct {
	rev    int64
	before Entry // CreateRevision 0 = the key did not exist
	event  Event
}

// NewMemory returns an empty store. Like etcd's, its history starts at revision 1.
func NewMemory() *Memory {
	return &Memory{rev: 1, compacted: 1, items: map[string]Entry{}, watches: map[*memoryWatch]struct{}{}}
}

// Get implements Store.
func (m *Memory) Get(ctx context.Context, keys ...string) (Snapshot, error) {
	if err := CheckKeys(keys); err != nil {
		return Snapshot{}, err
	}
	if err := m.enter(ctx); err != nil {
		return Snapshot{}, err
	}
	defer m.mu.Unlock()
	snap := Snapshot{Revision: m.rev, Entries: make([]Entry, len(keys))}
	for i, key := range keys {
		snap.Entries[i] = m.entry(key)
	}
	return snap, nil
}

// Commit implements Store.
func (m *Memory) Commit(ctx context.Context, conds []Cond, ops []Op) (int64, error) {
	if err := CheckCommit(conds, ops); err != nil {
		return 0, err
	}
	if err := m.enter(ctx); err != nil {
		return 0, err
	}
	defer m.mu.Unlock()
	for _, c := range conds {
		if !m.holds(c) {
			return 0, ErrConflict
		}
	}
	m.apply(ops)
	return m.rev, nil
}

// Close implements Store.
func (m *Memory) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.closed = true
	for w := range m.watches {
		w.cancel(ErrClosed)
	}
	return nil
}

// enter locks the store for one call and forgets what is due. The caller
// unlocks when there is no error.
func (m *Memory) enter(ctx context.Context) error {
	m.mu.Lock()
	err := ctx.Err()
	if m.closed {
		err = ErrClosed
	}
	if err != nil {
		m.mu.Unlock()
		return err
	}
	m.forget()
	return nil
}

func (m *Memory) now() time.Time {
	if m.Now != nil {
		return m.Now()
	}
	return time.Now()
}

// entry returns the key as it stands; a missing one has only its name.
func (m *Memory) entry(key string) Entry {
	if e, ok := m.items[key]; ok {
		return e
	}
	return Entry{Key: key}
}

func (m *Memory) holds(c Cond) bool {
	e := m.entry(c.Key)
	if c.Target == CompareCreate {
		return e.CreateRevision == c.Equals
	}
	return e.ModRevision == c.Equals
}

// apply makes one revision of ops, or none when they change nothing.
func (m *Memory) apply(ops []Op) {
	rev := m.rev + 1
	for _, op := range ops {
		before := m.entry(op.Key)
		switch {
		case !op.Delete:
			m.put(op, before, rev)
		case before.Exists():
			m.remove(op.Key)
			m.log = append(m.log, change{rev, before, Event{Entry: Entry{Key: op.Key, ModRevision: rev}, Deleted: true}})
		default:
			continue
		}
		m.rev = rev
	}
	if m.rev == rev {
		m.trim()
		m.wake()
	}
}

func (m *Memory) put(op Op, before Entry, rev int64) {
	e := Entry{Key: op.Key, Value: slices.Clone(op.Value), CreateRevision: before.CreateRevision, ModRevision: rev}
	if !before.Exists() {
		e.CreateRevision = rev
		at, _ := slices.BinarySearch(m.keys, op.Key)
		m.keys = slices.Insert(m.keys, at, op.Key)
	}
	m.items[op.Key] = e
	if op.TTL > 0 {
		m.deadlines.add(deadline{at: m.now().Add(op.TTL), key: op.Key, rev: rev})
	}
	m.log = append(m.log, change{rev, before, Event{Entry: e}})
}

func (m *Memory) remove(key string) {
	delete(m.items, key)
	if at, ok := slices.BinarySearch(m.keys, key); ok {
		m.keys = slices.Delete(m.keys, at, at+1)
	}
}

// forget deletes every key whose TTL has passed, in one revision. A deadline
// counts only for the very Put that set it: a later one keeps the key.
func (m *Memory) forget() {
	var due []Op
	now := m.now()
	for m.deadlines.due(now) {
		d := m.deadlines.take()
		if m.items[d.key].ModRevision == d.rev {
			due = append(due, Delete(d.key))
		}
	}
	m.apply(due)
}

// trim drops the oldest changes, commit by commit. It waits until twice the
// history has piled up, so that copying costs a constant per change.
func (m *Memory) trim() {
	keep := m.History
	if keep <= 0 {
		keep = defaultHistory
	}
	if len(m.log) <= 2*keep {
		return
	}
	cut := len(m.log) - keep
	for cut > 0 && m.log[cut].rev == m.log[cut-1].rev {
		cut--
	}
	if cut == 0 {
		return
	}
	m.compacted = m.log[cut-1].rev
	m.log = slices.Clone(m.log[cut:])
}

// after returns the changes newer than rev.
func (m *Memory) after(rev int64) []change {
	at, _ := slices.BinarySearchFunc(m.log, rev+1, func(c change, rev int64) int { return int(c.rev - rev) })
	return m.log[at:]
}

// check tells whether the store can be read as it stood at rev.
func (m *Memory) check(rev int64) error {
	switch {
	case rev > m.rev:
		return fmt.Errorf("%w: revision %d is not reached yet", ErrInvalid, rev)
	case rev < m.compacted:
		return ErrCompacted
	}
	return nil
}
