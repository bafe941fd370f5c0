package kvtest

import (
	"bytes"
	"slices"

	"github.com/gatehouse-id/gatehouse/storage/kv"
)

var commitTests = []test{
	{"PutAndGet", testPutAndGet},
	{"MissingKey", testMissingKey},
	{"EmptyValue", testEmptyValue},
	{"OddKeys", testOddKeys},
	{"Revisions", testRevisions},
	{"GetMany", testGetMany},
	{"DeleteMissing", testDeleteMissing},
	{"NoOps", testNoOps},
	{"ConditionMissing", testConditionMissing},
	{"ConditionCreated", testConditionCreated},
	{"ConditionUnchanged", testConditionUnchanged},
	{"LostRace", testLostRace},
	{"AllOrNothing", testAllOrNothing},
	{"CallerKeepsItsBuffer", testCallerKeepsItsBuffer},
}

func testPutAndGet(b *bench) {
	rev := b.put("a", "one")
	e := b.get("a")
	if e.Key != "a" || string(e.Value) != "one" || !e.Exists() {
		b.Errorf("got %+v, want a = one", e)
	}
	if e.CreateRevision != rev || e.ModRevision != rev {
		b.Errorf("got revisions %d and %d, want %d", e.CreateRevision, e.ModRevision, rev)
	}
}

func testMissingKey(b *bench) {
	snap := b.snapshot("nobody")
	e := snap.Entries[0]
	if e.Exists() || e.Key != "nobody" || e.ModRevision != 0 || len(e.Value) != 0 {
		b.Errorf("got %+v, want only the name", e)
	}
	if snap.Revision <= 0 {
		b.Errorf("got revision %d, want > 0 also of an empty store", snap.Revision)
	}
}

func testEmptyValue(b *bench) {
	b.commit(nil, kv.Put("a", nil))
	if e := b.get("a"); !e.Exists() || len(e.Value) != 0 {
		b.Errorf("got %+v, want an existing key without a value", e)
	}
}

func testOddKeys(b *bench) {
	value := []byte{0, 0xff, '\n'}
	for _, key := range []string{"a/b", "/", " ", "ключ", "\u007f", "a\tb"} {
		b.commit(nil, kv.Put(key, value))
		if e := b.get(key); e.Key != key || !bytes.Equal(e.Value, value) {
			b.Errorf("key %q: got %+v", key, e)
		}
	}
}

func testRevisions(b *bench) {
	first := b.put("a", "1")
	second := b.put("a", "2")
	if second <= first {
		b.Errorf("got revision %d after %d, want it to grow", second, first)
	}
	if e := b.get("a"); e.CreateRevision != first || e.ModRevision != second {
		b.Errorf("got %+v, want created %d, changed %d", e, first, second)
	}
	gone := b.commit(nil, kv.Delete("a"))
	again := b.put("a", "3")
	if gone <= second || again <= gone {
		b.Errorf("got revisions %d, %d, %d, want them to grow", second, gone, again)
	}
	if e := b.get("a"); e.CreateRevision != again {
		b.Errorf("got %+v, want a key created anew at %d", e, again)
	}
}

func testGetMany(b *bench) {
	rev := b.commit(nil, kv.Put("c", []byte("3")), kv.Put("a", []byte("1")))
	snap := b.snapshot("c", "b", "a", "c")
	var got []string
	for _, e := range snap.Entries {
		got = append(got, e.Key+"="+string(e.Value))
	}
	if want := []string{"c=3", "b=", "a=1", "c=3"}; !slices.Equal(got, want) {
		b.Errorf("got %q, want %q in the asked order", got, want)
	}
	if snap.Entries[1].Exists() || snap.Revision < rev || snap.Entries[0].ModRevision != snap.Entries[2].ModRevision {
		b.Errorf("got %+v, want two keys of one commit and a missing one", snap)
	}
}

func testDeleteMissing(b *bench) {
	rev := b.put("a", "1")
	if got := b.commit(nil, kv.Delete("nobody")); got < rev {
		b.Errorf("got revision %d, want at least %d", got, rev)
	}
}

