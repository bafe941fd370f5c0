package storage

import (
	"context"
	"fmt"
	"strings"

	"github.com/gatehouse-id/gatehouse/core/project"
	"github.com/gatehouse-id/gatehouse/storage/kv"
)

var (
	_ project.Store = (*Store)(nil)
	_ project.Feed  = (*Store)(nil)
)

// AccessToken reads a personal access token.
func (s *Store) AccessToken(ctx context.Context, id string) (*project.Token, error) {
	e, err := s.get(ctx, s.keys.accessToken(id))
	if err != nil {
		return nil, err
	}
	if !e.Exists() {
		return nil, project.ErrNotFound
	}
	t, err := decodeAccessToken(e)
	if err == nil && t.ID != id {
		return nil, fmt.Errorf("decoding %q: it holds another token: %w", e.Key, ErrDamaged)
	}
	return t, err
}

func decodeAccessToken(e kv.Entry) (*project.Token, error) {
	t := &project.Token{}
	if err := decode(e.Key, e.Value, t); err != nil {
		return nil, err
	}
	return t, nil
}

// AccessTokens lists the personal access tokens in the order of their ids. There are
// a few dozen at most: people make them one by one.
func (s *Store) AccessTokens(ctx context.Context) ([]*project.Token, error) {
	var out []*project.Token
	o := kv.ListOptions{Limit: 500}
	for {
		snap, err := s.KV.List(ctx, s.keys.accessTokens(), o)
		if err != nil {
			return nil, fmt.Errorf("listing access tokens: %w", err)
		}
		for _, e := range snap.Entries {
			t, err := decodeAccessToken(e)
			if err != nil {
				return nil, err
			}
			out = append(out, t)
			o.After = e.Key
		}
		if !snap.More || len(snap.Entries) == 0 {
			return out, nil
		}
	}
}

// CreateAccessToken stores a new personal access token.
func (s *Store) CreateAccessToken(ctx context.Context, t *project.Token) error {
	return s.commit(ctx, func(p *plan) error { return s.planAccessToken(p, t) })
}

// CreateFirstAccessToken stores a token when none was ever stored this way.
func (s *Store) CreateFirstAccessToken(ctx context.Context, t *project.Token) (made bool, err error) {
	err = s.commit(ctx, func(p *plan) error {
		mark, err := s.get(ctx, s.keys.firstAccess())
		if err != nil {
			return err
		}
		if made = !mark.Exists(); !made {
			return nil
		}
		p.when(kv.Missing(mark.Key))
		if err := p.put(mark.Key, struct{}{}, nil, 0); err != nil {
			return err
		}
		return s.planAccessToken(p, t)
	})
	return made && err == nil, err
}

func (s *Store) planAccessToken(p *plan, t *project.Token) error {
	key := s.keys.accessToken(t.ID)
	p.when(kv.Missing(key))
	if t.ExpiresAt.IsZero() {
		return p.put(key, t, nil, 0)
	}
	return p.put(key, t, nil, s.ttl(t.ExpiresAt))
}

// RevokeAccessToken ends a personal access token.
func (s *Store) RevokeAccessToken(ctx context.Context, id string) error {
	return s.delete(ctx, s.keys.accessToken(id))
}

// AccessTokenChanges tells the ids of tokens that change.
func (s *Store) AccessTokenChanges(ctx context.Context) (<-chan string, error) {
	prefix := s.keys.accessTokens()
	revision, err := s.Revision(ctx)
	if err != nil {
		return nil, err
	}
	w, err := s.KV.Watch(ctx, prefix, revision)
	if err != nil {
		return nil, fmt.Errorf("watching %q: %w", prefix, err)
	}
	out := make(chan string)
	go tellChanges(ctx, w, prefix, out)
	return out, nil
}

// tellChanges ends with ctx or with the watch.
func tellChanges(ctx context.Context, w kv.Watch, prefix string, out chan<- string) {
	defer close(out)
	defer w.Close()
	for {
		select {
		case <-ctx.Done():
			return
		case b, open := <-w.Batches():
			if !open {
				return
			}
			for _, e := range b.Events {
				select {
				case out <- strings.TrimPrefix(e.Key, prefix): // ids are UUIDs, which stand in a key as they are
				case <-ctx.Done():
					return
				}
			}
		}
	}
}
