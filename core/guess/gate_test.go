package guess

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
)

// TestGateIsNarrow hammers a gate: no secret has more than gateWidth answers in it at a
// time, and nothing is left of those who went.
func TestGateIsNarrow(t *testing.T) {
	var g Gate
	var all sync.WaitGroup
	var inside [3]atomic.Int64
	for n := range 64 {
		all.Go(func() {
			for range 200 {
				leave, err := g.Enter(t.Context(), fmt.Sprint(n%3))
				if err != nil {
					t.Error(err)
					return
				}
				if now := inside[n%3].Add(1); now > gateWidth {
					t.Errorf("%d answers are inside", now)
				}
				inside[n%3].Add(-1)
				leave()
			}
		})
	}
	all.Wait()
	if len(g.ways) != 0 {
		t.Errorf("%d ways are left", len(g.ways))
	}
}

func TestGateLetsGoWhoGivesUp(t *testing.T) {
	var g Gate
	var leave []func()
	for range gateWidth {
		l, err := g.Enter(t.Context(), "a")
		if err != nil {
			t.Fatal(err)
		}
		leave = append(leave, l)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := g.Enter(gone, "a"); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want %v", err, context.Canceled)
	}
	if l, err := g.Enter(t.Context(), "b"); err != nil {
		t.Errorf("another secret: %v", err)
	} else {
		l()
	}
	for _, l := range leave {
		l()
	}
	if len(g.ways) != 0 {
		t.Errorf("%d ways are left", len(g.ways))
	}
}
