// Package kvtest is the conformance suite for kv.Store.
//
// A backend proves itself with one call:
//
//	func TestStore(t *testing.T) { kvtest.Run(t, open) }
package kvtest

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/gatehouse-id/gatehouse/storage/kv"
)

// patience is how long the suite waits for what a store promises "soon". It is
// long because a loaded machine must not fail a correct store.
const patience = 30 * time.Second

// Run checks the store that open returns. Open is called once per test and
// must return an empty store; it closes the store by t.Cleanup, and a second
// Close, after the suite's own, must do no harm.
func Run(t *testing.T, open func(t *testing.T) kv.Store) {
	groups := []struct {
		name  string
		tests []test
	}{
		{"Commit", commitTests},
		{"Limits", limitTests},
		{"List", listTests},
		{"Watch", watchTests},
		{"End", endTests},
		{"TTL", ttlTests},
		{"Hammer", hammerTests},
	}
	for _, g := range groups {
		t.Run(g.name, func(t *testing.T) {
			for _, tt := range g.tests {
				t.Run(tt.name, func(t *testing.T) { tt.run(newBench(t, open(t))) })
			}
		})
	}
}

type test struct {
	name string
	run  func(b *bench)
}

// bench is a store under test, with calls that fail the test by themselves.
type bench struct {
	*testing.T
	kv.Store
	ctx context.Context
}

func newBench(t *testing.T, s kv.Store) *bench {
	ctx, cancel := context.WithTimeout(context.Background(), 2*patience)
	t.Cleanup(cancel)
	return &bench{T: t, Store: s, ctx: ctx}
}

// commit must succeed.
func (b *bench) commit(conds []kv.Cond, ops ...kv.Op) int64 {
	b.Helper()
	rev, err := b.Commit(b.ctx, conds, ops)
	if err != nil {
		b.Fatalf("Commit(%v, %v): %v", conds, ops, err)
	}
	return rev
}

func (b *bench) put(key, value string) int64 {
	b.Helper()
	return b.commit(nil, kv.Put(key, []byte(value)))
}

// refused must fail with want.
func (b *bench) refused(want error, conds []kv.Cond, ops ...kv.Op) {
	b.Helper()
	if _, err := b.Commit(b.ctx, conds, ops); !errors.Is(err, want) {
		b.Fatalf("Commit(%v, %d ops): got error %v, want %v", conds, len(ops), err, want)
	}
}

func (b *bench) get(key string) kv.Entry {
	b.Helper()
	return b.snapshot(key).Entries[0]
}

func (b *bench) snapshot(keys ...string) kv.Snapshot {
	b.Helper()
	snap, err := b.Get(b.ctx, keys...)
	if err != nil {
		b.Fatalf("Get(%q): %v", keys, err)
	}
	if len(snap.Entries) != len(keys) {
		b.Fatalf("Get(%q): got %d entries", keys, len(snap.Entries))
	}
	return snap
}

func (b *bench) list(prefix string, o kv.ListOptions) kv.Snapshot {
	b.Helper()
	snap, err := b.List(b.ctx, prefix, o)
	if err != nil {
		b.Fatalf("List(%q, %+v): %v", prefix, o, err)
	}
	return snap
}

// eventually asks until done says yes.
func (b *bench) eventually(what string, done func() bool) {
	b.Helper()
	for start := time.Now(); time.Since(start) < patience; time.Sleep(10 * time.Millisecond) {
		if done() {
			return
		}
	}
	b.Fatalf("did not happen within %v: %s", patience, what)
}
