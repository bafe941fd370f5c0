package caddymodule

import (
	"context"
	"log/slog"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/gatehouse-id/gatehouse/core/session"
)

// extensions tells of sessions that are extended.
type extensions chan string

// Extend implements what a session.Slider needs.
func (e extensions) Extend(_ context.Context, s *session.Session) error {
	e <- s.ID
	return nil
}

// TestGuardedRequestsExtendTheSession, once however many guards there are, and behind
// the request's back.
func TestGuardedRequestsExtendTheSession(t *testing.T) {
	g := behind(t, &Guard{}, &Guard{})
	extended := make(extensions, 10)
	g.now.Slider = &session.Slider{Store: extended, Lifespan: 4 * time.Hour, Now: time.Now, Logger: slog.Default()}
	for range 3 {
		if w := g.get("/", "Cookie", goodCookie); w.Code != http.StatusTeapot {
			t.Fatalf("got %d, want the upstream while nothing is extended yet", w.Code)
		}
	}
	g.get("/", "Cookie", "ory_kratos_session=ory_st_unknown")
	ctx, stop := context.WithCancel(t.Context())
	var runs sync.WaitGroup
	runs.Go(func() { g.now.Slider.Run(ctx) })
	if got := <-extended; got != "session-of-ory_st_good" {
		t.Errorf("%s was extended", got)
	}
	stop()
	runs.Wait()
	if n := len(extended); n != 0 {
		t.Errorf("%d more extensions, want one for all requests", n)
	}
}
