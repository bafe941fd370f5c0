package project_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gatehouse-id/gatehouse/core/project"
)

// tokens is a Store whose reads are counted and can fail.
type tokens struct {
	project.Store

	mu      sync.Mutex // guards the fields below
	records map[string]*project.Token
	reads   int
	broken  error
	changes chan string
	during  func() // runs in a read, once it is answered
}

func (s *tokens) AccessToken(_ context.Context, id string) (*project.Token, error) {
	s.mu.Lock()
	found, broken, during := s.records[id], s.broken, s.during
	s.reads++
	s.mu.Unlock()
	if during != nil {
		during()
	}
	if broken != nil {
		return nil, broken
	}
	if found == nil {
		return nil, project.ErrNotFound
	}
	return found, nil
}

func (s *tokens) AccessTokenChanges(context.Context) (<-chan string, error) { return s.changes, nil }

func (s *tokens) revoke(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.records, id)
}

func (s *tokens) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.reads
}

// issue makes a token that the store knows.
func (s *tokens) issue(t *testing.T, expires time.Time) (string, *project.Token) {
	t.Helper()
	presented, token, err := project.NewToken("a script", []project.Scope{project.Admin}, time.Now(), expires)
	if err != nil {
		t.Fatal(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.records[token.ID] = token
	return presented, token
}

func newAccess() (*tokens, *project.Access) {
	s := &tokens{records: map[string]*project.Token{}, changes: make(chan string)}
	return s, &project.Access{Store: s, Feed: s}
}

func check(t *testing.T, a *project.Access, presented string, want error) {
	t.Helper()
	if _, err := a.Check(t.Context(), presented); !errors.Is(err, want) {
		t.Errorf("got %v, want %v", err, want)
	}
}

func TestRevocationCountsAfterStalenessAtTheLatest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, a := newAccess()
		presented, token := s.issue(t, time.Time{})
		check(t, a, presented, nil)
		s.revoke(token.ID)
		time.Sleep(2 * time.Second)
		check(t, a, presented, nil) // nobody told this node
		if s.count() != 1 {
			t.Errorf("%d reads, want the second answer from memory", s.count())
		}
		time.Sleep(time.Millisecond)
		check(t, a, presented, project.ErrNotFound)
	})
}

func TestRevocationCountsAtOnceWhereItIsKnown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, a := newAccess()
		ctx, stop := context.WithCancel(t.Context())
		go a.Run(ctx)
		presented, token := s.issue(t, time.Time{})
		check(t, a, presented, nil)
		s.revoke(token.ID)
		s.changes <- token.ID
		synctest.Wait()
		check(t, a, presented, project.ErrNotFound)
		stop()
		close(s.changes)
	})
}

// TestReadThatIsOvertakenIsNotKept revokes a token while its read is on the way back.
func TestReadThatIsOvertakenIsNotKept(t *testing.T) {
	s, a := newAccess()
	presented, token := s.issue(t, time.Time{})
	s.during = func() {
		s.revoke(token.ID)
		a.Forget(token.ID)
	}
	check(t, a, presented, nil) // it began before the revocation
	check(t, a, presented, project.ErrNotFound)
}

func TestExpiryNeedsNoStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, a := newAccess()
		presented, _ := s.issue(t, time.Now().Add(time.Second))
		check(t, a, presented, nil)
		time.Sleep(time.Second)
		check(t, a, presented, project.ErrNotFound)
	})
}

func TestStoreThatFailsOpensNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, a := newAccess()
		presented, _ := s.issue(t, time.Time{})
		check(t, a, presented, nil)
		s.broken = errors.New("no quorum")
		time.Sleep(3 * time.Second)
		check(t, a, presented, project.ErrUnavailable)
		check(t, a, presented[:20], project.ErrNotFound) // what can't be a token asks no store
	})
}

func TestAnswerThatComesTooLateOpensNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, a := newAccess()
		presented, _ := s.issue(t, time.Time{})
		s.during = func() { time.Sleep(3 * time.Second) }
		check(t, a, presented, project.ErrUnavailable)
	})
}

// TestRecordOfAnotherTokenOpensNothing damages the store so that an id leads astray.
func TestRecordOfAnotherTokenOpensNothing(t *testing.T) {
	s, a := newAccess()
	presented, token := s.issue(t, time.Time{})
	_, other := s.issue(t, time.Time{})
	s.records[token.ID] = other
	check(t, a, presented, project.ErrNotFound)
}

// TestAccessUnderFire checks, revokes and forgets at the same time: once a revocation
// is told, no check that begins later may let the token in.
func TestAccessUnderFire(t *testing.T) {
	s, a := newAccess()
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 200 {
				presented, token := s.issue(t, time.Time{})
				var revoked atomic.Bool
				var some sync.WaitGroup
				for range 4 {
					some.Go(func() {
						for range 3 {
							before := revoked.Load()
							if _, err := a.Check(t.Context(), presented); err == nil && before {
								t.Error("a revoked token was let in")
							}
						}
					})
				}
				s.revoke(token.ID)
				a.Forget(token.ID)
				revoked.Store(true)
				some.Wait()
			}
		})
	}
	all.Wait()
}
