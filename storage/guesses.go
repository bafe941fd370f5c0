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
		snap, err := s.getAll(ctx, s.guessKeys(g)...)
		if err != nil {
			return err
		}
		if g.FlowID != "" { // first: a flow that is over is so however long the wait is
			if err := s.planInFlow(p, snap.Entries[1], g); err != nil {
				return err
			}
		}
		return s.planTally(p, snap.Entries[0], g.At.Add(g.Limit.Memory), func(t *guess.Tally) error { return t.Add(g.At, g.Limit) })
	})
}

func (s *Store) planInFlow(p *plan, e kv.Entry, g *guess.Guess) error {
	return s.planTally(p, e, g.FlowEnds, func(t *guess.Tally) error {
		if t.Count >= g.PerFlow {
			return guess.ErrFlowOver
		}
		t.Count++
		return nil
	})
}

// WrongGuesses implements guess.Store.
func (s *Store) WrongGuesses(ctx context.Context, g *guess.Guess) (int, error) {
	snap, err := s.getAll(ctx, s.guessKeys(g)[0])
	if err != nil || !snap.Entries[0].Exists() {
		return 0, err
	}
	var t guess.Tally
	if err := decode(snap.Entries[0].Key, snap.Entries[0].Value, &t); err != nil {
		return 0, err
	}
	return t.Wrong(g.At, g.Limit)
}

// guessKeys are the tallies that count a guess: that of the secret, and that of the flow.
func (s *Store) guessKeys(g *guess.Guess) []string {
	keys := []string{s.keys.identityGuesses(g.IdentityID, g.Method)}
	if g.Source != "" {
		keys[0] = s.keys.sourceGuesses(g.IdentityID, g.Method, g.Source)
	}
	if g.FlowID != "" {
		keys = append(keys, s.keys.flowGuesses(g.FlowID))
	}
	return keys
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
	for _, key := range s.guessKeys(g) {
		p.do(kv.Delete(key))
	}
}
