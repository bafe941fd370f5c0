package secret_test

import (
	"encoding/hex"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/gatehouse-id/gatehouse/core/secret"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func TestFlowIDSaysWhatItWasMadeFrom(t *testing.T) {
	k := secret.RandomKeys()
	for bits := range 64 {
		want := secret.FlowID{
			Kind: uint8(bits >> 3), API: bits&1 != 0, Refresh: bits&2 != 0, AAL2: bits&4 != 0,
			Owner:    0xfffff - uint32(bits)*7919,
			IssuedAt: noon.Add(time.Duration(bits) * 750 * time.Millisecond),
		}
		id := k.NewFlowID(want)
		got, ok := k.ParseFlowID(id)
		if want.API {
			want.Owner = got.Owner // chance
		}
		if !ok || got != want {
			t.Errorf("%s: got %+v %v, want %+v", id, got, ok, want)
		}
		if parsed, err := uuid.Parse(id); err != nil || parsed.Version() != 4 || parsed.Variant() != uuid.RFC4122 {
			t.Errorf("%s is no UUID of version 4", id)
		}
	}
}

func TestFlowIDIsNeverFromTheFuture(t *testing.T) {
	k := secret.RandomKeys()
	for range 1000 {
		now := noon.Add(time.Duration(rand.Int64N(int64(time.Hour)))).In(time.FixedZone("east", 7200))
		got, _ := k.ParseFlowID(k.NewFlowID(secret.FlowID{IssuedAt: now}))
		if early := now.Sub(got.IssuedAt); early < 0 || early >= 250*time.Millisecond {
			t.Fatalf("made at %v, says %v", now, got.IssuedAt)
		}
	}
}

func TestFlowIDKeepsTimesItCanNotHoldInRange(t *testing.T) {
	k := secret.RandomKeys()
	first := time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, issued := range []time.Time{{}, first.Add(-time.Nanosecond), first} {
		got, ok := k.ParseFlowID(k.NewFlowID(secret.FlowID{IssuedAt: issued}))
		if !ok || !got.IssuedAt.Equal(first) {
			t.Errorf("%v: got %v %v", issued, got.IssuedAt, ok)
		}
	}
	got, ok := k.ParseFlowID(k.NewFlowID(secret.FlowID{Kind: 3, IssuedAt: first.AddDate(200, 0, 0)}))
	if !ok || got.Kind != 3 || got.IssuedAt.Year() != 2092 {
		t.Errorf("far future: got %+v %v", got, ok)
	}
}

func TestFlowIDRefusesEveryFlippedBit(t *testing.T) {
	k := secret.RandomKeys()
	id := uuid.MustParse(k.NewFlowID(secret.FlowID{Kind: 1, IssuedAt: noon}))
	for i := range len(id) * 8 {
		forged := id
		forged[i/8] ^= 1 << (i % 8)
		if _, ok := k.ParseFlowID(forged.String()); ok {
			t.Errorf("bit %d does not matter", i)
		}
	}
}

func TestFlowIDRefusesOtherSpellings(t *testing.T) {
	k := secret.RandomKeys()
	id := k.NewFlowID(secret.FlowID{Kind: 1, IssuedAt: noon})
	plain := strings.ReplaceAll(id, "-", "")
	for _, forged := range []string{
		"", id[:35], id + "0", id + "\n", " " + id, strings.ToUpper(id), plain, "urn:uuid:" + id, "{" + id + "}",
		uuid.NewString(), uuid.Nil.String(), uuid.Max.String(),
	} {
		if _, ok := k.ParseFlowID(forged); ok && forged != id {
			t.Errorf("%q was taken", forged)
		}
	}
}

