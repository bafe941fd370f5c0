package storage

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gatehouse-id/gatehouse/core/flow"
	"github.com/gatehouse-id/gatehouse/core/identity"
	"github.com/gatehouse-id/gatehouse/core/session"
	"github.com/gatehouse-id/gatehouse/storage/etcd"
	"github.com/gatehouse-id/gatehouse/storage/kv"
)

// patience is how long a test waits for what must happen.
const patience = 30 * time.Second

// server is the embedded etcd that the tests of this package share, each with
// a project of its own.
var server struct {
	once  sync.Once
	store *etcd.Store
	dir   string
	err   error
}

func TestMain(m *testing.M) {
	code := m.Run()
	if server.store != nil {
		server.store.Close()
	}
	os.RemoveAll(server.dir)
	os.Exit(code)
}

func sharedEtcd(tb testing.TB) *etcd.Store {
	tb.Helper()
	server.once.Do(func() {
		if server.dir, server.err = os.MkdirTemp("", "gatehouse-storage-"); server.err != nil {
			return
		}
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		c := etcd.EmbeddedConfig{Dir: server.dir, Heartbeat: 10 * time.Millisecond}
		server.store, server.err = etcd.OpenEmbedded(ctx, c)
	})
	if server.err != nil {
		tb.Fatal(server.err)
	}
	return server.store
}

func newMemory(tb testing.TB) *kv.Memory {
	m := kv.NewMemory()
	tb.Cleanup(func() { m.Close() })
	return m
}

var projects atomic.Int64

func nextProject() string { return fmt.Sprint("project-", projects.Add(1)) }

// everywhere tells a story over each backend.
func everywhere(t *testing.T, story func(t *testing.T, s *Store)) {
	t.Run("memory", func(t *testing.T) { story(t, New(newMemory(t), nextProject())) })
	t.Run("etcd", func(t *testing.T) { story(t, New(sharedEtcd(t), nextProject())) })
}

// newIdentity is an active identity that signs in with an e-mail address.
func newIdentity(email string) *identity.Identity {
	i := identity.New("default", time.Now())
	i.Apply([]byte(fmt.Sprintf(`{"email":%q}`, email)), identity.Derived{
		Identifiers: map[identity.CredentialType][]string{identity.Password: {email}},
		Verifiable:  []identity.Address{{Via: identity.ViaEmail, Value: email}},
		Recovery:    []identity.Address{{Via: identity.ViaEmail, Value: email}},
	}, time.Now())
	i.SetPassword("$argon2id$stub", time.Now())
	return i
}

// newSession is a session of an identity, not stored yet.
func newSession(identityID, token string) *session.Session {
	amr := session.AuthenticationMethod{Method: "password", AAL: session.AAL1, CompletedAt: time.Now()}
	return session.New(identityID, token, amr, time.Now(), time.Hour)
}

func created(tb testing.TB, s *Store, email string) *identity.Identity {
	tb.Helper()
	i := newIdentity(email)
	if err := s.Create(tb.Context(), i); err != nil {
		tb.Fatalf("creating %s: %v", email, err)
	}
	return i
}

// signedIn stores a session of an existing identity.
func signedIn(tb testing.TB, s *Store, identityID, token string) *session.Session {
	tb.Helper()
	n := newSession(identityID, token)
	if err := s.Commit(tb.Context(), &flow.Changes{CreateSession: n}); err != nil {
		tb.Fatalf("signing %s in: %v", identityID, err)
	}
	return n
}

// authenticates tells whether a token does.
func authenticates(tb testing.TB, s *Store, token string) bool {
	tb.Helper()
	f, err := s.ByToken(tb.Context(), session.HashToken(token))
	if err != nil && !errors.Is(err, session.ErrNotFound) {
		tb.Fatalf("looking the token up: %v", err)
	}
	return err == nil && f.Valid(s.Now())
}

// refused insists on an error.
func refused(tb testing.TB, what string, err, want error) {
	tb.Helper()
	if !errors.Is(err, want) {
		tb.Errorf("%s: got %v, want %v", what, err, want)
	}
}

// entries are all that the store holds of a project.
func entries(tb testing.TB, s *Store) []kv.Entry {
	tb.Helper()
	snap, err := s.KV.List(tb.Context(), s.keys.prefix, kv.ListOptions{})
	if err != nil || snap.More {
		tb.Fatalf("listing %q: %v, more %v", s.keys.prefix, err, snap.More)
	}
	return snap.Entries
}

// keysOf are the keys of a project below its prefix.
func keysOf(tb testing.TB, s *Store) []string {
	tb.Helper()
	var names []string
	for _, e := range entries(tb, s) {
		names = append(names, strings.TrimPrefix(e.Key, s.keys.prefix))
	}
	return names
}

func eventually(tb testing.TB, what string, done func() bool) {
	tb.Helper()
	for start := time.Now(); time.Since(start) < patience; time.Sleep(2 * time.Millisecond) {
		if done() {
			return
		}
	}
	tb.Fatalf("did not happen: %s", what)
}
