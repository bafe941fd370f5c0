package kvtest

import (
	"errors"
	"fmt"
	"time"

	"github.com/gatehouse-id/gatehouse/storage/kv"
)

var limitTests = []test{
	{"MaxOps", testMaxOps},
	{"MaxBytes", testMaxBytes},
	{"TwoOpsOnOneKey", testTwoOpsOnOneKey},
	{"MalformedCommit", testMalformedCommit},
	{"MalformedRead", testMalformedRead},
}

func testMaxOps(b *bench) {
	var ops []kv.Op
	var conds []kv.Cond
	var keys []string
	for i := range kv.MaxOps {
		key := fmt.Sprintf("k%03d", i)
		ops, conds, keys = append(ops, kv.Put(key, nil)), append(conds, kv.Missing(key)), append(keys, key)
	}
	b.commit(conds, ops...)
	b.snapshot(keys...)
	b.refused(kv.ErrTooLarge, nil, append(ops, kv.Put("one more", nil))...)
	if _, err := b.Get(b.ctx, append(keys, "one more")...); !errors.Is(err, kv.ErrTooLarge) {
		b.Errorf("Get of %d keys: got %v, want ErrTooLarge", len(keys)+1, err)
	}
	if b.get("one more").Exists() {
		b.Error("a refused commit was applied")
	}
}

func testMaxBytes(b *bench) {
	b.commit(nil, kv.Put("big", make([]byte, kv.MaxBytes-len("big"))))
	b.refused(kv.ErrTooLarge, nil, kv.Put("big", make([]byte, kv.MaxBytes)))
	b.refused(kv.ErrTooLarge, nil, kv.Put("a", make([]byte, kv.MaxBytes/2)), kv.Put("b", make([]byte, kv.MaxBytes/2)))
	if got := len(b.get("big").Value); got != kv.MaxBytes-len("big") {
		b.Errorf("got %d bytes back", got)
	}
}

func testTwoOpsOnOneKey(b *bench) {
	b.refused(kv.ErrInvalid, nil, kv.Put("a", nil), kv.Put("a", nil))
	b.refused(kv.ErrInvalid, nil, kv.Put("a", nil), kv.Delete("a"))
	b.refused(kv.ErrInvalid, nil, kv.Delete("a"), kv.Delete("a"))
	if b.get("a").Exists() {
		b.Error("a refused commit was applied")
	}
}

func testMalformedCommit(b *bench) {
	for _, key := range []string{"", "a\x00", "\xff"} {
		b.refused(kv.ErrInvalid, nil, kv.Put(key, nil))
		b.refused(kv.ErrInvalid, []kv.Cond{kv.Missing(key)}, kv.Put("a", nil))
	}
	b.refused(kv.ErrInvalid, nil, kv.PutTTL("a", nil, -time.Second))
	b.refused(kv.ErrInvalid, []kv.Cond{{Key: "a", Target: 9}}, kv.Put("a", nil))
}

func testMalformedRead(b *bench) {
	for _, keys := range [][]string{nil, {""}, {"a\x00"}, {"\xff"}} {
		if _, err := b.Get(b.ctx, keys...); !errors.Is(err, kv.ErrInvalid) {
			b.Errorf("Get(%q): got %v, want ErrInvalid", keys, err)
		}
	}
	now := b.put("a", "")
	for _, o := range []kv.ListOptions{{Limit: -1}, {Limit: 1001}, {After: "z"}, {Revision: -1}, {Revision: now + 1000}} {
		if _, err := b.List(b.ctx, "a", o); !errors.Is(err, kv.ErrInvalid) {
			b.Errorf("List(%+v): got %v, want ErrInvalid", o, err)
		}
	}
	if _, err := b.Watch(b.ctx, "a", -1); !errors.Is(err, kv.ErrInvalid) {
		b.Errorf("Watch from -1: got %v, want ErrInvalid", err)
	}
}
