package storage

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"testing"
	"time"

	"github.com/gatehouse-id/gatehouse/core/identity"
	"github.com/gatehouse-id/gatehouse/core/session"
	"github.com/gatehouse-id/gatehouse/internal/faultproxy"
	"github.com/gatehouse-id/gatehouse/storage/etcd"
)

// node is one gateway's view of the sessions: a store and a running checker.
type node struct {
	*session.Checker
	store *Store
}

// runNode starts a checker over a store and waits until its memory counts.
func runNode(t *testing.T, s *Store, staleness time.Duration) *node {
	t.Helper()
	c := &session.Checker{Store: s, Feed: s, Staleness: staleness, Logger: slog.New(slog.NewTextHandler(io.Discard, nil))}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- c.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("the checker ended with %v", err)
		}
	})
	n := &node{c, s}
	n.waitFresh(t)
	return n
}

func (n *node) waitFresh(t *testing.T) {
	t.Helper()
	eventually(t, "the memory is proven", func() bool { return n.Stats().Fresh })
}

func (n *node) check(token string) error {
	_, err := n.Check(context.Background(), session.HashToken(token))
	return err
}

// remembers checks tokens until one is answered from memory.
func (n *node) remembers(t *testing.T, token string) {
	t.Helper()
	eventually(t, token+" is answered from memory", func() bool {
		before := n.Stats().Hits
		return n.check(token) == nil && n.Stats().Hits > before
	})
}

func TestCheckerRefusesWhatWasRevoked(t *testing.T) {
	everywhere(t, func(t *testing.T, s *Store) {
		n := runNode(t, s, time.Minute) // only the feed can tell in time
		ann, bob := created(t, s, "ann@example.org"), created(t, s, "bob@example.org")
		signedIn(t, s, bob.ID, "bob")
		for what, revoke := range map[string]func(sessionID string) error{
			"revoking the session": func(id string) error { return s.Revoke(t.Context(), id) },
			"revoking all":         func(string) error { return s.RevokeAll(t.Context(), ann.ID) },
			"deactivating": func(string) error {
				ann.State = identity.Inactive
				return s.Update(t.Context(), ann)
			},
		} {
			ann.State = identity.Active
			if err := s.Update(t.Context(), ann); err != nil {
				t.Fatal(err)
			}
			one := signedIn(t, s, ann.ID, what)
			n.remembers(t, what)
			n.remembers(t, "bob")
			if err := revoke(one.ID); err != nil {
				t.Fatal(err)
			}
			eventually(t, what+" is refused", func() bool { return errors.Is(n.check(what), session.ErrNotFound) })
			if err := n.check("bob"); err != nil {
				t.Errorf("%s: somebody else is refused with %v", what, err)
			}
		}
	})
}

func TestCheckerFindsASessionRightAfterTheSignIn(t *testing.T) {
	everywhere(t, func(t *testing.T, s *Store) {
		n := runNode(t, s, time.Minute)
		i := created(t, s, "ann@example.org")
		for k := range 20 {
			token := fmt.Sprint("token", k)
			if err := n.check(token); !errors.Is(err, session.ErrNotFound) {
				t.Fatalf("an unknown token: got %v, want ErrNotFound", err)
			}
			signedIn(t, s, i.ID, token)
			if err := n.check(token); err != nil {
				t.Fatalf("right after the sign-in: %v", err)
			}
		}
	})
}

func TestCheckerReadsTheStoreSeldom(t *testing.T) {
	everywhere(t, func(t *testing.T, s *Store) {
		n := runNode(t, s, time.Minute)
		signedIn(t, s, created(t, s, "ann@example.org").ID, "token")
		n.remembers(t, "token")
		before := n.Stats().Reads
		for range 1000 {
			if err := n.check("token"); err != nil {
				t.Fatal(err)
			}
		}
		if got := n.Stats().Reads - before; got != 0 {
			t.Errorf("1000 checks read the store %d times, want never", got)
		}
	})
}

