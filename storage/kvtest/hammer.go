package kvtest

import (
	"errors"
	"fmt"
	"strconv"
	"sync"

	"github.com/gatehouse-id/gatehouse/storage/kv"
)

var hammerTests = []test{
	{"Counters", testHammerCounters},
	{"OneWinner", testHammerOneWinner},
}

// Writers increment shared counters by compare and swap, each pair in one
// commit: no increment may be lost, and a reader may never see a torn pair.
func testHammerCounters(b *bench) {
	const writers, rounds = 8, 25
	w := b.watch("n/", 0)
	var wg sync.WaitGroup
	for i := range writers {
		wg.Go(func() {
			for range rounds {
				if err := b.increment(i % 2); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	for pair := range 2 {
		snap := b.snapshot(pairKeys(pair)...)
		for _, e := range snap.Entries {
			if want := strconv.Itoa(writers / 2 * rounds); string(e.Value) != want {
				b.Errorf("%s: got %s, want %s", e.Key, e.Value, want)
			}
		}
	}
	if events := b.events(w, 2*writers*rounds); len(events) != 2*writers*rounds {
		b.Errorf("got %d events, want %d", len(events), 2*writers*rounds)
	}
}

func pairKeys(pair int) []string {
	return []string{fmt.Sprintf("n/%d/left", pair), fmt.Sprintf("n/%d/right", pair)}
}

// increment adds one to both counters of a pair, retrying lost races.
func (b *bench) increment(pair int) error {
	keys := pairKeys(pair)
	for {
		snap, err := b.Get(b.ctx, keys...)
		if err != nil {
			return err
		}
		left, right := snap.Entries[0], snap.Entries[1]
		if string(left.Value) != string(right.Value) {
			return fmt.Errorf("torn read at %d: left %s, right %s", snap.Revision, left.Value, right.Value)
		}
		n, _ := strconv.Atoi(string(left.Value))
		value := []byte(strconv.Itoa(n + 1))
		_, err = b.Commit(b.ctx, []kv.Cond{kv.Unchanged(keys[0], left.ModRevision)},
			[]kv.Op{kv.Put(keys[0], value), kv.Put(keys[1], value)})
		if !errors.Is(err, kv.ErrConflict) {
			return err
		}
	}
}

// Many claim one name; exactly one gets it.
func testHammerOneWinner(b *bench) {
	const claimants = 16
	for round := range 10 {
		key := fmt.Sprintf("name/%d", round)
		won := make(chan string, claimants)
		var wg sync.WaitGroup
		for i := range claimants {
			wg.Go(func() {
				id := strconv.Itoa(i)
				_, err := b.Commit(b.ctx, []kv.Cond{kv.Missing(key)}, []kv.Op{kv.Put(key, []byte(id))})
				switch {
				case err == nil:
					won <- id
				case !errors.Is(err, kv.ErrConflict):
					b.Error(err)
				}
			})
		}
		wg.Wait()
		close(won)
		if len(won) != 1 {
			b.Fatalf("%d claimants won %s, want 1", len(won), key)
		}
		if winner := <-won; string(b.get(key).Value) != winner {
			b.Fatalf("%s belongs to %s, but %s was told so", key, b.get(key).Value, winner)
		}
	}
}
