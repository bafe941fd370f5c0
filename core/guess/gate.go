package guess

import (
	"context"
	"sync"
)

// Gate keeps the answers few that are compared with one secret at the same time on this
// node. The zero value is ready to use, and safe for concurrent use.
type Gate struct {
	mu   sync.Mutex // guards ways and their users
	ways map[string]*way
}

// gateWidth is how many answers pass at a time: as many more than Limit.Free may be
// compared on each node.
const gateWidth = 4

// way leads to one secret.
type way struct {
	places chan struct{}
	users  int // in it or before it
}

// Enter waits for a place, and returns the function that gives it back; an error when ctx
// ends before that.
func (g *Gate) Enter(ctx context.Context, secret string) (leave func(), err error) {
	w := g.approach(secret)
	select {
	case w.places <- struct{}{}:
		return func() { <-w.places; g.depart(secret, w) }, nil
	case <-ctx.Done():
		g.depart(secret, w)
		return nil, ctx.Err()
	}
}

func (g *Gate) approach(secret string) *way {
	g.mu.Lock()
	defer g.mu.Unlock()
	w := g.ways[secret]
	if w == nil {
		w = &way{places: make(chan struct{}, gateWidth)}
		if g.ways == nil {
			g.ways = map[string]*way{}
		}
		g.ways[secret] = w
	}
	w.users++
	return w
}

func (g *Gate) depart(secret string, w *way) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if w.users--; w.users == 0 {
		delete(g.ways, secret)
	}
}
