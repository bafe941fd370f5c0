package kvtest

import (
	"fmt"
	"time"

	"github.com/gatehouse-id/gatehouse/storage/kv"
)

var ttlTests = []test{
	{"Forgotten", testForgotten},
	{"NeverEarlier", testNeverEarlier},
	{"LaterPutKeeps", testLaterPutKeeps},
}

func testForgotten(b *bench) {
	w := b.watch("", 0)
	b.commit(nil, kv.PutTTL("a", []byte("short"), time.Second), kv.Put("b", []byte("for ever")))
	b.eventually("a is forgotten", func() bool { return !b.get("a").Exists() })
	events := b.events(w, 3)
	if last := events[2]; !last.Deleted || last.Key != "a" {
		b.Errorf("got %q, want the forgetting to be seen as a delete", describe(events))
	}
	if !b.get("b").Exists() {
		b.Error("the key without a TTL is gone")
	}
}

// Records with TTLs of several lengths and starts, as a backend that shares
// its timers might mix them up.
func testNeverEarlier(b *bench) {
	type record struct {
		key   string
		until time.Time
	}
	var records []record
	for i := range 12 {
		ttl := time.Duration(500+250*(i%4)) * time.Millisecond
		key := fmt.Sprintf("k%d", i)
		until := time.Now().Add(ttl)
		b.commit(nil, kv.PutTTL(key, nil, ttl))
		records = append(records, record{key, until})
		time.Sleep(60 * time.Millisecond) // spread the starts
	}
	for _, r := range records {
		for time.Now().Before(r.until) {
			exists := b.get(r.key).Exists()
			if !exists && time.Now().Before(r.until) {
				b.Fatalf("%s was forgotten %v too early", r.key, time.Until(r.until))
			}
			time.Sleep(20 * time.Millisecond)
		}
	}
	b.eventually("all are forgotten", func() bool { return len(b.list("k", kv.ListOptions{}).Entries) == 0 })
}

func testLaterPutKeeps(b *bench) {
	b.commit(nil, kv.PutTTL("kept", nil, time.Second))
	b.commit(nil, kv.PutTTL("witness", nil, time.Second))
	b.put("kept", "")
	b.eventually("the witness is forgotten", func() bool { return !b.get("witness").Exists() })
	if !b.get("kept").Exists() {
		b.Error("a later Put without a TTL did not keep the key")
	}
}
