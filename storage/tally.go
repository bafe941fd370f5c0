package storage

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/gatehouse-id/gatehouse/core/identity"
	"github.com/gatehouse-id/gatehouse/storage/kv"
)

// shards is how many counters share the work of counting identities: with one, every
// creation would race with every other. An identity's shard is the first byte of its id.
const shards = 256

const shardDigits = 2

// shardOf is the number of an identity's shard, in hexadecimal.
func shardOf(id string) string { return id[:shardDigits] }

// countRecord says how many identities a shard has.
type countRecord struct {
	Identities int `json:"identities"`
}

// tally is how many identities there were in each shard at one revision.
type tally struct {
	revision int64
	counts   [shards]int
	total    int
}

func (s *Store) tally(ctx context.Context) (tally, error) {
	var t tally
	snap, err := s.KV.List(ctx, s.keys.counts(), kv.ListOptions{})
	if err != nil {
		return t, fmt.Errorf("counting identities: %w", err)
	}
	t.revision = snap.Revision
	for _, e := range snap.Entries {
		var r countRecord
		if err := decode(e.Key, e.Value, &r); err != nil {
			return t, err
		}
		shard, err := strconv.ParseUint(strings.TrimPrefix(e.Key, s.keys.counts()), 16, 8)
		if err != nil {
			return t, fmt.Errorf("decoding %q: it counts no shard: %w", e.Key, ErrDamaged)
		}
		t.counts[shard] = r.Identities
		t.total += r.Identities
	}
	return t, nil
}

// span is a part of the identities that is read at once: those whose ids begin alike.
type span struct {
	prefix string
	count  int
}

// spans are as few spans as there can be with no more than a listing's worth of identities in each, in order.
func (t tally) spans() []span { return split(nil, "", t.counts[:]) }

// split adds the spans of the shards whose ids begin with prefix.
func split(out []span, prefix string, counts []int) []span {
	sp := span{prefix: prefix}
	for _, n := range counts {
		sp.count += n
	}
	if sp.count <= listed || len(counts) == 1 {
		return append(out, sp)
	}
	part := len(counts) / len(digits)
	for n, digit := range digits {
		out = split(out, prefix+string(digit), counts[n*part:(n+1)*part])
	}
	return out
}

// digits are those that ids are written with.
const digits = "0123456789abcdef"

// count moves the counter of a shard, whose entry was just read.
func (p *plan) count(e kv.Entry, by int) error {
	var r countRecord
	if e.Exists() {
		if err := decode(e.Key, e.Value, &r); err != nil {
			return err
		}
	}
	r.Identities = max(r.Identities+by, 0)
	p.when(kv.Unchanged(e.Key, e.ModRevision))
	return p.put(e.Key, r, e.Value, 0)
}

// recount corrects the counters of a span after identities were deleted from a full
// store, which takes no new number. Whoever finds a page shorter than its counter says
// does it. It is no loss when it fails: the next one finds the same.
func (s *Store) recount(ctx context.Context, sp span) {
	for n := range shards {
		shard := fmt.Sprintf("%0*x", shardDigits, n)
		if !strings.HasPrefix(shard, sp.prefix) {
			continue
		}
		if err := s.recountShard(ctx, shard); err != nil {
			return
		}
	}
}

func (s *Store) recountShard(ctx context.Context, shard string) error {
	e, err := s.get(ctx, s.keys.count(shard))
	if err != nil || !e.Exists() {
		return err
	}
	// Every creation moves the counter, so that none happens between the two.
	n, err := s.size(ctx, s.keys.identities()+shard)
	if err != nil {
		return err
	}
	p := s.newPlan()
	p.when(kv.Unchanged(e.Key, e.ModRevision))
	if err := p.put(e.Key, countRecord{n}, e.Value, 0); err != nil {
		return err
	}
	_, err = s.KV.Commit(ctx, p.conds, p.ops)
	if errors.Is(err, kv.ErrConflict) {
		return nil
	}
	return err
}

// size counts the keys with a prefix.
func (s *Store) size(ctx context.Context, prefix string) (int, error) {
	o, n := kv.ListOptions{KeysOnly: true}, 0
	for {
		snap, err := s.KV.List(ctx, prefix, o)
		if err != nil {
			return 0, fmt.Errorf("counting %q: %w", prefix, err)
		}
		n += len(snap.Entries)
		if !snap.More {
			return n, nil
		}
		o.After = snap.Entries[len(snap.Entries)-1].Key
	}
}

// Delete removes an identity with its indexes and, by removing the epoch, ends all its sessions.
func (s *Store) Delete(ctx context.Context, id string) error { return s.deleteIdentity(ctx, id, 0) }

// DeleteUnchanged removes an identity as it was read; identity.ErrChanged when it isn't that any more.
func (s *Store) DeleteUnchanged(ctx context.Context, i *identity.Identity) error {
	return s.deleteIdentity(ctx, i.ID, i.Revision)
}

// deleteIdentity works on a full store too: then it doesn't move the counter, which would be a Put.
func (s *Store) deleteIdentity(ctx context.Context, id string, revision int64) error {
	err := s.commit(ctx, func(p *plan) error { return s.planDeleteIdentity(ctx, p, id, revision, true) })
	if !errors.Is(err, kv.ErrNoSpace) {
		return err
	}
	return s.commit(ctx, func(p *plan) error { return s.planDeleteIdentity(ctx, p, id, revision, false) })
}

func (s *Store) planDeleteIdentity(ctx context.Context, p *plan, id string, revision int64, counted bool) error {
	e, old, err := s.storedIdentity(ctx, id)
	if err != nil {
		return err
	}
	if revision != 0 && revision != old.Revision {
		return identity.ErrChanged
	}
	if err := s.planIndexes(ctx, p, id, s.keys.indexes(old), nil); err != nil {
		return err
	}
	p.when(kv.Unchanged(e.Key, e.ModRevision))
	p.do(kv.Delete(e.Key), kv.Delete(s.keys.epoch(id)))
	if !counted {
		return nil
	}
	count, err := s.get(ctx, s.keys.count(shardOf(id)))
	if err != nil {
		return err
	}
	return p.count(count, -1)
}