// twoNodes are two gateways on one etcd; the second one's connection can fail.
func twoNodes(t *testing.T, staleness time.Duration) (a, b *node, toB *faultproxy.Proxy) {
	t.Helper()
	server := sharedEtcd(t)
	u, err := url.Parse(server.Endpoint())
	if err != nil {
		t.Fatal(err)
	}
	toB = faultproxy.New(t, "unix", u.Path)
	project := nextProject()
	open := func(endpoint string) *node {
		store, err := etcd.OpenRemote(t.Context(), etcd.RemoteConfig{Endpoints: []string{endpoint}})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { store.Close() })
		return runNode(t, New(store, project), staleness)
	}
	return open(server.Endpoint()), open("http://" + toB.Addr()), toB
}

func TestRevocationReachesTheOtherNode(t *testing.T) {
	a, b, _ := twoNodes(t, time.Minute)
	i := created(t, a.store, "ann@example.org")
	const rounds = 20
	var slowest, total time.Duration
	for n := range rounds {
		token := fmt.Sprint("token", n)
		one := signedIn(t, a.store, i.ID, token)
		b.remembers(t, token)
		if err := a.store.Revoke(t.Context(), one.ID); err != nil {
			t.Fatal(err)
		}
		acknowledged := time.Now()
		eventually(t, "the other node refuses", func() bool { return errors.Is(b.check(token), session.ErrNotFound) })
		took := time.Since(acknowledged)
		slowest, total = max(slowest, took), total+took
	}
	t.Logf("revocations reached the other node in %v on average, %v at worst", total/rounds, slowest)
	if total/rounds > 100*time.Millisecond {
		t.Errorf("revocations take %v on average, want less than 100ms", total/rounds)
	}
}

// Promise 2, behind a connection that says nothing any more: what was revoked
// through the first node is refused by the second within the staleness.
func TestSilentNodeRefusesWithinStaleness(t *testing.T) {
	const staleness = 500 * time.Millisecond
	a, b, toB := twoNodes(t, staleness)
	i := created(t, a.store, "ann@example.org")
	revoked := signedIn(t, a.store, i.ID, "revoked")
	signedIn(t, a.store, i.ID, "good")
	b.remembers(t, "revoked")
	b.remembers(t, "good")

	toB.Pause()
	if err := a.store.Revoke(t.Context(), revoked.ID); err != nil {
		t.Fatal(err)
	}
	acknowledged := time.Now()
	for {
		began := time.Now() // a check that began within the staleness may still say yes
		err := b.check("revoked")
		if began.Sub(acknowledged) > staleness {
			if err == nil {
				t.Errorf("let in %v after the revocation", began.Sub(acknowledged))
			}
			if !errors.Is(err, session.ErrUnavailable) {
				t.Errorf("got %v, want ErrUnavailable", err)
			}
			break
		}
	}
	if err := b.check("good"); !errors.Is(err, session.ErrUnavailable) {
		t.Errorf("a good session behind a silent connection: got %v, want ErrUnavailable", err)
	}
	if err := a.check("good"); err != nil {
		t.Errorf("the other node: %v", err)
	}

	toB.Resume()
	eventually(t, "the good session is let in again", func() bool { return b.check("good") == nil })
	if err := b.check("revoked"); !errors.Is(err, session.ErrNotFound) {
		t.Errorf("the revoked session after the silence: got %v, want ErrNotFound", err)
	}
	b.waitFresh(t)
}

func TestNodeRecoversFromLostConnections(t *testing.T) {
	a, b, toB := twoNodes(t, time.Second)
	i := created(t, a.store, "ann@example.org")
	for n := range 3 {
		token := fmt.Sprint("token", n)
		one := signedIn(t, a.store, i.ID, token)
		b.remembers(t, token)
		toB.Refuse(true)
		if err := a.store.Revoke(t.Context(), one.ID); err != nil {
			t.Fatal(err)
		}
		toB.Refuse(false)
		eventually(t, "the other node refuses", func() bool { return errors.Is(b.check(token), session.ErrNotFound) })
	}
	b.waitFresh(t)
}
