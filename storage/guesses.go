package storage

import (
	"context"
	"time"

	"github.com/gatehouse-id/gatehouse/core/guess"
	"github.com/gatehouse-id/gatehouse/storage/kv"
)

var _ guess.Store = (*Store)(nil)

// CountGuess counts an answer in its flow and for its identity at once, which no two
// answers can do at the same time.
func (s *Store) CountGuess(ctx context.Context, g *guess.Guess) error {
	return s.commit(ctx, func(p *plan) error {
		snap, err := s.getAll(ctx, s.keys.flowGuesses(g.FlowID), s.keys.identityGuesses(g.IdentityID, g.Method))
		if err != nil {
			return err
		}
		err = s.planTally(p, snap.Entries[0], g.FlowEnds, func(t *guess.Tally) error {
			if t.Count >= g.PerFlow {
				return guess.ErrFlowOver
			}
			t.Count++
			return nil
		})
		if err != nil {
			return err
		}
		return s.planTally(p, snap.Entries[1], g.At.Add(guess.Memory), func(t *guess.Tally) error { return t.Add(g.At) })
	})
}

// planTally plans a change of a tally, which starts from nothing.
func (s *Store) planTally(p *plan, e kv.Entry, end time.Time, change func(*guess.Tally) error) error {
	var t guess.Tally
	if e.Exists() {
		if err := decode(e.Key, e.Value, &t); err != nil {
			return err
		}
	}
	if err := change(&t); err != nil {
		return err
	}
	p.when(kv.Unchanged(e.Key, e.ModRevision))
	return p.put(e.Key, t, e.Value, s.ttl(end))
}

func (s *Store) planForget(p *plan, g *guess.Guess) {
	p.do(kv.Delete(s.keys.flowGuesses(g.FlowID)), kv.Delete(s.keys.identityGuesses(g.IdentityID, g.Method)))
}
