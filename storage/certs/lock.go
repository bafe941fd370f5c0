package certs

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/google/uuid"

	"github.com/gatehouse-id/gatehouse/storage/kv"
)

// How locks live: whoever holds one says so again and again, and one that nobody has spoken for is anybody's.
const (
	lease = 30 * time.Second
	renew = lease / 4
	retry = 200 * time.Millisecond
)

// holder is the record of a lock. It decides by its own time; the store only forgets it later.
type holder struct {
	Owner     string    `json:"owner"`
	ExpiresAt time.Time `json:"expires_at"`
}

// lock is one that this process holds.
type lock struct {
	owner string
	stop  context.CancelFunc
	done  chan struct{}
}

// ErrNotHeld says that a lock is to be released that this process doesn't hold.
var ErrNotHeld = errors.New("certs: the lock isn't held here")

func lockKey(name string) string {
	return locksRoot + base64.RawURLEncoding.EncodeToString([]byte(name))
}

// Lock waits until nobody else holds the lock, on any node, or until ctx ends.
func (f *Files) Lock(ctx context.Context, name string) error {
	for {
		got, err := f.TryLock(ctx, name)
		if err != nil || got {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(retry/2 + rand.N(retry)):
		}
	}
}

// TryLock takes the lock if nobody holds it.
func (f *Files) TryLock(ctx context.Context, name string) (bool, error) {
	snap, err := f.KV.Get(ctx, lockKey(name))
	if err != nil {
		return false, fmt.Errorf("certs: locking %q: %w", name, err)
	}
	e := snap.Entries[0]
	var h holder
	if e.Exists() && json.Unmarshal(e.Value, &h) == nil && f.now().Before(h.ExpiresAt) {
		return false, nil
	}
	owner := uuid.NewString()
	_, err = f.claim(ctx, name, owner, e.ModRevision)
	if errors.Is(err, kv.ErrConflict) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("certs: locking %q: %w", name, err)
	}
	f.hold(name, owner)
	return true, nil
}

// claim writes that owner holds the lock, if the record is still the one that was read.
func (f *Files) claim(ctx context.Context, name, owner string, unchanged int64) (int64, error) {
	raw, err := json.Marshal(holder{Owner: owner, ExpiresAt: f.now().Add(lease)})
	if err != nil {
		return 0, err
	}
	k := lockKey(name)
	return f.KV.Commit(ctx, []kv.Cond{kv.Unchanged(k, unchanged)}, []kv.Op{kv.PutTTL(k, raw, 2*lease)})
}

func (f *Files) hold(name, owner string) {
	ctx, stop := context.WithCancel(context.Background())
	l := &lock{owner: owner, stop: stop, done: make(chan struct{})}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.held == nil {
		f.held = map[string]*lock{}
	}
	f.held[name] = l
	go f.speak(ctx, name, l)
}

// speak renews the lease until the lock is released or lost.
func (f *Files) speak(ctx context.Context, name string, l *lock) {
	defer close(l.done)
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(renew):
		}
		e, ours, err := f.ours(ctx, name, l.owner)
		switch {
		case errors.Is(err, kv.ErrClosed):
			return // nobody will unlock it any more
		case err != nil:
			continue // the store may be back before the lease ends
		case !ours:
			return
		}
		_, _ = f.claim(ctx, name, l.owner, e.ModRevision) // the next round finds out
	}
}

// ours tells whether an owner still holds a lock.
func (f *Files) ours(ctx context.Context, name, owner string) (kv.Entry, bool, error) {
	snap, err := f.KV.Get(ctx, lockKey(name))
	if err != nil {
		return kv.Entry{}, false, err
	}
	var h holder
	e := snap.Entries[0]
	return e, e.Exists() && json.Unmarshal(e.Value, &h) == nil && h.Owner == owner, nil
}

// Unlock releases a lock; ErrNotHeld. One that was lost meanwhile is left to who has it.
func (f *Files) Unlock(ctx context.Context, name string) error {
	f.mu.Lock()
	l := f.held[name]
	delete(f.held, name)
	f.mu.Unlock()
	if l == nil {
		return fmt.Errorf("unlocking %q: %w", name, ErrNotHeld)
	}
	l.stop()
	<-l.done
	e, ours, err := f.ours(ctx, name, l.owner)
	if err != nil || !ours {
		return err
	}
	_, err = f.KV.Commit(ctx, []kv.Cond{kv.Unchanged(e.Key, e.ModRevision)}, []kv.Op{kv.Delete(e.Key)})
	if errors.Is(err, kv.ErrConflict) {
		return nil
	}
	return err
}
