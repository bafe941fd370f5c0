package storage

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/gatehouse-id/gatehouse/core/identity"
)

// crowd is how many people the larger store of BenchmarkDirectory has. Filling it takes a while: GATEHOUSE_CROWD=100000 is
// what docs/performance.md tells of.
func crowd() int {
	if n, err := strconv.Atoi(os.Getenv("GATEHOUSE_CROWD")); err == nil {
		return n
	}
	return 10_000
}

// citizen is one of many: everybody has an address and a name of their own.
func citizen(n int) *identity.Identity {
	i := newIdentity(fmt.Sprintf("citizen%d@example.org", n))
	i.Search = []identity.Term{{Trait: "name", Value: fmt.Sprint("citizen", n)}}
	return i
}

// population is a store with many identities.
type population struct {
	*Store
	size int
	one  *identity.Identity
	// after is where the first page ends of all those whose names begin alike.
	after string
}

// populated makes a population, several at a time.
func populated(b *testing.B, many int) *population {
	b.Helper()
	s := New(sharedEtcd(b), nextProject())
	var all sync.WaitGroup
	const makers = 16
	for m := range makers {
		all.Go(func() {
			for n := m; n < many; n += makers {
				if err := insist(func() error { return s.Create(b.Context(), citizen(n)) }); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
	i, err := s.ByIdentifier(b.Context(), identity.Password, fmt.Sprintf("citizen%d@example.org", many/2))
	if err != nil {
		b.Fatal(err)
	}
	_, after, err := s.Search(b.Context(), identity.Query{Term: identity.Term{Trait: "name", Value: "citizen"}, Prefix: true, Limit: 100})
	if err != nil {
		b.Fatal(err)
	}
	return &population{s, many, i, after}
}

// BenchmarkDirectory does what administrators do, in a store of a thousand identities and in a larger one by turns: a busy
// machine slows both down alike. "x" is how many times as long the larger one takes.
func BenchmarkDirectory(b *testing.B) {
	small, large := populated(b, 1000), populated(b, crowd())
	for _, what := range []string{"list", "page", "get", "search", "prefix", "prefix of all", "update"} {
		b.Run(what, func(b *testing.B) {
			var few, many []time.Duration
			for b.Loop() {
				few, many = append(few, small.timed(b, what)), append(many, large.timed(b, what))
			}
			slices.Sort(few)
			slices.Sort(many)
			a, z := few[len(few)/2], many[len(many)/2]
			b.ReportMetric(float64(a.Microseconds()), "µs/of-1000")
			b.ReportMetric(float64(z.Microseconds()), fmt.Sprint("µs/of-", large.size))
			b.ReportMetric(float64(z)/float64(a), "x")
		})
	}
}

// timed does one thing to somebody in the middle of the store.
func (p *population) timed(b *testing.B, what string) time.Duration {
	b.Helper()
	ctx, name := b.Context(), p.one.Search[0].Value
	var err error
	start := time.Now()
	switch what {
	case "list":
		_, err = p.Identities(ctx, identity.Page{After: p.one.ID, Limit: 100})
	case "page":
		_, _, err = p.IdentitiesFrom(ctx, p.size/2, 100)
	case "get":
		_, err = p.ByIdentifier(ctx, identity.Password, name+"@example.org")
	case "search":
		_, _, err = p.Search(ctx, identity.Query{Term: p.one.Search[0], Limit: 100})
	case "prefix": // of ten or so
		_, _, err = p.Search(ctx, identity.Query{Term: identity.Term{Trait: "name", Value: name[:len(name)-1]}, Prefix: true, Limit: 100})
	case "prefix of all": // the second page of everybody
		_, _, err = p.Search(ctx, identity.Query{Term: identity.Term{Trait: "name", Value: "citizen"}, Prefix: true, Limit: 100, After: p.after})
	case "update":
		p.one.UpdatedAt = start
		err = p.Update(ctx, p.one)
	}
	if err != nil {
		b.Fatal(err)
	}
	return time.Since(start)
}
