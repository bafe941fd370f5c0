package storage

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gatehouse-id/gatehouse/core/project"
)

func newAccessToken(t *testing.T, lifespan time.Duration) *project.Token {
	t.Helper()
	var expires time.Time
	if lifespan > 0 {
		expires = time.Now().Add(lifespan)
	}
	_, token, err := project.NewToken("a script", []project.Scope{project.Admin}, time.Now(), expires)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func TestAccessTokensComeAndGo(t *testing.T) {
	everywhere(t, func(t *testing.T, s *Store) {
		token := newAccessToken(t, time.Hour)
		if err := s.CreateAccessToken(t.Context(), token); err != nil {
			t.Fatal(err)
		}
		found, err := s.AccessToken(t.Context(), token.ID)
		if err != nil || found.Hash != token.Hash || found.Name != token.Name || !found.ExpiresAt.Equal(token.ExpiresAt) {
			t.Errorf("got %+v %v, want %+v", found, err, token)
		}
		if all, err := s.AccessTokens(t.Context()); err != nil || len(all) != 1 || all[0].ID != token.ID {
			t.Errorf("list: got %v %v, want the token", all, err)
		}
		for range 2 { // revoking twice is no mistake
			if err := s.RevokeAccessToken(t.Context(), token.ID); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := s.AccessToken(t.Context(), token.ID); !errors.Is(err, project.ErrNotFound) {
			t.Errorf("revoked: got %v, want %v", err, project.ErrNotFound)
		}
	})
}

// TestFirstAccessTokenIsMadeOnce lets ten nodes start at the same time, and one start later.
func TestFirstAccessTokenIsMadeOnce(t *testing.T) {
	everywhere(t, func(t *testing.T, s *Store) {
		var nodes sync.WaitGroup
		var made atomic.Int32
		start := func() {
			first, err := s.CreateFirstAccessToken(t.Context(), newAccessToken(t, 0))
			if err != nil {
				t.Error(err)
			}
			if first {
				made.Add(1)
			}
		}
		for range 10 {
			nodes.Go(start)
		}
		nodes.Wait()
		all, err := s.AccessTokens(t.Context())
		if err != nil || len(all) != 1 || made.Load() != 1 {
			t.Fatalf("%d nodes made the first token, %d are there, %v: want one", made.Load(), len(all), err)
		}
		if err := s.RevokeAccessToken(t.Context(), all[0].ID); err != nil {
			t.Fatal(err)
		}
		if start(); made.Load() != 1 {
			t.Error("the first token was made again after it was revoked")
		}
	})
}

func TestChangesOfAccessTokensAreTold(t *testing.T) {
	everywhere(t, func(t *testing.T, s *Store) {
		token := newAccessToken(t, 0)
		changes, err := s.AccessTokenChanges(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if err := s.CreateAccessToken(t.Context(), token); err != nil {
			t.Fatal(err)
		}
		if err := s.RevokeAccessToken(t.Context(), token.ID); err != nil {
			t.Fatal(err)
		}
		for _, what := range []string{"made", "revoked"} {
			if id := <-changes; id != token.ID {
				t.Errorf("%s: got %q, want %q", what, id, token.ID)
			}
		}
	})
}
