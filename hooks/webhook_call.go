package hooks

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"time"

	"github.com/gatehouse-id/gatehouse/core/config"
	"github.com/gatehouse-id/gatehouse/internal/egress"
)

const (
	attempts  = 3
	firstWait = 100 * time.Millisecond // before the second attempt; the wait grows fourfold
	maxAnswer = 1 << 20
	maxRest   = 16 << 10 // read of an answer nobody needs, so that the connection can be used again
)

// answer is what a service said.
type answer struct {
	status int
	body   []byte // read only when the hook decides something
}

// success is nil when the service agrees.
func (a *answer) success() error {
	if a.status >= 200 && a.status < 300 {
		return nil
	}
	return fmt.Errorf("the service answered %d", a.status)
}

// retryable is an error that may be gone the next time.
type retryable struct{ error }

// call evaluates the template and makes the call, again when the service or the network is not well.
func (w *WebHooks) call(ctx context.Context, conf *config.WebHook, told json.RawMessage) (*answer, error) {
	ctx, cancel := context.WithTimeout(ctx, cmp.Or(w.Deadline, defaultDeadline))
	defer cancel()
	body, err := w.body(ctx, conf.Body, told)
	if err != nil {
		return nil, err
	}
	wait := firstWait
	for n := 1; ; n++ {
		a, err := w.try(ctx, conf, body)
		if _, again := errors.AsType[retryable](err); !again {
			return a, err
		}
		if n == attempts || ctx.Err() != nil {
			return nil, fmt.Errorf("after %d attempts: %w", n, err)
		}
		select {
		case <-time.After(wait/2 + rand.N(wait)):
		case <-ctx.Done():
		}
		wait *= 4
	}
}

// try makes one attempt.
func (w *WebHooks) try(ctx context.Context, conf *config.WebHook, body []byte) (*answer, error) {
	ctx, cancel := context.WithTimeout(ctx, cmp.Or(w.Attempt, defaultAttempt))
	defer cancel()
	req, err := request(ctx, conf, body)
	if err != nil {
		return nil, err
	}
	res, err := w.Source.Client.Do(req)
	if err != nil {
		err = egress.Cause(err)
		if errors.Is(err, egress.ErrPrivate) || errors.Is(err, egress.ErrRedirect) {
			return nil, err
		}
		return nil, retryable{err}
	}
	defer res.Body.Close()
	if res.StatusCode >= 500 || res.StatusCode == http.StatusTooManyRequests {
		return nil, retryable{fmt.Errorf("the service answered %d", res.StatusCode)}
	}
	a := &answer{status: res.StatusCode}
	if !conf.Decides() {
		_, _ = io.CopyN(io.Discard, res.Body, maxRest) // whatever it says, it has heard us
		return a, a.success()
	}
	a.body, err = egress.ReadAll(res.Body, maxAnswer)
	if err != nil && !errors.Is(err, egress.ErrTooLarge) {
		err = retryable{fmt.Errorf("reading the answer: %w", err)}
	}
	return a, err
}

func request(ctx context.Context, conf *config.WebHook, body []byte) (*http.Request, error) {
	if conf.Method == http.MethodTrace {
		body = nil
	}
	req, err := http.NewRequestWithContext(ctx, conf.Method, conf.URL, bytes.NewReader(body))
	if err != nil {
		return nil, errors.New("the URL or the method is not valid") // without quoting it
	}
	req.Header.Set("User-Agent", "Gatehouse")
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	} else {
		req.Body, req.GetBody = nil, nil
	}
	for name, value := range conf.Headers {
		req.Header.Set(name, value)
	}
	if conf.Auth != nil {
		authenticate(req, conf.Auth)
	}
	return req, nil
}

func authenticate(req *http.Request, a *config.WebHookAuth) {
	switch c := a.Config; {
	case a.Type == "basic_auth":
		req.SetBasicAuth(c.User, c.Password)
	case c.In == "cookie":
		req.AddCookie(&http.Cookie{Name: c.Name, Value: c.Value})
	default:
		req.Header.Set(c.Name, c.Value)
	}
}
