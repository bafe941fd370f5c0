package etcd

import (
	"sync"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
)

const (
	// slack is added to each lease: it makes up for clocks that run unevenly.
	slack = 2 * time.Second
	// widest is the widest bucket: how much later than promised a key with a
	// very long TTL is forgotten, at most.
	widest = time.Hour
	// maxDrift is how far the wall clock may run away from the monotonic one
	// before the cached leases are given up; well below slack.
	maxDrift = slack / 4
)

// leases shares leases between keys: keys that expire at about the same time
// hang on one lease, so 100,000 records do not make 100,000 leases. A key is
// forgotten up to an eighth of its TTL, and the slack, later than asked.
type leases struct {
	store    *Store
	granting chan struct{} // a lock that honours a context: one grant at a time

	mu    sync.Mutex // guards base and byEnd
	base  time.Time  // when byEnd was last found to be empty
	byEnd map[int64]clientv3.LeaseID
}

func newLeases(s *Store) *leases {
	return &leases{store: s, granting: make(chan struct{}, 1)}
}

// lease returns a lease that lives for ttl at least.
func (l *leases) lease(c *call, ttl time.Duration) (clientv3.LeaseID, error) {
	select {
	case l.granting <- struct{}{}:
		defer func() { <-l.granting }()
	case <-c.ctx.Done():
		return 0, c.ctx.Err()
	}
	now := time.Now()
	end := bucket(now, ttl)
	if id, ok := l.cached(now, end); ok {
		return id, nil
	}
	seconds := end - now.Unix() + int64(slack/time.Second)
	resp, err := c.Grant(c.ctx, seconds)
	if err != nil {
		return 0, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.byEnd != nil { // else dropped meanwhile
		l.byEnd[end] = resp.ID
	}
	return resp.ID, nil
}

// bucket returns the Unix second at which the lease for a key with ttl ends:
// the next multiple of a power of two seconds, an eighth of ttl or less.
func bucket(now time.Time, ttl time.Duration) int64 {
	width := int64(1)
	for time.Duration(2*width)*time.Second <= min(ttl/8, widest) {
		width *= 2
	}
	end := now.Add(ttl).Unix() + 1
	return (end + width - 1) / width * width
}

// cached returns the lease of a bucket, and removes those that have ended. A
// suspended machine or a changed clock makes our idea of what the leases have
// left wrong; keys would be forgotten early, so all are given up then.
func (l *leases) cached(now time.Time, end int64) (clientv3.LeaseID, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	drift := now.Round(0).Sub(l.base.Round(0)) - now.Sub(l.base)
	if len(l.byEnd) == 0 || drift.Abs() > maxDrift {
		l.byEnd, l.base = map[int64]clientv3.LeaseID{}, now
	}
	for e := range l.byEnd {
		if e < now.Unix() {
			delete(l.byEnd, e)
		}
	}
	id, ok := l.byEnd[end]
	return id, ok
}

// drop gives up all cached leases; keys that hang on them keep them.
func (l *leases) drop() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.byEnd = nil
}