func TestFlowIDRefusesRandomMutations(t *testing.T) {
	k := secret.RandomKeys()
	for range 100 {
		id := k.NewFlowID(secret.FlowID{Kind: 1, IssuedAt: noon})
		raw, _ := hex.DecodeString(strings.ReplaceAll(id, "-", ""))
		for range 1 + rand.IntN(4) {
			raw[rand.IntN(16)] ^= byte(1 + rand.IntN(255))
		}
		forged := uuid.UUID(raw).String()
		if _, ok := k.ParseFlowID(forged); ok && forged != id {
			t.Errorf("%s, made from %s, was taken", forged, id)
		}
	}
}

func TestFlowIDFollowsTheRotation(t *testing.T) {
	id := keys(t, oldSecret).NewFlowID(secret.FlowID{IssuedAt: noon})
	if _, ok := keys(t, newSecret, oldSecret).ParseFlowID(id); !ok {
		t.Error("the old secret's id was refused during rotation")
	}
	if _, ok := keys(t, newSecret).ParseFlowID(id); ok {
		t.Error("the id of a dropped secret was taken")
	}
}

func TestFlowIDOfAnAPIFlowHasARandomOwnerUnlessItHasOne(t *testing.T) {
	k := secret.RandomKeys()
	owners := map[uint32]bool{}
	for range 100 {
		flow, _ := k.ParseFlowID(k.NewFlowID(secret.FlowID{API: true, IssuedAt: noon}))
		owners[flow.Owner] = true
	}
	if len(owners) < 90 {
		t.Errorf("got %d different owners for 100 flows", len(owners))
	}
	if flow, _ := k.ParseFlowID(k.NewFlowID(secret.FlowID{API: true, Owner: 7, IssuedAt: noon})); flow.Owner != 7 {
		t.Errorf("got owner %d, want the 7 that was given", flow.Owner)
	}
}

func TestFlowIDCutsAnOwnerThatIsTooLong(t *testing.T) {
	k := secret.RandomKeys()
	flow, ok := k.ParseFlowID(k.NewFlowID(secret.FlowID{Kind: 1, Owner: 1<<secret.FlowOwnerBits | 5, IssuedAt: noon}))
	if want := (secret.FlowID{Kind: 1, Owner: 5, IssuedAt: noon}); !ok || flow != want {
		t.Errorf("got %+v %v, want %+v", flow, ok, want)
	}
}

// The hammer makes as many ids as an instant has room for, all for one browser and from Keys that a reload might have made
// anew.
func TestFlowIDsOfOneInstantDiffer(t *testing.T) {
	const makers, each = 8, 4096
	var group sync.WaitGroup
	made := make([][]string, makers)
	for i := range makers {
		k := keys(t, newSecret)
		group.Go(func() {
			for range each {
				made[i] = append(made[i], k.NewFlowID(secret.FlowID{Owner: 7, IssuedAt: noon}))
			}
		})
	}
	group.Wait()
	seen := make(map[string]bool, makers*each)
	for _, ids := range made {
		for _, id := range ids {
			if seen[id] {
				t.Fatalf("%s was made twice", id)
			}
			seen[id] = true
		}
	}
}

func FuzzParseFlowID(f *testing.F) {
	k := keys(f, newSecret)
	f.Add(flowVector)
	f.Add("")
	f.Add(uuid.Nil.String())
	f.Fuzz(func(t *testing.T, s string) {
		if got, ok := k.ParseFlowID(s); ok && s != flowVector {
			t.Errorf("%q was taken as %+v", s, got)
		}
	})
}

func BenchmarkNewFlowID(b *testing.B) {
	k := secret.RandomKeys()
	b.ReportAllocs()
	for b.Loop() {
		k.NewFlowID(secret.FlowID{Kind: 1, IssuedAt: noon})
	}
}

func BenchmarkParseFlowID(b *testing.B) {
	k := secret.RandomKeys()
	id := k.NewFlowID(secret.FlowID{Kind: 1, IssuedAt: noon})
	b.ReportAllocs()
	for b.Loop() {
		k.ParseFlowID(id)
	}
}