func testNoOps(b *bench) {
	rev := b.put("a", "1")
	if got := b.commit([]kv.Cond{kv.Unchanged("a", rev)}); got < rev {
		b.Errorf("got revision %d, want at least %d", got, rev)
	}
	b.refused(kv.ErrConflict, []kv.Cond{kv.Missing("a")})
}

func testConditionMissing(b *bench) {
	b.commit([]kv.Cond{kv.Missing("a")}, kv.Put("a", []byte("1")))
	b.refused(kv.ErrConflict, []kv.Cond{kv.Missing("a")}, kv.Put("a", []byte("2")))
	b.commit(nil, kv.Delete("a"))
	b.commit([]kv.Cond{kv.Missing("a")}, kv.Put("a", []byte("3")))
	if e := b.get("a"); string(e.Value) != "3" {
		b.Errorf("got %q, want 3", e.Value)
	}
}

func testConditionCreated(b *bench) {
	rev := b.put("a", "1")
	b.put("a", "2")
	b.commit([]kv.Cond{kv.Created("a", rev)}, kv.Put("b", nil))
	b.commit(nil, kv.Delete("a"))
	b.refused(kv.ErrConflict, []kv.Cond{kv.Created("a", rev)}, kv.Put("b", nil))
	b.put("a", "3")
	b.refused(kv.ErrConflict, []kv.Cond{kv.Created("a", rev)}, kv.Put("b", nil))
}

func testConditionUnchanged(b *bench) {
	b.commit([]kv.Cond{kv.Unchanged("a", 0)}, kv.Put("a", []byte("1")))
	b.refused(kv.ErrConflict, []kv.Cond{kv.Unchanged("a", 0)}, kv.Put("a", []byte("2")))
	rev := b.get("a").ModRevision
	b.commit([]kv.Cond{kv.Unchanged("a", rev)}, kv.Put("a", []byte("2")))
	b.refused(kv.ErrConflict, []kv.Cond{kv.Unchanged("a", rev)}, kv.Delete("a"))
}

func testLostRace(b *bench) {
	b.put("a", "0")
	mine, theirs := b.get("a"), b.get("a")
	b.commit([]kv.Cond{kv.Unchanged("a", theirs.ModRevision)}, kv.Put("a", []byte("theirs")))
	b.refused(kv.ErrConflict, []kv.Cond{kv.Unchanged("a", mine.ModRevision)}, kv.Put("a", []byte("mine")))
	if e := b.get("a"); string(e.Value) != "theirs" {
		b.Errorf("got %q, want theirs", e.Value)
	}
}

func testAllOrNothing(b *bench) {
	b.put("taken", "x")
	before := b.snapshot("taken").Revision
	b.refused(kv.ErrConflict, []kv.Cond{kv.Missing("free"), kv.Missing("taken")},
		kv.Put("free", nil), kv.Put("other", nil), kv.Delete("taken"))
	snap := b.snapshot("free", "other", "taken")
	if snap.Entries[0].Exists() || snap.Entries[1].Exists() || !snap.Entries[2].Exists() {
		b.Errorf("got %+v, want nothing changed", snap.Entries)
	}
	if snap.Revision != before {
		b.Errorf("got revision %d, want %d: a refused commit makes none", snap.Revision, before)
	}
	rev := b.commit([]kv.Cond{kv.Missing("free")}, kv.Put("free", nil), kv.Put("other", nil), kv.Delete("taken"))
	snap = b.snapshot("free", "other", "taken")
	if snap.Entries[0].ModRevision != rev || snap.Entries[1].ModRevision != rev || snap.Entries[2].Exists() {
		b.Errorf("got %+v, want everything changed at %d", snap.Entries, rev)
	}
}

func testCallerKeepsItsBuffer(b *bench) {
	value := []byte("one")
	b.commit(nil, kv.Put("a", value))
	copy(value, "two")
	if e := b.get("a"); string(e.Value) != "one" {
		b.Errorf("got %q, want one: the store must not share the caller's buffer", e.Value)
	}
}
