package kvtest

import (
	"fmt"
	"slices"

	"github.com/gatehouse-id/gatehouse/storage/kv"
)

var listTests = []test{
	{"Prefix", testListPrefix},
	{"Pages", testListPages},
	{"DefaultLimit", testListDefaultLimit},
	{"ReverseOfMany", testListReverseOfMany},
	{"CursorOfGoneKey", testListCursorOfGoneKey},
	{"KeysOnly", testListKeysOnly},
	{"AtRevision", testListAtRevision},
	{"SeesAckedCommits", testListSeesAckedCommits},
}

func names(snap kv.Snapshot) []string {
	got := []string{}
	for _, e := range snap.Entries {
		got = append(got, e.Key)
	}
	return got
}

func (b *bench) fill(keys ...string) {
	b.Helper()
	for _, key := range keys {
		b.put(key, "value of "+key)
	}
}

func (b *bench) lists(prefix string, o kv.ListOptions, more bool, want ...string) {
	b.Helper()
	snap := b.list(prefix, o)
	if got := names(snap); !slices.Equal(got, want) || snap.More != more {
		b.Errorf("List(%q, %+v): got %q, more %v, want %q, more %v", prefix, o, got, snap.More, want, more)
	}
}

func testListPrefix(b *bench) {
	b.fill("b", "a/", "a", "a/2", "a/1", "a0", "a/é", "a.", "a/\U0010ffff")
	b.lists("a/", kv.ListOptions{}, false, "a/", "a/1", "a/2", "a/é", "a/\U0010ffff")
	b.lists("a/", kv.ListOptions{Reverse: true}, false, "a/\U0010ffff", "a/é", "a/2", "a/1", "a/")
	b.lists("", kv.ListOptions{Limit: 3}, true, "a", "a.", "a/")
	b.lists("", kv.ListOptions{Limit: 2, Reverse: true}, true, "b", "a0")
	b.lists("a/1", kv.ListOptions{}, false, "a/1")
	b.lists("a/\U0010ffff", kv.ListOptions{}, false, "a/\U0010ffff")
	b.lists("c", kv.ListOptions{}, false)
	if snap := b.list("c", kv.ListOptions{}); snap.Revision <= 0 {
		b.Errorf("got revision %d of an empty listing", snap.Revision)
	}
}

func testListPages(b *bench) {
	b.fill("p/1", "p/2", "p/3", "p/4", "q")
	b.lists("p/", kv.ListOptions{Limit: 2}, true, "p/1", "p/2")
	b.lists("p/", kv.ListOptions{Limit: 2, After: "p/2"}, false, "p/3", "p/4")
	b.lists("p/", kv.ListOptions{Limit: 4}, false, "p/1", "p/2", "p/3", "p/4")
	b.lists("p/", kv.ListOptions{After: "p/4"}, false)
	b.lists("p/", kv.ListOptions{Limit: 3, Reverse: true}, true, "p/4", "p/3", "p/2")
	b.lists("p/", kv.ListOptions{Limit: 3, Reverse: true, After: "p/2"}, false, "p/1")
	b.lists("p/", kv.ListOptions{Reverse: true, After: "p/1"}, false)
}

// many puts n keys m/0000, m/0001, …
func (b *bench) many(n int) {
	b.Helper()
	for start := 0; start < n; start += kv.MaxOps {
		var ops []kv.Op
		for i := start; i < min(start+kv.MaxOps, n); i++ {
			ops = append(ops, kv.Put(fmt.Sprintf("m/%04d", i), []byte("v")))
		}
		b.commit(nil, ops...)
	}
}

func testListDefaultLimit(b *bench) {
	b.many(1001)
	snap := b.list("m/", kv.ListOptions{})
	if len(snap.Entries) != 1000 || !snap.More {
		b.Errorf("got %d entries, more %v, want 1000 and more", len(snap.Entries), snap.More)
	}
}

func testListReverseOfMany(b *bench) {
	const n = 1500
	b.many(n)
	o := kv.ListOptions{Limit: 7, Reverse: true}
	seen := 0
	for {
		snap := b.list("m/", o)
		for _, e := range snap.Entries {
			seen++
			if want := fmt.Sprintf("m/%04d", n-seen); e.Key != want || string(e.Value) != "v" {
				b.Fatalf("entry %d: got %q = %q, want %q", seen, e.Key, e.Value, want)
			}
			o.After = e.Key
		}
		if !snap.More {
			break
		}
		o.Limit = min(2*o.Limit, 300) // pages of several sizes
	}
	if seen != n {
		b.Errorf("got %d keys, want %d", seen, n)
	}
}

func testListCursorOfGoneKey(b *bench) {
	b.fill("p/1", "p/3")
	b.lists("p/", kv.ListOptions{After: "p/2"}, false, "p/3")
	b.lists("p/", kv.ListOptions{After: "p/2", Reverse: true}, false, "p/1")
}

func testListKeysOnly(b *bench) {
	rev := b.put("a", "secret")
	e := b.list("a", kv.ListOptions{KeysOnly: true}).Entries[0]
	if e.Key != "a" || len(e.Value) != 0 || e.ModRevision != rev || e.CreateRevision != rev {
		b.Errorf("got %+v, want key and revisions without the value", e)
	}
}

func testListAtRevision(b *bench) {
	b.fill("p/1", "p/2")
	old := b.put("p/3", "old")
	b.put("p/3", "new")
	b.commit(nil, kv.Delete("p/1"))
	b.fill("p/0", "p/9")
	b.lists("p/", kv.ListOptions{Revision: old}, false, "p/1", "p/2", "p/3")
	b.lists("p/", kv.ListOptions{Revision: old, Reverse: true, Limit: 2}, true, "p/3", "p/2")
	b.lists("p/", kv.ListOptions{Revision: old, After: "p/2"}, false, "p/3")
	snap := b.list("p/3", kv.ListOptions{Revision: old})
	if e := snap.Entries[0]; string(e.Value) != "old" || e.ModRevision != old || snap.Revision != old {
		b.Errorf("got %+v at %d, want the old value at %d", e, snap.Revision, old)
	}
	b.lists("p/", kv.ListOptions{}, false, "p/0", "p/2", "p/3", "p/9")
}

func testListSeesAckedCommits(b *bench) {
	for i := range 50 {
		rev := b.put(fmt.Sprintf("p/%02d", i), "")
		snap := b.list("p/", kv.ListOptions{KeysOnly: true})
		if len(snap.Entries) != i+1 || snap.Revision < rev {
			b.Fatalf("got %d keys at %d after commit %d at %d", len(snap.Entries), snap.Revision, i+1, rev)
		}
	}
}
