package takeover

import (
	"context"
	"net/http"
	"time"

	"github.com/gatehouse-id/gatehouse/internal/adminapi"
)

// Bounds of trying again: a server that restarts, or is busy, has some twenty seconds.
const (
	attempts   = 8
	firstPause = 100 * time.Millisecond
	maxPause   = 5 * time.Second
)

// passes tells whether an error may be gone when the same is asked again.
func passes(err error) bool {
	status := adminapi.StatusOf(err)
	return err != nil && (status == 0 || status == http.StatusTooManyRequests || status >= http.StatusInternalServerError)
}

// pause waits before an attempt; the error is that of the context.
func pause(ctx context.Context, attempt int) error {
	t := time.NewTimer(min(firstPause<<attempt, maxPause))
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// insist tries again what may only be read, until it works or has no hope.
func insist[T any](ctx context.Context, try func() (T, error)) (out T, err error) {
	for n := range attempts {
		if out, err = try(); !passes(err) {
			return out, err
		}
		if waited := pause(ctx, n); waited != nil {
			return out, waited
		}
	}
	return out, err
}
