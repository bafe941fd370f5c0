package storage

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/gatehouse-id/gatehouse/core/flow"
	"github.com/gatehouse-id/gatehouse/core/identity"
	"github.com/gatehouse-id/gatehouse/storage/kv"
	"github.com/google/uuid"
)

// plan is a commit in the making.
type plan struct {
	op     string // written into every record, see Store.ambiguous
	conds  []kv.Cond
	ops    []kv.Op
	stored []func(revision int64) // tell the records their new revision
}

// newPlan begins a commit, on the condition that the project exists.
func (s *Store) newPlan() *plan { return &plan{op: uuid.NewString(), conds: slices.Clone(s.fence)} }

func (p *plan) when(c ...kv.Cond) { p.conds = append(p.conds, c...) }
func (p *plan) do(o ...kv.Op)     { p.ops = append(p.ops, o...) }

// maxRecord bounds an encoded record: the few that one commit puts must fit
// into it together, and so must a page of a listing into memory.
const maxRecord = 256 << 10

// put encodes a record over its old form and stores it; ttl 0 keeps it for ever.
func (p *plan) put(key string, record any, old []byte, ttl time.Duration) error {
	value, err := encode(record, p.op, old)
	if err != nil {
		return err
	}
	if len(value) > maxRecord {
		return fmt.Errorf("storing %q: %d bytes, %d are allowed: %w: %w", key, len(value), maxRecord, identity.ErrTooLarge, kv.ErrTooLarge)
	}
	p.do(kv.PutTTL(key, value, ttl))
	return nil
}

// Commit applies the changes of a submission in one transaction. Changes
// without a Flow are changes outside of any flow.
func (s *Store) Commit(ctx context.Context, c *flow.Changes) error {
	return s.commit(ctx, func(p *plan) error { return s.plan(ctx, p, c) })
}

func (s *Store) plan(ctx context.Context, p *plan, c *flow.Changes) error {
	if c.Flow != nil {
		if err := s.planFlow(ctx, p, c.Flow); err != nil {
			return err
		}
	}
	if c.CreateIdentity != nil {
		if err := s.planCreateIdentity(ctx, p, c.CreateIdentity); err != nil {
			return err
		}
	}
	if c.UpdateIdentity != nil {
		if err := s.planUpdateIdentity(ctx, p, c.UpdateIdentity); err != nil {
			return err
		}
	}
	if c.ProvenIdentity != nil {
		if err := s.planProven(ctx, p, c.ProvenIdentity); err != nil {
			return err
		}
	}
	if c.CreateSession != nil {
		if err := s.planCreateSession(ctx, p, c); err != nil {
			return err
		}
	}
	if c.UpdateSession != nil {
		if err := s.planUpdateSession(ctx, p, c.UpdateSession, c.ReplacesToken); err != nil {
			return err
		}
	}
	if len(c.RevokeSessions) > flow.MaxRevoked {
		return fmt.Errorf("committing: %d sessions to revoke, %d are allowed: %w", len(c.RevokeSessions), flow.MaxRevoked, kv.ErrTooLarge)
	}
	for _, id := range c.RevokeSessions {
		p.do(kv.Delete(s.keys.grant(id)))
	}
	if err := s.planMessages(p, c.Messages); err != nil {
		return err
	}
	if c.ForgetGuess != nil {
		s.planForget(p, c.ForgetGuess)
	}
	return s.planOnetime(ctx, p, c)
}

// commit plans and commits until the plan's conditions hold. A lost race is
// planned again from fresh reads, which is also how it becomes the right error:
// the plan that meets the winner's work says whose it is.
func (s *Store) commit(ctx context.Context, build func(*plan) error) error {
	for attempt := range attempts {
		pause(ctx, attempt)
		p := s.newPlan()
		if err := build(p); err != nil {
			return err
		}
		if len(p.ops) == 0 {
			return nil
		}
		revision, err := s.KV.Commit(ctx, p.conds, p.ops)
		if errors.Is(err, kv.ErrConflict) {
			continue
		}
		if err != nil {
			revision, err = s.ambiguous(ctx, p, err)
		}
		if err != nil {
			return fmt.Errorf("committing %q: %w", p.ops[0].Key, err)
		}
		for _, tell := range p.stored {
			tell(revision)
		}
		return nil
	}
	return fmt.Errorf("committing: lost %d races: %w", attempts, kv.ErrConflict)
}

// pause keeps racers out of step: none before the first attempt, then up to 1,
// 2, 4, … ms. The plan finds out by itself when ctx has ended.
func pause(ctx context.Context, attempt int) {
	if attempt == 0 {
		return
	}
	select {
	case <-time.After(rand.N(time.Millisecond << (attempt - 1))):
	case <-ctx.Done():
	}
}

// recognition is the time an unclear commit gets to show itself. The caller's
// deadline may have passed already: that is often why the commit is unclear.
const recognition = 2 * time.Second

// ambiguous decides a commit whose outcome is unknown by looking for its id in
// the records it was to write. Found, it happened. Not found, it may still be on
// its way, so it is neither called a failure that may be repeated nor repeated
// here: the caller gets the error and decides.
func (s *Store) ambiguous(ctx context.Context, p *plan, cause error) (int64, error) {
	if errors.Is(cause, kv.ErrNoSpace) || errors.Is(cause, kv.ErrTooLarge) || errors.Is(cause, kv.ErrClosed) || errors.Is(cause, kv.ErrInvalid) {
		return 0, cause
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), recognition)
	defer cancel()
	var written []string
	for _, o := range p.ops {
		if !o.Delete {
			written = append(written, o.Key)
		}
	}
	if len(written) == 0 {
		return 0, cause
	}
	snap, err := s.getAll(ctx, written...)
	if err != nil {
		return 0, cause
	}
	for _, e := range snap.Entries {
		var h head
		if e.Exists() && json.Unmarshal(e.Value, &h) == nil && h.Op == p.op {
			return e.ModRevision, nil
		}
	}
	return 0, cause
}
