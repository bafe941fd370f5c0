package session_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/gatehouse-id/gatehouse/core/identity"
	"github.com/gatehouse-id/gatehouse/core/session"
)

var errDown = errors.New("the fake store is down")

// world is a small correct Store and Feed: one history of revisions, reads that
// see all of it, and a feed that can be made silent, slow, dead or disorderly.
type world struct {
	mu       sync.Mutex
	revision int64
	sessions map[session.TokenHash]*session.Session
	idents   map[string]*identity.Identity
	feeds    map[*fakeFeed]struct{}
	log      []session.Invalidation

	down   bool                        // reads and revisions fail
	silent bool                        // feeds deliver nothing
	delay  func() time.Duration        // of every delivery
	onRead func(ctx context.Context)   // called after a read, before it returns
	reads  int                         // of ByToken
	tamper func(*session.Invalidation) // changes what feeds deliver
	revs   func(r int64) (int64, bool) // answers Revision instead; false = as it is
}

func newWorld() *world {
	return &world{
		revision: 1, sessions: map[session.TokenHash]*session.Session{},
		idents: map[string]*identity.Identity{}, feeds: map[*fakeFeed]struct{}{},
	}
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

// checker makes a checker on the world with a staleness of 2s.
func (w *world) checker() *session.Checker {
	return &session.Checker{Store: w, Feed: w, Logger: quiet()}
}

// signIn makes a session and returns its token hash.
func (w *world) signIn(id, identityID string) session.TokenHash {
	w.mu.Lock()
	defer w.mu.Unlock()
	h := session.HashToken("token of " + id)
	w.revision++
	w.sessions[h] = &session.Session{
		ID: id, IdentityID: identityID, TokenHash: h, ExpiresAt: time.Now().Add(time.Hour),
		Granted: true, Revision: w.revision,
	}
	if w.idents[identityID] == nil {
		w.idents[identityID] = &identity.Identity{ID: identityID, State: identity.Active, Revision: w.revision}
	}
	w.publish(session.Invalidation{Sessions: []string{id}})
	return h
}

func (w *world) revoke(h session.TokenHash) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.revision++
	s := *w.sessions[h]
	s.Granted = false
	w.sessions[h] = &s
	w.publish(session.Invalidation{Sessions: []string{s.ID}})
}

func (w *world) grantAgain(h session.TokenHash) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.revision++
	s := *w.sessions[h]
	s.Granted, s.Revision = true, w.revision
	w.sessions[h] = &s
	w.publish(session.Invalidation{Sessions: []string{s.ID}})
}

func (w *world) deactivate(identityID string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.revision++
	w.idents[identityID] = &identity.Identity{ID: identityID, State: identity.Inactive, Revision: w.revision}
	w.publish(session.Invalidation{Identities: []string{identityID}})
}

// publish needs mu.
func (w *world) publish(v session.Invalidation) {
	v.Revision = w.revision
	w.log = append(w.log, v)
	for f := range w.feeds {
		f.push(v)
	}
}

func (w *world) set(change func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	change()
}

func (w *world) readCount() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.reads
}

func (w *world) ByToken(ctx context.Context, h session.TokenHash) (session.Facts, error) {
	w.mu.Lock()
	f, err := w.facts(h)
	onRead := w.onRead
	w.mu.Unlock()
	if onRead != nil {
		onRead(ctx)
	}
	if ctx.Err() != nil {
		return session.Facts{}, ctx.Err()
	}
	return f, err
}

func (w *world) facts(h session.TokenHash) (session.Facts, error) {
	w.reads++
	if w.down {
		return session.Facts{}, errDown
	}
	s := w.sessions[h]
	if s == nil {
		return session.Facts{Revision: w.revision}, session.ErrNotFound
	}
	return session.Facts{Session: s, Identity: w.idents[s.IdentityID], Revision: w.revision}, nil
}

func (w *world) Session(context.Context, string) (*session.Session, error) {
	return nil, session.ErrNotFound
}
func (w *world) Sessions(context.Context, string) ([]*session.Session, error) { return nil, nil }
func (w *world) Revoke(context.Context, string) error                         { return nil }
func (w *world) RevokeAll(context.Context, string) error                      { return nil }

func (w *world) Revision(context.Context) (int64, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.down {
		return 0, errDown
	}
	if w.revs != nil {
		if r, ok := w.revs(w.revision); ok {
			return r, nil
		}
	}
	return w.revision, nil
}

func (w *world) Invalidations(ctx context.Context, from int64) (session.Invalidations, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.down {
		return nil, fmt.Errorf("opening a feed: %w", errDown)
	}
	ctx, cancel := context.WithCancel(ctx)
	f := &fakeFeed{w: w, in: make(chan session.Invalidation, 4096), out: make(chan session.Invalidation), cancel: cancel}
	for _, v := range w.log {
		if v.Revision > from {
			f.push(v)
		}
	}
	w.feeds[f] = struct{}{}
	go f.run(ctx)
	return f, nil
}

// breakFeeds ends all feeds, as a closed connection does.
func (w *world) breakFeeds() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for f := range w.feeds {
		f.cancel()
	}
}

type fakeFeed struct {
	w      *world
	in     chan session.Invalidation
	out    chan session.Invalidation
	cancel context.CancelFunc
}

func (f *fakeFeed) C() <-chan session.Invalidation { return f.out }
func (f *fakeFeed) Close()                         { f.cancel() }

func (f *fakeFeed) push(v session.Invalidation) {
	if f.w.tamper != nil {
		f.w.tamper(&v)
	}
	f.in <- v
}

func (f *fakeFeed) RequestProgress(context.Context) error {
	f.w.mu.Lock()
	defer f.w.mu.Unlock()
	f.push(session.Invalidation{Revision: f.w.revision})
	return nil
}

func (f *fakeFeed) run(ctx context.Context) {
	defer close(f.out)
	defer func() {
		f.w.mu.Lock()
		defer f.w.mu.Unlock()
		delete(f.w.feeds, f)
	}()
	dead := false
	for {
		select {
		case <-ctx.Done():
			return
		case v := <-f.in:
			f.w.mu.Lock()
			silent, delay := f.w.silent, f.w.delay
			f.w.mu.Unlock()
			if dead = dead || silent; dead {
				continue // a dead connection swallows what is sent, and stays dead
			}
			if delay != nil {
				time.Sleep(delay()) // inside a synctest bubble: fake time
			}
			select {
			case f.out <- v:
			case <-ctx.Done():
				return
			}
		}
	}
}
